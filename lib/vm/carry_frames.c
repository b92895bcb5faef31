/* SPDX-License-Identifier: MIT */
/* Carries the calls in progress over to a new program: their frames get the places of the
 * code there, and the values on the stack the numbers of functions. */
#include "vm/carry.h"

#include <stdio.h>

#include "base/bytes.h"

static uint32_t new_offset(const sfpm_match_t *match, const sfpm_frame_t *frame)
{
    return frame->offset - match->old->functions[frame->function].entry +
           match->new->functions[match->functions[frame->function]].entry;
}

/* Where a call returns to, for the end of a message. */
static void return_text(const sfpm_reload_t *reload, size_t level, char *text,
                        size_t size)
{
    const sfpm_backtrace_t *trace = &reload->vm->backtrace;
    char place[SFPM_PLACE_TEXT];
    if (level + 1 == trace->count) {
        snprintf(text, size, "when the program ends");
        return;
    }
    sfpm_place_text(reload->match.old, trace->frames[level + 1].offset, place,
                    sizeof place);
    snprintf(text, size, "to %s", place);
}

/* Always false. */
static bool fail_frame(const sfpm_reload_t *reload, size_t level, const char *why)
{
    const sfpm_frame_t *frame = &reload->vm->backtrace.frames[level];
    const sfpm_program_t *old = reload->match.old;
    char name[SFPM_PLACE_TEXT], place[SFPM_PLACE_TEXT], back[SFPM_PLACE_TEXT + 8];
    sfpm_place_text(old, frame->offset, place, sizeof place);
    return_text(reload, level, back, sizeof back);
    sfpm_fail(SFPM_ERR_MISMATCH,
              "frame %zu, at code[%u] (%s), is a call of %s, which %s; it returns %s",
              level, frame->offset, place, sfpm_function_name(old, frame->function, name),
              why, back);
    return sfpm_fail_remedy(SFPM_REMEDY_RETURN);
}

static bool check_frame(const sfpm_reload_t *reload, size_t level)
{
    const sfpm_match_t *match = &reload->match;
    const sfpm_frame_t *frame = &reload->vm->backtrace.frames[level];
    const sfpm_function_t *function = &match->old->functions[frame->function];
    uint32_t other = match->functions[frame->function];
    if (other == SFPM_NO_FUNCTION)
        return fail_frame(reload, level, "the new code does not have");
    if (!sfpm_match_signature(function, &match->new->functions[other]))
        return fail_frame(reload, level, "has another type in the new code");
    if (!sfpm_match_prefix(match, frame->function, frame->offset - function->entry) ||
        new_offset(match, frame) >= match->new->functions[other].end)
        return fail_frame(reload, level, "has other code before this place");
    return true;
}

/* The counterpart of what a slot of the old stack holds. */
static const char *map_slot(const sfpm_reload_t *reload, uint32_t slot, uint8_t type,
                            uint64_t *value, uint64_t *mapped)
{
    const uint8_t *stack = sfpm_region_of(reload->vm, SFPM_STACK);
    *value = sfpm_get_u64(stack + (size_t)slot * SFPM_SLOT_SIZE);
    return sfpm_carry_value(&reload->match, type, *value, mapped);
}

static bool carry_slot(void *context, size_t level, uint32_t slot, uint8_t type)
{
    sfpm_reload_t *reload = context;
    uint64_t mapped, value;
    const char *why = map_slot(reload, slot, type, &value, &mapped);
    char text[2 * SFPM_PLACE_TEXT], name[SFPM_PLACE_TEXT];
    if (why) {
        snprintf(text, sizeof text, "keeps a reference to %s, %s",
                 sfpm_function_name(reload->match.old, (uint32_t)value, name), why);
        return fail_frame(reload, level, text);
    }
    sfpm_put_u64(reload->made.regions.region[SFPM_STACK].data +
                     (size_t)slot * SFPM_SLOT_SIZE,
                 mapped);
    return true;
}

