/* SPDX-License-Identifier: MIT */
/*
 * Decodes and walks the frames of a suspended machine and checks each against the
 * program: a state from an image must not be trusted more than the code.
 */
#include "engine/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/globals_table.h"
#include "engine/references.h"
#include "bytecode/instruction.h"

static size_t state_size(uint32_t num_droppable)
{
    return SFPM_STATE_SIZE + ((size_t)num_droppable + 7) / 8;
}

bool sfpm_state_decode(sfpm_state_t *state, const sfpm_buffer_t *bytes,
                       const sfpm_program_t *program)
{
    uint32_t segments = sfpm_num_droppable(program);
    if (bytes->size != state_size(segments))
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'state' has %zu bytes instead of %zu",
                         bytes->size, state_size(segments));
    if (segments % 8 != 0 && bytes->data[bytes->size - 1] >> segments % 8 != 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: more than %u segments dropped",
                         segments);
    uint32_t status = sfpm_get_u32(bytes->data);
    uint32_t trap = sfpm_get_u32(bytes->data + 4);
    uint32_t begun = sfpm_get_u32(bytes->data + 12);
    *state = (sfpm_state_t){.pc = sfpm_get_u32(bytes->data + 8),
                            .begun = begun != 0,
                            .instructions = sfpm_get_u64(bytes->data + 16),
                            .starts = sfpm_get_u64(bytes->data + 24)};
    if (status > SFPM_VM_TRAPPED)
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: unknown status %u", status);
    if (status == SFPM_VM_TRAPPED ? !sfpm_trap_text(trap) : trap != SFPM_TRAP_NONE)
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: trap number %u contradicts status %u",
                         trap, status);
    if (begun > 1 || (!begun && status != SFPM_VM_SUSPENDED))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "state: the status contradicts whether the program has begun");
    if (state->pc >= program->code_size)
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: pc %u is beyond the code of %u bytes",
                         state->pc, program->code_size);
    state->status = (sfpm_vm_status_t)status;
    state->trap = (sfpm_trap_t)trap;
    return true;
}

bool sfpm_state_encode(const sfpm_state_t *state, uint32_t num_droppable,
                       sfpm_buffer_t *bytes)
{
    size_t size = state_size(num_droppable);
    if (bytes->size != size) {
        bytes->size = 0;
        if (!sfpm_buffer_extend(bytes, size))
            return false;
        memset(bytes->data, 0, size);
    }
    uint8_t *to = bytes->data;
    sfpm_put_u32(to, (uint32_t)state->status);
    sfpm_put_u32(to + 4, (uint32_t)state->trap);
    sfpm_put_u32(to + 8, state->pc);
    sfpm_put_u32(to + 12, state->begun);
    sfpm_put_u64(to + 16, state->instructions);
    sfpm_put_u64(to + 24, state->starts);
    return true;
}

/* Without calls the one frame is the whole stack; otherwise other frames lie below. */
static bool check_height(const sfpm_frames_t *frames, uint32_t pc, uint32_t size,
                         uint32_t height)
{
    size_t has = frames->num_slots > size ? frames->num_slots - size : 0;
    if (frames->program->original ? has == height : frames->num_slots >= size + height)
        return true;
    return sfpm_fail_code(frames->program, pc,
                          "the stack has %zu value%s here, but the code expects %u", has,
                          has == 1 ? "" : "s", height);
}

bool sfpm_frame_innermost(const sfpm_frames_t *frames, uint32_t pc, sfpm_frame_t *frame)
{
    const sfpm_program_t *program = frames->program;
    uint32_t index = sfpm_function_at(program, pc);
    if (!sfpm_prove_function(program, frames->proof, index))
        return false;
    if (!sfpm_is_reached(frames->proof, pc))
        return sfpm_fail_code(program, pc, "the machine is stopped here, %s",
                              frames->proof->shape[pc] == SFPM_UNREACHED
                                  ? "which no path of the program reaches"
                                  : "where no instruction begins");
    uint32_t size = sfpm_frame_size(&program->functions[index]);
    uint32_t height = sfpm_height_at(frames->proof, pc);
    if (!check_height(frames, pc, size, height))
        return false;
    uint32_t operands = (uint32_t)frames->num_slots - height;
    *frame = (sfpm_frame_t){.function = index,
                            .offset = pc,
                            .base = operands - size,
                            .operands = operands,
                            .height = height,
                            .shape = frames->proof->shape[pc]};
    return true;
}

