/* SPDX-License-Identifier: MIT */
/*
 * Registers the program's hooks and calls them in order before and after each save and
 * restore, undoing those that ran when a later one fails.
 */
#include "snapshot/hooks.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/options.h"
#include "codec/crypt.h"

/* ---- Calling the program --------------------------------------------------- */

bool sfpm_callbacks_are_idle(const sfpm_snapshot_t *snapshot)
{
    if (snapshot->job)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "the snapshot is being saved in the "
                                            "background: wait for the job first");
    if (!snapshot->callbacks->running)
        return true;
    return sfpm_fail(SFPM_ERR_ARGUMENT, "a callback of a snapshot must not save, restore "
                                        "or register with the same snapshot");
}

void sfpm_callbacks_enter(sfpm_callbacks_t *callbacks, sfpm_error_state_t *before)
{
    const sfpm_error_state_t none = {.offset = SFPM_NO_OFFSET};
    sfpm_error_save(before);
    sfpm_error_restore(&none);
    callbacks->running = true;
}

bool sfpm_callbacks_leave(sfpm_callbacks_t *callbacks, const sfpm_error_state_t *before,
                          bool answer, sfpm_status_t status)
{
    sfpm_error_state_t cause;
    callbacks->running = false;
    if (answer) {
        sfpm_error_restore(before);
        return true;
    }
    sfpm_error_save(&cause);
    if (cause.status == SFPM_OK)
        return sfpm_fail(status, "it failed without an error message");
    cause.status = status;
    sfpm_error_restore(&cause);
    return false;
}

/* ---- Registering ----------------------------------------------------------- */

static bool add_hooks(sfpm_snapshot_t *snapshot, const sfpm_hooks_t *hooks, bool ours,
                      sfpm_expose_t *expose)
{
    sfpm_hook_set_t taken = {.ours = ours, .expose = expose};
    if (!snapshot || !hooks)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s given",
                         snapshot ? "hooks were" : "snapshot was");
    if (!sfpm_callbacks_are_idle(snapshot) ||
        !sfpm_take_options(&taken.given, sizeof taken.given, hooks))
        return false;
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    void *array = callbacks->hooks;
    if (!sfpm_grow_array(&array, &callbacks->hook_capacity, callbacks->num_hooks + 1,
                         sizeof taken))
        return false;
    callbacks->hooks = array;
    taken.given.name = sfpm_copy_string(hooks->name ? hooks->name : "unnamed");
    if (!taken.given.name ||
        (ours && !sfpm_name_map_add(&callbacks->own_names, taken.given.name,
                                    callbacks->num_hooks, NULL))) {
        free((char *)taken.given.name);
        return false;
    }
    callbacks->hooks[callbacks->num_hooks++] = taken;
    return true;
}

bool sfpm_snapshot_add_hooks(sfpm_snapshot_t *snapshot, const sfpm_hooks_t *hooks)
{
    return add_hooks(snapshot, hooks, false, NULL);
}

bool sfpm_hooks_add_ours(sfpm_snapshot_t *snapshot, const sfpm_hooks_t *hooks,
                         sfpm_expose_t *expose)
{
    return add_hooks(snapshot, hooks, true, expose);
}

bool sfpm_hooks_own(const sfpm_snapshot_t *snapshot, const char *name)
{
    return sfpm_name_map_count(&snapshot->callbacks->own_names, name) > 0;
}

void sfpm_callbacks_free(sfpm_callbacks_t *callbacks)
{
    for (size_t i = 0; i < callbacks->num_hooks; i++)
        free((char *)callbacks->hooks[i].given.name);
    free(callbacks->hooks);
    sfpm_name_map_free(&callbacks->own_names);
    free(callbacks->steps);
    sfpm_resources_free(callbacks);
    free(callbacks);
}

/* ---- Exposing memory -------------------------------------------------------- */

