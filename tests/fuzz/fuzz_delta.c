/* SPDX-License-Identifier: MIT */
/*
 * A delta and its base image, of which either may be changed. An input is the size of
 * the base as u32, the base, and the delta, which stands on it whatever it became.
 */
#include <stdlib.h>
#include <string.h>

#include "../fault/use.h"
#include "base/bytes.h"
#include "fuzz.h"

enum { PREFIX = 4 };

static size_t base_size(const uint8_t *bytes, size_t size)
{
    size_t rest = size < PREFIX ? 0 : size - PREFIX;
    size_t wanted = size < PREFIX ? 0 : sfpm_get_u32(bytes);
    return wanted < rest ? wanted : rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t base = base_size(bytes, size);
    if (size < PREFIX)
        return 0;
    sample_put_base(bytes + PREFIX, base);
    fuzz_image(bytes + PREFIX + base, size - PREFIX - base);
    return 0;
}

/* What the delta says of its base becomes true. */
static void rebase(uint8_t *delta, size_t size, const uint8_t *base, size_t base_length)
{
    sample_put_base(base, base_length);
    sfpm_image_t *image = open_bytes(base, base_length);
    if (image)
        fuzz_rebase(delta, size, image);
    sfpm_image_close(image);
}

/* Changes the base, which may grow or shrink before the delta. */
static size_t mutate_base(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    size_t old = base_size(bytes, size), delta = size - PREFIX - old;
    size_t now = old + MUTANT_SLACK < room - PREFIX - delta ? old + MUTANT_SLACK
                                                            : room - PREFIX - delta;
    uint8_t *base = malloc(now + 1);
    if (!base)
        return size;
    memcpy(base, bytes + PREFIX, old < now ? old : now);
    now = fuzz_mutate(base, old < now ? old : now, now, seed / 2, fuzz_change_record);
    memmove(bytes + PREFIX + now, bytes + PREFIX + old, delta);
    memcpy(bytes + PREFIX, base, now);
    sfpm_put_u32(bytes, (uint32_t)now);
    rebase(bytes + PREFIX + now, delta, base, now);
    free(base);
    return PREFIX + now + delta;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    size_t base = base_size(bytes, size);
    if (size < PREFIX || room < size)
        return LLVMFuzzerMutate(bytes, size, room);
    if (seed % 3 == 0)
        return mutate_base(bytes, size, room, seed);
    size_t start = PREFIX + base;
    return start + fuzz_mutate(bytes + start, size - start, room - start, seed / 2,
                               fuzz_change_record);
}
