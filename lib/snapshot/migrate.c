/* SPDX-License-Identifier: MIT */
/*
 * Finds the shortest path of registered migrations from an image's schema version to the
 * program's, and runs its steps on copies of the regions.
 */
#include "snapshot/migrate.h"

#include <stdlib.h>
#include <string.h>

#include <sfpm/migrate.h>

#include "base/memory.h"
#include "snapshot/hooks.h"
#include "snapshot/host_abi.h"

#define DEFAULT_MEMORY (UINT64_C(1) << 30)

/* ---- Finding the way ------------------------------------------------------- */

/* Steps in order: numbers of registered ones. */
typedef struct path {
    size_t *steps;
    size_t count;
} path_t;

/* What the search knows of a step: which one led to it, when it was reached. */
typedef struct reached {
    bool yes;
    size_t before;
} reached_t;

/* Walks back from the last step; `path->steps` has room for all. */
static void follow_back(const reached_t *reached, size_t last, path_t *path)
{
    size_t count = 1;
    for (size_t i = last; reached[i].before != SFPM_NO_REGION; i = reached[i].before)
        count++;
    path->count = count;
    for (size_t i = last; count-- > 0; i = reached[i].before)
        path->steps[count] = i;
}

/* Breadth first, so the shortest; of equally short ones the one registered first.
 * `queue` is path->steps, where the way is put in the end. */
static void search(const sfpm_callbacks_t *callbacks, uint64_t from, uint64_t to,
                   reached_t *reached, path_t *path)
{
    size_t *queue = path->steps;
    size_t waiting = 0;
    uint64_t version = from;
    size_t before = SFPM_NO_REGION;
    for (size_t next = 0;; next++) {
        for (size_t i = 0; i < callbacks->num_steps; i++)
            if (!reached[i].yes && callbacks->steps[i].from == version) {
                reached[i] = (reached_t){.yes = true, .before = before};
                queue[waiting++] = i;
            }
        if (next == waiting)
            return;
        before = queue[next];
        version = callbacks->steps[before].to;
        if (version == to) {
            follow_back(reached, before, path);
            return;
        }
    }
}

/* Fails only when out of memory; without a way the path is empty. */
static bool find_path(const sfpm_callbacks_t *callbacks, uint64_t from, uint64_t to,
                      path_t *path)
{
    reached_t *reached = SFPM_NEW_N(reached_t, callbacks->num_steps);
    *path = (path_t){.steps = SFPM_NEW_N(size_t, callbacks->num_steps)};
    bool ok = reached && path->steps;
    if (ok)
        search(callbacks, from, to, reached, path);
    free(reached);
    return ok;
}

/* ---- Registering ----------------------------------------------------------- */

static bool check_step(const sfpm_callbacks_t *callbacks, uint64_t from, uint64_t to)
{
    path_t back;
    if (from == to)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "cannot migrate from version %llu to itself",
                         (unsigned long long)from);
    for (size_t i = 0; i < callbacks->num_steps; i++)
        if (callbacks->steps[i].from == from && callbacks->steps[i].to == to)
            return sfpm_fail(
                SFPM_ERR_ARGUMENT,
                "a migration from version %llu to %llu is already registered",
                (unsigned long long)from, (unsigned long long)to);
    if (callbacks->num_steps == SFPM_MIGRATIONS_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "there are already %d migrations, which is the limit",
                         SFPM_MIGRATIONS_MAX);
    bool ok = find_path(callbacks, to, from, &back);
    free(back.steps);
    if (ok && back.count > 0)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "migrations already lead from version %llu to %llu: one in the "
                         "other direction would form a cycle",
                         (unsigned long long)to, (unsigned long long)from);
    return ok;
}

bool sfpm_snapshot_add_migration(sfpm_snapshot_t *snapshot, uint64_t from, uint64_t to,
                                 sfpm_migrate_callback_t callback, void *context)
{
    if (!snapshot || !callback)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "callback" : "snapshot");
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    void *array = callbacks->steps;
    if (!sfpm_callbacks_are_idle(snapshot) || !check_step(callbacks, from, to) ||
        !sfpm_grow_array(&array, &callbacks->step_capacity, callbacks->num_steps + 1,
                         sizeof *callbacks->steps))
        return false;
    callbacks->steps = array;
    callbacks->steps[callbacks->num_steps++] =
        (sfpm_step_t){.from = from, .to = to, .callback = callback, .context = context};
    return true;
}

