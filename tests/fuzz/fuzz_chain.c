/* SPDX-License-Identifier: MIT */
/*
 * Chains of deltas, of which any level may be changed. An input holds each level, the
 * image that needs none first, as its size in u32 and its bytes; each stands on the one
 * before, whatever that became.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fault/explore.h"
#include "base/bytes.h"
#include "fuzz.h"

enum { PREFIX = 4, LEVELS_MAX = 8 };

typedef struct level {
    uint8_t *bytes; /* within the input */
    size_t size;
} level_t;

typedef struct chain {
    level_t levels[LEVELS_MAX];
    size_t count;
    char directory[64];
} chain_t;

static chain_t take_apart(uint8_t *bytes, size_t size)
{
    chain_t chain = {.count = 0};
    const char *directory = getenv("TMPDIR");
    snprintf(chain.directory, sizeof chain.directory, "%.30s/fuzz-chain.%d",
             directory ? directory : "/tmp", (int)getpid());
    while (size >= PREFIX && chain.count < LEVELS_MAX) {
        size_t wanted = sfpm_get_u32(bytes), rest = size - PREFIX;
        size_t length = wanted < rest ? wanted : rest;
        chain.levels[chain.count++] = (level_t){bytes + PREFIX, length};
        bytes += PREFIX + length;
        size -= PREFIX + length;
    }
    return chain;
}

static const char *path_of(const chain_t *chain, size_t level)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/%zu.img", chain->directory, level);
    return path;
}

static void write_level(const chain_t *chain, size_t level)
{
    FILE *file = fopen(path_of(chain, level), "wb");
    const level_t *from = &chain->levels[level];
    if (!file || fwrite(from->bytes, 1, from->size, file) != from->size ||
        fclose(file) != 0)
        abort();
}

static void remove_files(const chain_t *chain)
{
    for (size_t level = 0; level < chain->count; level++)
        unlink(path_of(chain, level));
    rmdir(chain->directory);
}

static void put_files(const chain_t *chain)
{
    mkdir(chain->directory, 0700);
    for (size_t level = 0; level < chain->count; level++)
        write_level(chain, level);
}

static bool expected(sfpm_status_t status)
{
    return refusal(status) || status == SFPM_ERR_MISMATCH || status == SFPM_ERR_NO_COMMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t copy[1 << 20];
    if (size < PREFIX || size > sizeof copy)
        return 0;
    memcpy(copy, bytes, size);
    chain_t chain = take_apart(copy, size);
    put_files(&chain);
    bool sound = false;
    sfpm_image_t *image = sfpm_image_open(path_of(&chain, chain.count - 1), NULL);
    const char *fault = NULL;
    if (image)
        fault = explore(&honest_reader, image, false, &sound);
    else if (!expected(sfpm_last_status()))
        fault = "refused with a wrong status";
    sfpm_image_close(image);
    remove_files(&chain);
    if (fault) {
        fprintf(stderr, "%s: %s\n", fault, sfpm_last_error());
        abort();
    }
    return 0;
}

/* What each level above says of the one below becomes true, as far as that opens. */
static void rebase(const chain_t *chain, size_t from)
{
    put_files(chain);
    for (size_t level = from + 1; level < chain->count; level++) {
        sfpm_image_t *image = sfpm_image_open(path_of(chain, level - 1), NULL);
        if (image)
            fuzz_rebase(chain->levels[level].bytes, chain->levels[level].size, image);
        sfpm_image_close(image);
        write_level(chain, level);
    }
    remove_files(chain);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    chain_t chain = take_apart(bytes, size);
    if (chain.count == 0)
        return LLVMFuzzerMutate(bytes, size, room);
    level_t *level = &chain.levels[seed / 16 % chain.count];
    /* Sizes stay, or the levels above would have to move. */
    uint8_t *copy = malloc(level->size + MUTANT_SLACK);
    if (!copy || level->size == 0) {
        free(copy);
        return size;
    }
    memcpy(copy, level->bytes, level->size);
    size_t now = fuzz_mutate(copy, level->size, level->size, seed, fuzz_change_record);
    memcpy(level->bytes, copy, now);
    free(copy);
    if (seed % 8 != 0)
        rebase(&chain, seed / 16 % chain.count);
    return size;
}
