/* SPDX-License-Identifier: MIT */
/*
 * Appends cells to the draft of a translated function, and keeps track of where the
 * values on the operand stack are at each point of it.
 */
#include "engine/fast_emit.h"

#include <string.h>

#include "base/memory.h"
#include "engine/frames.h"

/* Room for one more element of the draft. Lack of memory is not an error. */
static bool grow_draft(sfpm_translation_t *t, void **array, size_t *capacity,
                       uint32_t count, size_t size)
{
    sfpm_error_state_t error;
    if (count < *capacity)
        return true;
    sfpm_error_save(&error);
    t->failed = !sfpm_grow_array(array, capacity, (size_t)count + 1, size);
    if (t->failed)
        sfpm_error_restore(&error);
    return !t->failed;
}

/* The next cell of the draft, NULL when there is none. */
static sfpm_cell_t *next_cell(sfpm_translation_t *t)
{
    sfpm_fast_draft_t *draft = t->draft;
    void *cells = draft->cells;
    if (t->failed || t->num_cells >= t->max_cells ||
        !grow_draft(t, &cells, &draft->cells_capacity, t->num_cells,
                    sizeof *draft->cells)) {
        t->failed = true;
        return NULL;
    }
    draft->cells = cells;
    return &draft->cells[t->num_cells];
}

sfpm_cell_t *sfpm_fast_emit(sfpm_translation_t *t, unsigned handler)
{
    sfpm_cell_t *cell = t->draft ? next_cell(t) : NULL;
    if (!t->draft && t->num_cells == t->wanted) {
        *t->result = t->point;
        t->found = true;
    }
    if (!cell)
        cell = &t->last;
    t->num_cells++;
    memset(cell, 0, sizeof *cell);
    cell->handler = sfpm_fast_handler(handler);
    return cell;
}

void sfpm_fast_mark_point(sfpm_translation_t *t)
{
    t->point.offset = t->offset;
    t->point.index = t->index;
    if (!t->draft)
        t->point.window = t->window;
}

int32_t sfpm_fast_local_slot(uint64_t local)
{
    return (int32_t)(local * SFPM_SLOT_SIZE);
}

int32_t sfpm_fast_operand_slot(const sfpm_translation_t *t, uint32_t height)
{
    return (int32_t)((sfpm_frame_size(t->function) + height) * SFPM_SLOT_SIZE);
}

void sfpm_fast_jump_to(sfpm_translation_t *t, uint32_t target)
{
    sfpm_fast_draft_t *draft = t->draft;
    void *jumps = draft ? draft->jumps : NULL;
    if (!draft || t->failed ||
        !grow_draft(t, &jumps, &draft->jumps_capacity, t->num_jumps,
                    sizeof *draft->jumps))
        return;
    draft->jumps = jumps;
    draft->jumps[t->num_jumps++] =
        (sfpm_fast_jump_t){t->num_cells - 1, target, t->index + t->count - 1};
}

void sfpm_fast_add_label(sfpm_translation_t *t, uint32_t offset, uint32_t index)
{
    sfpm_fast_draft_t *draft = t->draft;
    void *labels = draft ? draft->labels : NULL;
    if (!draft || t->failed ||
        !grow_draft(t, &labels, &draft->labels_capacity, t->num_labels,
                    sizeof *draft->labels))
        return;
    draft->labels = labels;
    draft->labels[t->num_labels++] = (sfpm_fast_label_t){offset, t->num_cells, index};
}

/* ---- Operands ------------------------------------------------------------- */

