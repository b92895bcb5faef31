/* SPDX-License-Identifier: MIT */
/*
 * Turns the registered regions into an edit and writes it as a new image, a commit or a
 * delta.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/options.h"
#include "base/page.h"
#include "commit/commit.h"
#include "io/place.h"
#include "snapshot/tracking.h"
#include "snapshot/hooks.h"
#include "snapshot/host_abi.h"
#include "snapshot/pointers.h"
#include "snapshot/region_pairs.h"
#include "snapshot/snapshot.h"

static bool check_arguments(const sfpm_snapshot_t *snapshot, const char *filename)
{
    if (!snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no snapshot was given");
    if (!filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no file name was given");
    return sfpm_snapshot_start(snapshot);
}

static bool fill_regions(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    size_t *instances = sfpm_pairing_instances(snapshot);
    bool ok = instances != NULL;
    for (size_t i = 0; ok && i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        ok = sfpm_edit_set_region(edit, region->name, instances[i], region->base,
                                  region->size, region->flags) &&
             sfpm_edit_set_address(edit, region->name, instances[i], region->address);
    }
    free(instances);
    return ok;
}

/* Who saved it counts for native regions only: an image whose regions are all
 * portable has the same bytes wherever it was made. */
static bool fill_origin(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    char build_id[SFPM_BUILD_ID_SIZE];
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        if (snapshot->regions[i].flags & SFPM_REGION_PORTABLE)
            continue;
        sfpm_origin_build_id(build_id);
        return sfpm_edit_set_origin(edit, sfpm_origin_architecture(), build_id);
    }
    return sfpm_edit_set_origin(edit, "", "");
}

static bool fill_attributes(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    const sfpm_attributes_t *changes = &snapshot->settings.attributes;
    for (size_t i = 0; i < changes->count; i++)
        if (!sfpm_edit_set_attribute(edit, changes->list[i].key, changes->list[i].value))
            return false;
    return true;
}

/* All but where addresses lead. */
static bool fill(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    if (snapshot->settings.description_lost)
        return sfpm_fail(SFPM_ERR_MEMORY, "out of memory: the description was lost; set "
                                          "it again before saving");
    return sfpm_edit_set_description(edit, snapshot->settings.description) &&
           sfpm_edit_set_creator(edit, sfpm_program_name()) &&
           sfpm_edit_set_schema(edit, snapshot->settings.schema) &&
           sfpm_edit_set_bytecode(edit, 0) && fill_attributes(snapshot, edit) &&
           sfpm_resources_record(snapshot, edit) && fill_origin(snapshot, edit) &&
           fill_regions(snapshot, edit);
}

bool sfpm_snapshot_fill_edit(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    if (!snapshot || !edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "edit" : "snapshot");
    return sfpm_snapshot_start(snapshot) && fill(snapshot, edit) &&
           sfpm_pointers_record(snapshot, NULL, edit);
}

/* Spares the commit to compare what did not change. */
static bool tell_changed(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    size_t *instances = sfpm_pairing_instances(snapshot);
    bool ok = instances != NULL;
    for (size_t i = 0; ok && i < snapshot->num_regions; i++) {
        const uint64_t *changed = sfpm_dirty_changed(sfpm_snapshot_tracked(snapshot, i));
        ok = !changed || sfpm_edit_set_changed(
                             edit, snapshot->regions[i].name, instances[i], changed,
                             !sfpm_dirty_accumulates(sfpm_snapshot_tracked(snapshot, i)));
    }
    free(instances);
    return ok;
}

/* A commit is the whole state: what is no longer registered goes. From the back,
 * so that the instances still to be removed keep their numbers. */
static bool remove_unregistered(const sfpm_snapshot_t *snapshot,
                                const sfpm_image_t *image, sfpm_edit_t *edit)
{
    sfpm_restore_state_t state;
    sfpm_pairing_t pairing = {0};
    bool ok = sfpm_state_of_image(&state, image) &&
              sfpm_pairing_by_name(&pairing, snapshot, &state);
    for (size_t i = pairing.num_stored; ok && i-- > 0;)
        if (pairing.registered[i] == SFPM_NO_REGION)
            ok =
                sfpm_edit_remove_region(edit, state.sources[i].name, pairing.instance[i]);
    sfpm_pairing_free(&pairing);
    sfpm_state_free(&state);
    return ok;
}

/* Commits are encrypted as their image is. */
static bool protect(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit, bool new_image)
{
    return (!snapshot->settings.compression ||
            sfpm_edit_set_compression(edit, snapshot->settings.compression,
                                      snapshot->settings.workers)) &&
           (!new_image || !snapshot->settings.secret.struct_size ||
            sfpm_edit_set_secret(edit, &snapshot->settings.secret));
}

/* The ways in which an edit becomes a commit; FIRST is a save that others follow. */
typedef enum how { HOW_SAVE, HOW_FIRST, HOW_APPEND, HOW_DELTA, HOW_VERSION1 } how_t;

