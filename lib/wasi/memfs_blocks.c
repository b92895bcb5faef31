/* SPDX-License-Identifier: MIT */
/* Files inside the image: their contents, and which numbers are free. */
#include <string.h>

#include "base/error.h"
#include "bytecode/regions.h"
#include "wasi/memfs.h"

#define BLOCK ((uint64_t)SFPM_MEMFS_BLOCK)

/* ---- Numbers --------------------------------------------------------------------- */

static bool has_word(sfpm_number_map_t *map, size_t word)
{
    void *words = map->words;
    size_t old = map->num_words;
    if (word < old)
        return true;
    if (!sfpm_grow_array(&words, &map->num_words, word + 1, sizeof *map->words))
        return false;
    map->words = words;
    memset(map->words + old, 0, (map->num_words - old) * sizeof *map->words);
    return true;
}

bool sfpm_number_is_taken(const sfpm_number_map_t *map, uint32_t number)
{
    return number / 64 < map->num_words && (map->words[number / 64] >> number % 64 & 1);
}

bool sfpm_number_claim(sfpm_number_map_t *map, uint32_t number)
{
    if (!has_word(map, number / 64) || sfpm_number_is_taken(map, number))
        return false;
    map->words[number / 64] |= UINT64_C(1) << number % 64;
    return true;
}

bool sfpm_number_take(sfpm_number_map_t *map, uint32_t limit, uint32_t *number)
{
    while (map->full < map->num_words && map->words[map->full] == UINT64_MAX)
        map->full++;
    if (!has_word(map, map->full))
        return false;
    *number = (uint32_t)(map->full * 64);
    while (sfpm_number_is_taken(map, *number))
        ++*number;
    return *number < limit && sfpm_number_claim(map, *number);
}

void sfpm_number_release(sfpm_number_map_t *map, uint32_t number)
{
    map->words[number / 64] &= ~(UINT64_C(1) << number % 64);
    if (number / 64 < map->full)
        map->full = number / 64;
}

/* ---- Blocks ----------------------------------------------------------------------- */

/* Address space for up to 1 GiB, where there is much of it: files that grow are not moved,
 * and what they do not use takes no memory. */
static void reserve_space(sfpm_memfs_t *memfs, uint64_t most)
{
    const uint64_t enough = SFPM_MEMFS_DEFAULT_SIZE;
    sfpm_error_state_t before;
    if (memfs->blocks.capacity > 0 || SIZE_MAX <= UINT32_MAX)
        return;
    sfpm_error_save(&before);
    if (sfpm_memory_make(&memfs->blocks, most < enough ? most : enough))
        memfs->blocks.size = 0;
    else
        sfpm_error_restore(&before);
}

bool sfpm_memfs_reserve_blocks(sfpm_memfs_t *memfs, uint64_t count)
{
    uint64_t wanted = (count * BLOCK + SFPM_PAGE_SIZE - 1) / SFPM_PAGE_SIZE;
    uint64_t has = memfs->blocks.size / SFPM_PAGE_SIZE;
    uint64_t most = (memfs->max_size + SFPM_PAGE_SIZE - 1) / SFPM_PAGE_SIZE;
    size_t words = (size_t)((count + 63) / 64), old = memfs->changed_words;
    void *changed = memfs->changed;
    if (count > memfs->max_size / BLOCK)
        return false;
    if (wanted > has)
        reserve_space(memfs, most * SFPM_PAGE_SIZE);
    if (wanted > has &&
        sfpm_memory_grow(&memfs->blocks, (uint32_t)(wanted - has), (uint32_t)most) ==
            UINT32_MAX)
        return false;
    if (words <= old)
        return true;
    if (!sfpm_grow_array(&changed, &memfs->changed_words, words, sizeof(uint64_t)))
        return false;
    memfs->changed = changed;
    memset(memfs->changed + old, 0, (memfs->changed_words - old) * sizeof(uint64_t));
    return true;
}

uint32_t sfpm_memfs_end_of_blocks(const sfpm_memfs_t *memfs)
{
    const sfpm_number_map_t *map = &memfs->block_map;
    size_t words = map->num_words;
    while (words > 0 && map->words[words - 1] == 0)
        words--;
    uint32_t end = (uint32_t)(words * 64);
    while (end > 0 && !sfpm_number_is_taken(map, end - 1))
        end--;
    return end;
}

static uint8_t *block_at(const sfpm_memfs_t *memfs, uint64_t block)
{
    return memfs->blocks.data + block * BLOCK;
}

static void note_change(sfpm_memfs_t *memfs, uint64_t block, uint64_t count)
{
    for (uint64_t i = block; i < block + count; i++)
        memfs->changed[i / 64] |= UINT64_C(1) << i % 64;
}

