/* SPDX-License-Identifier: MIT */
/*
 * New code for a machine that has run, and goes on in it.
 *
 * The new program is taken whole: its code, tables and names as they were loaded. The
 * state is carried over onto it: globals by name, elements of the table and frames by the
 * names of their functions, memory as it is (data_change.c). What functions and globals
 * are called, and which code is the same, is in match.c. The result is proved like any
 * machine that was loaded.
 *
 * Refused is what the state relies on and the new program has otherwise:
 * - a call in progress in a function that has no counterpart with the same type and
 *   locals, or whose code differs before the place where the call stands. Behind it, the
 *   code may differ: the call goes on in the new code,
 * - an import with another type, since the host has one function of that name,
 * - a global with another type, and a global without a name whose initial value differs:
 *   it may be the stack pointer; so are these that linkers name,
 * - an element of the table that is another function or has another type: memory may
 *   hold its number,
 * - memory that is larger now than the new program allows.
 */
#include <sfpm/reload.h>

#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "engine/memory.h"
#include "vm/data_change.h"

typedef struct sfpm_reload {
    sfpm_vm_t *vm;
    const sfpm_vm_t *code;
    sfpm_vm_t made;
    sfpm_match_t match;
    sfpm_data_change_t data;
} sfpm_reload_t;

static const uint8_t *region(const sfpm_vm_t *vm, sfpm_region_id_t id)
{
    return vm->regions.region[id].data;
}

static uint64_t initial_value(const sfpm_vm_t *vm, uint32_t global)
{
    return sfpm_get_u64(region(vm, SFPM_GLOBALS) + (size_t)global * SFPM_GLOBAL_SIZE +
                        SFPM_GLOBAL_SIZE / 2);
}

static bool refuse(const sfpm_program_t *program, uint32_t function, const char *text)
{
    char name[SFPM_PLACE_TEXT];
    return sfpm_fail(SFPM_ERR_MISMATCH, "function %s %s",
                     sfpm_function_name(program, function, name), text);
}

/* ---- What differs ----------------------------------------------------------- */

typedef struct sfpm_reporter {
    sfpm_vm_change_callback_t callback;
    void *context;
} sfpm_reporter_t;

static void report(const sfpm_reporter_t *to, const char *kind,
                   sfpm_vm_change_kind_t change, const char *name, uint32_t index)
{
    const sfpm_vm_change_t what = {
        .kind = kind, .change = change, .name = name, .index = index};
    if (to->callback)
        to->callback(to->context, &what);
}

static void report_functions(const sfpm_reporter_t *to, const sfpm_match_t *match)
{
    const sfpm_program_t *old = match->old, *new = match->new;
    for (uint32_t i = 0; i < new->num_functions; i++) {
        uint32_t was = match->old_functions[i];
        sfpm_vm_change_kind_t change = SFPM_VM_ADDED;
        if (was != SFPM_NO_FUNCTION)
            change = match->same[was] ? SFPM_VM_UNCHANGED : SFPM_VM_REPLACED;
        report(to, sfpm_is_import(new, i) ? "import" : "func", change,
               new->functions[i].name, i);
    }
    for (uint32_t i = 0; i < old->num_functions; i++)
        if (match->functions[i] == SFPM_NO_FUNCTION)
            report(to, sfpm_is_import(old, i) ? "import" : "func", SFPM_VM_REMOVED,
                   old->functions[i].name, i);
}

static void report_globals(const sfpm_reporter_t *to, const sfpm_reload_t *reload)
{
    const sfpm_match_t *match = &reload->match;
    const sfpm_program_t *old = match->old, *new = match->new;
    for (uint32_t i = 0; i < new->num_globals; i++) {
        uint32_t was = match->old_globals[i];
        if (was == SFPM_NO_GLOBAL)
            report(to, "global", SFPM_VM_ADDED, new->global_names[i], i);
        else if (initial_value(reload->vm, was) != initial_value(reload->code, i))
            report(to, "global", SFPM_VM_REPLACED, new->global_names[i], i);
    }
    for (uint32_t i = 0; i < old->num_globals; i++)
        if (match->globals[i] == SFPM_NO_GLOBAL)
            report(to, "global", SFPM_VM_REMOVED, old->global_names[i], i);
}

static void report_all(const sfpm_reporter_t *to, const sfpm_reload_t *reload)
{
    report_functions(to, &reload->match);
    report_globals(to, reload);
    for (size_t i = 0; to->callback && i < reload->data.num_runs; i++) {
        const sfpm_data_run_t *run = &reload->data.runs[i];
        const sfpm_vm_change_t what = {.kind = "data",
                                       .change =
                                           run->is_new ? SFPM_VM_ADDED : SFPM_VM_REPLACED,
                                       .address = run->address,
                                       .size = run->size};
        to->callback(to->context, &what);
    }
}

