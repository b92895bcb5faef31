/* SPDX-License-Identifier: MIT */
/* Collects the changes of a commit; nothing here accesses a file. */
#include "commit/edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

static void free_source(sfpm_source_t *source)
{
    sfpm_source_forget(source);
    free(source->owned);
    *source = (sfpm_source_t){0};
}

void sfpm_edit_destroy(sfpm_edit_t *edit)
{
    if (!edit)
        return;
    for (size_t i = 0; i < edit->index.num_regions; i++)
        free_source(&edit->sources[i]);
    free(edit->sources);
    sfpm_name_map_free(&edit->names);
    sfpm_index_free(&edit->index);
    sfpm_wipe(&edit->own_keys, sizeof edit->own_keys);
    free(edit);
}

static bool init_index(sfpm_edit_t *edit)
{
    if (edit->image)
        return sfpm_index_copy(&edit->image->index, &edit->index);
    edit->index.regions = SFPM_NEW_N(sfpm_region_t, 0);
    bool ok = edit->index.regions != NULL;
    for (size_t i = 0; ok && i < SFPM_NUM_TEXTS; i++)
        ok = (edit->index.texts[i] = sfpm_copy_string("")) != NULL;
    return ok;
}

static bool name_regions(sfpm_edit_t *edit)
{
    for (size_t i = 0; i < edit->index.num_regions; i++)
        if (!sfpm_name_map_add(&edit->names, edit->index.regions[i].name, i, NULL))
            return false;
    return true;
}

sfpm_edit_t *sfpm_edit_create(sfpm_image_t *image)
{
    sfpm_edit_t *edit = SFPM_NEW(sfpm_edit_t);
    if (!edit)
        return NULL;
    edit->image = image;
    edit->format = image ? image->info.format : SFPM_FORMAT_VERSION;
    if (!init_index(edit))
        goto fail;
    edit->max_regions = edit->index.num_regions;
    edit->sources = SFPM_NEW_N(sfpm_source_t, edit->max_regions);
    if (!edit->sources)
        goto fail;
    for (size_t i = 0; i < edit->index.num_regions; i++) {
        edit->sources[i].old = &image->index.regions[i];
        edit->sources[i].old_index = i;
    }
    edit->contents = image;
    edit->keys = image && image->keys.sealed ? &image->keys : NULL;
    if (name_regions(edit) && sfpm_edit_set_message(edit, ""))
        return edit;
fail:
    /* The sources of copied regions may not be there yet. */
    if (!edit->sources)
        sfpm_index_free(&edit->index);
    sfpm_edit_destroy(edit);
    return NULL;
}

static bool usable(const sfpm_edit_t *edit)
{
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    return !edit->undo || sfpm_fail(SFPM_ERR_ARGUMENT,
                                    "an edit that goes back cannot make other changes");
}

static bool add_region(sfpm_edit_t *edit, const char *name, size_t *which)
{
    size_t n = edit->index.num_regions;
    void *regions = edit->index.regions, *sources = edit->sources;
    size_t room = edit->max_regions, again = edit->max_regions;
    bool ok = sfpm_grow_array(&regions, &room, n + 1, sizeof(sfpm_region_t));
    edit->index.regions = regions;
    ok = ok && sfpm_grow_array(&sources, &again, n + 1, sizeof(sfpm_source_t));
    edit->sources = sources;
    if (!ok)
        return false;
    edit->max_regions = room;
    edit->sources[n] = (sfpm_source_t){0};
    edit->index.regions[n] = (sfpm_region_t){.name = sfpm_copy_string(name)};
    if (!edit->index.regions[n].name)
        return false;
    if (!sfpm_name_map_add(&edit->names, edit->index.regions[n].name, n, NULL)) {
        sfpm_region_free(&edit->index.regions[n]);
        return false;
    }
    edit->index.num_regions = n + 1;
    *which = n;
    return true;
}

static bool check_region(const char *name, const void *base, size_t size, uint32_t flags,
                         bool sealed)
{
    if (!name || (!base && size))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no name or no address of the region was given");
    if (strlen(name) > SFPM_TEXT_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "the region name is too long (%zu bytes, at most %d)",
                         strlen(name), SFPM_TEXT_MAX);
    const sfpm_region_t region = {.name = (char *)(uintptr_t)name, .flags = flags};
    return sfpm_secret_allowed(
        &region, sealed,
        " and the image is not encrypted: encrypt it, or mark the region volatile");
}

bool sfpm_edit_set_region(sfpm_edit_t *edit, const char *name, size_t instance,
                          const void *base, size_t size, uint32_t flags)
{
    size_t which = 0;
    if (!usable(edit) || !check_region(name, base, size, flags, edit->keys))
        return false;
    if (!sfpm_name_map_find(&edit->names, name, instance, &which) && !add_region(edit, name, &which))
        return false;
    sfpm_source_t *source = &edit->sources[which];
    sfpm_source_forget(source);
    source->kind = SFPM_SOURCE_MEMORY;
    source->memory = flags & SFPM_REGION_VOLATILE ? NULL : base;
    source->changed = NULL;
    edit->index.regions[which].size = size;
    edit->index.regions[which].flags = flags;
    return true;
}

