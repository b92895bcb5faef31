/* SPDX-License-Identifier: MIT */
/*
 * game FILE COUNT [NAME]: makes an image of COUNT commits, of which each changes some
 * pages of its regions and heap. NAME is part of all names and texts in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/sfpm.h>

enum { PAGE = 4096, WORLD = 1024, JOURNAL = 128 }; /* sizes in pages */

static uint8_t world[WORLD * PAGE], journal[JOURNAL * PAGE], settings[2 * PAGE];
static sfpm_heap_t *heap;
static uint32_t types[3];
static char text[3][300];

static bool make_heap(const char *name)
{
    static const char *const words[3] = {"monster", "tile", "label"};
    static const size_t sizes[3] = {320, 96, 40};
    static char full[3][300];
    heap = sfpm_heap_create(text[0], NULL);
    for (int i = 0; heap && i < 3; i++) {
        snprintf(full[i], sizeof full[i], "%s%.40s", words[i], name);
        const sfpm_heap_type_t type = {
            .struct_size = sizeof type, .name = full[i], .size = sizes[i]};
        types[i] = sfpm_heap_register_type(heap, &type);
    }
    return heap && types[2] != 0;
}

static void change(unsigned step)
{
    unsigned camera = step * 7 % (WORLD - 64);
    for (unsigned i = 0; i < 24; i++)
        world[(camera + i) * PAGE + step % PAGE]++;
    world[(step * step) % WORLD * PAGE + 9]++;
    journal[step % JOURNAL * PAGE + 1] = (uint8_t)(step + 1);
    if (step % 40 == 0)
        settings[step % (2 * PAGE)]++;
    (void)sfpm_heap_alloc_type(heap, types[step % 7 > 3 ? 0 : step % 3], 1);
}

static bool commit(sfpm_snapshot_t *snapshot, const char *file, unsigned step,
                   const char *name)
{
    char time[32], message[300];
    snprintf(time, sizeof time, "%ld", 1760000000L + step * 420L + step % 9 * 31L);
    setenv("SOURCE_DATE_EPOCH", time, 1);
    snprintf(message, sizeof message, "turn %u%s", step + 1, name);
    const sfpm_commit_options_t how = {.struct_size = sizeof how,
                                       .message = message,
                                       .sync_every = SFPM_SYNC_NEVER};
    change(step);
    return sfpm_snapshot_commit(snapshot, file, &how);
}

static bool make(sfpm_snapshot_t *snapshot, const char *file, unsigned count,
                 const char *name)
{
    const sfpm_memory_region_t regions[] = {{world, sizeof world, text[1], false},
                                            {journal, sizeof journal, text[2], false},
                                            {settings, sizeof settings, "settings", false}};
    for (int i = 0; i < 3; i++)
        if (!sfpm_snapshot_add_region(snapshot, &regions[i]))
            return false;
    sfpm_snapshot_set_description(snapshot, name[0] != '\0' ? name : "a long game");
    bool ok = sfpm_heap_add_to_snapshot(heap, snapshot);
    for (unsigned step = 0; ok && step < count; step++)
        ok = commit(snapshot, file, step, name);
    return ok;
}

int main(int argc, char **argv)
{
    const char *name = argc > 3 ? argv[3] : "";
    if (argc < 3)
        return 2;
    snprintf(text[0], sizeof text[0], "objects%s", name);
    snprintf(text[1], sizeof text[1], "world%s", name);
    snprintf(text[2], sizeof text[2], "journal%s", name);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = snapshot && make_heap(name) &&
              make(snapshot, argv[1], (unsigned)atoi(argv[2]), name);
    if (!ok)
        fprintf(stderr, "game: %s\n", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    return ok ? 0 : 1;
}
