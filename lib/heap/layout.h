/* SPDX-License-Identifier: MIT */
/*
 * What lies in a heap's memory, and so in its image. The range is cut into segments of
 * 4 MiB, each into 64 units of 64 KiB. The first unit of a segment describes the
 * others; those of the first segment that follow hold the heap's tables. A unit holds a
 * slab of blocks of one size and one type, or belongs to a large block, which takes
 * several units of one segment, or whole segments.
 *
 * Nothing here is an address: units are named by number, counted through the whole range,
 * so that no table changes when a heap moves. Numbers have the byte order of the machine.
 */
#ifndef SFPM_HEAP_LAYOUT_H
#define SFPM_HEAP_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
    UNIT_SHIFT = 16,
    UNIT_SIZE = 1 << UNIT_SHIFT,
    SEGMENT_SHIFT = 22,
    SEGMENT_SIZE = 1 << SEGMENT_SHIFT,
    UNITS = SEGMENT_SIZE / UNIT_SIZE, /* of a segment */
    GRAIN = 16,                       /* blocks are aligned to this at least */
    NUM_CLASSES = 40,
    SMALL_MAX = 32768,                  /* bytes of the largest class */
    MAP_WORDS = UNIT_SIZE / GRAIN / 64, /* of a slab's map of free blocks */
    NAME_SIZE = 56,                     /* with the terminating zero */
    MAX_BLOCKS = (MAP_WORDS - 1) * 64,  /* of a slab */
    MAX_TYPES = 1024,
    MAX_OFFSETS = 16384, /* of pointers in all types together */
    MAX_ROOTS = 1024,
    MAX_SYMBOLS = 4096,
    MAX_MODULES = 128,
    MODULE_NAME_SIZE = 104,
    BUILD_ID_SIZE = 72
};

/* Types that every heap has. */
enum { TYPE_UNTYPED = 0, TYPE_DATA = 1, FIRST_TYPE = 2 };

typedef enum unit_kind {
    UNIT_FREE = 0,
    UNIT_TABLE = 1, /* describes its segment, or holds the heap's tables */
    UNIT_SLAB = 2,
    UNIT_LARGE = 3, /* the first of a large block */
    UNIT_REST = 4   /* the others; `length` units after the first */
} unit_kind_t;

/* Of a slab, until the next trim, and so never in an image of this release: pages that may
 * hold bytes of blocks that were freed, bit 16 + n for page n, or any page. */
enum { UNIT_FREED = 1, UNIT_FREED_PAGES = 16 };

typedef struct unit {
    uint8_t kind;
    uint8_t size_class; /* of a slab */
    uint16_t type;
    uint32_t block_size; /* of a slab, bytes */
    uint32_t capacity;   /* blocks */
    uint32_t free;       /* blocks */
    uint32_t reciprocal; /* of the block size, times 2^32, rounded up */
    uint32_t hint;       /* no word of the map before this one holds a free block */
    uint32_t next;       /* units with free blocks of one size and type, a list; 0 ends */
    uint32_t previous;
    uint32_t flags;
    uint32_t length; /* of a large block: its units, those of later segments included */
    uint64_t size;   /* of a large block: bytes asked for */
    uint8_t reserved[16];
} unit_t;

/* The first unit of a segment. Unit 0 of `units` and `maps` stands for itself. */
typedef struct segment {
    uint64_t free_units;  /* bit n: unit n is free */
    uint64_t clean_units; /* … and was given back to the system */
    uint8_t reserved[4080];
    unit_t units[UNITS];
    uint64_t maps[UNITS][MAP_WORDS]; /* bit n: block n is free; the last word is unused */
} segment_t;

static inline uint32_t slab_capacity(uint32_t block_size)
{
    uint32_t count = UNIT_SIZE / block_size;
    return count < MAX_BLOCKS ? count : MAX_BLOCKS;
}

typedef enum segment_kind {
    SEGMENT_FREE = 0,
    SEGMENT_UNITS = 1, /* has a first unit as above */
    SEGMENT_REST = 2   /* in the middle of a large block */
} segment_kind_t;

typedef struct segment_entry {
    uint8_t kind;
    uint8_t longest; /* free units in a row, at most */
    uint8_t clean;   /* of SEGMENT_FREE: it was given back to the system */
    uint8_t reserved;
    uint32_t first; /* of SEGMENT_REST: the segment where the block begins */
} segment_entry_t;

/* Where blocks of one size and type come from: slabs with free ones, a list. */
typedef struct bin {
    uint32_t first;
} bin_t;

enum {
    TYPE_VISITED = 1, /* the program shows its pointers */
    TYPE_PLAIN = 2    /* has none */
};

typedef struct type_record {
    char name[NAME_SIZE]; /* empty: none */
    uint32_t size;        /* bytes of an element */
    uint32_t flags;
    uint32_t
        first_offset; /* in the table of offsets: those of pointers into the heap … */
    uint32_t num_pointers;
    uint32_t num_hosts; /* … then those of host addresses */
    uint32_t reserved;
    bin_t bins[NUM_CLASSES];
} type_record_t;

typedef struct root {
    char name[NAME_SIZE]; /* empty: none */
    uint64_t offset;      /* of what it points to, from the heap's base */
} root_t;

typedef struct symbol {
    char name[NAME_SIZE];
    uint64_t address; /* in the process that saved */
} symbol_t;

typedef struct module {
    char name[MODULE_NAME_SIZE];
    char build_id[BUILD_ID_SIZE]; /* hexadecimal; "" when it has none */
    uint64_t start;               /* its addresses in the process that saved */
    uint64_t end;
    uint64_t base; /* what its offsets count from */
} module_t;

/* "sfpmheap", in the machine's byte order. */
#define HEAP_MAGIC   UINT64_C(0x7366706d68656170)
#define HEAP_VERSION 1u

typedef struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t pointer_size;
    uint64_t base;     /* where the pointers are right */
    uint64_t max_size; /* of the range, bytes */
    uint32_t num_segments;
    uint32_t segment_hint; /* no segment before this one has a free unit */
    uint32_t num_types;
    uint32_t num_offsets;
    uint32_t num_roots;
    uint32_t num_symbols;
    uint32_t num_modules;
    uint32_t segments_at; /* offset of the table of segments, from the heap's base */
    uint8_t reserved[64];
    root_t roots[MAX_ROOTS];
    module_t modules[MAX_MODULES];
    symbol_t symbols[MAX_SYMBOLS];
    uint32_t offsets[MAX_OFFSETS];
    type_record_t types[MAX_TYPES];
    /* the table of segments follows */
} header_t;

enum {
    HEADER_AT = UNIT_SIZE, /* offset of the header from the heap's base */
    SEGMENTS_AT = HEADER_AT + (int)((sizeof(header_t) + 63) / 64 * 64)
};

/* The largest range: the tables must leave room in the first segment. */
#define MAX_RANGE ((uint64_t)1 << 40)

_Static_assert(sizeof(unit_t) == 64, "a unit's descriptor is one cache line");
_Static_assert(sizeof(unit_t[UNITS]) == 4096 && sizeof(segment_t) % 4096 == 0,
               "pages of a segment's tables end with what nothing uses");
_Static_assert(sizeof(segment_t) <= UNIT_SIZE, "a segment is described by one unit");
_Static_assert(sizeof(type_record_t) == 56 + 24 + 4 * NUM_CLASSES, "no padding");

#endif
