/* SPDX-License-Identifier: MIT */
/* Instructions as text, put in the place of others. */
#include <sfpm/vm.h>

#include <stdlib.h>
#include <string.h>

#include "asm/assemble.h"
#include "bytecode/instruction.h"
#include "vm/machine.h"

/* What is replaced: whole instructions, as many as there are new ones. */
typedef struct sfpm_exchange {
    const sfpm_vm_t *vm;
    uint32_t from;
    uint32_t to;
    const sfpm_assembly_t *assembly;
} sfpm_exchange_t;

static uint32_t length_at(const sfpm_program_t *program, uint32_t offset)
{
    uint32_t function = sfpm_function_at(program, offset);
    return sfpm_length_at(program, program->functions[function].end, offset);
}

/* The last instruction that begins at or before an offset. What is proved tells without
 * a walk through the function. */
static uint32_t find_begin(const sfpm_vm_t *vm, uint32_t offset)
{
    const sfpm_program_t *program = &vm->program;
    uint32_t at = program->functions[sfpm_function_at(program, offset)].entry;
    uint32_t next = at;
    if (vm->verified) {
        while (offset > 0 && vm->proof.shape[offset] == SFPM_NO_INSTRUCTION)
            offset--;
        return offset;
    }
    for (; next <= offset; next += length_at(program, next))
        at = next;
    return at;
}

static bool check_begin(const sfpm_vm_t *vm, uint32_t offset)
{
    const sfpm_program_t *program = &vm->program;
    uint32_t at = find_begin(vm, offset);
    return at == offset ||
           sfpm_fail_code(program, offset,
                          "no instruction begins here; the one around it begins at %u",
                          at);
}

/* Finds the end of what is replaced. */
static bool find_end(sfpm_exchange_t *exchange)
{
    const sfpm_program_t *program = &exchange->vm->program;
    uint32_t end = program->functions[sfpm_function_at(program, exchange->from)].end;
    size_t count = exchange->assembly->num_places;
    size_t size = exchange->assembly->regions.region[SFPM_CODE].size;
    exchange->to = exchange->from;
    for (size_t i = 0; i < count; i++) {
        if (exchange->to == end)
            return sfpm_fail_code(
                program, exchange->from,
                "the function has only %zu instructions from here on, not "
                "the %zu to be replaced",
                i, count);
        exchange->to += length_at(program, exchange->to);
    }
    return size <= exchange->to - exchange->from ||
           sfpm_fail_code(program, exchange->from,
                          count == 1 ? "%zu instruction of %zu bytes does not fit the %u "
                                       "bytes of the one it replaces"
                                     : "%zu instructions of %zu bytes do not fit the %u "
                                       "bytes of those they replace",
                          count, size, exchange->to - exchange->from);
}

/* Whether instruction k begins at the same place as before, for the k that is there. */
static bool is_kept(const sfpm_exchange_t *exchange, uint32_t offset)
{
    const sfpm_source_place_t *places = exchange->assembly->places;
    uint32_t at = exchange->from;
    for (size_t k = 0; at < offset; k++)
        if (places[k].offset + exchange->from != at)
            return false;
        else
            at += length_at(&exchange->vm->program, at);
    const sfpm_source_place_t *place =
        sfpm_source_at(exchange->assembly, offset - exchange->from);
    return at == offset && place && place->offset + exchange->from == offset;
}

static bool is_call(const sfpm_exchange_t *exchange, uint32_t offset)
{
    const uint8_t *code = exchange->assembly->regions.region[SFPM_CODE].data;
    return is_kept(exchange, offset) && sfpm_is_call(code[offset - exchange->from]);
}

static bool check_frame(const sfpm_exchange_t *exchange, size_t level)
{
    const sfpm_program_t *program = &exchange->vm->program;
    const sfpm_frame_t *frame = &exchange->vm->backtrace.frames[level];
    char name[SFPM_PLACE_TEXT];
    uint32_t at = frame->offset;
    const char *function = sfpm_function_name(program, frame->function, name);
    if (level > 0) {
        sfpm_call_before(program, &exchange->vm->proof, frame->offset, &at);
        return at < exchange->from || at >= exchange->to || is_call(exchange, at) ||
               sfpm_fail_code(
                   program, at,
                   "frame %zu (%s) waits for this call to return; it cannot be "
                   "replaced now",
                   level, function);
    }
    return at <= exchange->from || at >= exchange->to || is_kept(exchange, at) ||
           sfpm_fail_code(
               program, at,
               "frame %zu (%s) is stopped here, among the instructions to be replaced",
               level, function);
}

static bool check_frames(const sfpm_exchange_t *exchange)
{
    const sfpm_vm_t *vm = exchange->vm;
    bool stands = vm->state.status != SFPM_VM_HALTED;
    for (size_t level = 0; stands && level < vm->backtrace.count; level++)
        if (!check_frame(exchange, level))
            return false;
    return true;
}