static void free_blocks(sfpm_memfs_t *memfs, uint32_t block, uint32_t count)
{
    memset(block_at(memfs, block), 0, (size_t)(count * BLOCK));
    note_change(memfs, block, count);
    for (uint32_t i = 0; i < count; i++)
        sfpm_number_release(&memfs->block_map, block + i);
}

/* Takes the lowest free block, and those that follow it if they are free, too. Returns
 * how many; 0: there is no room. */
static uint32_t take_blocks(sfpm_memfs_t *memfs, uint32_t wanted, uint32_t *block)
{
    uint64_t limit = memfs->max_size / BLOCK;
    uint32_t count = 1;
    if (!sfpm_number_take(&memfs->block_map, (uint32_t)limit, block))
        return 0;
    if (!sfpm_memfs_reserve_blocks(memfs, (uint64_t)*block + 1)) {
        sfpm_number_release(&memfs->block_map, *block);
        return 0;
    }
    while (count < wanted && *block + count < limit &&
           !sfpm_number_is_taken(&memfs->block_map, *block + count) &&
           sfpm_memfs_reserve_blocks(memfs, (uint64_t)*block + count + 1) &&
           sfpm_number_claim(&memfs->block_map, *block + count))
        count++;
    return count;
}

/* ---- Runs -------------------------------------------------------------------------- */

