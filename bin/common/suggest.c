/* SPDX-License-Identifier: MIT */
/* The distance of two words: the number of letters to add, omit, replace or exchange. */
#include "common/suggest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The restricted distance of Damerau and Levenshtein, by the rows of Wagner and Fischer
 * (1974), of which the last three are kept. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][SUGGEST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(last[j], row[j - 1]) + 1;
            row[j] = least(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[b_size];
}

void suggest(suggestion_t *suggestion, const char *candidate)
{
    size_t size = strlen(suggestion->word), other = strlen(candidate);
    if (size < 2 || size > SUGGEST_MAX || other > SUGGEST_MAX)
        return;
    size_t far = distance(suggestion->word, size, candidate, other);
    if (strncmp(suggestion->word, candidate, size) == 0)
        far = 1;
    if (far > (other + 2) / 3 || (suggestion->nearest && far >= suggestion->distance))
        return;
    suggestion->nearest = candidate;
    suggestion->distance = far;
}
