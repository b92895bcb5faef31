/* SPDX-License-Identifier: MIT */
/* Refuses a patch after which the machine could not run, or would go on elsewhere, or a
 * heap could not be restored. */
#include "patch/verify.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <sfpm/heap.h>

#include "common/options.h"
#include "common/tool.h"

/* Supplies the regions as they will be; each is kept until the machine is loaded. */
typedef struct loader {
    const sfpm_image_t *image;
    sfpm_edit_t *edit;
    void *buffers[32];
    size_t count;
    void *memory; /* NULL, or zeros that nobody touches */
    size_t memory_size;
} loader_t;

/* Of the memory of a program only the size is checked, so that zeros may stand for it. */
static bool supply_memory(loader_t *loader, size_t size)
{
    void *zeros = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (zeros == MAP_FAILED)
        return false;
    loader->memory = zeros;
    loader->memory_size = size;
    return true;
}

static bool supply(void *context, const char *name, const void **bytes, size_t *size)
{
    loader_t *loader = context;
    size_t index;
    *bytes = NULL;
    *size = 0;
    if (!sfpm_image_find_region(loader->image, name, &index))
        return true;
    const sfpm_region_info_t *region = sfpm_image_region(loader->image, index);
    if (region->size > SIZE_MAX - 1 ||
        loader->count == sizeof loader->buffers / sizeof loader->buffers[0])
        return false;
    *size = (size_t)region->size;
    if (*size > 0 && strcmp(name, "memory") == 0) {
        bool supplied = supply_memory(loader, *size);
        *bytes = loader->memory;
        return supplied;
    }
    void *buffer = malloc(*size + 1);
    if (!buffer)
        return false;
    loader->buffers[loader->count++] = buffer;
    *bytes = buffer;
    return sfpm_edit_read(loader->edit, index, 0, buffer, *size);
}

/* Whether an edit says itself where the machine stands, so that it need not stand where
 * it stood. */
static bool moves_machine(const patch_edit_t *edits, size_t count)
{
    static const char *const regions[] = {"state", "stack", "vm_state"};
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < sizeof regions / sizeof regions[0]; r++)
            if (!edits[i].is_code && strcmp(edits[i].name, regions[r]) == 0)
                return true;
    return false;
}

bool patch_verify(const sfpm_image_t *image, const sfpm_vm_t *before,
                  const patch_edit_t *edits, size_t count, sfpm_edit_t *edit)
{
    loader_t loader = {.image = image, .edit = edit};
    sfpm_vm_t *vm = sfpm_vm_create();
    bool ok = vm && sfpm_vm_load(vm, supply, &loader) && sfpm_vm_verify(vm) &&
              (moves_machine(edits, count) || sfpm_vm_same_frames(before, vm));
    sfpm_vm_destroy(vm);
    while (loader.count > 0)
        free(loader.buffers[--loader.count]);
    if (loader.memory)
        munmap(loader.memory, loader.memory_size);
    return ok;
}

/* Whether there is a heap, or damage in place of one, that can be checked. */
static bool can_check(const sfpm_image_t *image, size_t region, const char *label,
                      const sfpm_heap_survey_options_t *how)
{
    char text[600];
    sfpm_heap_survey_t *before = sfpm_heap_survey(image, region, how);
    sfpm_status_t status = before ? SFPM_OK : sfpm_last_status();
    sfpm_heap_survey_free(before);
    if (status == SFPM_ERR_MISMATCH || status == SFPM_ERR_UNSUPPORTED) {
        snprintf(text, sizeof text,
                 "the heap cannot be read, so edits are not checked: %s",
                 tool_last_error(label));
        tool_warn(label, text);
        return false;
    }
    return status != SFPM_ERR_NOT_FOUND;
}

bool patch_verify_heap(const sfpm_image_t *image, size_t region, sfpm_edit_t *edit,
                       const char *label)
{
    sfpm_heap_survey_options_t how = {
        .struct_size = sizeof how, .max_memory = options.max_memory, .tables_only = true};
    if (!can_check(image, region, label, &how))
        return true;
    how.edit = edit;
    sfpm_heap_survey_t *after = sfpm_heap_survey(image, region, &how);
    sfpm_heap_survey_free(after);
    return after != NULL;
}
