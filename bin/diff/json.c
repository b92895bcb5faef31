/* SPDX-License-Identifier: MIT */
/* One JSON object on one line: schema 1, which sfpm-diff(1) describes. */
#include <inttypes.h>
#include <stdio.h>

#include "common/escape.h"
#include "common/json.h"
#include "common/tool.h"
#include "diff/diff.h"

enum {
    ITEMS_MAX = 1000 /* of each list, unless all are wanted */
};

/* A list being printed. */
typedef struct items {
    bool all;
    size_t count;
    bool *truncated; /* set when something is left out */
} items_t;

/* Whether one more is to be shown; prints the comma before it. */
static bool next_item(items_t *items)
{
    if (items->count >= ITEMS_MAX && !items->all) {
        *items->truncated = true;
        return false;
    }
    if (items->count++ > 0)
        putchar(',');
    return true;
}

static void json_text(const char *name, const char *text)
{
    if (text)
        json_member(name, text);
    else
        printf(",\"%s\":null", name);
}

static void json_row(void *context, const char *name, const char *key, const char *a,
                     const char *b)
{
    if (!next_item(context))
        return;
    printf("{\"name\":\"%s\"", name);
    json_text("key", key);
    json_text("a", a);
    json_text("b", b);
    putchar('}');
}

static bool json_instruction(void *context, uint64_t offset, const char *a, const char *b)
{
    if (!next_item(context))
        return false;
    fputs("{\"offset\":", stdout);
    json_u64(offset);
    json_text("a", a);
    json_text("b", b);
    putchar('}');
    return true;
}

static bool json_range(void *context, uint64_t offset, uint64_t length)
{
    if (!next_item(context))
        return false;
    putchar('[');
    json_u64(offset);
    putchar(',');
    json_u64(length);
    putchar(']');
    return true;
}

static void json_region(const char *name, const sfpm_region_info_t *region)
{
    printf(",\"%s\":", name);
    if (!region) {
        fputs("null", stdout);
        return;
    }
    fputs("{\"size\":", stdout);
    json_u64(region->size);
    fputs(",\"flags\":", stdout);
    json_flags(region->flags);
    putchar('}');
}

static bool json_block(void *context, const char *change,
                       const sfpm_heap_survey_block_t *block)
{
    if (!next_item(context))
        return false;
    fputs("{\"offset\":", stdout);
    json_u64(block->offset);
    fputs(",\"size\":", stdout);
    json_u64(block->size);
    json_text("type", block->type);
    json_text("root", block->root);
    json_text("change", change);
    putchar('}');
    return true;
}

static bool json_pair(diff_t *diff, const pair_t *pair, bool *truncated)
{
    items_t items = {.all = diff->all, .truncated = truncated};
    fputs("{\"name\":", stdout);
    escape_json(stdout, pair_name(pair));
    json_region("a", pair->region[LEFT]);
    json_region("b", pair->region[RIGHT]);
    fputs(",\"bytes\":", stdout);
    json_u64(pair->bytes);
    fputs(",\"ranges\":[", stdout);
    bool ok = !pair_is_common(pair) ||
              sfpm_image_compare(diff->side[LEFT].file.image, pair->index[LEFT],
                                 diff->side[RIGHT].file.image, pair->index[RIGHT],
                                 json_range, &items);
    if (!ok)
        tool_fail(NULL, "%s", sfpm_last_error());
    fputs("],\"blocks\":[", stdout);
    items.count = 0;
    ok = ok && (!pair_is_common(pair) || diff_blocks(diff, pair, json_block, &items));
    fputs("]}", stdout);
    return ok;
}

static bool json_pairs(diff_t *diff, bool *truncated)
{
    bool ok = true, first = true;
    printf(",\"reordered\":%s,\"regions\":[", diff->reordered ? "true" : "false");
    for (size_t i = 0; ok && i < diff->num_pairs; i++) {
        if (!pair_differs(&diff->pairs[i]))
            continue;
        if (!first)
            putchar(',');
        first = false;
        ok = json_pair(diff, &diff->pairs[i], truncated);
    }
    putchar(']');
    return ok;
}

static void json_side(const char *name, const side_t *side)
{
    const sfpm_image_info_t *info = sfpm_image_info(side->file.image);
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(side->file.image);
    printf(",\"%s\":{\"image\":", name);
    escape_json(stdout, side->file.label);
    printf(",\"format\":%" PRIu32 ",\"commit\":", info->format);
    json_u64(commit->number);
    json_member("creator", commit->creator);
    fputs(",\"digest\":", stdout);
    json_digest(commit->digest, info->format != 1);
    putchar('}');
}

static void json_change(void *context, const sfpm_vm_change_t *change)
{
    if (change->change == SFPM_VM_UNCHANGED || !next_item(context))
        return;
    printf("{\"kind\":\"%s\"", change->kind);
    json_text("name", change->name);
    printf(",\"index\":%" PRIu32 ",\"address\":", change->index);
    json_u64(change->address);
    fputs(",\"size\":", stdout);
    json_u64(change->size);
    json_text("change", machine_change_word(change));
    putchar('}');
}

static bool json_new_code(const diff_t *diff, items_t *items)
{
    char refusal[DIFF_REFUSAL];
    fputs(",\"code\":", stdout);
    if (!diff_has_new_code(diff)) {
        fputs("null", stdout);
        return true;
    }
    fputs("{\"changes\":[", stdout);
    if (!diff_new_code(diff, json_change, items, refusal))
        return false;
    putchar(']');
    json_text("refused", refusal[0] != '\0' ? refusal : NULL);
    putchar('}');
    return true;
}

bool show_json(diff_t *diff)
{
    bool truncated = false;
    items_t items = {.all = diff->all, .truncated = &truncated};
    printf("{\"schema\":1,\"equal\":%s", diff_differs(diff) ? "false" : "true");
    json_side("a", &diff->side[LEFT]);
    json_side("b", &diff->side[RIGHT]);
    fputs(",\"metadata\":[", stdout);
    diff_metadata(diff, json_row, &items);
    putchar(']');
    if (!json_pairs(diff, &truncated))
        return false;
    items.count = 0;
    fputs(",\"machine\":[", stdout);
    diff_machine(diff, json_row, &items);
    items.count = 0;
    fputs("],\"instructions\":[", stdout);
    if (!diff_code(diff, json_instruction, &items))
        return false;
    putchar(']');
    items.count = 0;
    if (!json_new_code(diff, &items))
        return false;
    printf(",\"truncated\":%s}\n", truncated ? "true" : "false");
    return true;
}
