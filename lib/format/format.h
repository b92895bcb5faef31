/* SPDX-License-Identifier: MIT */
/*
 * Format version 2 in memory: the numbers of the format and one struct for each
 * of its structures. The bytes are described in sfpm-image(5); encoder and
 * decoder of a structure are the sibling files NAME_encode.c and NAME_decode.c.
 */
#ifndef SFPM_FORMAT_FORMAT_H
#define SFPM_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "base/page.h"
#include "codec/checksum.h"

/* High bit, CR LF, ^Z and LF: a transfer that mangles text destroys the magic. */
#define SFPM_MAGIC      "\x89SFP\r\n\x1a\n"
#define SFPM_MAGIC_SIZE 8

/* Sizes in bytes, all fixed by the format. */
enum {
    SFPM_HEADER_SIZE = 64,
    SFPM_RECORD_SIZE = 32, /* the fixed part of a record, before lead and payload */
    SFPM_TRAILER_SIZE = 88,
    SFPM_TRAILER_RECORD = SFPM_RECORD_SIZE + SFPM_TRAILER_SIZE,
    SFPM_DEAD_SIZE = 32,
    SFPM_BOX_EXTRA = 32,   /* what sealing adds to a chunk, leaf or index */
    SFPM_INDEX_FIXED = 96, /* what precedes the texts */
    SFPM_EXTENT_SIZE = 24,
    SFPM_LEAF_REF_SIZE = 32,
    SFPM_RECORD_ALIGN = 8,
    SFPM_CHUNK_SHIFT = 16,
    SFPM_CHUNK = 1 << SFPM_CHUNK_SHIFT,
    SFPM_CHUNK_PAGES = SFPM_CHUNK / SFPM_PAGE,
    SFPM_LEAF_SHIFT = 8, /* log2 of the chunks of a leaf */
    SFPM_LEAF_CHUNKS = 1 << SFPM_LEAF_SHIFT,
    SFPM_LEAF_PAGES = SFPM_LEAF_CHUNKS * SFPM_CHUNK_PAGES,
    SFPM_LEAF_BYTES = SFPM_LEAF_CHUNKS * SFPM_CHUNK,
    SFPM_TEXT_MAX = 65535 /* longest name, description, message, attribute */
};

/* The highest commit number: numbers are given as int64_t. */
#define SFPM_COMMIT_MAX ((uint64_t)INT64_MAX)

/* Feature bits of the header. */
/* Bit 0 marked drafts of the format, which had other layouts. */
#define SFPM_INCOMPATIBLE_DRAFT  (UINT64_C(1) << 0)
#define SFPM_INCOMPATIBLE_SEALED ((uint64_t)SFPM_FEATURE_ENCRYPTED)
#define SFPM_INCOMPATIBLE_DELTA  ((uint64_t)SFPM_FEATURE_DELTA)
#define SFPM_INCOMPATIBLE_KNOWN  (SFPM_INCOMPATIBLE_SEALED | SFPM_INCOMPATIBLE_DELTA)

/* Record types, as four characters in file order. */
#define SFPM_TYPE(a, b, c, d)                                                            \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define SFPM_RECORD_DATA    SFPM_TYPE('D', 'A', 'T', 'A')
#define SFPM_RECORD_LEAF    SFPM_TYPE('L', 'E', 'A', 'F')
#define SFPM_RECORD_INDEX   SFPM_TYPE('I', 'N', 'D', 'X')
#define SFPM_RECORD_TRAILER SFPM_TYPE('T', 'R', 'L', 'R')
#define SFPM_RECORD_DEAD    SFPM_TYPE('D', 'E', 'A', 'D')
#define SFPM_RECORD_KEYS    SFPM_TYPE('K', 'E', 'Y', 'S')
#define SFPM_RECORD_SALT    SFPM_TYPE('S', 'A', 'L', 'T')

typedef struct sfpm_header {
    uint64_t compatible;
    uint64_t incompatible;
} sfpm_header_t;

