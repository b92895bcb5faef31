/* SPDX-License-Identifier: MIT */
/*
 * A program that makes the list of adopted.c survive, for adopted.sh:
 *
 *     adopt IMAGE WORD...
 *
 * goes on with the state in IMAGE if there is one, adds the words, prints the list and
 * saves. The list's blocks are in a heap, its static data is registered with that of the
 * module it is linked into. With LIBRARY that is a shared library. With NAIVE all
 * writable data of the program is registered, the C library's included.
 */
#include <stdio.h>
#include <unistd.h>

#include <sfpm/sfpm.h>

/* What belongs to the process is not saved. */
static struct {
    sfpm_heap_t *heap;
    sfpm_snapshot_t *snapshot;
} process;

#define SFPM_MALLOC_HEAP process.heap
#include <sfpm/malloc.h>

void adopted_add(const char *text);
void adopted_print(void);
const void *adopted_here(void);

#ifdef NAIVE
extern char __data_start[], _end[];

static bool add_data(void)
{
    const sfpm_memory_region_t all = {__data_start, (size_t)(_end - __data_start), "all",
                                      false};
    const sfpm_region_options_t options = {.struct_size = sizeof options,
                                           .flags = SFPM_REGION_POINTERS};
    return sfpm_snapshot_add_region_with(process.snapshot, &all, &options);
}
#else
static bool add_data(void)
{
    const sfpm_memory_region_t except = {&process, sizeof process, NULL, false};
    const sfpm_module_options_t options = {
        .struct_size = sizeof options, .except = &except, .num_except = 1};
#ifdef LIBRARY
    return sfpm_snapshot_add_module(process.snapshot, adopted_here(), NULL) &&
           options.except;
#else
    return sfpm_snapshot_add_module(process.snapshot, adopted_here(), &options);
#endif
}
#endif

static bool run(char **words, const char *file)
{
    if (!add_data() || !sfpm_heap_add_to_snapshot(process.heap, process.snapshot))
        return false;
    if (access(file, F_OK) == 0 && !sfpm_heap_restore(process.heap, file, NULL))
        return false;
    for (; *words; words++)
        adopted_add(*words);
    adopted_print();
    return sfpm_snapshot_save(process.snapshot, file);
}

int main(int argc, char **argv)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .same_build = true};
    if (argc < 2)
        return 2;
    process.heap = sfpm_heap_create("adopted", &options);
    process.snapshot = sfpm_snapshot_create();
    bool ok = process.heap && process.snapshot && run(argv + 2, argv[1]);
    if (!ok)
        fprintf(stderr, "adopt: %s\n", sfpm_last_error());
    sfpm_snapshot_destroy(process.snapshot);
    sfpm_heap_destroy(process.heap);
    return ok ? 0 : 1;
}
