/* SPDX-License-Identifier: MIT */
/*
 * Does work on long lists through the public interface, for growth.sh, which counts the
 * instructions that it takes:
 *
 *     growth CASE N FILE
 */
#include "growth.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/error.h>

const char *growth_name(size_t i, char name[GROWTH_NAME])
{
    /* A bijection of 32-bit numbers, so that no two names are equal. */
    uint32_t mixed = (uint32_t)i * 2654435761u;
    snprintf(name, GROWTH_NAME, "n%08" PRIx32, mixed);
    return name;
}

/* What is to be caught: finds each of `n` names by looking at all of them. */
static bool quadratic(size_t n, const char *file)
{
    char(*names)[GROWTH_NAME] = calloc(n, sizeof *names);
    size_t found = 0;
    for (size_t i = 0; names && i < n; i++)
        growth_name(i, names[i]);
    for (size_t i = 0; names && i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(names[k], names[n - 1 - i]) == 0) {
                found++;
                break;
            }
    free(names);
    return found == n && file;
}

static bool nothing(size_t n, const char *file)
{
    return n > 0 && file;
}

static const growth_case_t control_cases[] = {
    {"nothing", nothing}, {"quadratic", quadratic}, {NULL, NULL}};

static const growth_case_t *find(const growth_case_t *cases, const char *name)
{
    while (cases->name && strcmp(cases->name, name) != 0)
        cases++;
    return cases->name ? cases : NULL;
}

int main(int argc, char **argv)
{
    static const growth_case_t *const lists[] = {control_cases, growth_image_cases,
                                                 growth_snapshot_cases,
                                                 growth_machine_cases};
    const growth_case_t *found = NULL;
    for (size_t i = 0; argc == 4 && !found && i < sizeof lists / sizeof lists[0]; i++)
        found = find(lists[i], argv[1]);
    if (!found) {
        fputs("usage: growth CASE N FILE\n", stderr);
        return 2;
    }
    if (found->run(strtoul(argv[2], NULL, 10), argv[3]))
        return 0;
    fprintf(stderr, "growth: %s: %s\n", argv[1], sfpm_last_error());
    return 1;
}