/* The first run that ends behind that block of the file. */
static size_t find_run(const sfpm_memfs_inode_t *inode, uint32_t block)
{
    size_t low = 0, high = inode->num_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sfpm_memfs_run_t *run = &inode->runs[middle];
        if (run->first + run->count <= block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool follows(const sfpm_memfs_run_t *run, const sfpm_memfs_run_t *next)
{
    return run->first + run->count == next->first &&
           run->block + run->count == next->block;
}

static void remove_run(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode, size_t index)
{
    inode->num_runs--;
    memmove(inode->runs + index, inode->runs + index + 1,
            (inode->num_runs - index) * sizeof *inode->runs);
    memfs->record_size -= SFPM_MEMFS_RUN;
}

/* Adds a run before that of number `index`, or lengthens one. */
static bool add_run(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode, size_t index,
                    sfpm_memfs_run_t run)
{
    sfpm_memfs_run_t *before = index > 0 ? &inode->runs[index - 1] : NULL;
    sfpm_memfs_run_t *after = index < inode->num_runs ? &inode->runs[index] : NULL;
    void *runs = inode->runs;
    if (before && follows(before, &run)) {
        before->count += run.count;
        if (after && follows(before, after)) {
            before->count += after->count;
            remove_run(memfs, inode, index);
        }
        return true;
    }
    if (after && follows(&run, after)) {
        run.count += after->count;
        *after = run;
        return true;
    }
    if (!sfpm_memfs_has_room(memfs, SFPM_MEMFS_RUN) ||
        !sfpm_grow_array(&runs, &inode->max_runs, inode->num_runs + 1,
                         sizeof *inode->runs))
        return false;
    inode->runs = runs;
    memmove(inode->runs + index + 1, inode->runs + index,
            (inode->num_runs - index) * sizeof *inode->runs);
    inode->runs[index] = run;
    inode->num_runs++;
    memfs->record_size += SFPM_MEMFS_RUN;
    return true;
}

/* Blocks for a hole, of up to `wanted` blocks, which lies before run `index`. */
static bool fill_hole(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode, size_t index,
                      uint32_t first, uint32_t wanted)
{
    sfpm_memfs_run_t run = {.first = first};
    if (index < inode->num_runs && inode->runs[index].first - first < wanted)
        wanted = inode->runs[index].first - first;
    run.count = take_blocks(memfs, wanted, &run.block);
    if (run.count > 0 && add_run(memfs, inode, index, run))
        return true;
    if (run.count > 0)
        free_blocks(memfs, run.block, run.count);
    return false;
}

void sfpm_memfs_cut(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode, uint32_t blocks)
{
    while (inode->num_runs > 0) {
        sfpm_memfs_run_t *run = &inode->runs[inode->num_runs - 1];
        uint32_t kept = run->first < blocks ? blocks - run->first : 0;
        if (kept >= run->count)
            return;
        free_blocks(memfs, run->block + kept, run->count - kept);
        run->count = kept;
        if (kept == 0)
            remove_run(memfs, inode, inode->num_runs - 1);
    }
}

/* ---- Reading and writing -------------------------------------------------------------- */

/* The part of a transfer that lies in one run or hole. */
typedef struct part {
    size_t run;      /* the run, or the one behind the hole */
    bool is_hole;
    uint32_t block;  /* of the file */
    size_t within;   /* bytes into it */
    size_t size;     /* bytes */
} part_t;

static part_t find_part(const sfpm_memfs_inode_t *inode, uint64_t at, size_t size)
{
    part_t part = {.block = (uint32_t)(at / BLOCK), .within = at % BLOCK, .size = size};
    part.run = find_run(inode, part.block);
    uint64_t end = UINT64_MAX;
    part.is_hole = true;
    if (part.run < inode->num_runs) {
        const sfpm_memfs_run_t *run = &inode->runs[part.run];
        part.is_hole = part.block < run->first;
        end = (part.is_hole ? run->first : (uint64_t)run->first + run->count) * BLOCK;
    }
    if (size > end - at)
        part.size = (size_t)(end - at);
    return part;
}

static uint8_t *address(const sfpm_memfs_t *memfs, const sfpm_memfs_inode_t *inode,
                        const part_t *part)
{
    const sfpm_memfs_run_t *run = &inode->runs[part->run];
    return block_at(memfs, run->block + (part->block - run->first)) + part->within;
}

size_t sfpm_memfs_read_file(const sfpm_memfs_t *memfs, const sfpm_memfs_inode_t *inode,
                            void *bytes, size_t size, uint64_t at)
{
    uint8_t *to = bytes;
    uint64_t left = at < inode->size ? inode->size - at : 0;
    size_t done = 0;
    if (size > left)
        size = (size_t)left;
    while (done < size) {
        part_t part = find_part(inode, at + done, size - done);
        if (part.is_hole)
            memset(to + done, 0, part.size);
        else
            memcpy(to + done, address(memfs, inode, &part), part.size);
        done += part.size;
    }
    return done;
}

sfpm_wasi_errno_t sfpm_memfs_write_file(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode,
                                        const void *bytes, size_t size, uint64_t at,
                                        size_t *count)
{
    const uint8_t *from = bytes;
    *count = 0;
    if (at >= SFPM_MEMFS_MAX_SIZE)
        return WASI_EFBIG;
    if (size > SFPM_MEMFS_MAX_SIZE - at)
        size = (size_t)(SFPM_MEMFS_MAX_SIZE - at);
    while (*count < size) {
        part_t part = find_part(inode, at + *count, size - *count);
        uint32_t blocks = (uint32_t)((part.within + part.size + BLOCK - 1) / BLOCK);
        if (part.is_hole) {
            if (!fill_hole(memfs, inode, part.run, part.block, blocks))
                break;
            continue;
        }
        uint8_t *to = address(memfs, inode, &part);
        memcpy(to, from + *count, part.size);
        note_change(memfs, (uint64_t)(to - memfs->blocks.data) / BLOCK, blocks);
        *count += part.size;
        if (at + *count > inode->size)
            inode->size = at + *count;
    }
    memfs->recorded = memfs->recorded && *count == 0;
    return *count > 0 || size == 0 ? WASI_SUCCESS : WASI_ENOSPC;
}

sfpm_wasi_errno_t sfpm_memfs_fill(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode,
                                  uint64_t offset, uint64_t length)
{
    if (length > SFPM_MEMFS_MAX_SIZE || offset > SFPM_MEMFS_MAX_SIZE - length)
        return WASI_EFBIG;
    if (length > memfs->max_size)
        return WASI_ENOSPC;
    uint64_t at = offset, end = offset + length;
    bool ok = true;
    memfs->recorded = false;
    while (ok && at < end) {
        part_t part = find_part(inode, at, (size_t)(end - at));
        uint64_t blocks = (part.within + part.size + BLOCK - 1) / BLOCK;
        if (part.is_hole)
            ok = fill_hole(memfs, inode, part.run, part.block, (uint32_t)blocks);
        else
            at += part.size;
    }
    if (ok && end > inode->size)
        inode->size = end;
    if (!ok) /* what lies behind the end is free again */
        sfpm_memfs_cut(memfs, inode, (uint32_t)((inode->size + BLOCK - 1) / BLOCK));
    return ok ? WASI_SUCCESS : WASI_ENOSPC;
}

/* Zeros what the last block has behind the end. */
static void clear_tail(sfpm_memfs_t *memfs, const sfpm_memfs_inode_t *inode)
{
    size_t within = inode->size % BLOCK;
    if (within == 0)
        return;
    part_t part = find_part(inode, inode->size, (size_t)BLOCK - within);
    if (part.is_hole)
        return;
    uint8_t *to = address(memfs, inode, &part);
    memset(to, 0, part.size);
    note_change(memfs, (uint64_t)(to - memfs->blocks.data) / BLOCK, 1);
}

sfpm_wasi_errno_t sfpm_memfs_resize(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode,
                                    uint64_t size)
{
    if (size > SFPM_MEMFS_MAX_SIZE)
        return WASI_EFBIG;
    bool shrinks = size < inode->size;
    inode->size = size;
    memfs->recorded = false;
    if (shrinks) {
        sfpm_memfs_cut(memfs, inode, (uint32_t)((size + BLOCK - 1) / BLOCK));
        clear_tail(memfs, inode);
    }
    return WASI_SUCCESS;
}
