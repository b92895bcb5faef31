/* SPDX-License-Identifier: MIT */
/*
 * Shows the heaps in an image: their blocks by type, their roots, and unreachable
 * blocks.
 */
#include <inttypes.h>
#include <stdio.h>

#include <sfpm/heap.h>

#include "common/escape.h"
#include "common/json.h"
#include "common/options.h"
#include "inspect/view.h"

enum {
    ROOTS_MAX = 32 /* listed on the page; more are counted */
};

/* Of what slabs and blocks take, the part that is free, in tenths of a percent. */
static unsigned fragmentation(const sfpm_heap_stats_t *stats)
{
    uint64_t all = stats->bytes + stats->free_bytes;
    return all == 0 ? 0 : (unsigned)((double)stats->free_bytes * 1000 / (double)all);
}

/* Shows one heap; with `survey` NULL, the last error says why there is none. */
typedef void (*show_heap_t)(view_t *view, const char *name,
                            const sfpm_heap_survey_t *survey);

static void for_each_heap(view_t *view, show_heap_t show_heap)
{
    const sfpm_image_t *image = view->file.image;
    const sfpm_region_info_t *region;
    const sfpm_heap_survey_options_t how = {.struct_size = sizeof how,
                                            .max_memory = options.max_memory};
    for (size_t i = 0; (region = sfpm_image_region(image, i)) != NULL; i++) {
        sfpm_heap_survey_t *survey = sfpm_heap_survey(image, i, &how);
        if (!survey && sfpm_last_status() == SFPM_ERR_NOT_FOUND)
            continue;
        if (!survey)
            view_note_damage(view);
        show_heap(view, region->name, survey);
        sfpm_heap_survey_free(survey);
    }
}

/* ---- The page ---- */

static void page_types(const sfpm_heap_survey_t *survey)
{
    const sfpm_heap_survey_type_t *type;
    bool traced = sfpm_heap_survey_info(survey)->traced;
    printf("  %12s %14s %14s %14s  type\n", "blocks", "bytes", "largest",
           traced ? "unreachable" : "");
    for (size_t i = 0; (type = sfpm_heap_survey_type(survey, i)) != NULL; i++) {
        if (type->blocks == 0)
            continue;
        printf("  %12" PRIu64 " %14" PRIu64 " %14" PRIu64 " ", type->blocks, type->bytes,
               type->largest);
        if (traced)
            printf("%14" PRIu64 "  ", type->unreachable_bytes);
        else
            printf("%14s  ", "");
        escape_print(stdout, type->name);
        putchar('\n');
    }
}

static void page_roots(const sfpm_heap_survey_t *survey)
{
    const sfpm_heap_survey_root_t *root;
    size_t count = sfpm_heap_survey_info(survey)->num_roots;
    for (size_t i = 0; i < ROOTS_MAX; i++) {
        if ((root = sfpm_heap_survey_root(survey, i)) == NULL)
            return;
        printf("  %-13s", i == 0 ? "roots" : "");
        escape_print(stdout, root->name);
        fputs(": ", stdout);
        escape_print(stdout, root->type);
        printf(", %" PRIu64 " bytes, at 0x%" PRIx64 "\n", root->size, root->address);
    }
    if (count > ROOTS_MAX)
        printf("  %-13s... %zu more\n", "", count - ROOTS_MAX);
}

static void page_heap(view_t *view, const char *name, const sfpm_heap_survey_t *survey)
{
    printf("\n%sHeap ", view->bold);
    escape_print(stdout, name);
    printf("%s\n", view->plain);
    if (!survey) {
        printf("  %-13s", "unreadable");
        escape_message(stdout, sfpm_last_error());
        putchar('\n');
        return;
    }
    const sfpm_heap_survey_info_t *info = sfpm_heap_survey_info(survey);
    const sfpm_heap_stats_t *stats = &info->stats;
    unsigned part = fragmentation(stats);
    printf("  %-13s0x%" PRIx64 ", %" PRIu64 " bytes of %" PRIu64 "\n", "address",
           stats->base, stats->size, stats->reserved);
    printf("  %-13s%" PRIu64 " of %" PRIu64 " bytes, the largest of %" PRIu64 "\n",
           "blocks", stats->blocks, stats->bytes, stats->largest);
    printf("  %-13s%u.%u %%: %" PRIu64 " bytes are free between blocks\n", "fragmented",
           part / 10, part % 10, stats->free_bytes);
    if (info->traced)
        printf("  %-13s%" PRIu64 " blocks of %" PRIu64 " bytes\n", "unreachable",
               info->unreachable_blocks, info->unreachable_bytes);
    else
        printf("  %-13sunknown: finding out takes more memory than the limit allows\n",
               "unreachable");
    page_roots(survey);
    page_types(survey);
}