/* ---- One step -------------------------------------------------------------- */

/* What becomes of a region. */
typedef struct change {
    enum { KEPT, MADE, REMOVED } kind;
    char *name;     /* of an added one */
    uint8_t *bytes; /* of a made one */
    size_t size;
} change_t;

struct sfpm_migration {
    sfpm_restore_state_t *state;
    change_t *changes; /* one for each region of the state, then the added ones */
    size_t count;
    size_t capacity;
    sfpm_name_map_t names;      /* of the regions and of the added ones */
    uint64_t limit;             /* bytes of contents in memory at once */
    uint64_t held;              /* … that are there */
    bool failed;                /* whatever the step says */
    sfpm_error_state_t failure; /* then */
};

/* Remembers the thread's error: the step must not succeed any more. */
static bool give_up(sfpm_migration_t *migration)
{
    if (!migration->failed)
        sfpm_error_save(&migration->failure);
    migration->failed = true;
    return false;
}

/* The region's index, or, when `instance` is one too many, that of a new one. */
static bool find(const sfpm_migration_t *migration, const char *name, size_t instance,
                 size_t *index)
{
    *index = migration->count;
    return sfpm_name_map_find(&migration->names, name, instance, index) ||
           instance == sfpm_name_map_count(&migration->names, name);
}

static bool fail_no_region(const char *name, size_t instance)
{
    return sfpm_fail(SFPM_ERR_MISMATCH, "there is no region '%s' with number %zu", name,
                     instance);
}

/* Whether `more` bytes may be taken into memory, too. */
static bool check_memory(sfpm_migration_t *migration, const char *name, uint64_t more)
{
    uint64_t held = migration->held;
    if (more <= SIZE_MAX && held <= migration->limit && more <= migration->limit - held)
        return true;
    sfpm_fail(SFPM_ERR_LIMIT,
              "region '%s': %llu more bytes, with %llu in use, exceed the limit of %llu "
              "bytes (option max_memory)",
              name, (unsigned long long)more, (unsigned long long)held,
              (unsigned long long)migration->limit);
    return give_up(migration);
}

/* Contents from before the step; NULL with the error set. */
static const uint8_t *load_old(sfpm_migration_t *migration, size_t index, size_t size)
{
    sfpm_restore_source_t *source = &migration->state->sources[index];
    if (source->loaded >= size && source->bytes)
        return source->bytes;
    if (!check_memory(migration, source->name, size))
        return NULL;
    size_t before = source->loaded;
    if (!sfpm_state_load(migration->state, index, size)) {
        give_up(migration);
        return NULL;
    }
    migration->held += source->loaded - before;
    return source->bytes;
}

const void *sfpm_migration_old(sfpm_migration_t *migration, const char *name,
                               size_t instance, size_t *size)
{
    size_t index;
    if (!migration || !name) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given", migration ? "name" : "migration");
        return NULL;
    }
    if (!find(migration, name, instance, &index) || index >= migration->state->count) {
        fail_no_region(name, instance);
        return NULL;
    }
    const sfpm_restore_source_t *source = &migration->state->sources[index];
    if (source->flags & SFPM_REGION_VOLATILE) {
        sfpm_fail(SFPM_ERR_MISMATCH, "region '%s' was volatile: it has no contents",
                  name);
        return NULL;
    }
    if (source->size > SIZE_MAX) {
        check_memory(migration, name, source->size);
        return NULL;
    }
    if (size)
        *size = (size_t)source->size;
    return load_old(migration, index, (size_t)source->size);
}

/* A place for a new region; its index is known already. */
static bool add_change(sfpm_migration_t *migration, const char *name)
{
    void *array = migration->changes;
    if (!sfpm_grow_array(&array, &migration->capacity, migration->count + 1,
                         sizeof *migration->changes))
        return false;
    migration->changes = array;
    char *copy = sfpm_copy_string(name);
    if (!copy || !sfpm_name_map_add(&migration->names, name, migration->count, NULL)) {
        free(copy);
        return false;
    }
    migration->changes[migration->count++] = (change_t){.kind = REMOVED, .name = copy};
    return true;
}

