/* SPDX-License-Identifier: MIT */
/* Compares instructions, side by side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/machine.h"
#include "common/tool.h"
#include "diff/diff.h"

enum { INSTRUCTION = 160, LINE = MACHINE_PLACE + INSTRUCTION + 4 };

/* One side's code, and how far it has been walked. */
typedef struct walk {
    const sfpm_vm_t *vm;
    uint8_t *bytes;
    uint64_t size;
    uint64_t next; /* where the next instruction begins */
    size_t length; /* of the one at `here`, 0 when none begins there */
    char text[LINE];
} walk_t;

static bool load_code(const side_t *side, size_t index, walk_t *walk)
{
    sfpm_vm_info_t info = machine_info(side->vm);
    walk->vm = side->vm;
    walk->size = info.code_size;
    walk->bytes = malloc((size_t)walk->size + 1);
    if (!walk->bytes)
        tool_fail(side->file.label, "out of memory");
    else if (sfpm_image_read(side->file.image, index, info.code_start, walk->bytes,
                             (size_t)walk->size))
        return true;
    else
        tool_fail_last(side->file.label);
    return false;
}

/* Steps over the instruction that begins at `here`, if one does. */
static void step_over(walk_t *walk, uint64_t here)
{
    char text[INSTRUCTION];
    walk->length = 0;
    if (walk->next != here || here >= walk->size)
        return;
    walk->length = sfpm_vm_instruction(walk->vm, here, text, sizeof text);
    walk->next = walk->length != 0 ? here + walk->length : walk->size;
}

static bool is_same(const walk_t *a, const walk_t *b, uint64_t here)
{
    return a->length == b->length &&
           memcmp(a->bytes + here, b->bytes + here, a->length) == 0;
}

/* "main+3: push 5"; NULL where no instruction begins. */
static const char *line(walk_t *walk, uint64_t here)
{
    char name[MACHINE_PLACE], text[INSTRUCTION];
    if (walk->length == 0)
        return NULL;
    sfpm_vm_instruction(walk->vm, here, text, sizeof text);
    if (machine_name(walk->vm, here, name, sizeof name))
        snprintf(walk->text, sizeof walk->text, "%s: %s", name, text);
    else
        snprintf(walk->text, sizeof walk->text, "%s", text);
    return walk->text;
}

static uint64_t place(const walk_t *walk)
{
    return walk->next < walk->size ? walk->next : UINT64_MAX;
}

static void walk_both(walk_t *a, walk_t *b, code_function_t code, void *context)
{
    for (;;) {
        uint64_t here = place(a) < place(b) ? place(a) : place(b);
        if (here == UINT64_MAX)
            return;
        step_over(a, here);
        step_over(b, here);
        if (!is_same(a, b, here) && !code(context, here, line(a, here), line(b, here)))
            return;
    }
}

const pair_t *diff_code_pair(const diff_t *diff)
{
    const side_t *a = &diff->side[LEFT], *b = &diff->side[RIGHT];
    if (!a->vm || !b->vm)
        return NULL;
    const char *name = machine_info(a->vm).code_region;
    if (strcmp(name, machine_info(b->vm).code_region) != 0)
        return NULL;
    for (size_t i = 0; i < diff->num_pairs; i++)
        if (pair_is_common(&diff->pairs[i]) &&
            strcmp(pair_name(&diff->pairs[i]), name) == 0)
            return &diff->pairs[i];
    return NULL;
}

bool diff_is_machine(const diff_t *diff, const pair_t *pair)
{
    sfpm_vm_region_t region;
    for (int side = LEFT; side < SIDES; side++) {
        sfpm_vm_t *vm = diff->side[side].vm;
        for (size_t i = 0; vm && sfpm_vm_region(vm, i, &region, sizeof region); i++)
            if (pair->instance == 0 && strcmp(region.name, pair_name(pair)) == 0)
                return true;
    }
    return false;
}

bool diff_code(const diff_t *diff, code_function_t code, void *context)
{
    walk_t a = {.next = 0}, b = {.next = 0};
    const pair_t *pair = diff_code_pair(diff);
    if (!pair || pair->bytes == 0)
        return true;
    bool ok = load_code(&diff->side[LEFT], pair->index[LEFT], &a) &&
              load_code(&diff->side[RIGHT], pair->index[RIGHT], &b);
    if (ok)
        walk_both(&a, &b, code, context);
    free(a.bytes);
    free(b.bytes);
    return ok;
}
