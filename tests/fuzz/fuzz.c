/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault/explore.h"
#include "base/bytes.h"
#include "format/format.h"
#include "image/seal.h"

void fuzz_image(const uint8_t *bytes, size_t size)
{
    bool sound = false;
    sfpm_image_t *image = open_bytes(bytes, size);
    const char *fault = NULL;
    if (image)
        fault = explore(&honest_reader, image, size % 16 == 0, &sound);
    else if (!refusal(sfpm_last_status()))
        fault = "refused with a wrong status";
    sfpm_image_close(image);
    if (!fault)
        return;
    fprintf(stderr, "%s: %s\n", fault, sfpm_last_error());
    abort();
}

void fuzz_change_record(mutant_t *mutant)
{
    size_t length;
    const place_t *place = &mutant->places[mutant_random(mutant, mutant->num_places)];
    uint8_t *contents = mutant_contents(mutant, place, &length);
    if (length > 0)
        LLVMFuzzerMutate(contents, length, length);
}

void fuzz_change_chunk(mutant_t *mutant)
{
    const place_t *place = &mutant->places[mutant_random(mutant, mutant->num_places)];
    if (mutant->num_boxes > 0) {
        const box_t *box = &mutant->boxes[mutant_random(mutant, mutant->num_boxes)];
        LLVMFuzzerMutate(mutant->bytes + box->offset + SFPM_BOX_PREFIX,
                         box->length - SFPM_BOX_EXTRA, box->length - SFPM_BOX_EXTRA);
    } else if (place->type == SFPM_RECORD_DATA && place->length > 0) {
        LLVMFuzzerMutate(mutant->bytes + place->payload, place->length, place->length);
    } else {
        mutant_change_some(mutant);
    }
}

size_t fuzz_mutate(uint8_t *bytes, size_t size, size_t room, unsigned seed,
                   void (*change)(mutant_t *mutant))
{
    mutant_t mutant;
    if (seed % 16 == 0 || size < SFPM_HEADER_SIZE ||
        !mutant_start(&mutant, bytes, size, seed))
        return LLVMFuzzerMutate(bytes, size, room);
    if (seed % 2 == 0 || mutant.num_places == 0)
        mutant_change_some(&mutant);
    else
        change(&mutant);
    mutant_seal(&mutant);
    size = mutant.size < room ? mutant.size : room;
    memcpy(bytes, mutant.bytes, size);
    mutant_end(&mutant);
    return size;
}

void fuzz_rebase(uint8_t *delta, size_t size, const sfpm_image_t *base)
{
    enum { BASE_NUMBER = 64, BASE_DIGEST = 72 };
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(base);
    mutant_t mutant;
    if (!mutant_start(&mutant, delta, size, 0))
        return;
    for (size_t i = 0; i < mutant.num_places; i++) {
        size_t length;
        uint8_t *index = mutant_contents(&mutant, &mutant.places[i], &length);
        if (mutant.places[i].type != SFPM_RECORD_INDEX || length < SFPM_INDEX_FIXED)
            continue;
        sfpm_put_u64(index + BASE_NUMBER, commit->number);
        memcpy(index + BASE_DIGEST, commit->digest, SFPM_DIGEST_SIZE);
    }
    mutant.exact = true;
    mutant_seal(&mutant);
    memcpy(delta, mutant.bytes, size);
    mutant_end(&mutant);
}
