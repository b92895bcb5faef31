/* SPDX-License-Identifier: MIT */
/*
 * Machines to and from images, and what changed of their memory since a commit: the only
 * file of vm/ that knows of images.
 */
#include <sfpm/vm.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/modules.h"
#include "commit/sparse.h"
#include "track/dirty.h"
#include "vm/machine.h"

static bool find_in_image(const sfpm_image_t *image, const char *name, size_t *index)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    if (sfpm_image_find_region(image, name, index))
        return true;
    sfpm_error_restore(&error);
    return false;
}

typedef struct sfpm_region_reader {
    const sfpm_image_t *image;
    uint64_t max_memory; /* bytes that region `memory` may have */
} sfpm_region_reader_t;

/* The sfpm_region_source_t of an image. An image takes no space for zeros, so what it
 * says of a size must not be believed when memory is at stake. */
static bool read_from_image(void *context, const char *name, sfpm_buffer_t *region,
                            bool *found)
{
    sfpm_region_reader_t *reader = context;
    size_t index;
    *found = find_in_image(reader->image, name, &index);
    if (!*found)
        return true;
    uint64_t wanted = sfpm_image_region(reader->image, index)->size;
    bool memory = sfpm_region_is_memory(name);
    uint64_t most = memory ? reader->max_memory : SFPM_VM_MAX_CODE;
    if (wanted > most) {
        sfpm_fail(SFPM_ERR_LIMIT, "region '%s' of %llu bytes exceeds the %slimit of %llu",
                  name, (unsigned long long)wanted, memory ? "memory " : "",
                  (unsigned long long)most);
        return memory && sfpm_fail_remedy(SFPM_REMEDY_MORE_MEMORY);
    }
    if (!sfpm_region_make(region, name, wanted))
        return false;
    return wanted == 0 ||
           (memory ? sfpm_sparse_read : sfpm_image_read)(reader->image, index, 0,
                                                         region->data, (size_t)wanted);
}

bool sfpm_vm_is_in(const sfpm_image_t *image)
{
    size_t index;
    return image && (find_in_image(image, sfpm_region_names[SFPM_FUNCTIONS], &index) ||
                     find_in_image(image, SFPM_ORIGINAL_NAME, &index));
}

/* ---- Noting changes of the memory ------------------------------------------ */

void sfpm_vm_unwatch(sfpm_vm_t *vm)
{
    sfpm_tracker_free(vm->tracker);
    vm->tracker = NULL;
}

static sfpm_tracked_t tracked(const sfpm_vm_t *vm)
{
    const sfpm_buffer_t *memory = &vm->regions.region[SFPM_MEMORY];
    return (sfpm_tracked_t){vm->tracker, 0, memory->data, memory->size};
}

/* From now on writes to the memory, which is what it is in that commit, are noted. Memory
 * that cannot be watched is compared: no failure. */
static void watch(sfpm_vm_t *vm, const sfpm_known_commit_t *commit)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    if (!vm->tracker)
        vm->tracker = sfpm_tracker_create();
    vm->commit = *commit;
    if (vm->tracker)
        sfpm_dirty_committed(tracked(vm), true, SFPM_TRACKING_AUTO);
    sfpm_error_restore(&error);
}

static bool is_worth_watching(const sfpm_vm_t *vm)
{
    return vm->regions.region[SFPM_MEMORY].size >= SFPM_DIRTY_WORTH_WATCHING;
}

/* ---- Loading and saving ---------------------------------------------------- */