int32_t sfpm_fast_to_slot(sfpm_translation_t *t, sfpm_operand_value_t value,
                          uint32_t height)
{
    int32_t slot = sfpm_fast_operand_slot(t, height);
    switch (value.home) {
    case SFPM_IN_SLOT:
        break;
    case SFPM_IN_LOCAL:
        return (int32_t)value.value;
    case SFPM_IN_CELL: {
        sfpm_cell_t *cell = sfpm_fast_emit(t, FAST_CONST);
        cell->to = slot;
        cell->value = value.value;
        break;
    }
    case SFPM_IN_ACC:
        sfpm_fast_emit(t, FAST_PUT_A)->to = slot;
        break;
    case SFPM_IN_FACC:
        sfpm_fast_emit(t, FAST_PUT_F)->to = slot;
        break;
    }
    return slot;
}

/* Puts one operand of the window into its own slot. */
static void settle(sfpm_translation_t *t, uint32_t i)
{
    sfpm_operand_value_t *value = &t->window.values[i];
    uint32_t height = t->window.height - t->window.count + i;
    int32_t slot = sfpm_fast_to_slot(t, *value, height);
    if (value->home == SFPM_IN_LOCAL) {
        sfpm_cell_t *cell = sfpm_fast_emit(t, FAST_MOVE);
        cell->to = sfpm_fast_operand_slot(t, height);
        cell->x = slot;
    }
    value->home = SFPM_IN_SLOT;
}

void sfpm_fast_make_room(sfpm_translation_t *t)
{
    sfpm_window_t *window = &t->window;
    if (window->count < SFPM_FAST_WINDOW)
        return;
    settle(t, 0);
    window->count--;
    memmove(window->values, window->values + 1,
            window->count * sizeof(sfpm_operand_value_t));
}

void sfpm_fast_push(sfpm_translation_t *t, sfpm_home_t home, uint64_t value)
{
    sfpm_window_t *window = &t->window;
    sfpm_fast_make_room(t);
    window->values[window->count++] = (sfpm_operand_value_t){home, value};
    window->height++;
}

sfpm_operand_value_t sfpm_fast_pop(sfpm_translation_t *t)
{
    sfpm_operand_value_t value = sfpm_fast_peek(t, 0);
    t->window.height--;
    if (t->window.count > 0)
        t->window.count--;
    return value;
}

sfpm_operand_value_t sfpm_fast_peek(const sfpm_translation_t *t, uint32_t depth)
{
    if (depth >= t->window.count)
        return (sfpm_operand_value_t){SFPM_IN_SLOT, 0};
    return t->window.values[t->window.count - 1 - depth];
}

void sfpm_fast_flush(sfpm_translation_t *t)
{
    for (uint32_t i = 0; i < t->window.count; i++)
        settle(t, i);
    t->window.count = 0;
}

void sfpm_fast_spill(sfpm_translation_t *t, sfpm_home_t home)
{
    for (uint32_t i = 0; i < t->window.count; i++)
        if (t->window.values[i].home == home)
            settle(t, i);
}

bool sfpm_fast_is_in(const sfpm_translation_t *t, sfpm_operand_value_t value,
                     sfpm_home_t home)
{
    int64_t local = home == SFPM_IN_ACC ? t->acc_local : t->facc_local;
    return value.home == home ||
           (value.home == SFPM_IN_LOCAL && (int64_t)value.value == local);
}

void sfpm_fast_set(sfpm_translation_t *t, sfpm_home_t home, int64_t local_slot)
{
    if (home == SFPM_IN_ACC)
        t->acc_local = local_slot;
    else
        t->facc_local = local_slot;
}

void sfpm_fast_assign(sfpm_translation_t *t, int32_t local_slot)
{
    for (uint32_t i = 0; i < t->window.count; i++)
        if (t->window.values[i].home == SFPM_IN_LOCAL &&
            t->window.values[i].value == (uint64_t)local_slot)
            settle(t, i);
    if (t->acc_local == local_slot)
        t->acc_local = SFPM_NO_LOCAL;
    if (t->facc_local == local_slot)
        t->facc_local = SFPM_NO_LOCAL;
}

void sfpm_fast_forget(sfpm_translation_t *t)
{
    t->acc_local = t->facc_local = SFPM_NO_LOCAL;
}