/* Semicolons part instructions here and begin no comment, unless they are characters. */
static char *split_lines(const char *text)
{
    char *lines = sfpm_copy_string(text);
    for (char *at = lines; at && *at; at++) {
        bool quoted = at > lines && at[-1] == '\'' && at[1] == '\'';
        if (*at == ';' && !quoted)
            *at = '\n';
    }
    return lines;
}

static bool first_fault(sfpm_faults_t *faults)
{
    if (faults->out_of_memory)
        return sfpm_fail_memory(sizeof *faults->list);
    return faults->count == 0 || sfpm_fail(SFPM_ERR_SYNTAX, "%s", faults->list[0].text);
}

/* The new bytes, with NOP up to the end of what they replace. */
static void *pad(const sfpm_exchange_t *exchange, size_t *size)
{
    const sfpm_buffer_t *code = &exchange->assembly->regions.region[SFPM_CODE];
    *size = exchange->to - exchange->from;
    uint8_t *bytes = sfpm_new_array(*size, 1);
    if (!bytes)
        return NULL;
    memset(bytes, SFPM_OP_NOP, *size);
    memcpy(bytes, code->data, code->size);
    return bytes;
}

static void *exchange_code(sfpm_exchange_t *exchange, const char *lines, size_t *size,
                           sfpm_assembly_t *assembly, sfpm_faults_t *faults)
{
    const sfpm_program_t *program = &exchange->vm->program;
    if (!sfpm_assemble_code(assembly, program, lines, strlen(lines), faults) ||
        !first_fault(faults))
        return NULL;
    if (assembly->num_places == 0) {
        sfpm_fail(SFPM_ERR_SYNTAX, "no instruction was given");
        return NULL;
    }
    if (!check_begin(exchange->vm, exchange->from) || !find_end(exchange) ||
        !check_frames(exchange))
        return NULL;
    return pad(exchange, size);
}

void *sfpm_vm_encode(const sfpm_vm_t *vm, uint64_t offset, const char *text, size_t *size)
{
    sfpm_assembly_t assembly = {0};
    sfpm_faults_t faults = {0};
    if (!sfpm_vm_has_program(vm))
        return NULL;
    if (!text || !size || offset >= sfpm_vm_code_size(vm)) {
        sfpm_fail(SFPM_ERR_ARGUMENT,
                  "no text was given, or the offset is outside the code");
        return NULL;
    }
    sfpm_exchange_t exchange = {
        .vm = vm, .from = (uint32_t)offset, .assembly = &assembly};
    char *lines = split_lines(text);
    void *bytes =
        lines ? exchange_code(&exchange, lines, size, &assembly, &faults) : NULL;
    free(lines);
    sfpm_assembly_free(&assembly);
    sfpm_faults_free(&faults);
    return bytes;
}

/* ---- After the exchange ------------------------------------------------------ */

static bool same_frame(const sfpm_vm_t *before, const sfpm_vm_t *after, size_t level)
{
    const sfpm_frame_t *a = &before->backtrace.frames[level];
    const sfpm_frame_t *b = &after->backtrace.frames[level];
    const sfpm_shape_t *old = &before->proof.shapes.list[a->shape];
    const sfpm_shape_t *new = &after->proof.shapes.list[b->shape];
    char name[SFPM_PLACE_TEXT];
    const char *function = sfpm_function_name(&after->program, b->function, name);
    if (a->function != b->function || a->offset != b->offset || a->height != b->height)
        return sfpm_fail_code(
            &after->program, b->offset,
            "frame %zu (%s) has %u values on its stack here, but the new "
            "instructions expect %u",
            level, function, a->height, b->height);
    for (; old->height > 0; old = &before->proof.shapes.list[old->below],
                            new = &after->proof.shapes.list[new->below])
        if (old->type != new->type)
            return sfpm_fail_code(
                &after->program, b->offset,
                "frame %zu (%s): value %u on its stack is %s, but the new "
                "instructions expect %s",
                level, function, old->height - 1u, sfpm_type_name(old->type),
                sfpm_type_name(new->type));
    return true;
}

bool sfpm_vm_same_frames(const sfpm_vm_t *before, const sfpm_vm_t *after)
{
    if (!sfpm_vm_has_program(before) || !sfpm_vm_has_program(after))
        return false;
    if (!before->verified || !after->verified || before->state.status == SFPM_VM_HALTED)
        return true;
    if (before->backtrace.count != after->backtrace.count)
        return sfpm_fail(SFPM_ERR_BYTECODE,
                         "there were %zu calls in progress, now there are %zu",
                         before->backtrace.count, after->backtrace.count);
    for (size_t level = 0; level < before->backtrace.count; level++)
        if (!same_frame(before, after, level))
            return false;
    return true;
}