void heap_page(view_t *view)
{
    for_each_heap(view, page_heap);
}

/* ---- One fact a line ---- */

static void text_name(const char *what, const char *heap, const char *name)
{
    printf("%s ", what);
    escape_print(stdout, heap);
    if (name) {
        putchar(' ');
        escape_print(stdout, name);
    }
}

static void text_heap(view_t *view, const char *name, const sfpm_heap_survey_t *survey)
{
    const sfpm_heap_survey_type_t *type;
    const sfpm_heap_survey_root_t *root;
    (void)view;
    if (!survey) {
        text_name("heap-refused", name, sfpm_last_error());
        putchar('\n');
        return;
    }
    const sfpm_heap_survey_info_t *info = sfpm_heap_survey_info(survey);
    text_name("heap", name, NULL);
    printf(" blocks %" PRIu64 " bytes %" PRIu64 " largest %" PRIu64 " free %" PRIu64 "\n",
           info->stats.blocks, info->stats.bytes, info->stats.largest,
           info->stats.free_bytes);
    if (info->traced) {
        text_name("heap-unreachable", name, NULL);
        printf(" blocks %" PRIu64 " bytes %" PRIu64 "\n", info->unreachable_blocks,
               info->unreachable_bytes);
    }
    for (size_t i = 0; (root = sfpm_heap_survey_root(survey, i)) != NULL; i++) {
        text_name("heap-root", name, root->name);
        printf(" size %" PRIu64 " at %" PRIu64 " type ", root->size,
               root->address - info->stats.base);
        escape_print(stdout, root->type);
        putchar('\n');
    }
    for (size_t i = 0; (type = sfpm_heap_survey_type(survey, i)) != NULL; i++)
        if (type->blocks > 0) {
            text_name("heap-type", name, type->name);
            printf(" blocks %" PRIu64 " bytes %" PRIu64 " largest %" PRIu64 "\n",
                   type->blocks, type->bytes, type->largest);
        }
}

void heap_text(view_t *view)
{
    for_each_heap(view, text_heap);
}

/* ---- JSON ---- */

static void json_number(const char *name, uint64_t value)
{
    printf(",\"%s\":", name);
    json_u64(value);
}

static void json_unreachable(bool traced, uint64_t blocks, uint64_t bytes)
{
    if (traced) {
        json_number("unreachable_blocks", blocks);
        json_number("unreachable_bytes", bytes);
    } else {
        fputs(",\"unreachable_blocks\":null,\"unreachable_bytes\":null", stdout);
    }
}

static void json_types(const sfpm_heap_survey_t *survey)
{
    const sfpm_heap_survey_type_t *type;
    const char *comma = "";
    fputs(",\"types\":[", stdout);
    for (size_t i = 0; (type = sfpm_heap_survey_type(survey, i)) != NULL; i++) {
        if (type->blocks == 0)
            continue;
        printf("%s{\"name\":", comma);
        comma = ",";
        escape_json(stdout, type->name);
        json_number("blocks", type->blocks);
        json_number("bytes", type->bytes);
        json_number("largest", type->largest);
        json_unreachable(sfpm_heap_survey_info(survey)->traced, type->unreachable_blocks,
                         type->unreachable_bytes);
        putchar('}');
    }
    putchar(']');
}

static void json_roots(const sfpm_heap_survey_t *survey)
{
    const sfpm_heap_survey_root_t *root;
    fputs(",\"roots\":[", stdout);
    for (size_t i = 0; (root = sfpm_heap_survey_root(survey, i)) != NULL; i++) {
        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", stdout);
        escape_json(stdout, root->name);
        json_member("type", root->type);
        json_number("address", root->address);
        json_number("size", root->size);
        putchar('}');
    }
    putchar(']');
}

static void json_heap(view_t *view, const char *name, const sfpm_heap_survey_t *survey)
{
    fputs(view->heaps++ > 0 ? ",{\"region\":" : "{\"region\":", stdout);
    escape_json(stdout, name);
    if (!survey) {
        json_member("refused", sfpm_last_error());
    } else {
        const sfpm_heap_survey_info_t *info = sfpm_heap_survey_info(survey);
        json_number("address", info->stats.base);
        json_number("size", info->stats.size);
        json_number("blocks", info->stats.blocks);
        json_number("bytes", info->stats.bytes);
        json_number("largest", info->stats.largest);
        json_number("free_bytes", info->stats.free_bytes);
        json_unreachable(info->traced, info->unreachable_blocks, info->unreachable_bytes);
        json_roots(survey);
        json_types(survey);
    }
    putchar('}');
}

void heap_json(view_t *view)
{
    fputs(",\"heaps\":[", stdout);
    for_each_heap(view, json_heap);
    putchar(']');
}