/* The contents that a made region begins with. */
static bool copy_front(sfpm_migration_t *migration, size_t index, uint8_t *to,
                       size_t size)
{
    if (index >= migration->state->count)
        return true;
    const sfpm_restore_source_t *source = &migration->state->sources[index];
    size_t front = source->size < size ? (size_t)source->size : size;
    if (source->flags & SFPM_REGION_VOLATILE)
        return true;
    if (source->bytes && source->loaded >= front) {
        memcpy(to, source->bytes, front);
        return true;
    }
    return sfpm_image_read(migration->state->image, source->stored, 0, to, front);
}

static bool make(sfpm_migration_t *migration, size_t index, const char *name, size_t size)
{
    if (!check_memory(migration, name, size))
        return false;
    if (index == migration->count && !add_change(migration, name))
        return give_up(migration);
    uint8_t *bytes = SFPM_NEW_N(uint8_t, size);
    if (!bytes || !copy_front(migration, index, bytes, size)) {
        free(bytes);
        return give_up(migration);
    }
    change_t *change = &migration->changes[index];
    change->kind = MADE;
    change->bytes = bytes;
    change->size = size;
    migration->held += size;
    return true;
}

void *sfpm_migration_new(sfpm_migration_t *migration, const char *name, size_t instance,
                         size_t size)
{
    size_t index;
    const char *missing = size ? NULL : "size";
    if (!name)
        missing = "name";
    if (!migration)
        missing = "migration";
    if (missing) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given", missing);
        return NULL;
    }
    if (!find(migration, name, instance, &index)) {
        fail_no_region(name, instance);
        return NULL;
    }
    const change_t *change = index < migration->count ? &migration->changes[index] : NULL;
    if (change && change->kind == MADE && change->size != size) {
        sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "region '%s' was made with %zu bytes and cannot be resized to %zu bytes",
            name, change->size, size);
        return NULL;
    }
    if ((!change || change->kind != MADE) && !make(migration, index, name, size))
        return NULL;
    return migration->changes[index].bytes;
}

bool sfpm_migration_remove(sfpm_migration_t *migration, const char *name, size_t instance)
{
    size_t index;
    if (!migration || !name)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         migration ? "name" : "migration");
    if (!find(migration, name, instance, &index) || index == migration->count ||
        migration->changes[index].kind == REMOVED)
        return fail_no_region(name, instance);
    change_t *change = &migration->changes[index];
    free(change->bytes);
    migration->held -= change->size;
    change->kind = REMOVED;
    change->bytes = NULL;
    change->size = 0;
    return true;
}

/* ---- The chain ------------------------------------------------------------- */

/* What was made takes the place of what was there. */
static void replace(sfpm_restore_source_t *source, change_t *change)
{
    free(source->bytes);
    source->bytes = change->bytes;
    source->size = change->size;
    source->loaded = change->size;
    source->flags &= ~(uint32_t)SFPM_REGION_VOLATILE;
    source->made = true;
    change->bytes = NULL;
}

/* Makes the state the one after the step. */
static bool apply(sfpm_migration_t *migration)
{
    sfpm_restore_state_t *state = migration->state;
    void *array = state->sources;
    size_t kept = 0;
    if (!sfpm_grow_array(&array, &state->capacity, migration->count,
                         sizeof *state->sources))
        return false;
    state->sources = array;
    for (size_t i = state->count; i < migration->count; i++)
        state->sources[i] = (sfpm_restore_source_t){0};
    for (size_t i = 0; i < migration->count; i++) {
        change_t *change = &migration->changes[i];
        sfpm_restore_source_t source = state->sources[i];
        if (change->kind == REMOVED) {
            free(source.bytes);
            free(source.owned_name);
            continue;
        }
        if (change->name) {
            source.name = source.owned_name = change->name;
            change->name = NULL;
        }
        if (change->kind == MADE)
            replace(&source, change);
        state->sources[kept++] = source;
    }
    state->count = kept;
    return true;
}

