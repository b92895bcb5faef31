/* SPDX-License-Identifier: MIT */
/* Looking into a machine: facts, frames, values, text, regions. */
#include <sfpm/vm.h>

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "vm/machine.h"

/* Gives a structure to a caller that may know less of it. */
static bool give(void *to, size_t size, const void *from, size_t known)
{
    if (!to)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no place for the result was given");
    memcpy(to, from, size < known ? size : known);
    return true;
}

static uint64_t memory_limit(const sfpm_program_t *program)
{
    bool has = program->max_pages != SFPM_NO_MEMORY;
    return has ? (uint64_t)program->max_pages * SFPM_PAGE_SIZE : 0;
}

/* Of all tables now, as far as the region is sound. */
static uint32_t num_elements(const sfpm_vm_t *vm)
{
    size_t slots = vm->regions.region[SFPM_TABLE].size / SFPM_ELEMENT_SIZE;
    if (vm->program.version < 3)
        return vm->program.num_elements;
    return slots > vm->program.num_tables ? (uint32_t)(slots - vm->program.num_tables)
                                          : 0;
}

bool sfpm_vm_info(const sfpm_vm_t *vm, sfpm_vm_info_t *info, size_t size)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    const char *code = vm->original ? SFPM_ORIGINAL_NAME : sfpm_region_names[SFPM_CODE];
    const sfpm_vm_info_t facts = {.status = vm->state.status,
                                  .trap = vm->state.trap,
                                  .pc = vm->state.pc,
                                  .instructions = vm->state.instructions,
                                  .starts = vm->state.starts,
                                  .code_size = sfpm_vm_code_size(vm),
                                  .functions = vm->program.num_functions,
                                  .globals = vm->program.num_globals,
                                  .frames = (uint32_t)vm->backtrace.count,
                                  .bytecode = vm->program.version,
                                  .original = vm->original != NULL,
                                  .verified = vm->verified,
                                  .memory = sfpm_vm_memory_size(vm),
                                  .max_memory = memory_limit(&vm->program),
                                  .elements = num_elements(vm),
                                  .imports = vm->program.num_imports,
                                  .exports = vm->program.num_exports,
                                  .reached = vm->reached,
                                  .untranslated = vm->fast.untranslated,
                                  .code_region = code,
                                  .code_start = vm->original ? SFPM_ORIGINAL_PROGRAM : 0};
    return give(info, size, &facts, sizeof facts);
}

/* ---- Frames and values ------------------------------------------------------ */

static const sfpm_frame_t *find_frame(const sfpm_vm_t *vm, uint32_t level)
{
    if (!sfpm_vm_has_program(vm))
        return NULL;
    if (level < vm->backtrace.count)
        return &vm->backtrace.frames[level];
    sfpm_fail(SFPM_ERR_ARGUMENT, "there is no frame %u: the machine has %zu", level,
              vm->backtrace.count);
    return NULL;
}

static uint32_t num_locals(const sfpm_vm_t *vm, const sfpm_frame_t *frame)
{
    return sfpm_frame_size(&vm->program.functions[frame->function]) - SFPM_RECORD_SLOTS;
}

bool sfpm_vm_frame(const sfpm_vm_t *vm, uint32_t level, sfpm_vm_frame_t *frame,
                   size_t size)
{
    const sfpm_frame_t *found = find_frame(vm, level);
    if (!found)
        return false;
    const char *name = vm->program.functions[found->function].name;
    const sfpm_vm_frame_t facts = {.function = name ? name : "?",
                                   .index = found->function,
                                   .offset = found->offset,
                                   .locals = num_locals(vm, found),
                                   .operands = found->height};
    return give(frame, size, &facts, sizeof facts);
}

