/* SPDX-License-Identifier: MIT */
/* Writing all commits of an image again, for rewriting and salvaging. */
#ifndef SFPM_COMMIT_REWRITE_H
#define SFPM_COMMIT_REWRITE_H

#include "commit/plan.h"

/* Where the regions of the commit written last lie in the new file. */
typedef struct sfpm_written {
    sfpm_index_t index;   /* as the old file has it */
    sfpm_name_map_t names; /* of its regions */
    size_t num_regions;   /* of the arrays below */
    sfpm_leaf_t **leaves; /* by region and leaf */
    sfpm_leaf_ref_t **refs;
} sfpm_written_t;

typedef struct sfpm_rewriter {
    sfpm_image_t *image;
    sfpm_rewrite_options_t options;
    sfpm_keys_t keys; /* of the new file, when it is sealed */
    uint32_t codec;   /* when a compression is asked for */
    int level;
    sfpm_output_t *output;
    sfpm_progress_t progress;
    sfpm_meter_t meter;
    sfpm_written_t before;
    sfpm_trailer_t last;
    bool any;                         /* a commit has been written */
    bool salvage;                     /* only what is intact, with new numbers */
    sfpm_salvage_callback_t callback; /* called for each region, or NULL */
    void *context;
} sfpm_rewriter_t;

/* Writes the commit of a trailer of the old image to the output. */
bool sfpm_rewrite_commit(sfpm_rewriter_t *rewriter, const sfpm_trailer_t *trailer);

/* Leaves out the regions of a commit that cannot be read whole (salvage.c). */
bool sfpm_salvage_filter(sfpm_rewriter_t *rewriter, sfpm_index_t *index);

/* Releases what the commits left behind; the image stays. */
void sfpm_rewriter_free(sfpm_rewriter_t *rewriter);

#endif
