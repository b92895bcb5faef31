/* SPDX-License-Identifier: MIT */
/*
 * Recording where addresses in pointer regions lead, and checking it before a restore.
 * Any aligned word that could be an address counts as one: a number that looks like an
 * address of a module only matters when that module moves.
 */
#include "snapshot/pointers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit/commit.h"
#include "snapshot/pointees.h"
#include "snapshot/tracking.h"

/* ---- Searching ------------------------------------------------------------- */

/* Bytes that a word beginning before a page may have in it. */
enum { WORD = sizeof(uintptr_t), OVERLAP = WORD - 1 };

typedef struct span {
    uintptr_t start;
    uintptr_t size;
} span_t;

static bool is_in(const span_t *span, uintptr_t address)
{
    return address - span->start < span->size;
}

/* `bytes` are, or are a copy of, what lies at `address`. */
static void search(const sfpm_pointees_t *pointees, const uint8_t *bytes,
                   uintptr_t address, size_t from, size_t to)
{
    const uintptr_t low = pointees->low;
    const uintptr_t span = pointees->high - low;
    span_t recent[2] = {{0}}; /* known to be used */
    size_t offset = from + (size_t)(-(address + from) % WORD);
    for (; offset <= to && to - offset >= WORD; offset += WORD) {
        uintptr_t word;
        memcpy(&word, bytes + offset, WORD);
        if (word - low >= span || is_in(&recent[0], word) || is_in(&recent[1], word))
            continue;
        sfpm_pointee_t *target = sfpm_pointees_find(pointees, word);
        if (!target)
            continue;
        target->used = true;
        recent[1] = recent[0];
        recent[0] = (span_t){target->start, target->end - target->start};
    }
}

static void search_changed(const sfpm_pointees_t *pointees,
                           const sfpm_registered_t *region, const uint64_t *changed)
{
    const uint8_t *bytes = region->base;
    const uintptr_t address = sfpm_region_address(region);
    const size_t pages = (region->size + SFPM_PAGE - 1) / SFPM_PAGE;
    for (size_t page = 0; page < pages; page++) {
        size_t from = page * SFPM_PAGE;
        size_t rest = region->size - from;
        size_t size = rest < SFPM_PAGE + OVERLAP ? rest : SFPM_PAGE + OVERLAP;
        if (changed[page / 64] == 0)
            page |= 63;
        else if (changed[page / 64] >> page % 64 & 1)
            search(pointees, bytes, address, from > OVERLAP ? from - OVERLAP : 0,
                   from + size);
    }
}

static bool is_searched(const sfpm_registered_t *region)
{
    return (region->flags & SFPM_REGION_POINTERS) &&
           !(region->flags & SFPM_REGION_VOLATILE);
}

/* Returns whether what was recorded for unchanged pages is to be kept. */
static bool search_regions(const sfpm_pointees_t *pointees,
                           const sfpm_snapshot_t *snapshot, bool incremental)
{
    bool skipped = false;
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        const uint64_t *changed =
            incremental ? sfpm_dirty_changed(sfpm_snapshot_tracked(snapshot, i)) : NULL;
        if (!is_searched(region))
            continue;
        sfpm_pointee_t *around =
            sfpm_pointees_find(pointees, sfpm_region_address(region));
        if (around && around->is_module)
            around->holds_region = true;
        if (changed)
            search_changed(pointees, region, changed);
        else
            search(pointees, region->base, sfpm_region_address(region), 0, region->size);
        skipped = skipped || changed;
    }
    return skipped;
}

/* ---- Attributes ------------------------------------------------------------ */

enum { KEY_LENGTH = sizeof SFPM_POINTERS_KEY - 1 };

static bool is_record(const char *key)
{
    return strncmp(key, SFPM_POINTERS_KEY, KEY_LENGTH) == 0 &&
           (key[KEY_LENGTH] == '\0' || key[KEY_LENGTH] == '.');
}

/* Calls back for each record of an image until the callback returns false. */
typedef bool (*visit_t)(void *context, const sfpm_pointee_t *record);

static bool each_record(const sfpm_image_t *image, visit_t visit, void *context)
{
    const char *key;
    const char *value;
    for (size_t i = 0; i < sfpm_image_commit_info(image)->num_attributes; i++) {
        sfpm_pointee_t record;
        if (!sfpm_image_attribute(image, i, &key, &value) || !is_record(key) ||
            key[KEY_LENGTH] == '\0')
            continue;
        if (!sfpm_pointee_decode(&record, value))
            return sfpm_fail_prefix("attribute '%.40s'", key);
        if (!visit(context, &record))
            return false;
    }
    return true;
}

/* The image's own record says that all was recorded, even if that was nothing. */
static bool is_recorded(const sfpm_image_t *image)
{
    const char *key;
    const char *value;
    for (size_t i = 0; i < sfpm_image_commit_info(image)->num_attributes; i++)
        if (sfpm_image_attribute(image, i, &key, &value) &&
            strcmp(key, SFPM_POINTERS_KEY) == 0)
            return true;
    return false;
}

