/* SPDX-License-Identifier: MIT */
/* Lets AddressSanitizer and valgrind report the use of memory that no block holds. */
#include "heap/guard.h"

#include "base/poison.h"

/* A multiple of the grain, so that blocks stay aligned. */
enum { RED_ZONE = GRAIN };

void sfpm_guard_free(const sfpm_heap_t *heap, const void *at, size_t size)
{
    if (!heap->exposed)
        sfpm_poison(at, size);
}

void sfpm_guard_use(const sfpm_heap_t *heap, const void *at, size_t size,
                    bool initialised)
{
    if (!heap->exposed)
        sfpm_unpoison(at, size, initialised);
}

/* ---- The whole heap ---- */

static void hide_slab(const sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    const uint8_t *memory = heap_unit_memory(heap, number);
    const uint64_t *map = heap_map(heap, number);
    size_t size = unit->block_size;
    for (uint32_t i = 0; i < unit->capacity; i++)
        if (map[i / 64] >> i % 64 & 1)
            sfpm_poison(memory + i * size, size);
        else if (heap->red_zone && size > heap->red_zone)
            sfpm_poison(memory + (i + 1) * size - heap->red_zone, heap->red_zone);
    sfpm_poison(memory + unit->capacity * size, UNIT_SIZE - unit->capacity * size);
}

static void hide_large(const sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    size_t end = (size_t)unit->length << UNIT_SHIFT;
    size_t used = (size_t)unit->size;
    if (heap->red_zone && used > heap->red_zone)
        sfpm_poison(heap_unit_memory(heap, number) + used - heap->red_zone,
                    end - used + heap->red_zone);
}

static void hide_segment(const sfpm_heap_t *heap, uint32_t s)
{
    if (heap->segments[s].kind == SEGMENT_FREE)
        sfpm_poison(heap_segment(heap, s), SEGMENT_SIZE);
    for (uint32_t u = 1; heap->segments[s].kind == SEGMENT_UNITS && u < UNITS; u++) {
        uint32_t number = s * UNITS + u;
        const unit_t *unit = heap_unit(heap, number);
        if (unit->kind == UNIT_FREE)
            sfpm_poison(heap_unit_memory(heap, number), UNIT_SIZE);
        else if (unit->kind == UNIT_SLAB)
            hide_slab(heap, number, unit);
        else if (unit->kind == UNIT_LARGE)
            hide_large(heap, number, unit);
    }
}

/* Tables that a failed restore left damaged are not followed. */
static bool can_hide(const sfpm_heap_t *heap)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    bool ok =
        sfpm_check_header(heap->header, heap->used) && sfpm_check_segments(heap);
    sfpm_error_restore(&before);
    return ok;
}

static void hide(sfpm_heap_t *heap)
{
    if (!can_hide(heap))
        return;
    heap->exposed = false;
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        hide_segment(heap, s);
    sfpm_poison(heap->base + heap->used, heap->accessible - heap->used);
}

static void show(sfpm_heap_t *heap)
{
    heap->exposed = true;
    sfpm_unpoison(heap->base, heap->accessible, true);
}

void sfpm_guard_expose(void *heap, bool exposed)
{
    sfpm_heap_t *it = heap;
    if (!it->guarded)
        return;
    heap_lock(it);
    if (exposed)
        show(it);
    else
        hide(it);
    heap_unlock(it);
}

void sfpm_guard_start(sfpm_heap_t *heap)
{
    heap->guarded = sfpm_is_watched();
    heap->careful = heap->options.thread_safe || heap->guarded;
    if (heap->guarded && heap->options.red_zones)
        heap->red_zone = RED_ZONE;
    if (heap->guarded)
        hide(heap);
}

void sfpm_guard_stop(sfpm_heap_t *heap)
{
    if (heap->guarded)
        show(heap);
}
