/* SPDX-License-Identifier: MIT */
/*
 * Opens, checks and reads an image of any bytes. Mutations keep its checksums right,
 * so that what they change is looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault/explore.h"
#include "../fault/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    bool sound = false;
    sfpm_image_t *image = open_bytes(bytes, size);
    const char *fault = NULL;
    if (image)
        fault = explore(&honest_reader, image, size % 16 == 0, &sound);
    else if (!refusal(sfpm_last_status()))
        fault = "refused with a wrong status";
    sfpm_image_close(image);
    if (fault) {
        fprintf(stderr, "%s: %s\n", fault, sfpm_last_error());
        abort();
    }
    return 0;
}

/* Lets the fuzzer change the payload of one record, and seals the image again. */
static void change_payload(mutant_t *mutant)
{
    const place_t *place = &mutant->places[mutant_random(mutant, mutant->num_places)];
    if (place->length > 0)
        LLVMFuzzerMutate(mutant->bytes + place->payload, place->length, place->length);
    mutant_seal(mutant);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    mutant_t mutant;
    if (seed % 16 == 0 || size < 64 || !mutant_start(&mutant, bytes, size, seed))
        return LLVMFuzzerMutate(bytes, size, room);
    if (seed % 2 == 0 || mutant.num_places == 0)
        mutant_change(&mutant);
    else
        change_payload(&mutant);
    size = mutant.size < room ? mutant.size : room;
    memcpy(bytes, mutant.bytes, size);
    mutant_end(&mutant);
    return size;
}