bool sfpm_call_before(const sfpm_program_t *program, const sfpm_proof_t *proof,
                      uint32_t offset, uint32_t *call)
{
    static const uint32_t lengths[] = {SFPM_CALL_LENGTH, SFPM_TABLE_CALL_LENGTH};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        *call = offset - lengths[i];
        if (offset >= lengths[i] && sfpm_is_reached(proof, *call) &&
            sfpm_is_call(program->code[*call]) &&
            1u + sfpm_opcodes[program->code[*call]].width == lengths[i])
            return true;
    }
    return false;
}

/* What a call takes off the stack and what it puts there. */
typedef struct sfpm_call_type {
    uint32_t takes;
    uint32_t results;
    const uint8_t *result_types;
} sfpm_call_type_t;

static sfpm_call_type_t call_type(const sfpm_program_t *program, uint32_t at)
{
    uint8_t opcode = program->code[at];
    uint32_t number = sfpm_get_u32(program->code + at + 1);
    if (opcode == SFPM_OP_CALL) {
        const sfpm_function_t *function = &program->functions[number];
        return (sfpm_call_type_t){function->params, function->results,
                                  function->result_types};
    }
    if (opcode == SFPM_OP_TABLE_CALL)
        number = sfpm_get_u32(program->code + at + 5);
    const sfpm_function_type_t *type = &program->types[number];
    return (sfpm_call_type_t){type->params + 1u, type->results,
                              type->types + type->params};
}

/* Whether `offset` in a proved function is where `callee` can return to: a call ends there
 * that has the same results. *shape becomes that of the stack without what it took. */
static bool returns_to(const sfpm_frames_t *frames, uint32_t offset,
                       const sfpm_function_t *callee, uint32_t *shape)
{
    const sfpm_proof_t *proof = frames->proof;
    uint32_t at;
    if (!sfpm_call_before(frames->program, proof, offset, &at))
        return false;
    const sfpm_call_type_t type = call_type(frames->program, at);
    *shape = sfpm_shape_below(&proof->shapes, proof->shape[at], type.takes);
    return type.results == callee->results &&
           memcmp(type.result_types, callee->result_types, type.results) == 0;
}

/* Whether a function goes on at the offset, after its first instruction. */
static bool is_within(const sfpm_program_t *program, uint32_t function, uint32_t offset)
{
    return function < program->num_functions &&
           offset > program->functions[function].entry &&
           offset < program->functions[function].end;
}

/* The record below a frame's operands. */
static const uint8_t *frame_record(const sfpm_frames_t *frames, const sfpm_frame_t *frame)
{
    return frames->stack + (size_t)(frame->operands - SFPM_RECORD_SLOTS) * SFPM_SLOT_SIZE;
}

bool sfpm_frame_caller(const sfpm_frames_t *frames, sfpm_frame_t *frame)
{
    const sfpm_program_t *program = frames->program;
    const uint8_t *record = frame_record(frames, frame);
    uint32_t offset = sfpm_get_u32(record);
    uint32_t index = sfpm_get_u32(record + 4), shape;
    uint32_t base = sfpm_get_u32(record + 8);
    char name[SFPM_PLACE_TEXT];
    bool within = is_within(program, index, offset);
    if (within && !sfpm_prove_function(program, frames->proof, index))
        return false;
    if (!within ||
        !returns_to(frames, offset, &program->functions[frame->function], &shape))
        return sfpm_fail(SFPM_ERR_BYTECODE,
                         "stack[%u]: return offset %u does not follow a call with the "
                         "results of %s",
                         frame->operands - SFPM_RECORD_SLOTS, offset,
                         sfpm_function_name(program, frame->function, name));
    uint32_t height = frames->proof->shapes.list[shape].height;
    uint64_t size = sfpm_frame_size(&program->functions[index]);
    if (base + size + height != frame->base || sfpm_get_u32(record + 12) != 0)
        return sfpm_fail(SFPM_ERR_BYTECODE,
                         "stack[%u]: the calling frame of %s, at slot %u, does not fit",
                         frame->operands - SFPM_RECORD_SLOTS,
                         sfpm_function_name(program, index, name), base);
    *frame = (sfpm_frame_t){.function = index,
                            .offset = offset,
                            .base = base,
                            .operands = frame->base - height,
                            .height = height,
                            .shape = shape};
    return true;
}

