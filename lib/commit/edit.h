/* SPDX-License-Identifier: MIT */
/* A commit in the making, as the files of this directory share it. */
#ifndef SFPM_COMMIT_EDIT_H
#define SFPM_COMMIT_EDIT_H

#include "base/name_map.h"
#include "commit/commit.h"
#include "image/image.h"
#include "io/output.h"

typedef enum sfpm_source_kind {
    SFPM_SOURCE_INHERITED, /* what `old` holds, with the changes on top */
    SFPM_SOURCE_MEMORY,    /* all of it from `memory`; NULL: zeros */
    SFPM_SOURCE_IMAGE      /* all of it from `content`, a region of edit->contents */
} sfpm_source_kind_t;

/* Where the contents of one region of the next commit come from. */
typedef struct sfpm_source {
    sfpm_source_kind_t kind;
    const sfpm_region_t *old; /* what stood here before, NULL for a new region */
    size_t old_index;         /* of `old` in the starting image */
    sfpm_leaf_t *old_leaves;  /* rewriting: where it lies in the new file, by leaf */
    const sfpm_leaf_ref_t *old_refs; /* rewriting: its leaves in the new file */
    size_t num_old_leaves;
    const uint8_t *memory;        /* borrowed */
    const uint64_t *changed;      /* borrowed: a bit for each page of `memory` that may
                                     differ from `old`; NULL: that is not known */
    bool most_changed;            /* … and most of these do */
    uint8_t *owned;               /* memory that the edit had to load itself */
    const sfpm_region_t *content; /* of any commit of edit->contents */
    void *changes; /* of what is inherited (overlay.c) */
    bool removed;  /* the next commit does not have this region */
} sfpm_source_t;

struct sfpm_edit {
    sfpm_image_t *image;          /* what it starts from; NULL for a new image */
    const sfpm_image_t *contents; /* the image of SFPM_SOURCE_IMAGE regions, or NULL */
    uint32_t format;
    bool converts; /* the starting image to another format: its state keeps its time */
    bool undo;
    bool delta;        /* a new file on top of the starting image as its base */
    bool keep_numbers; /* rewriting: the index's numbers and time are as they were */
    unsigned workers;  /* threads that compress; 0 and 1: none besides the caller */
    const sfpm_keys_t *keys; /* of the file being written; NULL: not sealed */
    sfpm_keys_t own_keys;    /* … when it is a new one */
    sfpm_index_t index;      /* the next commit's; leaves are filled in when written */
    sfpm_source_t *sources;  /* one for each of index.regions */
    size_t num_removed;      /* of them: they go when the edit is written */
    sfpm_name_map_t names;   /* their places, without those that are removed */
    size_t max_regions;      /* room in both arrays */
    const uint8_t
        *known_id;       /* rewriting: the image's id; NULL: that of the first index */
    sfpm_meter_t *meter; /* counts contents, when planned and when written; or NULL */
    sfpm_meter_t own_meter;
    bool only_new;                    /* a save must not replace a file */
    bool written;                     /* as the commit index.number of the image … */
    uint8_t id[SFPM_DIGEST_SIZE];     /* … with this id … */
    uint8_t digest[SFPM_DIGEST_SIZE]; /* … and this state */
    sfpm_written_callback_t on_write; /* called then; or NULL */
    void *on_write_context;
};

/* Replaces bytes of an inherited region; later changes win. */
bool sfpm_source_change(sfpm_source_t *source, uint64_t offset, const void *bytes,
                        size_t size);
void sfpm_source_forget(sfpm_source_t *source);

/* Whether pages of a source of which the changed ones are known may differ. */
bool sfpm_source_may_differ(const sfpm_source_t *source, uint64_t offset, size_t size);

/* Reads a region of the next commit by its place in edit->index. */
bool sfpm_source_read(const sfpm_edit_t *edit, size_t which, uint64_t offset, uint8_t *to,
                      size_t size);
/* Lays the changes over `size` bytes at `offset`; returns whether any touched them. */
bool sfpm_source_overlay(const sfpm_source_t *source, uint64_t offset, uint8_t *to,
                         size_t size);

/* Takes out the regions that were removed, before the edit is written. */
bool sfpm_edit_settle(sfpm_edit_t *edit);

/* Sets the time of the commit that is written. */
bool sfpm_edit_stamp(sfpm_edit_t *edit);

/* How many bytes a meter will count while the edit is written. */
uint64_t sfpm_edit_work(const sfpm_edit_t *edit);

/* Writes header and, for a sealed image, the KEYS record of a new file. */
bool sfpm_write_header(sfpm_edit_t *edit, sfpm_output_t *output);

/* Writes the edit as the next commit at the output's end, trailer and syncs
 * included; the bytes before it are already there. `last` is the trailer of the
 * commit before, NULL for the first. */
struct sfpm_plan;
bool sfpm_commit_write(sfpm_edit_t *edit, const sfpm_trailer_t *last,
                       sfpm_output_t *output);
/* The same in steps, for a caller that wants the plan and the trailer. */
bool sfpm_commit_write_planned(struct sfpm_plan *plan, sfpm_edit_t *edit,
                               const sfpm_trailer_t *last, sfpm_trailer_t *trailer,
                               sfpm_output_t *output);

/* Makes the edit a delta against an image, which it then names. */
bool sfpm_edit_name_base(sfpm_edit_t *edit, const sfpm_image_t *base);

/* Write options of a caller, in the form of the layer below. */
bool sfpm_output_options(const sfpm_write_options_t *given,
                         sfpm_output_options_t *options);

/* After a commit was made: drops commits before the newest `keep`, when half of them can
 * go; 0 keeps all. A failure is no more than a warning. */
void sfpm_image_drop_old(sfpm_image_t *image, uint64_t keep, unsigned workers,
                         const sfpm_write_options_t *write);

/* Whether a stream does not write into a file that the image, or a base of it, is read
 * from; else SFPM_ERR_ARGUMENT. */
bool sfpm_stream_spares(const sfpm_image_t *image, const sfpm_output_t *output);

/* Writes a whole file of the original layout. */
bool sfpm_v1_encode(sfpm_edit_t *edit, sfpm_output_t *output);

/* Under the lock that `output` holds: whether it is still the image's file, with the last
 * commit that is known. */
bool sfpm_image_still_ours(const sfpm_image_t *image, const sfpm_output_t *output);

/* Whether a region may be written: a secret one only `sealed`. The reason completes the
 * sentence "region 'x' is secret". */
bool sfpm_secret_allowed(const sfpm_region_t *region, bool sealed, const char *reason);

#endif
