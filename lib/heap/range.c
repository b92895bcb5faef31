/* SPDX-License-Identifier: MIT */
/* Ranges of addresses, and the pages in them. */
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/maps.h"
#include "heap/heap.h"

/* ThreadSanitizer replaces an address that it does not like by 0, and root can map that. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if defined MAP_FIXED_NOREPLACE && !defined __SANITIZE_THREAD__
#define MAP_EXACTLY MAP_FIXED_NOREPLACE
#else
#define MAP_EXACTLY 0 /* a hint: where it led to is looked at */
#endif

static uint8_t *map(uint64_t address, size_t size, int flags)
{
    if (address > UINTPTR_MAX)
        return NULL;
    void *base = mmap((void *)(uintptr_t)address, size, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

static uint8_t *reserve_at(uint64_t address, size_t size)
{
    uint8_t *base = map(address, size, MAP_EXACTLY);
    if (base && (uintptr_t)base != address) {
        munmap(base, size);
        base = NULL;
    }
    return base;
}

/* The system aligns to pages only: takes more, and gives back what is too much. */
static uint8_t *reserve_anywhere(size_t size)
{
    size_t room;
    if (!sfpm_add_size(size, SEGMENT_SIZE, &room))
        return NULL;
    uint8_t *base = map(0, room, 0);
    if (!base)
        return NULL;
    size_t before = (SEGMENT_SIZE - (uintptr_t)base % SEGMENT_SIZE) % SEGMENT_SIZE;
    if (before)
        munmap(base, before);
    munmap(base + before + size, SEGMENT_SIZE - before);
    return base + before;
}

uint8_t *sfpm_range_reserve(uint64_t address, size_t size, bool exact)
{
    uint8_t *base = address ? reserve_at(address, size) : NULL;
    if (!base && !exact)
        base = reserve_anywhere(size);
    if (!base)
        sfpm_fail(SFPM_ERR_MEMORY, "cannot reserve %zu bytes of address space%s", size,
                  exact ? " at the heap's preferred address: it is in use" : "");
    return base;
}

void sfpm_range_release(uint8_t *base, size_t size)
{
    if (base)
        munmap(base, size);
}

bool sfpm_range_open(uint8_t *at, size_t size)
{
    return mprotect(at, size, PROT_READ | PROT_WRITE) == 0 || sfpm_fail_memory(size);
}

void sfpm_range_discard(uint8_t *at, size_t size)
{
#if SFPM_LINUX_PATHS
    if (madvise(at, size, MADV_DONTNEED) == 0)
        return;
#endif
    memset(at, 0, size);
}
