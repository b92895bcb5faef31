/* SPDX-License-Identifier: MIT */
/* Planning the chunks of one leaf. */
#ifndef SFPM_COMMIT_PLAN_LEAF_H
#define SFPM_COMMIT_PLAN_LEAF_H

#include "commit/plan.h"

typedef struct sfpm_leaf_job {
    sfpm_plan_t *plan;
    sfpm_planned_leaf_t *planned;
    const sfpm_source_t *source;
    uint64_t base;          /* of the leaf in its region */
    const sfpm_leaf_t *old; /* what stood here before, as it lies in the file being
                               written or, in a delta, in the base; NULL: nothing */
    uint64_t old_size;      /* bytes that it covers */
} sfpm_leaf_job_t;

bool sfpm_plan_chunks(sfpm_leaf_job_t *job);

#endif
