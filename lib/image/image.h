/* SPDX-License-Identifier: MIT */
/* An opened image, as the files of this directory share it. */
#ifndef SFPM_IMAGE_IMAGE_H
#define SFPM_IMAGE_IMAGE_H

#include "base/name_map.h"
#include "image/progress.h"
#include "format/format.h"
#include "image/log.h"
#include "image/opened.h"
#include "image/seal.h"
#include "image/trailers.h"
#include "io/input.h"

/* A chain of more base images is refused; cycles end here as well. */
enum { SFPM_BASES_MAX = 16 };

struct sfpm_image {
    sfpm_input_t *input;
    char *path; /* NULL unless opened by path */
    int lock;   /* a descriptor that holds the file's lock when `locked` */
    bool locked;
    uint64_t max_memory;
    sfpm_header_t header;
    sfpm_keys_t keys;
    sfpm_image_t *base; /* of a delta; NULL otherwise */
    unsigned depth;     /* of bases above this one */
    bool salvaged;      /* what is whole is taken, whatever is before it in the file */
    sfpm_image_info_t info;
    sfpm_trailer_t last;  /* of the file */
    sfpm_trailer_t shown; /* of the commit shown */
    sfpm_history_t history;
    sfpm_index_t index;   /* of the commit shown */
    sfpm_name_map_t names; /* of its regions */
    sfpm_commit_info_t commit;
    sfpm_region_info_t *regions;
    char *warning; /* NULL if there is none */
    sfpm_progress_t progress;
    uint64_t *v1_offsets; /* version 1: where each region's bytes lie */
};

/* Opens an image in an input, which becomes its own, also on failure. `path` is
 * where commits may be appended, NULL for nowhere; `options` NULL or complete. */
sfpm_image_t *sfpm_image_open_input(sfpm_input_t *input, const char *path,
                                    const sfpm_image_options_t *options);

/* Looks at the file again after an append and shows its last commit. On failure the
 * image still shows what it did. */
bool sfpm_image_reload(sfpm_image_t *image);

/* The same for version 1, whose file was replaced by another one, if that still has the
 * image's name. */
bool sfpm_image_reopen_v1(sfpm_image_t *image, const struct stat *file);

/* The same of another image, of version 2, whose file was replaced by one with the same
 * commits (reopen.c). */
bool sfpm_image_reopen(sfpm_image_t *image);

/* Shows the last commit, or the one of the options, of an image whose header and keys are
 * known. */
bool sfpm_image_show_first(sfpm_image_t *image, const sfpm_image_options_t *options);

/* Whether the last commit of the image's file is the one it knows: SFPM_ERR_CHANGED. */
bool sfpm_image_same_last(const sfpm_image_t *image);

/* Whether the file that is about to be replaced, if it is the image's own, is still as
 * it was read; the caller holds its lock. Otherwise SFPM_ERR_CHANGED. */
bool sfpm_image_is_unchanged(const sfpm_image_t *image, const char *filename);

/* Puts the file's name before the last error's message; always false. */
bool sfpm_image_fail_named(const sfpm_image_t *image);

/* The options of a caller, with defaults filled in. */
bool sfpm_known_options(const sfpm_image_options_t *given, sfpm_image_options_t *options);

/* Opens the base image that the index in view names, and checks that it is the one. */
bool sfpm_image_open_base(sfpm_image_t *image, const sfpm_index_t *index,
                          const sfpm_image_options_t *options);
sfpm_image_t *sfpm_image_open_at(sfpm_input_t *input, const char *path, unsigned depth,
                                 const sfpm_image_options_t *options);

/* Whether a delta on `base` may be written to a file: not in place of an image that it
 * stands on, since it could never be read again. */
bool sfpm_base_is_spared(const sfpm_image_t *base, const char *filename);

/* Reads, opens and decodes the index of a commit. */
bool sfpm_image_index(const sfpm_image_t *image, const sfpm_trailer_t *trailer,
                      sfpm_index_t *index);

/* sfpm_image_read() into memory that holds zeros: pages that stay zero are not written
 * to, nor are chunks without contents touched. */
bool sfpm_image_read_into_zeros(const sfpm_image_t *image, size_t index, uint64_t offset,
                                void *zeros, size_t size);

/* Finds the trailer of a commit by its number. */
bool sfpm_image_find_trailer(sfpm_image_t *image, uint64_t number,
                             sfpm_trailer_t *trailer);

