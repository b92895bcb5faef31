/* SPDX-License-Identifier: MIT */
/*
 * Translates one function when it is first called: walks its instructions, resolves its
 * jumps, and keeps the cells together with the labels at which tier 1 can enter.
 */
#include "engine/fast_emit.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/frames.h"

/* Control can come here from elsewhere: all that is known is the height. */
static void begin_label(sfpm_translation_t *t)
{
    if (t->falls)
        sfpm_fast_flush(t);
    t->window.count = 0;
    t->window.height = sfpm_height_at(t->proof, t->offset);
    sfpm_fast_forget(t);
    sfpm_fast_add_label(t, t->offset, t->index);
}

static void translate_instruction(sfpm_translation_t *t)
{
    if (sfpm_is_target(t->proof, t->offset))
        begin_label(t);
    else if (!t->falls)
        t->window = (sfpm_window_t){.height = sfpm_height_at(t->proof, t->offset)};
    sfpm_fast_mark_point(t);
    if (sfpm_is_stop(t->stops, t->offset))
        sfpm_fast_emit(t, FAST_SLOW);
    t->falls = true;
    sfpm_fast_select(t);
}

static void translate_code(sfpm_translation_t *t)
{
    const uint8_t *code = t->program->code;
    uint32_t end = t->function->end;
    t->offset = t->function->entry;
    t->falls = true;
    while (t->offset < end && !t->failed && !t->found) {
        sfpm_instruction_read(code, end, t->offset, &t->instruction);
        t->next = t->offset + t->instruction.length;
        t->count = 1;
        if (sfpm_is_reached(t->proof, t->offset))
            translate_instruction(t);
        t->offset = t->next;
        t->index += t->count;
    }
}

static void add_header(sfpm_translation_t *t)
{
    const sfpm_function_t *function = t->function;
    uint64_t need =
        ((uint64_t)sfpm_frame_size(function) + t->proof->max_stack[t->number]) *
        SFPM_SLOT_SIZE;
    uint32_t locals_end = (uint32_t)function->params + function->locals;
    sfpm_cell_t *header = sfpm_fast_emit(t, FAST_SLOW);
    header->to = (int32_t)need;
    header->x = sfpm_fast_local_slot(locals_end);
    header->y = sfpm_fast_local_slot(function->params);
    header->z = sfpm_fast_local_slot(locals_end);
    header->cost = (int32_t)t->instructions;
    if (t->program->num_types > 0)
        header->jump = (int32_t)t->program->types[function->type].like;
}

/* Locals of reference types begin as null: calls come here, jumps behind it. */
static void add_nulls(sfpm_translation_t *t)
{
    const sfpm_function_t *function = t->function;
    for (uint32_t i = 0; i < function->locals && !t->failed; i++)
        if (sfpm_is_reference(function->local_types[i])) {
            sfpm_cell_t *cell = sfpm_fast_emit(t, FAST_CONST);
            cell->to = sfpm_fast_local_slot((uint64_t)function->params + i);
            cell->value = SFPM_NULL_REFERENCE;
        }
}

/* Everything but the targets of jumps. */
static bool translate(sfpm_translation_t *t)
{
    const sfpm_function_t *function = t->function;
    sfpm_fast_forget(t);
    t->instructions = t->proof->count[t->number];
    add_header(t);
    add_nulls(t);
    sfpm_fast_add_label(t, function->entry, 0);
    translate_code(t);
    return !t->failed;
}

/* ---- Functions -------------------------------------------------------------- */

