/* SPDX-License-Identifier: MIT */
/*
 * Addresses in regions flagged SFPM_REGION_POINTERS, for addresses.sh.
 *
 *     addresses SAVE KIND FILE
 *         SAVE: save, async, child, delta (of FILE.base), or commit (the address does not
 *         change in the last of three commits)
 *         KIND, where the address leads: program, library (to libsfpm), libc, plugin
 *         (./plugin.so), own (the region itself), none
 *     addresses RESTORE KIND FILE
 *         RESTORE: restore, lazy, accept (of a region that is not registered)
 *     addresses heap-save KIND FILE, addresses heap-restore KIND FILE
 *         in a heap with same_build
 *     addresses revert KIND FILE
 *         goes back in the process that saved
 *     addresses where
 *         prints an address of the program
 *
 * A restore prints what the function returns, for KIND program, or "restored".
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/sfpm.h>

enum { SIZE = 4 << 20, EVERY = 4096 };

typedef struct memory {
    int (*function)(void);
    uintptr_t address;
    char rest[SIZE - 2 * sizeof(uintptr_t)];
} memory_t;

static int answer(void)
{
    return 42;
}

static bool fail(const char *what)
{
    fprintf(stderr, "addresses: %s\n", what);
    return false;
}

static bool fill(memory_t *memory, const char *kind)
{
    if (strcmp(kind, "program") == 0)
        memory->function = answer;
    else if (strcmp(kind, "library") == 0)
        memory->address = (uintptr_t)dlsym(RTLD_DEFAULT, "sfpm_snapshot_create");
    else if (strcmp(kind, "libc") == 0)
        memory->address = (uintptr_t)stdout;
    else if (strcmp(kind, "plugin") == 0) {
        void *plugin = dlopen("./plugin.so", RTLD_NOW);
        memory->address = plugin ? (uintptr_t)dlsym(plugin, "plugin") : 0;
        return memory->address || fail(dlerror());
    } else if (strcmp(kind, "own") == 0)
        memory->address = (uintptr_t)memory;
    for (size_t i = 0; i < sizeof memory->rest; i += EVERY)
        memory->rest[i] = (char)(i / EVERY);
    return true;
}

static bool wait_for(sfpm_job_t *job)
{
    bool ok = sfpm_job_wait(job);
    sfpm_job_destroy(job);
    return ok;
}

/* Commits more, so that only a page without addresses changes in the last one. */
static bool commit(sfpm_snapshot_t *snapshot, memory_t *memory, const char *file)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options};
    if (!sfpm_snapshot_set_tracking(snapshot, SFPM_TRACKING_HASH) ||
        !sfpm_snapshot_commit(snapshot, file, NULL))
        return false;
    memory->rest[SIZE / 2] = 1;
    if (!wait_for(sfpm_snapshot_commit_async(snapshot, file, NULL, &options)))
        return false;
    memory->rest[SIZE / 2] = 2;
    return sfpm_snapshot_commit(snapshot, file, NULL);
}

static bool save_delta(sfpm_snapshot_t *snapshot, memory_t *memory, const char *file)
{
    char base[100];
    snprintf(base, sizeof base, "%s.base", file);
    if (!sfpm_snapshot_save(snapshot, base))
        return false;
    memory->rest[SIZE / 2] = 1;
    return sfpm_snapshot_save_delta(snapshot, base, file);
}

static bool revert(sfpm_snapshot_t *snapshot, memory_t *memory, const char *file)
{
    int (*function)(void) = memory->function;
    if (!sfpm_snapshot_save(snapshot, file))
        return false;
    memory->function = NULL;
    return sfpm_snapshot_revert(snapshot) &&
           (memory->function == function || fail("it did not come back"));
}