static void tell_exposed(const sfpm_callbacks_t *callbacks, bool exposed)
{
    for (size_t i = 0; i < callbacks->num_hooks; i++)
        if (callbacks->hooks[i].expose)
            callbacks->hooks[i].expose(callbacks->hooks[i].given.context, exposed);
}

void sfpm_regions_expose(const sfpm_snapshot_t *snapshot)
{
    if (snapshot->callbacks->exposed++ == 0)
        tell_exposed(snapshot->callbacks, true);
}

void sfpm_regions_cover(const sfpm_snapshot_t *snapshot)
{
    if (--snapshot->callbacks->exposed == 0)
        tell_exposed(snapshot->callbacks, false);
}

/* ---- Saving ---------------------------------------------------------------- */

/* Of the first `count` sets the library's, or the program's, in reverse order. */
static void undo_save(const sfpm_snapshot_t *snapshot, bool ours, size_t count,
                      bool saved)
{
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    sfpm_error_state_t before;
    while (count-- > 0) {
        const sfpm_hooks_t *hooks = &callbacks->hooks[count].given;
        if (!hooks->after_save || callbacks->hooks[count].ours != ours)
            continue;
        sfpm_callbacks_enter(callbacks, &before);
        callbacks->preparing = true;
        hooks->after_save(hooks->context, saved);
        callbacks->preparing = false;
        sfpm_callbacks_leave(callbacks, &before, true, SFPM_OK);
    }
}

static bool prepare_save(const sfpm_snapshot_t *snapshot, bool ours)
{
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    sfpm_error_state_t before;
    for (size_t i = 0; i < callbacks->num_hooks; i++) {
        const sfpm_hooks_t *hooks = &callbacks->hooks[i].given;
        if (!hooks->before_save || callbacks->hooks[i].ours != ours)
            continue;
        sfpm_callbacks_enter(callbacks, &before);
        callbacks->preparing = true;
        bool ok = hooks->before_save(hooks->context);
        callbacks->preparing = false;
        if (!sfpm_callbacks_leave(callbacks, &before, ok, SFPM_ERR_REFUSED)) {
            sfpm_fail_prefix("nothing was saved: hook '%s'", hooks->name);
            undo_save(snapshot, ours, i, false);
            return false;
        }
    }
    return true;
}

bool sfpm_hooks_before_save(const sfpm_snapshot_t *snapshot)
{
    if (!prepare_save(snapshot, false))
        return false;
    if (prepare_save(snapshot, true))
        return true;
    undo_save(snapshot, false, snapshot->callbacks->num_hooks, false);
    return false;
}

void sfpm_hooks_after_save(const sfpm_snapshot_t *snapshot, bool saved)
{
    undo_save(snapshot, true, snapshot->callbacks->num_hooks, saved);
    undo_save(snapshot, false, snapshot->callbacks->num_hooks, saved);
}

/* ---- Restoring ------------------------------------------------------------- */

const sfpm_image_t *sfpm_snapshot_restoring(const sfpm_snapshot_t *snapshot)
{
    return snapshot ? snapshot->callbacks->image : NULL;
}

/* Whether somebody is notified of a restore, and needs its random numbers. */
static bool has_listeners(const sfpm_callbacks_t *callbacks)
{
    for (size_t i = 0; i < callbacks->num_hooks; i++)
        if (callbacks->hooks[i].given.after_restore)
            return true;
    return false;
}

static bool make_event(const sfpm_image_t *image, bool seeded,
                       sfpm_restore_event_t *event)
{
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(image);
    *event = (sfpm_restore_event_t){
        .struct_size = sizeof *event, .commit = commit->number, .schema = commit->schema};
    while (seeded && event->generation == 0)
        if (!sfpm_random(&event->generation, sizeof event->generation))
            return false;
    return !seeded || sfpm_random(event->seed, sizeof event->seed);
}

