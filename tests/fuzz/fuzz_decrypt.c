/* SPDX-License-Identifier: MIT */
/* Encrypted images, whose key the fuzzer has: what it changes is encrypted again. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_image(bytes, size);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    return fuzz_mutate(bytes, size, room, seed,
                       seed / 16 % 2 ? fuzz_change_record : fuzz_change_chunk);
}
