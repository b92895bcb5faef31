/* SPDX-License-Identifier: MIT */
/* Whether this is `make check-long`, which sets SFPM_LONG=1: tests that are sized by
 * counts then take larger ones. */
#ifndef SFPM_TESTS_LONG_H
#define SFPM_TESTS_LONG_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool long_run(void)
{
    const char *value = getenv("SFPM_LONG");
    return value && *value && strcmp(value, "0") != 0;
}

#endif
