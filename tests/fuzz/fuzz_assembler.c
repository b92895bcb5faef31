/* SPDX-License-Identifier: MIT */
/* Assembly text: what is accepted has a listing that assembles to the same listing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/vm.h>

#include "base/memory.h"
#include "fuzz.h"
#include "grammar.h"

static bool collect(void *context, const void *bytes, size_t size)
{
    return sfpm_buffer_add(context, bytes, size);
}

static sfpm_buffer_t listing_of(const sfpm_vm_t *vm)
{
    sfpm_buffer_t text = {0};
    if (!sfpm_vm_disassemble(vm, 0, UINT64_MAX, collect, &text))
        abort();
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_vm_t *again = sfpm_vm_create();
    if (vm && again && sfpm_vm_assemble(vm, (const char *)bytes, size, "f", NULL, NULL)) {
        sfpm_buffer_t first = listing_of(vm);
        if (!sfpm_vm_assemble(again, (const char *)first.data, first.size, "f", NULL,
                              NULL)) {
            fprintf(stderr, "the listing: %s\n", sfpm_last_error());
            abort();
        }
        sfpm_buffer_t second = listing_of(again);
        if (first.size != second.size ||
            memcmp(first.data, second.data, first.size) != 0) {
            fprintf(stderr, "another listing:\n%.*s", (int)second.size,
                    (const char *)second.data);
            abort();
        }
        sfpm_buffer_free(&first);
        sfpm_buffer_free(&second);
    }
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(again);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    return seed % 4 == 0 ? LLVMFuzzerMutate(bytes, size, room)
                         : grammar_mutate((char *)bytes, size, room, seed);
}