/* What lies no more where it was recorded is not pointed to on purpose. */
static bool keep_record(void *context, const sfpm_pointee_t *record)
{
    sfpm_pointee_t *here = sfpm_pointees_match(context, record);
    if (here && sfpm_pointee_is_same(here, record)) {
        here->used = here->used || record->used;
        here->holds_region = true;
    }
    return true;
}

/* Removes the records that an edit took over from its image; from the back, where
 * removing is cheap. */
static bool remove_records(sfpm_edit_t *edit)
{
    const sfpm_image_t *image = sfpm_edit_image(edit);
    const char *key;
    const char *value;
    size_t count = image ? sfpm_image_commit_info(image)->num_attributes : 0;
    for (size_t i = count; i-- > 0;)
        if (sfpm_image_attribute(image, i, &key, &value) && is_record(key) &&
            !sfpm_edit_set_attribute(edit, key, NULL))
            return false;
    return true;
}

/* A region in the program needs no record: the image has the program's build-id. */
static bool is_worth_recording(const sfpm_pointee_t *pointee)
{
    return pointee->used || (pointee->holds_region && *pointee->name);
}

static bool add_record(sfpm_edit_t *edit, const sfpm_pointee_t *pointee, size_t number)
{
    char key[sizeof SFPM_POINTERS_KEY + 24];
    char *text = sfpm_pointee_encode(pointee);
    snprintf(key, sizeof key, SFPM_POINTERS_KEY ".%06zu", number);
    bool ok = text && sfpm_edit_set_attribute(edit, key, text);
    free(text);
    return ok;
}

static bool add_records(sfpm_edit_t *edit, const sfpm_pointees_t *pointees)
{
    char text[24];
    size_t count = 0;
    for (size_t i = 0; i < pointees->count; i++)
        if (is_worth_recording(&pointees->list[i]) &&
            !add_record(edit, &pointees->list[i], ++count))
            return false;
    snprintf(text, sizeof text, "%zu", count);
    return sfpm_edit_set_attribute(edit, SFPM_POINTERS_KEY, text);
}

bool sfpm_pointers_record(const sfpm_snapshot_t *snapshot, const sfpm_image_t *last,
                          sfpm_edit_t *edit)
{
    sfpm_pointees_t pointees = {0};
    size_t wanted = 0;
    for (size_t i = 0; i < snapshot->num_regions; i++)
        wanted += is_searched(&snapshot->regions[i]);
    if (!remove_records(edit))
        return false;
    if (wanted == 0)
        return true;
    bool incremental = last && is_recorded(last);
    bool ok = sfpm_pointees_collect(&pointees, snapshot) &&
              (!search_regions(&pointees, snapshot, incremental) ||
               each_record(last, keep_record, &pointees)) &&
              add_records(edit, &pointees);
    sfpm_pointees_free(&pointees);
    return ok;
}

/* ---- Checking -------------------------------------------------------------- */

#define REMEDY                                                                           \
    "link with -static -no-pie (for the program itself -no-pie is enough), so that it "  \
    "lies at the same address in every process; or, in a heap, give blocks types and "   \
    "register symbols instead of same_build"

static bool refuse_module(const sfpm_pointee_t *here, const sfpm_pointee_t *record)
{
    const char *name = *record->name ? record->name : "the program";
    if (!here)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "addresses in the image point into %s, which is not loaded: "
                         "load it before restoring, or " REMEDY,
                         name);
    if (!*here->build_id || strcmp(here->build_id, record->build_id) != 0)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "addresses in the image point into %s, which is not known to be "
                         "the same build: build-id %s in the image, %s here",
                         name, *record->build_id ? record->build_id : "unknown",
                         *here->build_id ? here->build_id : "unknown");
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "addresses in the image point into %s, which was loaded at 0x%llx "
                     "when the image was saved, and is at 0x%llx now: " REMEDY,
                     name, (unsigned long long)record->base,
                     (unsigned long long)here->base);
}

static bool refuse_region(const sfpm_pointee_t *here, const sfpm_pointee_t *record)
{
    if (!here)
        return sfpm_fail(
            SFPM_ERR_MISMATCH,
            "addresses in the image point into region '%s', which is not registered",
            record->name);
    return sfpm_fail(
        SFPM_ERR_MISMATCH,
        "addresses in the image point into region '%s', which was at 0x%llx when it was "
        "saved, and is at 0x%llx now: give it memory at the same address, or use a heap",
        record->name, (unsigned long long)record->base, (unsigned long long)here->base);
}

static bool check_record(void *context, const sfpm_pointee_t *record)
{
    const sfpm_pointee_t *here = sfpm_pointees_match(context, record);
    if (here && sfpm_pointee_is_same(here, record))
        return true;
    return record->is_module ? refuse_module(here, record) : refuse_region(here, record);
}

bool sfpm_pointers_check(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image)
{
    sfpm_pointees_t pointees;
    bool ok = sfpm_pointees_collect(&pointees, snapshot) &&
              each_record(image, check_record, &pointees);
    sfpm_pointees_free(&pointees);
    return ok;
}