static bool give_slot(const sfpm_vm_t *vm, uint32_t first, uint32_t index, uint32_t count,
                      int64_t *value)
{
    if (index >= count || !value)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no value %u: the frame has %u",
                         index, count);
    *value = sfpm_to_i64(sfpm_get_u64(vm->regions.region[SFPM_STACK].data +
                                      ((size_t)first + index) * SFPM_SLOT_SIZE));
    return true;
}

bool sfpm_vm_local(const sfpm_vm_t *vm, uint32_t level, uint32_t index, int64_t *value)
{
    const sfpm_frame_t *frame = find_frame(vm, level);
    return frame && give_slot(vm, frame->base, index, num_locals(vm, frame), value);
}

bool sfpm_vm_operand(const sfpm_vm_t *vm, uint32_t level, uint32_t index, int64_t *value)
{
    const sfpm_frame_t *frame = find_frame(vm, level);
    return frame && give_slot(vm, frame->operands, index, frame->height, value);
}

bool sfpm_vm_frame_values(const sfpm_vm_t *vm, size_t level, sfpm_frame_value_t callback,
                          void *context)
{
    const sfpm_frame_t *frame = &vm->backtrace.frames[level];
    const sfpm_function_t *function = &vm->program.functions[frame->function];
    const sfpm_shape_t *shapes = vm->proof.shapes.list, *shape = &shapes[frame->shape];
    uint32_t locals = (uint32_t)function->params + function->locals;
    for (uint32_t i = 0; i < locals; i++)
        if (!callback(context, level, frame->base + i, sfpm_local_type(function, i)))
            return false;
    for (; shape->height > 0; shape = &shapes[shape->below])
        if (!callback(context, level, frame->operands + shape->height - 1u, shape->type))
            return false;
    return true;
}

bool sfpm_vm_global(const sfpm_vm_t *vm, uint32_t index, int64_t *value,
                    const char **name)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (index >= vm->program.num_globals || !value)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no global %u: the program has %u",
                         index, vm->program.num_globals);
    *value = sfpm_to_i64(sfpm_get_u64(vm->regions.region[SFPM_GLOBALS].data +
                                      (size_t)index * SFPM_GLOBAL_SIZE));
    if (name)
        *name = vm->program.global_names[index];
    return true;
}

/* ---- Imports and exports ------------------------------------------------------ */

bool sfpm_vm_imported(const sfpm_vm_t *vm, uint32_t index, sfpm_vm_link_t *link,
                      size_t size)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (index >= vm->program.num_imports)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no import %u: the program has %u",
                         index, vm->program.num_imports);
    const sfpm_function_t *function = &vm->program.functions[index];
    const sfpm_vm_link_t facts = {.module = function->module,
                                  .name = function->field,
                                  .kind = "func",
                                  .index = index};
    return give(link, size, &facts, sizeof facts);
}

bool sfpm_vm_exported(const sfpm_vm_t *vm, uint32_t index, sfpm_vm_link_t *link,
                      size_t size)
{
    static const char *const kinds[] = {[SFPM_EXPORT_FUNCTION] = "func",
                                        [SFPM_EXPORT_TABLE] = "table",
                                        [SFPM_EXPORT_MEMORY] = "memory",
                                        [SFPM_EXPORT_GLOBAL] = "global"};
    if (!sfpm_vm_has_program(vm))
        return false;
    if (index >= vm->program.num_exports)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no export %u: the program has %u",
                         index, vm->program.num_exports);
    const sfpm_export_t *export = &vm->program.exports[index];
    const sfpm_vm_link_t facts = {
        .name = export->name, .kind = kinds[export->kind], .index = export->index};
    return give(link, size, &facts, sizeof facts);
}

/* Appends as much as fits; `size` counts the zero byte. */
static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