typedef struct sfpm_record {
    uint32_t type;
    uint32_t lead;   /* zero bytes between the fixed part and the payload */
    uint64_t length; /* of the payload */
    uint64_t sum;    /* of the payload; 0 for DATA that the leaves cover */
} sfpm_record_t;

typedef struct sfpm_trailer {
    uint8_t id[SFPM_DIGEST_SIZE]; /* of the image */
    uint64_t offset;              /* of this trailer's record */
    uint64_t number;              /* of the commit */
    uint64_t first;               /* number of the file's oldest commit */
    uint64_t begin;               /* where the commit begins */
    uint64_t start;               /* of its first record: after dead bytes, or begin */
    uint64_t previous_sum;        /* payload sum of the trailer before; 0: none */
    uint64_t index_offset;        /* of the index record */
    uint8_t index_digest[SFPM_DIGEST_SIZE]; /* of the index payload */
    uint64_t sum; /* payload sum of this trailer; not stored in it */
} sfpm_trailer_t;

/* Bytes of an interrupted commit which a later one skipped. */
typedef struct sfpm_dead {
    uint64_t begin;        /* where they begin: the end of the trailer before */
    uint64_t length;       /* up to the DEAD record */
    uint64_t sum;          /* XXH3-64 of them */
    uint64_t previous_sum; /* payload sum of the trailer before */
} sfpm_dead_t;

enum {
    SFPM_EXTENT_PAGES = 1, /* whole pages, stored page-aligned */
    SFPM_EXTENT_PIECE = 2, /* the start of one page; the rest of it is zero */
    SFPM_EXTENT_CHUNK = 3, /* a whole chunk, compressed or sealed or both */
    SFPM_EXTENT_BASE = 4   /* pages that the base image holds at the same place */
};

/* Where a run of pages is stored. Pages in no extent are zero. */
typedef struct sfpm_extent {
    uint64_t offset; /* in the file */
    uint32_t length; /* stored bytes */
    uint16_t first;  /* page within the leaf */
    uint16_t pages;
    uint32_t kind;
    uint32_t codec; /* of a chunk */
} sfpm_extent_t;

typedef struct sfpm_leaf {
    uint32_t num_chunks;
    uint32_t num_extents;
    uint64_t *sums; /* XXH3-64 of each chunk's contents, whatever its storage */
    sfpm_extent_t *extents;
} sfpm_leaf_t;

typedef struct sfpm_leaf_ref {
    uint64_t offset;                  /* of the LEAF record, or one of the two below */
    uint64_t sum;                     /* payload sum of that record, 0 without one */
    uint8_t digest[SFPM_DIGEST_SIZE]; /* XXH3-128 of the leaf's chunk sums */
} sfpm_leaf_ref_t;

enum {
    SFPM_LEAF_ZERO = 0, /* in place of an offset: every page is zero */
    SFPM_LEAF_BASE = 1  /* in place of an offset: the base image's leaf */
};

typedef struct sfpm_region {
    char *name;
    uint64_t size;
    uint32_t flags;
    uint64_t address; /* preferred address of a heap, 0 otherwise */
    uint8_t digest[SFPM_DIGEST_SIZE];
    size_t num_leaves;
    sfpm_leaf_ref_t *leaves;
    uint32_t base; /* 1 + number of the region in the base image, 0: none */
} sfpm_region_t;

/* The texts of a commit in the order in which the index stores them. */
enum {
    SFPM_TEXT_DESCRIPTION,
    SFPM_TEXT_MESSAGE,
    SFPM_TEXT_CREATOR,
    SFPM_TEXT_ARCHITECTURE,
    SFPM_TEXT_BUILD_ID,
    SFPM_TEXT_BASE, /* file name of the base image, "" when there is none */
    SFPM_NUM_TEXTS
};