/* An edit that makes the registered memory the image's next state. */
static sfpm_edit_t *edit_of(const sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                            const char *message, how_t how)
{
    if (image && sfpm_image_info(image)->format == 1) {
        sfpm_fail(SFPM_ERR_UNSUPPORTED,
                  "%s: an image of version 1 holds no history: save to replace it",
                  sfpm_image_info(image)->name);
        return NULL;
    }
    sfpm_edit_t *edit = sfpm_edit_create(image);
    if (edit && protect(snapshot, edit, image == NULL) && fill(snapshot, edit) &&
        (!image || (remove_unregistered(snapshot, image, edit) &&
                    sfpm_resources_forget(snapshot, image, edit))) &&
        sfpm_edit_set_message(edit, message ? message : "") &&
        (how != HOW_VERSION1 || sfpm_edit_set_format(edit, 1)))
        return edit;
    sfpm_edit_destroy(edit);
    return NULL;
}

/* What is being written, for remarks about it. */
typedef struct written {
    const sfpm_snapshot_t *snapshot;
    const char *filename;
} written_t;

static void warn_log(void *context, const char *text)
{
    const written_t *written = context;
    sfpm_snapshot_log(written->snapshot, SFPM_LOG_WARNING, "%s: %s", written->filename,
                      text);
}

static bool write_as(sfpm_edit_t *edit, how_t how, const char *filename,
                     const sfpm_write_options_t *options)
{
    if (how == HOW_APPEND)
        return sfpm_edit_append(edit, options);
    if (how == HOW_DELTA)
        return sfpm_edit_save_delta(edit, filename, options);
    return sfpm_edit_save(edit, filename, options);
}

/* A save is a commit without any of the options. */
static const sfpm_commit_options_t plain = {.struct_size = sizeof plain};

/* Writes the edit and remembers the commit that it became. */
static bool write_edit(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit, how_t how,
                       const char *filename, const sfpm_commit_options_t *chosen)
{
    written_t written = {snapshot, filename};
    const sfpm_write_options_t options = {.struct_size = sizeof options,
                                          .warn = warn_log,
                                          .warn_context = &written,
                                          .progress = snapshot->settings.progress,
                                          .keep = chosen->keep,
                                          .sync_every = chosen->sync_every};
    /* Nothing was there when the commit began: what is there now is not ours. */
    if (how == HOW_FIRST)
        sfpm_edit_only_new(edit);
    bool ok = write_as(edit, how, filename, &options);
    if (ok && how != HOW_VERSION1) {
        sfpm_edit_written(edit, &snapshot->last->commit);
        sfpm_snapshot_name_last(snapshot, filename, NULL);
    }
    return ok;
}

bool sfpm_snapshot_check_contents(const sfpm_snapshot_t *snapshot)
{
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        if (region->check && !region->check(region->base, region->size))
            return sfpm_fail_prefix("nothing was saved: region '%s' is damaged, or was "
                                    "changed while it was saved",
                                    region->name);
    }
    return true;
}

bool sfpm_snapshot_check_mapped(const sfpm_snapshot_t *snapshot, uint32_t except)
{
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        if (!(region->flags & except) && !sfpm_is_mapped(region->base, region->size))
            return sfpm_fail(SFPM_ERR_ARGUMENT,
                             "region '%s': not all of its %zu bytes at 0x%llx are mapped "
                             "any more",
                             region->name, region->size,
                             (unsigned long long)(uintptr_t)region->base);
    }
    return true;
}

/* Writes the registered memory; the hooks before the save have run. */
static bool write_memory(const sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                         const sfpm_commit_options_t *options, how_t how,
                         const char *filename)
{
    sfpm_edit_t *edit = NULL;
    if (sfpm_snapshot_check_mapped(snapshot, SFPM_REGION_VOLATILE)) {
        sfpm_tracker_collect(snapshot->tracker);
        if (sfpm_snapshot_check_contents(snapshot))
            edit = edit_of(snapshot, image, options->message, how);
    }
    bool known =
        edit && how == HOW_APPEND && sfpm_image_shows(image, &snapshot->last->commit);
    bool ok = edit && (!known || tell_changed(snapshot, edit)) &&
              sfpm_pointers_record(snapshot, known ? image : NULL, edit);
    ok = ok && write_edit(snapshot, edit, how, filename, options);
    sfpm_edit_destroy(edit);
    if (ok)
        sfpm_tracking_committed(snapshot, how == HOW_APPEND || how == HOW_FIRST);
    return ok;
}

static bool write_state(const sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                        const sfpm_commit_options_t *options, how_t how,
                        const char *filename)
{
    sfpm_regions_expose(snapshot);
    bool ok = false;
    if (sfpm_hooks_before_save(snapshot)) {
        ok = write_memory(snapshot, image, options, how, filename);
        sfpm_hooks_after_save(snapshot, ok);
    }
    sfpm_regions_cover(snapshot);
    return ok;
}