bool sfpm_edit_set_address(sfpm_edit_t *edit, const char *name, size_t instance,
                           uint64_t address)
{
    size_t which = 0;
    if (!usable(edit))
        return false;
    if (!name || !sfpm_name_map_find(&edit->names, name, instance, &which))
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "cannot set the address of region '%s': there is no such region",
                         name ? name : "");
    edit->index.regions[which].address = address;
    return true;
}

bool sfpm_edit_set_changed(sfpm_edit_t *edit, const char *name, size_t instance,
                           const uint64_t *changed, bool most)
{
    size_t which = 0;
    if (!sfpm_name_map_find(&edit->names, name, instance, &which))
        return sfpm_fail(SFPM_ERR_INTERNAL, "there is no region '%s'", name);
    sfpm_source_t *source = &edit->sources[which];
    /* A region that had another size is compared as if nothing were known, and a version
     * 1 image has no leaves to reuse. */
    if (source->old && source->memory && edit->image->info.format != 1 &&
        source->old->size == edit->index.regions[which].size)
        source->changed = changed;
    source->most_changed = most;
    return true;
}

const sfpm_image_t *sfpm_edit_image(const sfpm_edit_t *edit)
{
    return edit->image;
}

bool sfpm_edit_remove_region(sfpm_edit_t *edit, const char *name, size_t instance)
{
    size_t which = 0;
    if (!usable(edit))
        return false;
    if (!name || !sfpm_name_map_find(&edit->names, name, instance, &which))
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "cannot remove region '%s': there is no such region",
                         name ? name : "");
    sfpm_name_map_remove(&edit->names, name, instance);
    edit->sources[which].removed = true;
    edit->num_removed++;
    return true;
}

bool sfpm_edit_settle(sfpm_edit_t *edit)
{
    size_t kept = 0;
    if (edit->num_removed == 0)
        return true;
    for (size_t i = 0; i < edit->index.num_regions; i++) {
        if (edit->sources[i].removed) {
            sfpm_region_free(&edit->index.regions[i]);
            free_source(&edit->sources[i]);
            continue;
        }
        edit->index.regions[kept] = edit->index.regions[i];
        edit->sources[kept++] = edit->sources[i];
    }
    edit->index.num_regions = kept;
    edit->num_removed = 0;
    sfpm_name_map_free(&edit->names);
    return name_regions(edit);
}

/* The place in the edit of a region of the starting image. These stand first, in their
 * order. */
static bool find_old(const sfpm_edit_t *edit, size_t index, size_t *which)
{
    size_t low = 0, high = edit->index.num_regions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sfpm_source_t *source = &edit->sources[middle];
        if (source->old && source->old_index < index)
            low = middle + 1;
        else
            high = middle;
    }
    const sfpm_source_t *source = &edit->sources[low];
    *which = low;
    return (low < edit->index.num_regions && source->old && source->old_index == index &&
            !source->removed) ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "region %zu of the image is not in the edit",
                     index);
}

static bool check_range(const sfpm_edit_t *edit, size_t which, uint64_t offset,
                        size_t size)
{
    const sfpm_region_t *region = &edit->index.regions[which];
    return sfpm_in_range(offset, size, region->size) ||
           sfpm_fail(SFPM_ERR_ARGUMENT,
                     "offset %llu + %zu bytes is outside region '%s' of %llu bytes",
                     (unsigned long long)offset, size, region->name,
                     (unsigned long long)region->size);
}

bool sfpm_edit_write(sfpm_edit_t *edit, size_t index, uint64_t offset, const void *bytes,
                     size_t size)
{
    size_t which = 0;
    if (!usable(edit))
        return false;
    if (!bytes && size)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no bytes were given");
    if (!find_old(edit, index, &which) || !check_range(edit, which, offset, size))
        return false;
    sfpm_source_t *source = &edit->sources[which];
    if (edit->index.regions[which].flags & SFPM_REGION_VOLATILE)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "region '%s' is volatile: it has no contents",
                         edit->index.regions[which].name);
    if (source->kind != SFPM_SOURCE_INHERITED)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "this edit already replaces region '%s'",
                         edit->index.regions[which].name);
    return size == 0 || sfpm_source_change(source, offset, bytes, size);
}

bool sfpm_source_read(const sfpm_edit_t *edit, size_t which, uint64_t offset, uint8_t *to,
                      size_t size)
{
    const sfpm_source_t *source = &edit->sources[which];
    if (source->kind == SFPM_SOURCE_INHERITED) {
        if (!sfpm_image_read(edit->image, source->old_index, offset, to, size))
            return false;
        sfpm_source_overlay(source, offset, to, size);
    } else if (source->memory) {
        memcpy(to, source->memory + offset, size);
    } else {
        memset(to, 0, size);
    }
    return true;
}

bool sfpm_edit_read(sfpm_edit_t *edit, size_t index, uint64_t offset, void *to,
                    size_t size)
{
    size_t which = 0;
    if (!usable(edit))
        return false;
    if (!to && size)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no place for the bytes was given");
    return size == 0 ||
           (find_old(edit, index, &which) && check_range(edit, which, offset, size) &&
            sfpm_source_read(edit, which, offset, to, size));
}