typedef struct sfpm_index {
    uint64_t number;
    uint64_t parent;
    uint64_t state_of;
    int64_t seconds;
    uint32_t nanoseconds;
    uint32_t bytecode;
    uint64_t schema;
    uint32_t codec; /* how the commit's chunks were compressed, and so the next ones */
    int32_t level;
    uint64_t base_number;                  /* commit of the base image; 0: no base */
    uint8_t base_digest[SFPM_DIGEST_SIZE]; /* state digest of that commit */
    char *texts[SFPM_NUM_TEXTS];
    sfpm_attributes_t attributes;
    size_t num_regions;
    sfpm_region_t *regions;
    bool bound; /* read: it named the commit before, see image/binding.h */
} sfpm_index_t;

void sfpm_header_encode(const sfpm_header_t *header, uint8_t bytes[SFPM_HEADER_SIZE]);
bool sfpm_header_decode(const uint8_t bytes[SFPM_HEADER_SIZE], sfpm_header_t *header);

/* The fixed part of a record; its own checksum is seeded with its offset, so that
 * a record found at another place than it was written for is not accepted. */
void sfpm_record_encode(const sfpm_record_t *record, uint64_t offset,
                        uint8_t bytes[SFPM_RECORD_SIZE]);
bool sfpm_record_decode(const uint8_t bytes[SFPM_RECORD_SIZE], uint64_t offset,
                        sfpm_record_t *record);
/* Where the record at `offset` ends and the next one begins; false on overflow. */
bool sfpm_record_end(const sfpm_record_t *record, uint64_t offset, uint64_t *end);
/* Four printable characters for messages. */
const char *sfpm_record_type_name(uint32_t type, char name[5]);

/* A whole trailer record. Encoding fills in trailer->sum. */
void sfpm_trailer_encode(sfpm_trailer_t *trailer, uint8_t bytes[SFPM_TRAILER_RECORD]);
bool sfpm_trailer_decode(const uint8_t bytes[SFPM_TRAILER_RECORD], uint64_t offset,
                         sfpm_trailer_t *trailer);

void sfpm_dead_encode(const sfpm_dead_t *dead, uint8_t bytes[SFPM_DEAD_SIZE]);
void sfpm_dead_decode(const uint8_t bytes[SFPM_DEAD_SIZE], sfpm_dead_t *dead);

/* Leaves. `size` is the number of bytes of the region that the leaf covers, and
 * `offset` that of its record, for messages. */
bool sfpm_leaf_encode(const sfpm_leaf_t *leaf, sfpm_buffer_t *bytes);
bool sfpm_leaf_decode(const uint8_t *bytes, size_t length, uint64_t size, uint64_t offset,
                      sfpm_leaf_t *leaf);
/* The same without the sums, for callers that do not read the data of the extents. */
bool sfpm_leaf_decode_extents(const uint8_t *bytes, size_t length, uint64_t size,
                              uint64_t offset, sfpm_leaf_t *leaf);
void sfpm_leaf_free(sfpm_leaf_t *leaf);
/* XXH3-128 of chunk sums: what the leaf holds, whatever its storage. */
bool sfpm_leaf_digest(const uint64_t *sums, size_t count,
                      uint8_t digest[SFPM_DIGEST_SIZE]);

bool sfpm_index_encode(sfpm_index_t *index, sfpm_buffer_t *bytes);
bool sfpm_index_decode(const uint8_t *bytes, size_t length, sfpm_index_t *index);
void sfpm_index_free(sfpm_index_t *index);
bool sfpm_index_copy(const sfpm_index_t *from, sfpm_index_t *to);
void sfpm_region_free(sfpm_region_t *region);
bool sfpm_region_copy(const sfpm_region_t *from, sfpm_region_t *to);
/* Digest of a region from its leaves, and of a whole state from its regions. */
bool sfpm_region_digest(const sfpm_region_t *region, uint8_t digest[SFPM_DIGEST_SIZE]);
bool sfpm_state_digest(const sfpm_index_t *index, uint8_t digest[SFPM_DIGEST_SIZE]);

/* How many leaves a region of that size has, and how many of its bytes, from
 * position `start`, a unit of `unit` bytes covers. */
size_t sfpm_num_leaves(uint64_t size);
size_t sfpm_span(uint64_t size, uint64_t start, size_t unit);

#endif