static bool restore(sfpm_snapshot_t *snapshot, const char *how, const char *file)
{
    const sfpm_restore_options_t options = {
        .struct_size = sizeof options,
        .accept = strcmp(how, "accept") == 0 ? SFPM_ACCEPT_REMOVED : 0,
        .mode =
            strcmp(how, "lazy") == 0 ? SFPM_RESTORE_LAZY_UNVERIFIED : SFPM_RESTORE_EAGER};
    return strcmp(how, "restore") == 0
               ? sfpm_snapshot_restore(file, snapshot)
               : sfpm_snapshot_restore_with(snapshot, file, &options);
}

static bool act(sfpm_snapshot_t *snapshot, memory_t *memory, const char *how,
                const char *file)
{
    const sfpm_job_options_t child = {.struct_size = sizeof child,
                                      .copying = SFPM_COPYING_CHILD};
    if (strcmp(how, "save") == 0)
        return sfpm_snapshot_save(snapshot, file);
    if (strcmp(how, "async") == 0)
        return wait_for(sfpm_snapshot_save_async(snapshot, file, NULL));
    if (strcmp(how, "child") == 0)
        return wait_for(sfpm_snapshot_save_async(snapshot, file, &child));
    if (strcmp(how, "commit") == 0)
        return commit(snapshot, memory, file);
    if (strcmp(how, "delta") == 0)
        return save_delta(snapshot, memory, file);
    if (strcmp(how, "revert") == 0)
        return revert(snapshot, memory, file);
    bool ok = restore(snapshot, how, file);
    if (ok && memory->function)
        printf("%d\n", memory->function());
    else if (ok)
        puts("restored");
    return ok;
}

static bool with_region(const char *how, const char *kind, const char *file)
{
    memory_t *memory = sfpm_alloc_region(sizeof *memory);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    const sfpm_memory_region_t region = {memory, sizeof *memory, "memory", false};
    static int counter;
    const sfpm_memory_region_t other = {&counter, sizeof counter, "counter", false};
    const sfpm_region_options_t options = {
        .struct_size = sizeof options, .flags = SFPM_REGION_POINTERS, .remappable = true};
    bool restores = strcmp(how, "restore") == 0 || strcmp(how, "lazy") == 0 ||
                    strcmp(how, "accept") == 0;
    bool ok = memory && snapshot &&
              (strcmp(how, "accept") == 0 ||
               sfpm_snapshot_add_region_with(snapshot, &region, &options)) &&
              sfpm_snapshot_add_region(snapshot, &other) &&
              (restores || fill(memory, kind)) && act(snapshot, memory, how, file);
    if (!ok)
        fail(sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(memory, sizeof *memory);
    return ok;
}

static bool use_heap(sfpm_heap_t *heap, sfpm_snapshot_t *snapshot, const char *how,
                     const char *kind, const char *file)
{
    if (strcmp(how, "heap-save") == 0) {
        memory_t *memory = sfpm_heap_calloc(heap, 1, sizeof *memory);
        return memory && fill(memory, kind) &&
               sfpm_heap_set_root(heap, "memory", memory) &&
               sfpm_snapshot_save(snapshot, file);
    }
    if (!sfpm_heap_restore(heap, file, NULL))
        return false;
    const memory_t *memory = sfpm_heap_root(heap, "memory");
    if (memory->function)
        printf("%d\n", memory->function());
    else
        puts("restored");
    return true;
}

static bool with_heap(const char *how, const char *kind, const char *file)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .same_build = true};
    sfpm_heap_t *heap = sfpm_heap_create("memory", &options);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = heap && snapshot && sfpm_heap_add_to_snapshot(heap, snapshot) &&
              use_heap(heap, snapshot, how, kind, file);
    if (!ok)
        fail(sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "where") == 0)
        return printf("%#llx\n", (unsigned long long)(uintptr_t)answer) < 0;
    if (argc != 4)
        return 2;
    bool ok = strncmp(argv[1], "heap-", 5) == 0 ? with_heap(argv[1], argv[2], argv[3])
                                                : with_region(argv[1], argv[2], argv[3]);
    return ok ? 0 : 1;
}
