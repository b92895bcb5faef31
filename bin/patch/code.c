/* SPDX-License-Identifier: MIT */
/* Replaces the code of a machine, lists what differs, and prepares an image with the new
 * code for the edits that come with it. */
#include "patch/code.h"

#include <stdlib.h>
#include <unistd.h>

#include <sfpm/reload.h>

#include "common/machine.h"
#include "common/module.h"
#include "common/operand.h"
#include "common/tool.h"

static void describe(void *context, const sfpm_vm_change_t *change)
{
    char text[MACHINE_CHANGE];
    if (change->change == SFPM_VM_UNCHANGED)
        return;
    machine_change(change, text, sizeof text);
    fprintf(context, "%s\n", text);
}

/* Returns false with the library's error, or without one when out of memory. */
static bool replace(patch_code_t *code, sfpm_vm_t *vm, sfpm_vm_t *program)
{
    size_t size;
    FILE *file = open_memstream(&code->changes, &size);
    if (!file)
        return false;
    bool replaced = sfpm_vm_replace_code(vm, program, describe, file);
    if (fclose(file) != 0)
        return false;
    if (replaced && size > 0)
        code->changes[size - 1] = '\0';
    return replaced;
}

int patch_code_replace(patch_code_t *code, sfpm_vm_t *vm, const char *path,
                       const char *label)
{
    sfpm_vm_t *program = module_program(path);
    int status = EXIT_SUCCESS;
    if (!program)
        return tool_failure();
    if (!replace(code, vm, program))
        status = tool_fail(label, "%s; nothing is written%s", tool_last_error(label),
                           tool_last_remedy());
    sfpm_vm_destroy(program);
    return status;
}

bool patch_code_prepare(patch_code_t *code, sfpm_image_t *image, sfpm_vm_t *vm,
                        const char *label)
{
    sfpm_image_options_t how = operand_options();
    how.digest = NULL;
    sfpm_edit_t *edit = sfpm_edit_create(image);
    code->file = tmpfile();
    if (edit && code->file && sfpm_vm_fill_edit(vm, edit) &&
        sfpm_edit_save_fd(edit, fileno(code->file), label, NULL) &&
        lseek(fileno(code->file), 0, SEEK_SET) == 0)
        code->image = sfpm_image_open_fd(fileno(code->file), label, &how);
    sfpm_edit_destroy(edit);
    code->edit = code->image ? sfpm_edit_create(code->image) : NULL;
    return code->edit != NULL;
}

/* A region of the image as the edits leave it. */
static bool carry_region(patch_code_t *code, size_t index, sfpm_edit_t *commit)
{
    const sfpm_region_info_t *region = sfpm_image_region(code->image, index);
    uint8_t *bytes = malloc((size_t)region->size + 1);
    code->regions[code->num_regions++] = bytes;
    return bytes && sfpm_edit_read(code->edit, index, 0, bytes, (size_t)region->size) &&
           sfpm_edit_set_region(commit, region->name, 0, bytes, (size_t)region->size,
                                region->flags);
}

static bool is_edited(const patch_edit_t *edits, size_t count, size_t region)
{
    for (size_t i = 0; i < count; i++)
        if (edits[i].region == region)
            return true;
    return false;
}

bool patch_code_commit(patch_code_t *code, sfpm_vm_t *vm, const patch_edit_t *edits,
                       size_t count, sfpm_edit_t *commit)
{
    if (!sfpm_vm_fill_edit(vm, commit))
        return false;
    size_t regions = count > 0 ? sfpm_image_num_regions(code->image) : 0;
    code->regions = calloc(regions + 1, sizeof *code->regions);
    for (size_t i = 0; i < regions; i++)
        if (!code->regions ||
            (is_edited(edits, count, i) && !carry_region(code, i, commit)))
            return false;
    return true;
}

void patch_code_free(patch_code_t *code)
{
    for (size_t i = 0; i < code->num_regions; i++)
        free(code->regions[i]);
    free(code->regions);
    free(code->changes);
    sfpm_edit_destroy(code->edit);
    sfpm_image_close(code->image);
    if (code->file)
        fclose(code->file);
    *code = (patch_code_t){.changes = NULL};
}
