/* SPDX-License-Identifier: MIT */
/*
 * Encrypted images as somebody makes them who has two copies of one, but not the key:
 * each box is authentic and in its place, and all checksums are right.
 */
#include "forks.h"

#include <stdlib.h>
#include <string.h>

#include "../fault/mutate.h"
#include "base/bytes.h"
#include "codec/checksum.h"
#include "format/format.h"

/* Without encryption here: wrong in another way. */
static void spoil_plain(maker_t *maker)
{
    size_t size;
    uint8_t *bytes = take_file(maker, maker->path, &size);
    bytes[40] ^= 1;
    sfpm_put_u64(bytes + 56, sfpm_checksum(bytes, 56, 0));
    put_file(maker, bytes, size);
    free(bytes);
}

static void commit_filled(maker_t *maker, unsigned kind)
{
    fill(region(maker, "data", 500), 0, 200, kind);
    commit(maker);
}

static void read_trailer(const maker_t *maker, const uint8_t *bytes, size_t end,
                         sfpm_trailer_t *trailer)
{
    size_t at = end - SFPM_TRAILER_RECORD;
    need(sfpm_trailer_decode(bytes + at, at, trailer), maker, "trailer");
}

/* Two copies of an image of one commit get two more each; the second commit of the one
 * takes the place of that of the other. All checksums are right. */
void bad_splice(maker_t *maker)
{
    size_t size1, size2, size3;
    sfpm_trailer_t before, last;
    maker->sealed = true;
    commit_filled(maker, 1);
    if (!maker->sealed) {
        spoil_plain(maker);
        return;
    }
    uint8_t *one = take_file(maker, maker->path, &size1);
    put_file(maker, one, size1);
    commit_filled(maker, 2);
    uint8_t *two = take_file(maker, maker->path, &size2);
    fix_salts(maker, two, size2);
    put_file(maker, one, size1);
    free_state(&maker->sample->states[--maker->sample->num_states]);
    commit_filled(maker, 3);
    need(file_size(maker) == size2, maker, "sizes differ");
    commit_filled(maker, 4);
    uint8_t *three = take_file(maker, maker->path, &size3);
    fix_salts(maker, three, size3);
    memcpy(three, two, size2);
    read_trailer(maker, three, size2, &before);
    read_trailer(maker, three, size3, &last);
    last.previous_sum = before.sum;
    sfpm_trailer_encode(&last, three + size3 - SFPM_TRAILER_RECORD);
    put_file(maker, three, size3);
    maker->sealed = false; /* it is done with salts that are the same each time */
    free(one);
    free(two);
    free(three);
}

/* An encrypted image of three commits, to be freed; NULL without encryption here. */
static uint8_t *three_commits(maker_t *maker, size_t *size)
{
    maker->sealed = true;
    for (unsigned i = 1; i <= 3; i++)
        commit_filled(maker, i);
    if (maker->sealed)
        return take_file(maker, maker->path, size);
    spoil_plain(maker);
    return NULL;
}

/* The last of three commits pretends to be the only one. */
void bad_hidden(maker_t *maker)
{
    size_t size;
    sfpm_trailer_t last;
    uint8_t *bytes = three_commits(maker, &size);
    if (!bytes)
        return;
    fix_salts(maker, bytes, size);
    read_trailer(maker, bytes, size, &last);
    last.begin = last.start = SFPM_HEADER_SIZE;
    last.first = last.number;
    last.previous_sum = 0;
    sfpm_trailer_encode(&last, bytes + size - SFPM_TRAILER_RECORD);
    put_file(maker, bytes, size);
    maker->sealed = false;
    free(bytes);
}

/* The second of three commits does not name the first, as if an earlier release had
 * written it. */
void bad_unbound(maker_t *maker)
{
    mutant_t mutant;
    size_t size, length;
    uint8_t *bytes = three_commits(maker, &size);
    if (!bytes)
        return;
    need(mutant_start(&mutant, bytes, size, 0), maker, "no memory");
    mutant.exact = true;
    unsigned indices = 0;
    for (size_t i = 0; i < mutant.num_places; i++) {
        if (mutant.places[i].type != SFPM_RECORD_INDEX || ++indices != 2)
            continue;
        uint8_t *at = mutant_contents(&mutant, &mutant.places[i], &length);
        for (; length >= 13 && memcmp(at, "sfpm.previous", 13) != 0; length--)
            at++;
        need(length >= 13, maker, "no binding");
        at[5] = 'P';
        memset(at + 13 + 4, '0', 32);
    }
    mutant_seal(&mutant);
    put_file(maker, mutant.bytes, size);
    mutant_end(&mutant);
    free(bytes);
}
