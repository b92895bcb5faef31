/* SPDX-License-Identifier: MIT */
#include "vm/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "vm/instruction.h"

bool sfpm_state_decode(sfpm_state_t *state, const sfpm_buffer_t *bytes,
                       uint32_t code_size)
{
    if (bytes->size != SFPM_STATE_SIZE)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'state' has %zu bytes instead of %d",
                         bytes->size, SFPM_STATE_SIZE);
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
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: trap number %u does not fit status %u",
                         trap, status);
    if (begun > 1 || (!begun && status != SFPM_VM_SUSPENDED))
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: it says both begun and not begun");
    if (state->pc >= code_size)
        return sfpm_fail(SFPM_ERR_CORRUPT, "state: pc %u is beyond the code of %u bytes",
                         state->pc, code_size);
    state->status = (sfpm_vm_status_t)status;
    state->trap = (sfpm_trap_t)trap;
    return true;
}

bool sfpm_state_encode(const sfpm_state_t *state, sfpm_buffer_t *bytes)
{
    bytes->size = 0;
    uint8_t *to = sfpm_buffer_extend(bytes, SFPM_STATE_SIZE);
    if (!to)
        return false;
    sfpm_put_u32(to, (uint32_t)state->status);
    sfpm_put_u32(to + 4, (uint32_t)state->trap);
    sfpm_put_u32(to + 8, state->pc);
    sfpm_put_u32(to + 12, state->begun);
    sfpm_put_u64(to + 16, state->instructions);
    sfpm_put_u64(to + 24, state->starts);
    return true;
}

bool sfpm_frame_innermost(const sfpm_frames_t *frames, uint32_t pc, sfpm_frame_t *frame)
{
    const sfpm_program_t *program = frames->program;
    if (!sfpm_is_reached(frames->facts, pc))
        return sfpm_fail_code(program, pc, "the machine stands where %s",
                              frames->facts->height[pc] == SFPM_UNREACHED
                                  ? "nothing leads to"
                                  : "no instruction begins");
    uint32_t index = sfpm_function_at(program, pc);
    uint32_t size = sfpm_frame_size(&program->functions[index]);
    uint32_t height = frames->facts->height[pc];
    if (frames->num_slots < (size_t)size + height)
        return sfpm_fail_code(program, pc,
                              "the machine needs %u values on the stack here, it has %zu",
                              size + height, frames->num_slots);
    uint32_t operands = (uint32_t)frames->num_slots - height;
    *frame = (sfpm_frame_t){.function = index,
                            .offset = pc,
                            .base = operands - size,
                            .operands = operands,
                            .height = height};
    return true;
}

enum { CALL_LENGTH = 5 };

/* Whether `offset` in function `caller` is where a call of `callee` returns to. */
static bool returns_from(const sfpm_frames_t *frames, uint32_t caller, uint32_t offset,
                         uint32_t callee)
{
    const sfpm_program_t *program = frames->program;
    sfpm_instruction_t call;
    if (caller >= program->num_functions || offset < CALL_LENGTH)
        return false;
    const sfpm_function_t *function = &program->functions[caller];
    return offset - CALL_LENGTH >= function->entry && offset < function->end &&
           sfpm_is_reached(frames->facts, offset - CALL_LENGTH) &&
           sfpm_instruction_read(program->code, function->end, offset - CALL_LENGTH,
                                 &call) &&
           call.info->opcode == SFPM_OP_CALL && call.operand == callee;
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
    uint32_t index = sfpm_get_u32(record + 4);
    uint32_t base = sfpm_get_u32(record + 8);
    char name[SFPM_PLACE_TEXT];
    if (!returns_from(frames, index, offset, frame->function))
        return sfpm_fail(SFPM_ERR_BYTECODE,
                         "stack[%u]: return offset %u does not follow a call of %s",
                         frame->operands - SFPM_RECORD_SLOTS, offset,
                         sfpm_function_name(program, frame->function, name));
    uint32_t height = frames->facts->height[offset - CALL_LENGTH] -
                      (uint32_t)program->functions[frame->function].params;
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
                            .height = height};
    return true;
}

static bool check_outermost(const sfpm_frames_t *frames, const sfpm_frame_t *frame)
{
    const uint8_t *record = frame_record(frames, frame);
    char name[SFPM_PLACE_TEXT];
    if (frame->function != frames->program->start)
        return sfpm_fail(SFPM_ERR_BYTECODE, "stack: the outermost call is of %s",
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

/* Each caller lies below the frame that it called, so this ends. */
static bool walk(const sfpm_frames_t *frames, sfpm_frame_t *frame,
                 sfpm_backtrace_t *backtrace)
{
    while (add_frame(backtrace, frame)) {
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
    uint32_t entry = frames->program->functions[frames->program->start].entry;
    backtrace->count = 0;
    if (sfpm_frame_innermost(frames, state->pc, &frame) &&
        walk(frames, &frame, backtrace)) {
        if (state->begun || (backtrace->count == 1 && state->pc == entry))
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

bool sfpm_frames_start(const sfpm_program_t *program, sfpm_buffer_t *stack)
{
    uint32_t slots = sfpm_frame_size(&program->functions[program->start]);
    size_t size = (size_t)slots * SFPM_SLOT_SIZE;
    stack->size = 0;
    uint8_t *to = sfpm_buffer_extend(stack, size);
    if (!to)
        return false;
    memset(to, 0, size);
    to += size - SFPM_RECORD_SLOTS * SFPM_SLOT_SIZE;
    sfpm_put_u32(to, SFPM_OUTERMOST);
    sfpm_put_u32(to + 4, SFPM_OUTERMOST);
    return true;
}
