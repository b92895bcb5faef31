/* SPDX-License-Identifier: MIT */
/* The blocks of heaps whose bytes differ, by type and root. */
#include <stdint.h>

#include <sfpm/heap.h>

#include "common/options.h"
#include "common/tool.h"
#include "diff/diff.h"

typedef struct walk {
    sfpm_heap_survey_t *survey[SIDES];
    uint64_t next; /* blocks before this offset were shown */
    block_function_t block;
    void *context;
} walk_t;

static const char *change_of(const sfpm_heap_survey_block_t *a,
                             const sfpm_heap_survey_block_t *b)
{
    if (!a->type)
        return "allocated";
    if (!b->type)
        return "freed";
    return a->offset == b->offset && a->size == b->size ? "changed" : "replaced";
}

/* Where a block may be found next, if there is none at `at`. */
static uint64_t after_gap(uint64_t at, const sfpm_heap_survey_block_t *a,
                          const sfpm_heap_survey_block_t *b)
{
    return at + (a->size < b->size ? a->size : b->size);
}

/* Bytes between blocks belong to free blocks or to the tables of the heap. */
static bool show_blocks(void *context, uint64_t offset, uint64_t length)
{
    walk_t *walk = context;
    uint64_t end = offset + length;
    uint64_t at = offset > walk->next ? offset : walk->next;
    while (at < end) {
        sfpm_heap_survey_block_t found[SIDES] = {{.struct_size = sizeof *found},
                                                 {.struct_size = sizeof *found}};
        bool any = false;
        for (int s = LEFT; s < SIDES; s++)
            any |= sfpm_heap_survey_block(walk->survey[s], at, &found[s]);
        const sfpm_heap_survey_block_t *block = &found[found[RIGHT].type ? RIGHT : LEFT];
        const char *change = change_of(&found[LEFT], &found[RIGHT]);
        if (any && !walk->block(walk->context, change, block))
            return false;
        at = any ? block->offset + block->size
                 : after_gap(at, &found[LEFT], &found[RIGHT]);
    }
    walk->next = at;
    return true;
}

bool diff_blocks(const diff_t *diff, const pair_t *pair, block_function_t block,
                 void *context)
{
    const sfpm_heap_survey_options_t how = {.struct_size = sizeof how,
                                            .max_memory = options.max_memory};
    walk_t walk = {.block = block, .context = context};
    bool ok = true;
    for (int s = LEFT; s < SIDES; s++)
        walk.survey[s] = sfpm_heap_survey(diff->side[s].file.image, pair->index[s], &how);
    if (walk.survey[LEFT] && walk.survey[RIGHT])
        ok = sfpm_image_compare(diff->side[LEFT].file.image, pair->index[LEFT],
                                diff->side[RIGHT].file.image, pair->index[RIGHT],
                                show_blocks, &walk);
    if (!ok)
        tool_fail(NULL, "%s", sfpm_last_error());
    for (int s = LEFT; s < SIDES; s++)
        sfpm_heap_survey_free(walk.survey[s]);
    return ok;
}
