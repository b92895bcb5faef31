/* SPDX-License-Identifier: MIT */
/* Work of a chosen size: each function does it on a list of `n`, with a file of its own
 * at `file`, and returns whether it could. */
#ifndef SFPM_TESTS_GROWTH_H
#define SFPM_TESTS_GROWTH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct growth_case {
    const char *name;
    bool (*run)(size_t n, const char *file);
} growth_case_t;

enum { GROWTH_NAME = 32 };

/* Number `i` of a list of names, in an order that is not sorted. */
const char *growth_name(size_t i, char name[GROWTH_NAME]);

/* Ended by an entry without a name. */
extern const growth_case_t growth_machine_cases[];
extern const growth_case_t growth_snapshot_cases[];
extern const growth_case_t growth_image_cases[];

#endif