bool sfpm_vm_load_image(sfpm_vm_t *vm, const sfpm_image_t *image)
{
    size_t index;
    if (!vm || !image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine or no image was given");
    sfpm_region_reader_t reader = {.image = image, .max_memory = sfpm_vm_max_memory(vm)};
    bool loaded = sfpm_vm_load_from(vm, read_from_image, &reader);
    if (loaded && vm->original && find_in_image(image, SFPM_ORIGINAL_NAME, &index))
        vm->original_flags = sfpm_image_region(image, index)->flags;
    if (loaded && vm->expects_commits && is_worth_watching(vm)) {
        const sfpm_known_commit_t commit = sfpm_image_shown(image);
        watch(vm, &commit);
    }
    return loaded;
}

bool sfpm_vm_restore(sfpm_vm_t *vm, const char *filename)
{
    if (!vm)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine was given");
    sfpm_image_t *image = sfpm_image_open(filename, NULL);
    sfpm_vm_t *made = image ? sfpm_vm_create() : NULL;
    if (made) {
        made->max_memory = vm->max_memory;
        made->expects_commits = vm->expects_commits;
    }
    bool restored = made && sfpm_vm_load_image(made, image) && sfpm_vm_verify(made) &&
                    sfpm_vm_is_idle(vm);
    if (restored)
        sfpm_vm_replace(vm, made);
    sfpm_vm_destroy(made);
    sfpm_image_close(image);
    return restored;
}

/* A machine without globals leaves those of another one behind. */
static bool remove_absent(const sfpm_vm_t *vm, sfpm_edit_t *edit)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    for (int id = 0; id < SFPM_NUM_REGIONS && !vm->original; id++) {
        if (vm->regions.region[id].size > 0 ||
            sfpm_edit_remove_region(edit, sfpm_region_names[id], 0))
            continue;
        if (sfpm_last_status() != SFPM_ERR_MISMATCH)
            return false;
        sfpm_error_restore(&error);
    }
    return true;
}

bool sfpm_vm_written(sfpm_vm_t *vm, const sfpm_edit_t *edit)
{
    if (!vm || !edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine or no edit was given");
    sfpm_known_commit_t commit;
    if (!is_worth_watching(vm))
        return true;
    if (!sfpm_edit_written(edit, &commit))
        return false;
    watch(vm, &commit);
    return true;
}

/* Spares the commit to compare memory that did not change. */
static bool tell_changed(const sfpm_vm_t *vm, sfpm_edit_t *edit)
{
    const sfpm_image_t *image = sfpm_edit_image(edit);
    if (!vm->tracker)
        return true;
    if (!sfpm_dirty_changed(tracked(vm))) {
        /* It grew, and what is watched may be unmapped or belong to somebody else. */
        sfpm_dirty_forget(tracked(vm));
        return true;
    }
    /* Also for a commit elsewhere, after which it is watched from there on. */
    sfpm_tracker_collect(vm->tracker);
    if (!image || !sfpm_image_shows(image, &vm->commit))
        return true;
    const uint64_t *changed = sfpm_dirty_changed(tracked(vm));
    return !changed ||
           sfpm_edit_set_changed(edit, sfpm_region_names[SFPM_MEMORY], 0, changed,
                                 !sfpm_dirty_accumulates(tracked(vm)));
}

bool sfpm_vm_fill_edit(sfpm_vm_t *vm, sfpm_edit_t *edit)
{
    sfpm_vm_region_t region = {0};
    if (!sfpm_vm_has_program(vm) || !sfpm_vm_is_idle(vm))
        return false;
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    for (size_t i = 0; i < sfpm_vm_num_regions(vm); i++)
        if (!sfpm_vm_region(vm, i, &region, sizeof region) ||
            !sfpm_edit_set_region(edit, region.name, 0, region.bytes, region.size,
                                  region.flags))
            return false;
    return tell_changed(vm, edit) && remove_absent(vm, edit) &&
           (vm->original || sfpm_edit_set_bytecode(edit, vm->program.version));
}

static bool fill_commit(sfpm_vm_t *vm, sfpm_edit_t *edit)
{
    return sfpm_vm_fill_edit(vm, edit) &&
           sfpm_edit_set_creator(edit, sfpm_program_name());
}

bool sfpm_vm_save(sfpm_vm_t *vm, const char *filename)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool saved = edit && fill_commit(vm, edit) && sfpm_edit_save(edit, filename, NULL);
    sfpm_edit_destroy(edit);
    return saved;
}

bool sfpm_vm_commit(sfpm_vm_t *vm, sfpm_image_t *image, const char *message)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (!image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no image was given");
    sfpm_edit_t *edit = sfpm_edit_create(image);
    bool committed = edit && fill_commit(vm, edit) &&
                     (!message || sfpm_edit_set_message(edit, message)) &&
                     sfpm_edit_append(edit, NULL);
    if (committed && sfpm_image_info(image)->format != 1)
        sfpm_vm_written(vm, edit);
    sfpm_edit_destroy(edit);
    return committed;
}