static bool save_new(const sfpm_snapshot_t *snapshot, const char *filename,
                     const sfpm_commit_options_t *options, how_t how)
{
    bool ok = write_state(snapshot, NULL, options, how, filename);
    if (ok)
        sfpm_snapshot_log(snapshot, SFPM_LOG_INFO, "Successfully saved to %s", filename);
    return ok;
}

bool sfpm_snapshot_save(const sfpm_snapshot_t *snapshot, const char *filename)
{
    return check_arguments(snapshot, filename) &&
           save_new(snapshot, filename, &plain, HOW_SAVE);
}

/* The last commit is not the one that memory came from. Lets the image show that one, on
 * which the next is made, if that is wanted. */
static bool go_to_known(const sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                        const char *filename, bool on_top)
{
    const sfpm_known_commit_t *last = &snapshot->last->commit;
    unsigned long long number = sfpm_image_commit_info(image)->number;
    unsigned long long known = last->number;
    bool there = sfpm_image_select(image, (int64_t)last->number);
    if (!there && sfpm_last_status() != SFPM_ERR_NO_COMMIT)
        return false;
    if (!there || !sfpm_image_shows(image, last))
        return sfpm_fail(
            SFPM_ERR_CHANGED,
            "%s: its last commit is %llu, and the one that was last "
            "restored or made here (%llu) is not in it: save to another file",
            filename, number, known);
    return on_top ||
           sfpm_fail(SFPM_ERR_CHANGED,
                     "%s: its last commit is %llu, but the last one restored or made "
                     "here is %llu: commit with the option on_top to keep both, or use "
                     "'sfpm-patch -i --undo-to %llu' and restore again",
                     filename, number, known, known);
}

/* Committing after a state that this program has not seen would hide it. */
static bool check_last(const sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                       const char *filename, bool on_top)
{
    const sfpm_known_commit_t *last = &snapshot->last->commit;
    if (!last->known)
        return sfpm_fail(SFPM_ERR_CHANGED,
                         "%s: its last commit (%llu) was not made or restored here: "
                         "restore it or an earlier one first, or save to another file",
                         filename,
                         (unsigned long long)sfpm_image_commit_info(image)->number);
    if (memcmp(last->id, sfpm_image_info(image)->id, SFPM_DIGEST_BYTES) != 0)
        return sfpm_fail(SFPM_ERR_CHANGED,
                         "%s: is not the image that was last restored or saved here: "
                         "restore it first, or save to another file",
                         filename);
    return sfpm_image_shows(image, last) ||
           go_to_known(snapshot, image, filename, on_top);
}

static bool append_to(const sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                      const char *filename, const sfpm_commit_options_t *options)
{
    bool ok = write_state(snapshot, image, options, HOW_APPEND, filename);
    if (ok)
        sfpm_snapshot_log(snapshot, SFPM_LOG_INFO, "Committed to %s (commit %llu)",
                          filename, (unsigned long long)snapshot->last->commit.number);
    return ok;
}

bool sfpm_snapshot_commit(sfpm_snapshot_t *snapshot, const char *filename,
                          const sfpm_commit_options_t *options)
{
    sfpm_commit_options_t chosen;
    sfpm_error_state_t before;
    if (!check_arguments(snapshot, filename) ||
        !sfpm_take_options(&chosen, sizeof chosen, options))
        return false;
    if (chosen.format > SFPM_FORMAT_VERSION)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED, "format version %u cannot be written",
                         (unsigned)chosen.format);
    if (chosen.format == 1)
        return save_new(snapshot, filename, &chosen, HOW_VERSION1);
    sfpm_error_save(&before);
    sfpm_image_t *image = sfpm_snapshot_open_own(snapshot, filename, 0, NULL);
    if (!image && sfpm_last_status() == SFPM_ERR_NOT_FOUND && !snapshot->partial) {
        sfpm_error_restore(&before);
        return save_new(snapshot, filename, &chosen, HOW_FIRST);
    }
    bool ok = image && check_last(snapshot, image, filename, chosen.on_top) &&
              append_to(snapshot, image, filename, &chosen);
    sfpm_snapshot_close_own(snapshot, image);
    return ok;
}

static bool same_file(const char *one, const char *other)
{
    struct stat file;
    return stat(one, &file) == 0 && sfpm_leads_to(other, &file);
}

bool sfpm_snapshot_save_delta(const sfpm_snapshot_t *snapshot, const char *previous,
                              const char *output)
{
    if (!check_arguments(snapshot, previous) || !check_arguments(snapshot, output))
        return false;
    sfpm_image_t *image = sfpm_snapshot_open_own(snapshot, previous, 0, NULL);
    how_t how = same_file(previous, output) ? HOW_APPEND : HOW_DELTA;
    bool ok = image && write_state(snapshot, image, &plain, how, output);
    sfpm_snapshot_close_own(snapshot, image);
    if (ok)
        sfpm_snapshot_log(snapshot, SFPM_LOG_INFO, "Successfully saved to %s", output);
    return ok;
}