/* Puts the frames where the new code has their places. */
static bool carry_frames(sfpm_reload_t *reload)
{
    const sfpm_match_t *match = &reload->match;
    const sfpm_backtrace_t *trace = &reload->vm->backtrace;
    const sfpm_buffer_t *from = &reload->vm->regions.region[SFPM_STACK];
    sfpm_buffer_t *stack = &reload->made.regions.region[SFPM_STACK];
    stack->size = 0;
    if (!sfpm_buffer_add(stack, from->data, from->size))
        return false;
    for (size_t level = 0; level < trace->count; level++)
        if (!check_frame(reload, level) ||
            !sfpm_vm_frame_values(reload->vm, level, carry_slot, reload))
            return false;
    for (size_t level = 0; level + 1 < trace->count; level++) {
        const sfpm_frame_t *caller = &trace->frames[level + 1];
        uint8_t *record =
            stack->data +
            (size_t)(trace->frames[level].operands - SFPM_RECORD_SLOTS) * SFPM_SLOT_SIZE;
        sfpm_put_u32(record, new_offset(match, caller));
        sfpm_put_u32(record + 4, match->functions[caller->function]);
    }
    reload->made.state = reload->vm->state;
    reload->made.state.pc = new_offset(match, &trace->frames[0]);
    return true;
}

static bool has_counterpart(void *context, size_t level, uint32_t slot, uint8_t type)
{
    uint64_t value, mapped;
    (void)level;
    return !map_slot(context, slot, type, &value, &mapped);
}

/* Whether a halted machine still has its last frame: its results can be read. */
static bool has_ended_alike(sfpm_reload_t *reload)
{
    const sfpm_backtrace_t *trace = &reload->vm->backtrace;
    for (size_t level = 0; level < trace->count; level++)
        if (!reload->match.same[trace->frames[level].function] ||
            !sfpm_vm_frame_values(reload->vm, level, has_counterpart, reload))
            return false;
    return trace->count > 0;
}

/* A machine that has not begun, begins with the new start function. */
bool sfpm_carry_state(sfpm_reload_t *reload)
{
    const sfpm_vm_t *vm = reload->vm;
    const sfpm_program_t *new = reload->match.new;
    sfpm_vm_t *made = &reload->made;
    bool halted = vm->state.status == SFPM_VM_HALTED;
    bool begins =
        !vm->state.begun && vm->backtrace.frames[0].function == vm->program.start;
    if (begins || (halted && !has_ended_alike(reload))) {
        if (!sfpm_frames_start(new, new->start, &made->regions.region[SFPM_STACK]))
            return false;
        made->state = vm->state;
        made->state.pc = new->functions[new->start].entry;
    } else if (!carry_frames(reload)) {
        return false;
    }
    made->regions.region[SFPM_STATE].size = 0;
    return sfpm_state_encode(&made->state, sfpm_num_droppable(new),
                             &made->regions.region[SFPM_STATE]) &&
           sfpm_carry_dropped(reload);
}

bool sfpm_carry_fits(const sfpm_reload_t *reload)
{
    const sfpm_vm_t *vm = reload->vm, *made = &reload->made;
    bool stands = made->backtrace.count == vm->backtrace.count && made->state.begun &&
                  made->state.status != SFPM_VM_HALTED;
    for (size_t level = 0; stands && level < vm->backtrace.count; level++) {
        const sfpm_shape_t *a = &vm->proof.shapes.list[vm->backtrace.frames[level].shape];
        const sfpm_shape_t *b =
            &made->proof.shapes.list[made->backtrace.frames[level].shape];
        for (; a->height == b->height && a->height > 0 && a->type == b->type;
             a = &vm->proof.shapes.list[a->below], b = &made->proof.shapes.list[b->below])
            ;
        if (a->height > 0 || b->height > 0)
            return fail_frame(reload, level, "expects other values on the stack here");
    }
    return true;
}
