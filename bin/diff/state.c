/* SPDX-License-Identifier: MIT */
/*
 * Compares facts side by side: those of the commits, and of the machines in them. Who
 * saved a state, when, and how it is stored are left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/machine.h"
#include "diff/diff.h"

typedef struct rows {
    row_function_t row;
    void *context;
} rows_t;

enum { NUMBER = 24, FRAME = 600 };

/* Passes a fact on if it differs. */
static void report_difference(const rows_t *rows, const char *name, const char *key,
                              const char *a, const char *b)
{
    if (!a && !b)
        return;
    if (!a || !b || strcmp(a, b) != 0)
        rows->row(rows->context, name, key, a, b);
}

static const char *unless_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void compare_texts(const rows_t *rows, const char *name, const char *a,
                          const char *b)
{
    report_difference(rows, name, NULL, unless_empty(a), unless_empty(b));
}

static const char *number(char *text, uint64_t value)
{
    snprintf(text, NUMBER, "%" PRIu64, value);
    return text;
}

static void compare_numbers(const rows_t *rows, const char *name, uint64_t a, uint64_t b)
{
    char text_a[NUMBER], text_b[NUMBER];
    report_difference(rows, name, NULL, number(text_a, a), number(text_b, b));
}

/* Attributes are sorted by key. */
static void compare_attributes(const rows_t *rows, const sfpm_image_t *a,
                               const sfpm_image_t *b)
{
    const char *key_a = NULL, *key_b = NULL, *value_a = NULL, *value_b = NULL;
    uint32_t num_a = sfpm_image_commit_info(a)->num_attributes;
    uint32_t num_b = sfpm_image_commit_info(b)->num_attributes;
    for (uint32_t i = 0, k = 0; i < num_a || k < num_b;) {
        bool has_a = i < num_a && sfpm_image_attribute(a, i, &key_a, &value_a);
        bool has_b = k < num_b && sfpm_image_attribute(b, k, &key_b, &value_b);
        int order = has_a ? -1 : 1;
        if (has_a && has_b)
            order = strcmp(key_a, key_b);
        report_difference(rows, "attribute", order <= 0 ? key_a : key_b,
                          order <= 0 ? value_a : NULL, order >= 0 ? value_b : NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

void diff_metadata(const diff_t *diff, row_function_t row, void *context)
{
    rows_t rows = {row, context};
    const sfpm_image_t *image_a = diff->side[LEFT].file.image;
    const sfpm_image_t *image_b = diff->side[RIGHT].file.image;
    const sfpm_commit_info_t *a = sfpm_image_commit_info(image_a);
    const sfpm_commit_info_t *b = sfpm_image_commit_info(image_b);
    compare_texts(&rows, "description", a->description, b->description);
    compare_texts(&rows, "architecture", a->architecture, b->architecture);
    compare_texts(&rows, "build-id", a->build_id, b->build_id);
    compare_numbers(&rows, "schema", a->schema, b->schema);
    /* Version 1 does not record the bytecode's version. */
    if (a->bytecode != 0 && b->bytecode != 0)
        compare_numbers(&rows, "bytecode", a->bytecode, b->bytecode);
    compare_attributes(&rows, image_a, image_b);
}

/* ---- the machine ---- */

static const char *frame_text(const sfpm_vm_t *vm, uint32_t frames,
                              uint32_t from_outermost, char *text)
{
    char place[MACHINE_PLACE];
    sfpm_vm_frame_t frame;
    if (from_outermost >= frames ||
        !sfpm_vm_frame(vm, frames - 1 - from_outermost, &frame, sizeof frame))
        return NULL;
    machine_place(vm, frame.offset, place, sizeof place);
    snprintf(text, FRAME, "%.200s at %s", frame.function, place);
    /* A caller's offset is behind the call. */
    uint32_t line;
    bool calls = from_outermost + 1 < frames;
    const char *file = sfpm_vm_source(vm, frame.offset - calls, &line);
    size_t used = strlen(text);
    if (file)
        snprintf(text + used, FRAME - used, ", %.200s:%" PRIu32, file, line);
    return text;
}

static const char *local_text(const sfpm_vm_t *vm, uint32_t frames,
                              uint32_t from_outermost, uint32_t index, char *text)
{
    if (from_outermost >= frames ||
        !sfpm_vm_local_text(vm, frames - 1 - from_outermost, index, text, MACHINE_VALUE))
        return NULL;
    return text;
}

static void compare_frames(const rows_t *rows, const sfpm_vm_t *a, uint32_t frames_a,
                           const sfpm_vm_t *b, uint32_t frames_b)
{
    char key[2 * NUMBER], text_a[FRAME], text_b[FRAME];
    uint32_t frames = frames_a > frames_b ? frames_a : frames_b;
    for (uint32_t f = 0; f < frames; f++) {
        snprintf(key, sizeof key, "%" PRIu32, f);
        report_difference(rows, "frame", key, frame_text(a, frames_a, f, text_a),
                          frame_text(b, frames_b, f, text_b));
        for (uint32_t i = 0;; i++) {
            const char *x = local_text(a, frames_a, f, i, text_a);
            const char *y = local_text(b, frames_b, f, i, text_b);
            if (!x && !y)
                break;
            snprintf(key, sizeof key, "%" PRIu32 " %" PRIu32, f, i);
            report_difference(rows, "local", key, x, y);
        }
    }
}

/* Walks over the operand stacks, the outermost frame's bottom first. */
typedef struct walk {
    const sfpm_vm_t *vm;
    uint32_t frames; /* still to come, counted from the outermost one */
    uint32_t next;   /* operand */
    uint32_t operands;
} walk_t;

static const char *next_operand(walk_t *stack, char *text)
{
    sfpm_vm_frame_t frame;
    while (stack->next == stack->operands) {
        if (stack->frames == 0)
            return NULL;
        stack->frames--;
        stack->next = 0;
        stack->operands = sfpm_vm_frame(stack->vm, stack->frames, &frame, sizeof frame)
                              ? frame.operands
                              : 0;
    }
    if (!sfpm_vm_operand_text(stack->vm, stack->frames, stack->next++, text,
                              MACHINE_VALUE))
        return NULL;
    return text;
}

static void compare_stacks(const rows_t *rows, const sfpm_vm_t *a, uint32_t frames_a,
                           const sfpm_vm_t *b, uint32_t frames_b)
{
    char key[NUMBER], text_a[MACHINE_VALUE], text_b[MACHINE_VALUE];
    walk_t stack_a = {.vm = a, .frames = frames_a};
    walk_t stack_b = {.vm = b, .frames = frames_b};
    for (uint64_t i = 0;; i++) {
        const char *x = next_operand(&stack_a, text_a);
        const char *y = next_operand(&stack_b, text_b);
        if (!x && !y)
            return;
        report_difference(rows, "stack", number(key, i), x, y);
    }
}

static const char *global_text(const sfpm_vm_t *vm, uint32_t index, char *text)
{
    const char *name;
    char value[MACHINE_VALUE];
    int64_t bits;
    if (!sfpm_vm_global(vm, index, &bits, &name) ||
        !sfpm_vm_global_text(vm, index, value, sizeof value))
        return NULL;
    if (name)
        snprintf(text, FRAME, "%.200s = %s", name, value);
    else
        snprintf(text, FRAME, "%s", value);
    return text;
}

static void compare_globals(const rows_t *rows, const sfpm_vm_t *a, uint32_t num_a,
                            const sfpm_vm_t *b, uint32_t num_b)
{
    char key[NUMBER], text_a[FRAME], text_b[FRAME];
    for (uint32_t i = 0; i < num_a || i < num_b; i++)
        report_difference(rows, "global", number(key, i),
                          i < num_a ? global_text(a, i, text_a) : NULL,
                          i < num_b ? global_text(b, i, text_b) : NULL);
}

static void compare_counters(const rows_t *rows, const sfpm_vm_t *vm_a,
                             const sfpm_vm_info_t *a, const sfpm_vm_t *vm_b,
                             const sfpm_vm_info_t *b)
{
    char text_a[MACHINE_PLACE], text_b[MACHINE_PLACE];
    report_difference(rows, "state", NULL, machine_status(a->status),
                      machine_status(b->status));
    machine_place(vm_a, a->pc, text_a, sizeof text_a);
    machine_place(vm_b, b->pc, text_b, sizeof text_b);
    if (a->pc != b->pc)
        report_difference(rows, "pc", NULL, text_a, text_b);
    report_difference(rows, "trap", NULL,
                      a->status == SFPM_VM_TRAPPED ? machine_trap(a->trap) : NULL,
                      b->status == SFPM_VM_TRAPPED ? machine_trap(b->trap) : NULL);
    if (!a->original && !b->original)
        compare_numbers(rows, "instructions", a->instructions, b->instructions);
    compare_numbers(rows, "starts", a->starts, b->starts);
    compare_numbers(rows, "memory", a->memory, b->memory);
    compare_numbers(rows, "table", a->elements, b->elements);
}

void diff_machine(const diff_t *diff, row_function_t row, void *context)
{
    rows_t rows = {row, context};
    const side_t *left = &diff->side[LEFT], *right = &diff->side[RIGHT];
    const sfpm_vm_t *vm_a = left->vm, *vm_b = right->vm;
    compare_texts(&rows, "refused", left->refusal, right->refusal);
    if (!vm_a || !vm_b) {
        report_difference(&rows, "state", NULL,
                          vm_a ? machine_status(machine_info(vm_a).status) : NULL,
                          vm_b ? machine_status(machine_info(vm_b).status) : NULL);
        return;
    }
    sfpm_vm_info_t a = machine_info(vm_a), b = machine_info(vm_b);
    compare_counters(&rows, vm_a, &a, vm_b, &b);
    compare_frames(&rows, vm_a, a.frames, vm_b, b.frames);
    compare_stacks(&rows, vm_a, a.frames, vm_b, b.frames);
    compare_globals(&rows, vm_a, a.globals, vm_b, b.globals);
}