/* ---- Imports and globals ---------------------------------------------------- */

static bool check_imports(const sfpm_match_t *match)
{
    for (uint32_t i = 0; i < match->old->num_imports; i++)
        if (match->functions[i] != SFPM_NO_FUNCTION && !match->same[i])
            return refuse(match->old, i, "is imported with another type in the new code");
    return true;
}

static bool find_global(const sfpm_program_t *program, const char *name, uint32_t *index)
{
    const sfpm_export_t *export = sfpm_export_named(program, SFPM_EXPORT_GLOBAL, name);
    if (export)
        *index = export->index;
    return export || sfpm_global_named(program, name, strlen(name), index);
}

/* What linkers say of the layout of memory is where it was. */
static bool check_layout(const sfpm_reload_t *reload)
{
    static const char *const names[] = {"__stack_pointer", "__heap_base", "__memory_base",
                                        "__table_base", "__global_base"};
    uint32_t old, new;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!find_global(&reload->vm->program, names[i], &old) ||
            !find_global(&reload->code->program, names[i], &new) ||
            initial_value(reload->vm, old) == initial_value(reload->code, new))
            continue;
        sfpm_fail(SFPM_ERR_MISMATCH,
                  "the layout of memory changed: %s was %llu at first, and is %llu in "
                  "the new code",
                  names[i], (unsigned long long)initial_value(reload->vm, old),
                  (unsigned long long)initial_value(reload->code, new));
        return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
    }
    return true;
}

static bool check_global(const sfpm_match_t *match, uint32_t index)
{
    const sfpm_global_t *a = &match->old->globals[index];
    uint32_t other = match->globals[index];
    const char *name = match->old->global_names[index];
    if (other == SFPM_NO_GLOBAL && (name || !a->is_mutable))
        return true;
    if (other == SFPM_NO_GLOBAL) {
        sfpm_fail(SFPM_ERR_MISMATCH,
                  "global %u, which has no name, has another type or initial value in "
                  "the new code",
                  index);
        return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
    }
    const sfpm_global_t *b = &match->new->globals[other];
    return (a->type == b->type && a->is_mutable == b->is_mutable) ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "global %u (%s) is %s%s, but %s%s in the new code", index,
                     name ? name : "without a name", a->is_mutable ? "" : "constant ",
                     sfpm_type_name(a->type), b->is_mutable ? "" : "constant ",
                     sfpm_type_name(b->type));
}

/* A constant is part of the code; any other global keeps its value. */
static bool carry_globals(sfpm_reload_t *reload)
{
    const sfpm_match_t *match = &reload->match;
    uint8_t *to = reload->made.regions.region[SFPM_GLOBALS].data;
    const uint8_t *from = region(reload->vm, SFPM_GLOBALS);
    for (uint32_t i = 0; i < match->old->num_globals; i++) {
        if (!check_global(match, i))
            return false;
        if (match->globals[i] != SFPM_NO_GLOBAL && match->old->globals[i].is_mutable)
            memcpy(to + (size_t)match->globals[i] * SFPM_GLOBAL_SIZE,
                   from + (size_t)i * SFPM_GLOBAL_SIZE, SFPM_GLOBAL_SIZE / 2);
    }
    return true;
}

/* ---- Table and segments ----------------------------------------------------- */

/* The counterpart of a function that an element holds or held at first. */
static bool map_element(const sfpm_match_t *match, uint32_t index, uint32_t function,
                        uint32_t *mapped)
{
    *mapped = function;
    if (function == SFPM_NO_FUNCTION)
        return true;
    *mapped = match->functions[function];
    char name[SFPM_PLACE_TEXT];
    if (*mapped == SFPM_NO_FUNCTION)
        sfpm_fail(SFPM_ERR_MISMATCH,
                  "element %u of the table is %s, which the new code does not have",
                  index, sfpm_function_name(match->old, function, name));
    else if (!sfpm_match_signature(&match->old->functions[function],
                                   &match->new->functions[*mapped]))
        sfpm_fail(SFPM_ERR_MISMATCH,
                  "element %u of the table is %s, which has another type in the new code",
                  index, sfpm_function_name(match->old, function, name));
    else
        return true;
    return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
}