static bool name_regions(sfpm_migration_t *migration)
{
    for (size_t i = 0; i < migration->state->count; i++) {
        const sfpm_restore_source_t *source = &migration->state->sources[i];
        migration->held += source->loaded;
        if (!sfpm_name_map_add(&migration->names, source->name, i, NULL))
            return false;
    }
    return true;
}

static bool run_step(sfpm_restoring_t *restoring, const sfpm_step_t *step, uint64_t limit)
{
    size_t count = restoring->state.count;
    sfpm_callbacks_t *callbacks = restoring->snapshot->callbacks;
    sfpm_migration_t migration = {.state = &restoring->state,
                                  .changes = SFPM_NEW_N(change_t, count),
                                  .count = count,
                                  .capacity = count,
                                  .limit = limit};
    sfpm_error_state_t before;
    if (!migration.changes || !name_regions(&migration)) {
        sfpm_name_map_free(&migration.names);
        free(migration.changes);
        return false;
    }
    sfpm_callbacks_enter(callbacks, &before);
    bool answer = step->callback(step->context, &migration);
    bool ok = sfpm_callbacks_leave(callbacks, &before, answer, SFPM_ERR_REFUSED);
    if (migration.failed) {
        sfpm_error_restore(&migration.failure);
        ok = false;
    }
    ok = ok && apply(&migration);
    for (size_t i = 0; i < migration.count; i++) {
        free(migration.changes[i].bytes);
        free(migration.changes[i].name);
    }
    free(migration.changes);
    sfpm_name_map_free(&migration.names);
    return ok ||
           sfpm_fail_prefix("migration from schema version %llu to %llu",
                            (unsigned long long)step->from, (unsigned long long)step->to);
}

/* Steps read what this machine did not lay out only when all say that it is the same
 * everywhere. */
static bool check_architecture(const sfpm_restoring_t *restoring)
{
    const char *stored = sfpm_image_commit_info(restoring->image)->architecture;
    if (sfpm_image_info(restoring->image)->format == 1 ||
        strcmp(stored, sfpm_origin_architecture()) == 0)
        return true;
    for (size_t i = 0; i < restoring->state.count; i++) {
        const sfpm_restore_source_t *source = &restoring->state.sources[i];
        if (!(source->flags & (SFPM_REGION_PORTABLE | SFPM_REGION_VOLATILE)))
            return sfpm_fail(SFPM_ERR_MISMATCH,
                             "region '%s' is native memory of another architecture and "
                             "cannot be migrated: %s in the image, %s here",
                             source->name, *stored ? stored : "unknown",
                             sfpm_origin_architecture());
    }
    return true;
}

static bool run_steps(sfpm_restoring_t *restoring, const path_t *path)
{
    const sfpm_callbacks_t *callbacks = restoring->snapshot->callbacks;
    uint64_t limit = restoring->options.max_memory;
    for (size_t i = 0; i < path->count; i++) {
        const sfpm_step_t *step = &callbacks->steps[path->steps[i]];
        sfpm_snapshot_log(restoring->snapshot, SFPM_LOG_INFO,
                          "Migrating from schema version %llu to %llu",
                          (unsigned long long)step->from, (unsigned long long)step->to);
        if (!run_step(restoring, step, limit ? limit : DEFAULT_MEMORY))
            return false;
    }
    return true;
}

bool sfpm_restoring_migrate(sfpm_restoring_t *restoring)
{
    path_t path;
    uint64_t stored = sfpm_image_commit_info(restoring->image)->schema;
    uint64_t wanted = restoring->snapshot->settings.schema;
    if (stored == wanted)
        return true;
    bool ok = find_path(restoring->snapshot->callbacks, stored, wanted, &path);
    if (ok && path.count == 0)
        ok = sfpm_fail(SFPM_ERR_MISMATCH,
                       "the image has schema version %llu, the program version %llu, and "
                       "no registered migrations lead from one to the other",
                       (unsigned long long)stored, (unsigned long long)wanted);
    ok = ok && check_architecture(restoring) && run_steps(restoring, &path);
    free(path.steps);
    return ok;
}
