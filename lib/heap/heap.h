/* SPDX-License-Identifier: MIT */
/* A heap as the program holds it. The public face is <sfpm/heap.h>. */
#ifndef SFPM_HEAP_INTERNAL_H
#define SFPM_HEAP_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/heap.h>

#include "base/error.h"
#include "base/modules.h"
#include "base/name_map.h"
#include "heap/layout.h"

/* A type that the program registered. */
typedef struct known_type {
    sfpm_heap_type_t type; /* name and offsets are ours */
    uint32_t record;       /* its index in the heap's table */
} known_type_t;

/* A heap that is restored with others: where it was saved and where it is. */
typedef struct displaced {
    uint64_t from;
    uint64_t size;
    uint64_t to;
} displaced_t;

/* A symbol that the program registered, as a heap records it. */
typedef symbol_t host_symbol_t;

struct sfpm_heap {
    uint8_t *base;    /* of the range */
    header_t *header; /* in it */
    segment_entry_t *segments;
    size_t used;       /* bytes from the base that are segments */
    size_t registered; /* bytes of the snapshot's region */
    size_t saved;      /* the same before a save that has not ended yet */
    size_t accessible; /* bytes from the base that may be touched */
    size_t reserved;   /* bytes of the range */
    char *name;
    sfpm_heap_options_t options;
    pthread_mutex_t lock;
    bool careful;    /* a block takes more than its allocation: a lock, or: */
    bool guarded;    /* a sanitizer knows which memory is free (guard.c) … */
    bool exposed;    /* … but not at present */
    size_t red_zone; /* bytes behind each block that must not be used */
    uint8_t alloc_type; /* of what sfpm_heap_alloc() gives */
    sfpm_snapshot_t *snapshot;
    bool restoring;               /* sfpm_heap_restore() is at work */
    const displaced_t *displaced; /* then, while some of them lie elsewhere than saved: */
    size_t num_displaced;         /* all heaps that are restored, by `from` */
    known_type_t *types;
    size_t num_types;
    size_t type_capacity;
    host_symbol_t *symbols;
    size_t num_symbols;
    size_t symbol_capacity;
    sfpm_name_map_t symbol_names; /* their places in the list */
    struct fit *fits;             /* where free room is; NULL: not known yet */
    uint32_t num_fits;            /* segments that these have room for */
};

static inline segment_t *heap_segment(const sfpm_heap_t *heap, size_t number)
{
    return (segment_t *)(void *)(heap->base + (number << SEGMENT_SHIFT));
}

static inline unit_t *heap_unit(const sfpm_heap_t *heap, uint32_t unit)
{
    return &heap_segment(heap, unit / UNITS)->units[unit % UNITS];
}

static inline uint64_t *heap_map(const sfpm_heap_t *heap, uint32_t unit)
{
    return heap_segment(heap, unit / UNITS)->maps[unit % UNITS];
}

static inline uint8_t *heap_unit_memory(const sfpm_heap_t *heap, uint32_t unit)
{
    return heap->base + ((size_t)unit << UNIT_SHIFT);
}

static inline bin_t *heap_bin(const sfpm_heap_t *heap, unsigned type, unsigned size_class)
{
    return &heap->header->types[type].bins[size_class];
}

static inline void heap_lock(sfpm_heap_t *heap)
{
    if (heap->options.thread_safe)
        pthread_mutex_lock(&heap->lock);
}

static inline void heap_unlock(sfpm_heap_t *heap)
{
    if (heap->options.thread_safe)
        pthread_mutex_unlock(&heap->lock);
}

/* ---- range.c: addresses and pages ---- */

/* Reserves addresses, aligned to segments. With `exact` only at `address`; otherwise
 * there or elsewhere, 0 meaning anywhere. NULL with the error set. */
uint8_t *sfpm_range_reserve(uint64_t address, size_t size, bool exact);
void sfpm_range_release(uint8_t *base, size_t size);

/* Makes pages of a reserved range accessible. */
bool sfpm_range_open(uint8_t *at, size_t size);

/* The contents of whole pages do not matter any more: gives them back. */
void sfpm_range_discard(uint8_t *at, size_t size);

/* ---- sizes.c: classes of sizes ---- */

extern const uint16_t sfpm_heap_class_sizes[NUM_CLASSES];
unsigned sfpm_heap_size_class(size_t size);

/* ---- units.c: units and segments ---- */

/* A run of free units in one segment, or the units of whole segments from the second on;
 * 0 with the error set when there is none. Their descriptors are the caller's to fill; in
 * a segment the flags of the first say whether pages hold old bytes. */
uint32_t sfpm_units_take(sfpm_heap_t *heap, uint32_t count);

