/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: replay COUNT FILE... tries each file, and COUNT
 * changes of it, the same each time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Not every target has one. */
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size,
                                                     size_t room, unsigned seed)
{
    (void)seed;
    return LLVMFuzzerMutate(bytes, size, room);
}

/* Changes up to four bytes, and sometimes the size. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room)
{
    static mutant_t random; /* of which only the generator is used */
    if (size < room && mutant_random(&random, 8) == 0)
        bytes[size++] = (uint8_t)mutant_random(&random, 0);
    else if (size == room && size > 1 && mutant_random(&random, 8) == 0)
        bytes[size - 1] = 0;
    for (uint64_t n = mutant_random(&random, 4) + 1; size > 0 && n > 0; n--)
        bytes[mutant_random(&random, size)] ^= (uint8_t)mutant_random(&random, 0);
    return size;
}

static uint8_t *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    long end = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    uint8_t *bytes = end >= 0 ? malloc((size_t)end + MUTANT_SLACK) : NULL;
    if (!bytes || fseek(file, 0, SEEK_SET) != 0 ||
        fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        fprintf(stderr, "replay: %s cannot be read\n", name);
        exit(99);
    }
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

static void replay(const char *name, unsigned count)
{
    size_t size;
    uint8_t *bytes = read_file(name, &size);
    uint8_t *changed = malloc(size + MUTANT_SLACK);
    if (!changed)
        exit(99);
    LLVMFuzzerTestOneInput(bytes, size);
    for (unsigned seed = 1; seed <= count; seed++) {
        memcpy(changed, bytes, size);
        size_t now = LLVMFuzzerCustomMutator(changed, size, size + MUTANT_SLACK, seed);
        LLVMFuzzerTestOneInput(changed, now);
    }
    free(changed);
    free(bytes);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s COUNT FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        replay(argv[i], (unsigned)strtoul(argv[1], NULL, 10));
    printf("%d files\n", argc - 2);
    return 0;
}
