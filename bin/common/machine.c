/* SPDX-License-Identifier: MIT */
/*
 * Names places, states and traps of a machine, so that the messages of all tools agree.
 */
#include "common/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sfpm/wasi.h>

#include "common/natives.h"
#include "common/options.h"
#include "common/tool.h"

sfpm_vm_t *machine_create(void)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    if (vm)
        sfpm_vm_set_max_memory(vm, options.max_memory < SFPM_VM_MAX_MEMORY
                                       ? options.max_memory
                                       : SFPM_VM_MAX_MEMORY);
    return vm;
}

sfpm_vm_t *machine_load(const sfpm_image_t *image, char *refusal)
{
    refusal[0] = '\0';
    if (!sfpm_vm_is_in(image))
        return NULL;
    sfpm_vm_t *vm = machine_create();
    bool loaded = vm && sfpm_vm_load_image(vm, image);
    if (!loaded || !sfpm_vm_verify(vm))
        snprintf(refusal, MACHINE_REFUSAL, "%s%s", tool_last_error(sfpm_image_info(image)->name),
                 tool_last_remedy());
    if (loaded)
        return vm;
    sfpm_vm_destroy(vm);
    return NULL;
}

bool machine_name(const sfpm_vm_t *vm, uint64_t offset, char *text, size_t size)
{
    sfpm_vm_describe(vm, offset, text, size);
    return text[0] < '0' || text[0] > '9'; /* names never begin so */
}

void machine_place(const sfpm_vm_t *vm, uint64_t offset, char *text, size_t size)
{
    char name[MACHINE_PLACE / 2];
    if (machine_name(vm, offset, name, sizeof name))
        snprintf(text, size, "code[%" PRIu64 "] (%s)", offset, name);
    else
        snprintf(text, size, "code[%" PRIu64 "]", offset);
}

bool machine_is_offered(const sfpm_vm_t *vm, uint32_t import)
{
    static const char *const natives[][2] = {
#define NATIVES_PAIR(name, signature) {#name, signature},
        NATIVES(NATIVES_PAIR)
#undef NATIVES_PAIR
    };
    char signature[MACHINE_SIGNATURE];
    sfpm_vm_link_t link;
    if (!sfpm_vm_imported(vm, import, &link, sizeof link) ||
        !sfpm_vm_signature(vm, link.index, signature, sizeof signature))
        return false;
    const char *wasi = sfpm_wasi_signature(link.module, link.name);
    if (wasi)
        return strcmp(signature, wasi) == 0;
    if (strcmp(link.module, NATIVES_MODULE) != 0)
        return false;
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++)
        if (strcmp(link.name, natives[i][0]) == 0)
            return strcmp(signature, natives[i][1]) == 0;
    return false;
}

const char *machine_status(sfpm_vm_status_t status)
{
    switch (status) {
    case SFPM_VM_SUSPENDED:
        return "suspended";
    case SFPM_VM_HALTED:
        return "halted";
    case SFPM_VM_TRAPPED:
        return "trapped";
    }
    return "in an unknown state";
}

const char *machine_change_word(const sfpm_vm_change_t *change)
{
    switch (change->change) {
    case SFPM_VM_UNCHANGED:
        return "unchanged";
    case SFPM_VM_REPLACED:
        return strcmp(change->kind, "global") == 0 ? "other initial value" : "replaced";
    case SFPM_VM_ADDED:
        return "added";
    case SFPM_VM_REMOVED:
        return "removed";
    }
    return "changed";
}

void machine_change(const sfpm_vm_change_t *change, char *text, size_t size)
{
    const char *word = machine_change_word(change);
    if (strcmp(change->kind, "data") == 0)
        snprintf(text, size, "data at %" PRIu64 ": %" PRIu64 " bytes %s", change->address,
                 change->size, word);
    else if (change->name)
        snprintf(text, size, "%s %.120s: %s", change->kind, change->name, word);
    else
        snprintf(text, size, "%s %" PRIu32 ": %s", change->kind, change->index, word);
}

const char *machine_trap(sfpm_trap_t trap)
{
#define TRAP_CASE(number, name, text)                                                    \
    case SFPM_TRAP_##name:                                                               \
        return text;
    switch (trap) {
        SFPM_TRAPS(TRAP_CASE)
    case SFPM_TRAP_NONE:
        break;
    }
    return "unknown trap";
#undef TRAP_CASE
}

sfpm_vm_info_t machine_info(const sfpm_vm_t *vm)
{
    sfpm_vm_info_t info = {.status = SFPM_VM_HALTED};
    sfpm_vm_info(vm, &info, sizeof info);
    return info;
}

void machine_stack(const sfpm_vm_t *vm, machine_value_t callback, void *context)
{
    char value[MACHINE_VALUE];
    sfpm_vm_frame_t frame;
    uint64_t index = 0;
    for (uint32_t level = machine_info(vm).frames; level-- > 0;) {
        if (!sfpm_vm_frame(vm, level, &frame, sizeof frame))
            continue;
        for (uint32_t i = 0; i < frame.operands; i++)
            if (sfpm_vm_operand_text(vm, level, i, value, sizeof value))
                callback(context, index++, value);
    }
}