static bool check_outermost(const sfpm_frames_t *frames, const sfpm_frame_t *frame)
{
    const uint8_t *record = frame_record(frames, frame);
    char name[SFPM_PLACE_TEXT];
    if (!frames->program->functions[frame->function].may_be_outermost)
        return sfpm_fail(SFPM_ERR_BYTECODE,
                         "stack: the outermost call is of %s, which the host cannot call",
                         sfpm_function_name(frames->program, frame->function, name));
    if (sfpm_get_u32(record) != SFPM_OUTERMOST ||
        sfpm_get_u32(record + 4) != SFPM_OUTERMOST || sfpm_get_u64(record + 8) != 0)
        return sfpm_fail(SFPM_ERR_BYTECODE, "stack[%u]: the outermost call has a caller",
                         frame->operands - SFPM_RECORD_SLOTS);
    return true;
}

static bool add_frame(sfpm_backtrace_t *backtrace, const sfpm_frame_t *frame)
{
    void *list = backtrace->frames;
    if (!sfpm_grow_array(&list, &backtrace->capacity, backtrace->count + 1,
                         sizeof *frame))
        return false;
    backtrace->frames = list;
    backtrace->frames[backtrace->count++] = *frame;
    return true;
}

static bool check_slot(const sfpm_frames_t *frames, const sfpm_frame_t *frame,
                       uint32_t slot, uint8_t type)
{
    uint64_t value = sfpm_get_u64(frames->stack + (size_t)slot * SFPM_SLOT_SIZE);
    char name[SFPM_PLACE_TEXT];
    return sfpm_slot_fits(frames->program, value, type) ||
           sfpm_fail(SFPM_ERR_BYTECODE, "stack[%u]: the value in %s is not of type %s", slot,
                     sfpm_function_name(frames->program, frame->function, name),
                     sfpm_type_name(type));
}

/* Whether locals and operands can be of the types that the code expects. */
static bool check_values(const sfpm_frames_t *frames, const sfpm_frame_t *frame)
{
    const sfpm_function_t *function = &frames->program->functions[frame->function];
    const sfpm_shape_t *shapes = frames->proof->shapes.list;
    const sfpm_shape_t *shape = &shapes[frame->shape];
    uint32_t locals = (uint32_t)function->params + function->locals;
    for (uint32_t i = 0; i < locals; i++)
        if (!check_slot(frames, frame, frame->base + i, sfpm_local_type(function, i)))
            return false;
    for (; shape->height > 0; shape = &shapes[shape->below])
        if (!check_slot(frames, frame, frame->operands + shape->height - 1u, shape->type))
            return false;
    return true;
}

/* Each caller lies below the frame that it called, so this ends. */
static bool walk(const sfpm_frames_t *frames, sfpm_frame_t *frame,
                 sfpm_backtrace_t *backtrace)
{
    while (add_frame(backtrace, frame) && check_values(frames, frame)) {
        if (sfpm_frame_is_outermost(frame))
            return check_outermost(frames, frame);
        if (!sfpm_frame_caller(frames, frame))
            return false;
    }
    return false;
}

bool sfpm_frames_walk(const sfpm_frames_t *frames, const sfpm_state_t *state,
                      sfpm_backtrace_t *backtrace)
{
    sfpm_frame_t frame;
    backtrace->count = 0;
    if (sfpm_frame_innermost(frames, state->pc, &frame) &&
        walk(frames, &frame, backtrace)) {
        if (state->begun ||
            (backtrace->count == 1 &&
             state->pc == frames->program->functions[frame.function].entry))
            return true;
        sfpm_fail(SFPM_ERR_BYTECODE,
                  "state: the machine has not begun, but stands at code[%u]", state->pc);
    }
    backtrace->count = 0;
    return false;
}

void sfpm_backtrace_free(sfpm_backtrace_t *backtrace)
{
    free(backtrace->frames);
    *backtrace = (sfpm_backtrace_t){0};
}

bool sfpm_frames_start(const sfpm_program_t *program, uint32_t function,
                       sfpm_buffer_t *stack)
{
    uint32_t slots = sfpm_frame_size(&program->functions[function]);
    size_t size = (size_t)slots * SFPM_SLOT_SIZE;
    size_t had = stack->size;
    stack->size = 0;
    uint8_t *to = sfpm_buffer_extend(stack, size);
    if (!to) {
        stack->size = had;
        return false;
    }
    memset(to, 0, size);
    for (uint32_t i = 0; i < slots - SFPM_RECORD_SLOTS; i++)
        sfpm_put_u64(to + (size_t)i * SFPM_SLOT_SIZE,
                     sfpm_first_value(sfpm_local_type(&program->functions[function], i)));
    to += size - SFPM_RECORD_SLOTS * SFPM_SLOT_SIZE;
    sfpm_put_u32(to, SFPM_OUTERMOST);
    sfpm_put_u32(to + 4, SFPM_OUTERMOST);
    return true;
}
