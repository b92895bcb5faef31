/* SPDX-License-Identifier: MIT */
#include "vm_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sfpm_buffer_t printed;

sfpm_vm_t *assembled(const char *text)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert_ptr_nonnull(vm);
    if (!sfpm_vm_assemble(vm, text, strlen(text), "test.s", NULL, NULL))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

sfpm_vm_t *example(const char *name)
{
    static char text[1 << 16];
    char path[4096];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/examples/%s", top ? top : "../..", name);
    FILE *file = fopen(path, "r");
    if (!file)
        ck_abort_msg("%s: cannot be opened", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return assembled(text);
}

bool collect(void *buffer, const void *bytes, size_t size)
{
    return sfpm_buffer_add(buffer, bytes, size);
}

sfpm_vm_status_t run_steps(sfpm_vm_t *vm, uint64_t steps, sfpm_buffer_t *output)
{
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_steps = steps,
                                           .output = output ? collect : NULL,
                                           .output_context = output};
    bool ran = sfpm_vm_run(vm, &options);
    sfpm_vm_info_t info = info_of(vm);
    if (!ran && !(info.status == SFPM_VM_TRAPPED && sfpm_last_status() == SFPM_ERR_TRAP))
        ck_abort_msg("%s", sfpm_last_error());
    /* In loops: Check's own assertions cost a system call each. */
    if (info.frames == 0)
        ck_abort_msg("the state is not proved");
    return info.status;
}

const char *output_of(sfpm_vm_t *vm)
{
    printed.size = 0;
    if (run_steps(vm, 0, &printed) != SFPM_VM_HALTED)
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert(sfpm_buffer_add(&printed, "", 1));
    return (const char *)printed.data;
}

const char *listing_of(const sfpm_vm_t *vm)
{
    printed.size = 0;
    ck_assert(sfpm_vm_disassemble(vm, 0, UINT64_MAX, collect, &printed));
    ck_assert(sfpm_buffer_add(&printed, "", 1));
    return (const char *)printed.data;
}

sfpm_vm_info_t info_of(const sfpm_vm_t *vm)
{
    sfpm_vm_info_t info;
    if (!sfpm_vm_info(vm, &info, sizeof info))
        ck_abort_msg("%s", sfpm_last_error());
    return info;
}

void copy_regions(sfpm_vm_t *vm, sfpm_regions_t *regions)
{
    sfpm_vm_region_t region;
    *regions = (sfpm_regions_t){0};
    for (size_t i = 0; i < sfpm_vm_num_regions(vm); i++) {
        if (!sfpm_vm_region(vm, i, &region, sizeof region))
            ck_abort_msg("%s", sfpm_last_error());
        for (int id = 0; id < SFPM_NUM_REGIONS; id++)
            if (strcmp(region.name, sfpm_region_names[id]) == 0) {
                if (!sfpm_region_make(&regions->region[id], region.name, region.size))
                    ck_abort_msg("%s", sfpm_last_error());
                memcpy(regions->region[id].data, region.bytes, region.size);
            }
    }
}

static bool give_region(void *context, const char *name, const void **bytes, size_t *size)
{
    const sfpm_regions_t *regions = context;
    for (int id = 0; id < SFPM_NUM_REGIONS; id++)
        if (strcmp(name, sfpm_region_names[id]) == 0) {
            *bytes = regions->region[id].data;
            *size = regions->region[id].size;
        }
    return true;
}

bool load_regions(sfpm_vm_t *vm, const sfpm_regions_t *regions)
{
    sfpm_regions_t given = *regions;
    return sfpm_vm_load(vm, give_region, &given);
}