/* And back; `clean`: their pages are given back to the system, too. */
void sfpm_units_give(sfpm_heap_t *heap, uint32_t first, uint32_t count, bool clean);

/* Makes the first segment, with the tables, of an empty heap. */
bool sfpm_units_start(sfpm_heap_t *heap);

/* Lets no page of a segment's tables be zero. */
void sfpm_units_fill_unused(segment_t *segment);

/* Units of the first segment that hold tables, for a range of that size. */
uint32_t sfpm_units_of_tables(uint64_t max_size);

/* ---- fits.c: where free room is ---- */

typedef struct fit fit_t;

/* The first segment with so many free units in a row, 1 to 63; the number of segments if
 * none has. false with the error set when out of memory. */
bool sfpm_fits_units(sfpm_heap_t *heap, uint32_t count, uint32_t *segment);

/* The first of so many free segments in a row; if there are not so many, that of those at
 * the end, to which more are added. */
bool sfpm_fits_segments(sfpm_heap_t *heap, uint32_t count, uint32_t *segment);

/* After each change of what is free in some segments, at least one. */
void sfpm_fits_update(sfpm_heap_t *heap, uint32_t first, uint32_t count);

/* After any other change of the heap's contents, and before it is destroyed. */
void sfpm_fits_forget(sfpm_heap_t *heap);

/* ---- blocks.c ---- */

/* A block of a type, not initialised; NULL with the error set. */
void *sfpm_block_alloc(sfpm_heap_t *heap, unsigned type, size_t size);
bool sfpm_block_free(sfpm_heap_t *heap, void *block);

/* Where an address lies: in which block. */
typedef struct place {
    uint32_t unit;  /* the first of a large block */
    uint32_t index; /* of the block in a slab */
    uint64_t start; /* of the block, from the heap's base */
    uint64_t size;  /* that may be used */
    unsigned type;
} place_t;

/* Finds the allocated block that holds the byte at `offset` from the base. */
bool sfpm_block_find(const sfpm_heap_t *heap, uint64_t offset, place_t *place);

/* The same, of the common case only: a block of a slab. Without a call. */
static inline bool heap_slab_holds(const uint8_t *base, const segment_entry_t *segments,
                                   uint64_t used, uint64_t offset)
{
    if (offset >= used || segments[offset >> SEGMENT_SHIFT].kind != SEGMENT_UNITS)
        return false;
    const segment_t *segment =
        (const segment_t *)(const void *)(base +
                                          (offset & ~(SEGMENT_SIZE - UINT64_C(1))));
    const unit_t *unit = &segment->units[offset >> UNIT_SHIFT & (UNITS - 1)];
    if (unit->kind != UNIT_SLAB)
        return false;
    uint64_t block = (offset & (UNIT_SIZE - 1)) * unit->reciprocal >> 32;
    const uint64_t *map = segment->maps[offset >> UNIT_SHIFT & (UNITS - 1)];
    return block < unit->capacity &&
           (unit->free == 0 || !(map[block / 64] >> block % 64 & 1));
}

/* Whether and where `block` begins a block; false with the error set. */
bool sfpm_block_expect(const sfpm_heap_t *heap, const void *block, place_t *place);

/* ---- check.c ---- */

/* Whether the header's numbers are possible for a heap of `size` bytes; the header
 * may be cut after the numbers. */
bool sfpm_check_header(const header_t *header, uint64_t size);

/* The tables of its segments, and of the blocks in them. */
bool sfpm_check_segments(const sfpm_heap_t *heap);

/* All tables of a heap whose header is right. `heap->name` is for messages. */
bool sfpm_check_tables(const sfpm_heap_t *heap);

/* The tables of symbols and modules of a header that is right. */
bool sfpm_check_names(const header_t *header);

/* ---- preview.c: a heap in an image ---- */

/* Where a heap is read: in an image, or in an edit of it as it will be. */
typedef struct heap_source {
    const sfpm_image_t *image;
    size_t region;
    sfpm_edit_t *edit; /* or NULL */
} heap_source_t;

bool sfpm_preview_bytes(const heap_source_t *source, uint64_t offset, void *to,
                        size_t size);

/* Reads the tables of a heap into memory of its own, checks them, and points `heap`
 * there: blocks are not read. To be released with sfpm_preview_free(). `heap` must be all
 * zero except for the name. */
bool sfpm_preview_read(sfpm_heap_t *heap, const heap_source_t *source);
void sfpm_preview_free(sfpm_heap_t *heap);

/* Reads the header's numbers only, and checks them. */
bool sfpm_preview_header(header_t *header, const heap_source_t *source);

/* The same, and the types; to be released with free(). */
header_t *sfpm_preview_types(const heap_source_t *source);