static bool call_after_restore(const sfpm_snapshot_t *snapshot, const sfpm_hooks_t *hooks,
                               const sfpm_restore_event_t *event)
{
    sfpm_error_state_t before;
    if (!hooks->after_restore)
        return true;
    sfpm_callbacks_enter(snapshot->callbacks, &before);
    bool ok = hooks->after_restore(hooks->context, event);
    return sfpm_callbacks_leave(snapshot->callbacks, &before, ok || !event->restored,
                                SFPM_ERR_UNFINISHED);
}

/* Memory is the old one, as far as the sets from `first` on are concerned. */
static void undo_restore(const sfpm_snapshot_t *snapshot, size_t first,
                         sfpm_restore_event_t *event)
{
    event->restored = false;
    for (size_t i = first; i < snapshot->callbacks->num_hooks; i++)
        call_after_restore(snapshot, &snapshot->callbacks->hooks[i].given, event);
}

bool sfpm_hooks_before_restore(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                               sfpm_restore_event_t *event)
{
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    sfpm_error_state_t before;
    if (!make_event(image, has_listeners(callbacks), event))
        return false;
    for (size_t i = callbacks->num_hooks; i-- > 0;) {
        const sfpm_hooks_t *hooks = &callbacks->hooks[i].given;
        if (!hooks->before_restore)
            continue;
        sfpm_callbacks_enter(callbacks, &before);
        bool ok = hooks->before_restore(hooks->context);
        if (!sfpm_callbacks_leave(callbacks, &before, ok, SFPM_ERR_REFUSED)) {
            sfpm_fail_prefix("%s: not restored: hook '%s'", sfpm_image_info(image)->name,
                             hooks->name);
            undo_restore(snapshot, i + 1, event);
            return false;
        }
    }
    if (sfpm_resources_stage(snapshot, image))
        return true;
    undo_restore(snapshot, 0, event);
    return false;
}

/* The library's own sets all run, so that no heap is left with half of its pointers
 * right; of the program's none runs after one that failed. */
static bool finish_hooks(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                         const sfpm_restore_event_t *event, bool ours)
{
    const sfpm_callbacks_t *callbacks = snapshot->callbacks;
    sfpm_error_state_t first;
    bool ok = true;
    for (size_t i = 0; (ok || ours) && i < callbacks->num_hooks; i++) {
        const sfpm_hooks_t *hooks = &callbacks->hooks[i].given;
        if (callbacks->hooks[i].ours != ours ||
            call_after_restore(snapshot, hooks, event))
            continue;
        sfpm_fail_prefix("%s: memory is restored (commit %llu), but hooks did not "
                         "finish: hook '%s'",
                         sfpm_image_info(image)->name, (unsigned long long)event->commit,
                         hooks->name);
        if (ok)
            sfpm_error_save(&first);
        ok = false;
    }
    if (!ok)
        sfpm_error_restore(&first);
    return ok;
}

static bool publish_files(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                          const sfpm_restore_event_t *event)
{
    return sfpm_resources_publish(snapshot) ||
           sfpm_fail_prefix("%s: memory is restored (commit %llu), but not all files "
                            "are, and no hook ran",
                            sfpm_image_info(image)->name,
                            (unsigned long long)event->commit);
}

/* Memory is the restored one: what the library does comes first and is done in any
 * case. */
static bool finish_restore(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                           const sfpm_restore_event_t *event)
{
    sfpm_error_state_t error;
    bool complete = finish_hooks(snapshot, image, event, true);
    if (!complete)
        sfpm_error_save(&error);
    bool published = publish_files(snapshot, image, event);
    if (!complete)
        sfpm_error_restore(&error);
    return complete && published && finish_hooks(snapshot, image, event, false);
}

bool sfpm_hooks_after_restore(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                              sfpm_restore_event_t *event, bool restored)
{
    event->restored = restored;
    if (!restored) {
        sfpm_resources_abandon(snapshot);
        undo_restore(snapshot, 0, event);
    }
    bool ok = !restored || finish_restore(snapshot, image, event);
    sfpm_wipe(event->seed, sizeof event->seed);
    return ok;
}