/* The version 1 reader: fills header-like facts, the index and v1_offsets. */
bool sfpm_v1_recognise(const uint8_t *bytes, size_t size);
bool sfpm_v1_decode(const sfpm_input_t *input, uint64_t max_memory, sfpm_index_t *index,
                    uint64_t **offsets);

/* ---- reading regions (read_leaf.c, read.c) ---- */

/* Reads the regions of one image for one caller: scratch memory, the cipher of the
 * commit last met, the leaf last read, and the same for the base image. */
typedef struct sfpm_reader {
    const sfpm_image_t *image;
    sfpm_opener_t opener;
    uint8_t *chunk;  /* a chunk's contents */
    uint8_t *stored; /* a chunk as the file holds it */
    uint8_t *window; /* bytes of the file around the leaf last read */
    size_t window_room;
    size_t window_size;
    uint64_t window_offset;
    size_t next_leaf;       /* behind the one last read */
    uint64_t zero_sum;      /* of a whole chunk of zeros; 0: not computed yet */
    bool zero_digest_known; /* of a whole leaf of zeros: */
    uint8_t zero_digest[SFPM_DIGEST_SIZE];
    const sfpm_region_t *leaf_region; /* NULL: no leaf is kept */
    size_t leaf_which;
    sfpm_leaf_t leaf;
    struct sfpm_reader *base; /* made when first needed */
    sfpm_meter_t *meter;      /* counts what sfpm_region_read() reads, or NULL */
    bool into_zeros; /* sfpm_region_read() reads into zeros: pages that stay zero are not
                        written to */
} sfpm_reader_t;

void sfpm_reader_init(sfpm_reader_t *reader, const sfpm_image_t *image);
void sfpm_reader_free(sfpm_reader_t *reader);

/* Leaf number `which` of a region, verified; it lives until the next call, and the
 * region must live as long. NULL on failure. A leaf that is all zero has correct
 * chunk sums and no extents. */
const sfpm_leaf_t *sfpm_reader_leaf(sfpm_reader_t *reader, const sfpm_region_t *region,
                                    size_t which);

/* The same for a stored leaf, without chunk sums. */
const sfpm_leaf_t *sfpm_reader_extents(sfpm_reader_t *reader, const sfpm_region_t *region,
                                       size_t which);

/* The region of the base image behind one, to be read with reader->base. */
const sfpm_region_t *sfpm_reader_base_region(sfpm_reader_t *reader,
                                             const sfpm_region_t *region);

/* The sum of zeros: of at most a chunk; of a whole chunk, which the reader keeps. */
uint64_t sfpm_zero_sum(size_t size);
uint64_t sfpm_reader_zero_sum(sfpm_reader_t *reader);

/* Whether a leaf is one of the usual ones of a large empty region: whole, without
 * contents and with the digest of zeros. This costs nothing; others must be looked at. */
bool sfpm_reader_leaf_is_zero(sfpm_reader_t *reader, const sfpm_region_t *region,
                              size_t which);

/* A leaf over `size` zero bytes: sums, but no extents. `chunk_sum` is that of a whole
 * chunk of zeros. */
bool sfpm_leaf_zero(uint64_t size, uint64_t chunk_sum, sfpm_leaf_t *leaf);

/* Cuts an extent down to `count` pages from `first` on; false when none is left. */
bool sfpm_extent_cut(sfpm_extent_t *extent, uint32_t first, uint32_t count);

/* The stored parts of one chunk, in order; returns how many they are. */
size_t sfpm_chunk_extents(const sfpm_leaf_t *leaf, uint32_t chunk,
                          sfpm_extent_t cuts[SFPM_CHUNK_PAGES]);

/* Reads the chunk that begins at `position` of a region, and verifies it. */
bool sfpm_chunk_read(sfpm_reader_t *reader, const sfpm_region_t *region,
                     uint64_t position, uint8_t *to);

/* How many bytes from `offset`, inside the region, are zero because their whole leaf is:
 * up to its end, or none. So the cost of large empty regions is that of their leaves. */
bool sfpm_region_zeros(sfpm_reader_t *reader, const sfpm_region_t *region,
                       uint64_t offset, uint64_t *count);

/* Reads a range of a region; verified. `to` NULL only verifies. */
bool sfpm_region_read(sfpm_reader_t *reader, const sfpm_region_t *region, uint64_t offset,
                      uint8_t *to, uint64_t size);

#endif