bool sfpm_vm_signature(const sfpm_vm_t *vm, uint32_t function, char *text, size_t size)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (function >= vm->program.num_functions || !text || size == 0)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "there is no function %u, or no room for its signature",
                         function);
    const sfpm_function_t *found = &vm->program.functions[function];
    text[0] = '\0';
    for (uint32_t i = 0; i < found->params && strlen(text) + 1 < size; i++) {
        append(text, size, i > 0 ? " " : "");
        append(text, size, sfpm_type_name(found->param_types[i]));
    }
    if (found->results > 0)
        append(text, size, found->params > 0 ? " ->" : "->");
    for (uint32_t i = 0; i < found->results && strlen(text) + 1 < size; i++) {
        append(text, size, " ");
        append(text, size, sfpm_type_name(found->result_types[i]));
    }
    return true;
}

/* ---- Text -------------------------------------------------------------------- */

static sfpm_listing_t listing_of(const sfpm_vm_t *vm)
{
    const sfpm_buffer_t *table = &vm->regions.region[SFPM_TABLE];
    bool whole = table->size == (uint64_t)vm->program.num_elements * SFPM_ELEMENT_SIZE;
    return (sfpm_listing_t){.program = &vm->program,
                            .globals = vm->regions.region[SFPM_GLOBALS].data,
                            .table = whole ? table->data : NULL,
                            .labels = vm->verified};
}

size_t sfpm_vm_instruction(const sfpm_vm_t *vm, uint64_t offset, char *text, size_t size)
{
    if (!vm || !vm->program.code || sfpm_vm_code_size(vm) == 0)
        return 0;
    sfpm_listing_t listing = listing_of(vm);
    if (offset < vm->program.code_size)
        listing.labels = sfpm_is_proved(
            &vm->proof, sfpm_function_at(&vm->program, (uint32_t)offset));
    return sfpm_instruction_text(&listing, offset, text, size);
}

bool sfpm_vm_disassemble(const sfpm_vm_t *vm, uint64_t from, uint64_t to,
                         sfpm_vm_output_callback_t output, void *context)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (!output)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no callback was given");
    if (sfpm_vm_code_size(vm) == 0)
        return true;
    const sfpm_listing_t listing = listing_of(vm);
    return sfpm_disassemble(&listing, from, to, output, context);
}

/* ---- Regions ----------------------------------------------------------------- */

size_t sfpm_vm_num_regions(const sfpm_vm_t *vm)
{
    size_t count = 0;
    if (!vm || !vm->program.code)
        return 0;
    for (int id = 0; id < SFPM_NUM_REGIONS; id++)
        count += vm->regions.region[id].size > 0;
    return vm->original ? 1 : count;
}

static bool find_original(sfpm_vm_t *vm, sfpm_vm_region_t *region)
{
    if (vm->original_changed &&
        !sfpm_original_store(&vm->state, &vm->regions.region[SFPM_STACK], vm->original))
        return false;
    vm->original_changed = false;
    *region = (sfpm_vm_region_t){SFPM_ORIGINAL_NAME, vm->original, SFPM_ORIGINAL_SIZE,
                                 vm->original_flags};
    return true;
}

/* Regions without bytes are not counted. */
static void find_saved_region(const sfpm_vm_t *vm, size_t index, sfpm_vm_region_t *region)
{
    int id = 0;
    for (size_t left = index; vm->regions.region[id].size == 0 || left-- > 0; id++)
        ;
    *region = (sfpm_vm_region_t){sfpm_region_names[id], vm->regions.region[id].data,
                                 vm->regions.region[id].size, SFPM_MACHINE_FLAGS};
}

bool sfpm_vm_region(sfpm_vm_t *vm, size_t index, sfpm_vm_region_t *region, size_t size)
{
    sfpm_vm_region_t found = {0};
    if (!sfpm_vm_has_program(vm) || !sfpm_vm_is_idle(vm))
        return false;
    if (index >= sfpm_vm_num_regions(vm))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no region %zu", index);
    if (!vm->original)
        find_saved_region(vm, index, &found);
    else if (!find_original(vm, &found))
        return false;
    return give(region, size, &found, sizeof found);
}