static bool carry_element(sfpm_reload_t *reload, uint32_t index)
{
    const sfpm_match_t *match = &reload->match;
    uint8_t *to = reload->made.regions.region[SFPM_TABLE].data;
    const uint8_t *from =
        region(reload->vm, SFPM_TABLE) + (size_t)index * SFPM_ELEMENT_SIZE;
    uint32_t now = sfpm_get_u32(from), first = sfpm_get_u32(from + 4);
    uint32_t mapped_now, mapped_first, new_first = SFPM_NO_FUNCTION;
    char a[SFPM_PLACE_TEXT], b[SFPM_PLACE_TEXT];
    if (!map_element(match, index, now, &mapped_now) ||
        !map_element(match, index, first, &mapped_first))
        return false;
    if (index < match->new->num_elements)
        new_first = sfpm_get_u32(to + (size_t)index * SFPM_ELEMENT_SIZE + 4);
    if (first != SFPM_NO_FUNCTION && mapped_first != new_first) {
        sfpm_fail(
            SFPM_ERR_MISMATCH, "element %u of the table is %s, but %s in the new code",
            index, sfpm_function_name(match->old, first, a),
            new_first == SFPM_NO_FUNCTION ? "none"
                                          : sfpm_function_name(match->new, new_first, b));
        return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
    }
    if (index < match->new->num_elements)
        sfpm_put_u32(to + (size_t)index * SFPM_ELEMENT_SIZE,
                     now == first ? new_first : mapped_now);
    return true;
}

static bool carry_table(sfpm_reload_t *reload)
{
    for (uint32_t i = 0; i < reload->match.old->num_elements; i++)
        if (!carry_element(reload, i))
            return false;
    return true;
}

/* Dropped segments stay dropped. */
static void carry_segments(sfpm_reload_t *reload)
{
    uint32_t old = reload->match.old->num_segments, new = reload->match.new->num_segments;
    uint8_t *to = reload->made.regions.region[SFPM_STATE].data + SFPM_STATE_SIZE;
    const uint8_t *from = region(reload->vm, SFPM_STATE) + SFPM_STATE_SIZE;
    for (uint32_t i = 0; i < old && i < new; i++)
        if (from[i / 8] >> i % 8 & 1)
            to[i / 8] |= (uint8_t)(1 << i % 8);
}

/* ---- Frames ----------------------------------------------------------------- */

static uint32_t new_offset(const sfpm_match_t *match, const sfpm_frame_t *frame)
{
    return frame->offset - match->old->functions[frame->function].entry +
           match->new->functions[match->functions[frame->function]].entry;
}

static bool fail_frame(const sfpm_reload_t *reload, size_t level, const char *why)
{
    const sfpm_frame_t *frame = &reload->vm->backtrace.frames[level];
    char name[SFPM_PLACE_TEXT], place[SFPM_PLACE_TEXT];
    sfpm_place_text(reload->match.old, frame->offset, place, sizeof place);
    sfpm_fail(SFPM_ERR_MISMATCH, "frame %zu, at code[%u] (%s), is a call of %s, which %s",
              level, frame->offset, place,
              sfpm_function_name(reload->match.old, frame->function, name), why);
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

static bool check_frames(const sfpm_reload_t *reload)
{
    for (size_t level = 0; level < reload->vm->backtrace.count; level++)
        if (!check_frame(reload, level))
            return false;
    return true;
}

/* Puts the frames where the new code has their places. */
static bool carry_frames(sfpm_reload_t *reload)
{
    const sfpm_match_t *match = &reload->match;
    const sfpm_backtrace_t *trace = &reload->vm->backtrace;
    const sfpm_buffer_t *from = &reload->vm->regions.region[SFPM_STACK];
    sfpm_buffer_t *stack = &reload->made.regions.region[SFPM_STACK];
    if (!check_frames(reload))
        return false;
    stack->size = 0;
    if (!sfpm_buffer_add(stack, from->data, from->size))
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

/* Whether a halted machine still has its last frame: its results can be read. */
static bool has_ended_alike(const sfpm_reload_t *reload)
{
    const sfpm_backtrace_t *trace = &reload->vm->backtrace;
    for (size_t level = 0; level < trace->count; level++)
        if (!reload->match.same[trace->frames[level].function])
            return false;
    return trace->count > 0;
}

/* A machine that has not begun, begins with the new start function. */
static bool carry_state(sfpm_reload_t *reload)
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
    if (!sfpm_state_encode(&made->state, sfpm_num_droppable(new),
                           &made->regions.region[SFPM_STATE]))
        return false;
    carry_segments(reload);
    sfpm_drop_active(new, made->regions.region[SFPM_STATE].data + SFPM_STATE_SIZE);
    return true;
}

/* Whether each frame has the types on its stack that the new code expects. */
static bool check_shapes(const sfpm_reload_t *reload)
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

/* ---- The whole -------------------------------------------------------------- */

static bool copy_program(sfpm_reload_t *reload)
{
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        const sfpm_buffer_t *from = &reload->code->regions.region[id];
        sfpm_buffer_t *to = &reload->made.regions.region[id];
        if (id == SFPM_MEMORY || from->size == 0)
            continue;
        if (!sfpm_region_make(to, sfpm_region_names[id], from->size))
            return false;
        memcpy(to->data, from->data, from->size);
    }
    return sfpm_program_decode(&reload->made.program, &reload->made.regions);
}

