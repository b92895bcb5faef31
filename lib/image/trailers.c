/* SPDX-License-Identifier: MIT */
/* Collects trailers. Commits of a file have consecutive numbers, so a commit that was met
 * is found by its number alone. */
#include "image/trailers.h"

#include <stdlib.h>

#include "base/memory.h"

bool sfpm_trailers_add(sfpm_trailers_t *trailers, const sfpm_trailer_t *trailer)
{
    void *list = trailers->list;
    bool ok =
        sfpm_grow_array(&list, &trailers->capacity, trailers->count + 1, sizeof *trailer);
    trailers->list = list;
    if (ok)
        trailers->list[trailers->count++] = *trailer;
    return ok;
}

void sfpm_trailers_free(sfpm_trailers_t *trailers)
{
    free(trailers->list);
    *trailers = (sfpm_trailers_t){0};
}

bool sfpm_trailers_extend(sfpm_trailers_t *trailers, const sfpm_input_t *input,
                          uint64_t number)
{
    sfpm_trailer_t at = trailers->list[trailers->count - 1];
    while (at.number > number && !sfpm_log_is_oldest(&at))
        if (!sfpm_log_previous(input, &at, &at) || !sfpm_trailers_add(trailers, &at))
            return false;
    return true;
}

/* ---- The history of a file --------------------------------------------------- */

static uint64_t last_number(const sfpm_history_t *history)
{
    return history->older.count ? history->older.list[0].number + history->newer.count
                                : 0;
}

bool sfpm_history_grow(sfpm_history_t *history, const sfpm_trailer_t *last)
{
    sfpm_history_t begun = {0};
    uint64_t known = last_number(history);
    if (known != 0 && last->number == known)
        return true;
    if (known != 0 && last->number == known + 1)
        return sfpm_trailers_add(&history->newer, last);
    /* More than one commit was added: what they were is found when it is asked for. */
    if (!sfpm_trailers_add(&begun.older, last))
        return false;
    sfpm_history_free(history);
    *history = begun;
    return true;
}

const sfpm_trailer_t *sfpm_history_find(sfpm_history_t *history,
                                        const sfpm_input_t *input, uint64_t number)
{
    uint64_t pivot = history->older.list[0].number;
    if (number > pivot)
        return &history->newer.list[number - pivot - 1];
    if (!sfpm_trailers_extend(&history->older, input, number))
        return NULL;
    return &history->older.list[pivot - number];
}

void sfpm_history_free(sfpm_history_t *history)
{
    sfpm_trailers_free(&history->older);
    sfpm_trailers_free(&history->newer);
}
