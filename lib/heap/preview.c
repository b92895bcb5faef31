/* SPDX-License-Identifier: MIT */
/*
 * Reads the tables of a heap in an image, before it is restored, into memory of the same
 * layout, so that the functions for heaps in use can read it.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "heap/heap.h"

bool sfpm_preview_bytes(const heap_source_t *source, uint64_t offset, void *to,
                        size_t size)
{
    return source->edit
               ? sfpm_edit_read(source->edit, source->region, offset, to, size)
               : sfpm_image_read(source->image, source->region, offset, to, size);
}

bool sfpm_preview_header(header_t *header, const heap_source_t *source)
{
    uint64_t size = sfpm_image_region(source->image, source->region)->size;
    if (size < SEGMENT_SIZE)
        return sfpm_fail(SFPM_ERR_CORRUPT, "it does not start with a heap header");
    return sfpm_preview_bytes(source, HEADER_AT, header, offsetof(header_t, roots)) &&
           sfpm_check_header(header, size);
}

header_t *sfpm_preview_types(const heap_source_t *source)
{
    /* Most of its tables stay empty, and are not looked at: not cleared. */
    header_t *header = sfpm_new_block(sizeof *header);
    if (header && sfpm_preview_header(header, source) &&
        sfpm_preview_bytes(source, HEADER_AT + offsetof(header_t, offsets),
                           header->offsets,
                           header->num_offsets * sizeof *header->offsets) &&
        sfpm_preview_bytes(source, HEADER_AT + offsetof(header_t, types), header->types,
                           header->num_types * sizeof *header->types) &&
        sfpm_preview_bytes(source, HEADER_AT + offsetof(header_t, modules),
                           header->modules,
                           header->num_modules * sizeof *header->modules) &&
        sfpm_preview_bytes(source, HEADER_AT + offsetof(header_t, symbols),
                           header->symbols,
                           header->num_symbols * sizeof *header->symbols) &&
        sfpm_check_names(header))
        return header;
    free(header);
    return NULL;
}

static bool read_part(const sfpm_heap_t *heap, const heap_source_t *source,
                      uint64_t offset, size_t size)
{
    return sfpm_preview_bytes(source, offset, heap->base + offset, size);
}

static bool read_tables(sfpm_heap_t *heap, const heap_source_t *source)
{
    size_t entries = (size_t)heap->header->num_segments * sizeof(segment_entry_t);
    if (!read_part(heap, source, HEADER_AT, sizeof(header_t)) ||
        !read_part(heap, source, SEGMENTS_AT, entries))
        return false;
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        if (heap->segments[s].kind == SEGMENT_UNITS &&
            !read_part(heap, source, (uint64_t)s << SEGMENT_SHIFT, sizeof(segment_t)))
            return false;
    return true;
}

bool sfpm_preview_read(sfpm_heap_t *heap, const heap_source_t *source)
{
    header_t header;
    if (!sfpm_preview_header(&header, source))
        return false;
    size_t size = (size_t)header.num_segments << SEGMENT_SHIFT;
    uint8_t *base = sfpm_range_reserve(0, size, false);
    if (!base)
        return false;
    sfpm_heap_attach(heap, base, size, size);
    bool ok = sfpm_range_open(base, size) &&
              sfpm_preview_bytes(source, HEADER_AT, heap->header, sizeof(header_t)) &&
              sfpm_check_header(heap->header, size) && read_tables(heap, source) &&
              sfpm_check_tables(heap);
    if (!ok)
        sfpm_preview_free(heap);
    return ok;
}

void sfpm_preview_free(sfpm_heap_t *heap)
{
    sfpm_range_release(heap->base, heap->reserved);
    heap->base = NULL;
}