static bool check_memory(const sfpm_reload_t *reload)
{
    const sfpm_program_t *new = reload->match.new;
    uint64_t most = new->max_pages == SFPM_NO_MEMORY ? 0 : new->max_pages;
    uint64_t size = sfpm_vm_memory_size(reload->vm);
    return size <= most * SFPM_PAGE_SIZE ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "the machine has %llu bytes of memory, but the new code allows at "
                     "most %llu",
                     (unsigned long long)size,
                     (unsigned long long)(most * SFPM_PAGE_SIZE));
}

static bool grow_memory(sfpm_buffer_t *memory, const sfpm_program_t *program)
{
    uint64_t pages = memory->size / SFPM_PAGE_SIZE;
    return pages >= program->min_pages ||
           sfpm_memory_grow(memory, program->min_pages - (uint32_t)pages,
                            program->max_pages) != UINT32_MAX ||
           sfpm_fail_memory((uint64_t)program->min_pages * SFPM_PAGE_SIZE);
}

/* Gives the memory to the new machine, if that is proved. */
static bool take_memory(sfpm_reload_t *reload)
{
    sfpm_buffer_t *from = &reload->vm->regions.region[SFPM_MEMORY];
    sfpm_buffer_t *to = &reload->made.regions.region[SFPM_MEMORY];
    size_t size = from->size;
    sfpm_vm_unwatch(reload->vm);
    *to = *from;
    *from = (sfpm_buffer_t){0};
    if (grow_memory(to, &reload->made.program) && sfpm_vm_verify(&reload->made) &&
        check_shapes(reload)) {
        sfpm_data_apply(&reload->data, to);
        return true;
    }
    *from = *to;
    from->size = size;
    *to = (sfpm_buffer_t){0};
    return false;
}

static bool replace(sfpm_reload_t *reload)
{
    if (!check_imports(&reload->match) || !check_layout(reload) ||
        !check_memory(reload) || !copy_program(reload) || !carry_globals(reload) ||
        !carry_table(reload) || !carry_state(reload) ||
        !sfpm_data_allowed(&reload->data, &reload->match, reload->vm) ||
        !take_memory(reload))
        return false;
    sfpm_vm_replace(reload->vm, &reload->made);
    return true;
}

static bool is_ready(sfpm_vm_t *vm)
{
    if (!sfpm_vm_has_program(vm) || !sfpm_vm_is_idle(vm) || !sfpm_vm_verify(vm))
        return false;
    if (vm->original)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "code cannot be replaced in the original layout, only patched");
    /* Its values, elements and segments can be references: numbers of functions. */
    return vm->program.version < 3 ||
           sfpm_fail(SFPM_ERR_UNSUPPORTED, "the code of programs that use references "
                                           "(bytecode version 3) cannot be replaced yet");
}

bool sfpm_vm_replace_code(sfpm_vm_t *vm, sfpm_vm_t *code,
                          sfpm_vm_change_callback_t callback, void *context)
{
    sfpm_reload_t reload = {.vm = vm, .code = code};
    const sfpm_reporter_t reporter = {callback, context};
    if (!is_ready(vm) || !is_ready(code))
        return false;
    if (vm == code)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "the new code must be in another machine");
    bool ok = sfpm_match_make(&reload.match, &vm->program, region(vm, SFPM_GLOBALS),
                              &code->program, region(code, SFPM_GLOBALS)) &&
              sfpm_data_compare(&reload.data, &vm->program, &code->program);
    if (ok) {
        report_all(&reporter, &reload);
        ok = replace(&reload);
    }
    sfpm_match_free(&reload.match);
    sfpm_data_free(&reload.data);
    if (!ok)
        sfpm_vm_clear(&reload.made);
    return ok;
}