/* ---- types.c ---- */

/* Whether what the program registered agrees with the records in a header. */
bool sfpm_types_compare(const sfpm_heap_t *heap, const header_t *header);

/* Finds the records of registered types in the heap's new memory, or makes them. */
bool sfpm_types_bind(sfpm_heap_t *heap);

/* A registered type, or NULL. */
const sfpm_heap_type_t *sfpm_types_find(const sfpm_heap_t *heap, const char *name);
void sfpm_types_free(sfpm_heap_t *heap);

/* ---- walk.c ---- */

/* What is done with `count` words that are `stride` bytes apart. */
typedef struct walk walk_t;
typedef bool (*walk_column_t)(const walk_t *walk, const type_record_t *type,
                              uint8_t *slot, size_t stride, size_t count);

/* A walk over the pointers of a heap. */
struct walk {
    const sfpm_heap_t *heap;
    const sfpm_heap_t *known; /* has the program's callbacks */
    walk_column_t pointers;   /* NULL: only host addresses are wanted */
    walk_column_t hosts;
    const void *context;
};

/* The blocks that begin in a segment. */
bool sfpm_walk_segment(const walk_t *walk, uint32_t segment);

/* ---- hosts.c: addresses outside of the heap ---- */

typedef struct hosts hosts_t; /* where symbols and modules of an image are now */

/* Records in the heap's tables where symbols and modules are. */
void sfpm_hosts_record(sfpm_heap_t *heap);

/* Whether all that a header knows is there in this process. */
bool sfpm_hosts_same(const sfpm_heap_t *heap, const header_t *saved);

/* Pairs what a header knows with this process. It must stay until the pairs are closed.
 */
hosts_t *sfpm_hosts_open(const sfpm_heap_t *heap, const header_t *saved);
void sfpm_hosts_close(hosts_t *hosts);

/* Corrects the host addresses of a segment, or with `store` false only tries. Symbols
 * that are missing are not an error before sfpm_hosts_complete(). */
bool sfpm_hosts_move_segment(hosts_t *hosts, const sfpm_heap_t *heap,
                             const sfpm_heap_t *known, uint32_t segment, bool store);
bool sfpm_hosts_complete(const hosts_t *hosts);

/* Tries all host addresses of the heap whose tables are `preview`. */
bool sfpm_hosts_try(const sfpm_heap_t *known, const sfpm_heap_t *preview,
                    const sfpm_image_t *image, size_t region);

/* Corrects those of a heap in place. */
bool sfpm_hosts_bind(sfpm_heap_t *heap);

/* ---- relocate.c ---- */

/* Reads the blocks that begin in a segment. */
bool sfpm_read_segment(const sfpm_heap_t *to, const sfpm_image_t *image, size_t region,
                       uint32_t s);

/* Where the first of the displaced lies that was saved behind `address`, in a list by
 * `from`. */
size_t sfpm_displaced_behind(const displaced_t *list, size_t count, uint64_t address);

/* Whether the heap in an image may lie elsewhere; false with the types at fault. */
bool sfpm_relocate_allowed(const sfpm_heap_t *known, const sfpm_heap_t *preview);

/* Reads the heap whose tables are `preview` into the open memory of `to`, and corrects
 * its pointers, also those into to->displaced. `known` has the program's types. */
bool sfpm_relocate(sfpm_heap_t *to, const sfpm_heap_t *known, const sfpm_heap_t *preview,
                   const sfpm_image_t *image, size_t region);

/* Whether the heap in an image may stay where it is while others move; the same. */
bool sfpm_relocate_others_allowed(const sfpm_heap_t *known, const sfpm_heap_t *preview);

/* Corrects the pointers of a heap that lies where it was saved into heap->displaced. */
bool sfpm_relocate_others(sfpm_heap_t *heap);

/* ---- image.c ---- */

/* The next heap of a snapshot, in the order in which they were added; NULL after the
 * last. `*at` is 0 before the first. */
sfpm_heap_t *sfpm_heap_next(const sfpm_snapshot_t *snapshot, size_t *at);

/* Registers the heap's memory as a region of its snapshot. */
bool sfpm_heap_register(sfpm_heap_t *heap);

/* ---- heap.c ---- */

/* Points the handle at memory that holds a heap. */
void sfpm_heap_attach(sfpm_heap_t *heap, uint8_t *base, size_t reserved, size_t size);

/* @return how many bytes of a block may be used; 0 when it is none of this heap. */
size_t sfpm_heap_usable_size(const sfpm_heap_t *heap, const void *block);

/* Gives pages without blocks back to the system. Saving does so itself. */
void sfpm_heap_trim(sfpm_heap_t *heap);

#endif