const sfpm_fast_label_t *sfpm_fast_label_at(const sfpm_fast_function_t *function,
                                            uint32_t offset)
{
    uint32_t low = 0, high = function->num_labels;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (function->labels[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    const sfpm_fast_label_t *label = low > 0 ? &function->labels[low - 1] : NULL;
    return label && label->offset == offset ? label : NULL;
}

uint32_t sfpm_fast_find_cell(const sfpm_fast_t *fast, const sfpm_cell_t *cell)
{
    uintptr_t at = (uintptr_t)cell;
    for (uint32_t i = 0; i < fast->num_functions; i++) {
        const sfpm_fast_function_t *function = &fast->functions[i];
        uintptr_t from = (uintptr_t)function->cells;
        if (function->cells && at >= from &&
            at < from + function->num_cells * sizeof(sfpm_cell_t))
            return i;
    }
    return 0;
}

static void resolve_jumps(sfpm_translation_t *t, const sfpm_fast_function_t *made)
{
    for (uint32_t i = 0; i < t->num_jumps; i++) {
        const sfpm_fast_jump_t *jump = &t->draft->jumps[i];
        const sfpm_fast_label_t *label = sfpm_fast_label_at(made, jump->target);
        sfpm_cell_t *cell = &made->cells[jump->cell];
        cell->jump =
            (int32_t)(((int64_t)label->cell - jump->cell) * (int64_t)sizeof(sfpm_cell_t));
        cell->cost = (int32_t)((int64_t)jump->index + 1 - label->index);
    }
}

/* Cells of a draft that is kept. */
enum { KEPT = 1 << 14 };

/* The draft's cells in a piece of memory of `size` bytes. That of a long draft itself,
 * which is not kept: so there is no second copy of much. */
static sfpm_cell_t *take_cells(sfpm_fast_draft_t *draft, uint32_t count, size_t size)
{
    bool kept = draft->cells_capacity <= KEPT;
    sfpm_cell_t *cells = kept ? malloc(size) : realloc(draft->cells, size);
    if (cells && kept)
        memcpy(cells, draft->cells, count * sizeof(sfpm_cell_t));
    else if (cells)
        draft->cells = NULL;
    return cells;
}

/* Cells and labels in one piece of memory that is just as large. */
static bool take_draft(const sfpm_translation_t *t, sfpm_fast_function_t *function)
{
    size_t labels_size = t->num_labels * sizeof(sfpm_fast_label_t);
    sfpm_cell_t *cells = take_cells(t->draft, t->num_cells,
                                    t->num_cells * sizeof(sfpm_cell_t) + labels_size);
    if (!cells)
        return false;
    *function =
        (sfpm_fast_function_t){.cells = cells,
                               .num_cells = t->num_cells,
                               .instructions = t->instructions,
                               .labels = (sfpm_fast_label_t *)(cells + t->num_cells),
                               .num_labels = t->num_labels};
    memcpy(function->labels, t->draft->labels, labels_size);
    return true;
}

static void free_draft(sfpm_fast_draft_t *draft)
{
    free(draft->cells);
    free(draft->labels);
    free(draft->jumps);
    *draft = (sfpm_fast_draft_t){0};
}

static bool is_sound(const sfpm_program_t *program, sfpm_proof_t *proof, uint32_t index)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    bool sound = sfpm_prove_function(program, proof, index);
    sfpm_error_restore(&error);
    return sound;
}

bool sfpm_fast_translate(sfpm_fast_t *fast, const sfpm_program_t *program,
                         sfpm_proof_t *proof, uint32_t index)
{
    sfpm_fast_function_t *function = &fast->functions[index];
    if (function->cells || function->refused)
        return function->cells != NULL;
    sfpm_translation_t t = {.program = program,
                            .proof = proof,
                            .function = &program->functions[index],
                            .number = index,
                            .stops = &fast->stops,
                            .draft = &fast->draft,
                            .max_cells =
                                (uint32_t)(fast->max_cells - fast->total_cells)};
    bool sound = is_sound(program, proof, index);
    function->refused = !sound || !translate(&t) || !take_draft(&t, function);
    fast->untranslated += sound && function->refused;
    if (!function->refused) {
        resolve_jumps(&t, function);
        fast->total_cells += function->num_cells;
        fast->entries[index] = function->cells + 1;
    }
    if (fast->draft.cells_capacity > KEPT)
        free_draft(&fast->draft);
    return !function->refused;
}

void sfpm_fast_locate(const sfpm_fast_t *fast, const sfpm_program_t *program,
                      const sfpm_proof_t *proof, uint32_t function, uint32_t cell,
                      sfpm_fast_point_t *point)
{
    sfpm_translation_t t = {.program = program,
                            .proof = proof,
                            .function = &program->functions[function],
                            .number = function,
                            .stops = &fast->stops,
                            .wanted = cell,
                            .result = point};
    *point = (sfpm_fast_point_t){0};
    translate(&t);
}

/* Stops at which a run stops that had the translations made. */
static bool same_stops(const sfpm_stops_t *a, const sfpm_stops_t *b)
{
    return a->count == b->count &&
           (a->count == 0 ||
            memcmp(a->offsets, b->offsets, a->count * sizeof *a->offsets) == 0);
}

bool sfpm_fast_prepare(sfpm_fast_t *fast, const sfpm_program_t *program,
                       const sfpm_stops_t *stops, uint64_t max_memory)
{
    enum { LEAST = 1 << 24, PART = 8 };
    uint64_t room = max_memory / PART < LEAST ? LEAST : max_memory / PART;
    sfpm_error_state_t error;
    if (fast->functions && same_stops(&fast->stops, stops) &&
        fast->max_cells == room / sizeof(sfpm_cell_t))
        return true;
    sfpm_fast_free(fast);
    fast->max_cells = room / sizeof(sfpm_cell_t);
    sfpm_error_save(&error);
    fast->stops.offsets =
        sfpm_copy_bytes(stops->offsets, stops->count * sizeof *stops->offsets);
    fast->stops.count = stops->count;
    fast->functions = SFPM_NEW_N(sfpm_fast_function_t, program->num_functions);
    fast->entries = SFPM_NEW_N(const sfpm_cell_t *, program->num_functions);
    fast->num_functions = program->num_functions;
    if (fast->functions && fast->entries && fast->stops.offsets)
        return true;
    sfpm_fast_free(fast);
    sfpm_error_restore(&error);
    return false;
}

void sfpm_fast_free(sfpm_fast_t *fast)
{
    for (uint32_t i = 0; fast->functions && i < fast->num_functions; i++)
        free(fast->functions[i].cells);
    free_draft(&fast->draft);
    free(fast->functions);
    free(fast->entries);
    free((void *)fast->stops.offsets);
    *fast = (sfpm_fast_t){0};
}
