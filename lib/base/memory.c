/* SPDX-License-Identifier: MIT */
/*
 * Allocates arrays, blocks, strings and growing buffers with overflow checks, and sets
 * the thread's error on failure.
 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/page.h"

void *sfpm_new_array(size_t count, size_t size)
{
    size_t total;
    if (!sfpm_mul_size(count, size, &total)) {
        sfpm_fail(SFPM_ERR_MEMORY,
                  "out of memory: cannot allocate %zu elements of %zu bytes", count,
                  size);
        return NULL;
    }
    void *memory = calloc(1, total ? total : 1);
    if (!memory)
        sfpm_fail_memory(total);
    return memory;
}

void *sfpm_new_block(size_t size)
{
    enum { ALIGNMENT = SFPM_PAGE };
    size_t rounded;
    void *memory = NULL;
    /* aligned_alloc() wants multiples of the alignment. */
    if (sfpm_add_size(size ? size : 1, ALIGNMENT - 1, &rounded))
        memory = aligned_alloc(ALIGNMENT, rounded & ~(size_t)(ALIGNMENT - 1));
    if (!memory)
        sfpm_fail_memory(size);
    return memory;
}

void sfpm_copy_contents(void *to, const void *from, size_t size)
{
    enum { STEP = 1024 };
    uint8_t *next = to;
    const uint8_t *source = from;
    for (; size > STEP; size -= STEP, next += STEP, source += STEP)
        memcpy(next, source, STEP);
    memcpy(next, source, size);
}

bool sfpm_grow_array(void **array, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return true;
    size_t next = *capacity + *capacity / 2;
    next = next < 8 ? 8 : next;
    next = next < wanted ? wanted : next;
    size_t total;
    if (!sfpm_mul_size(next, size, &total))
        return sfpm_fail(SFPM_ERR_MEMORY,
                         "out of memory: cannot allocate %zu elements of %zu bytes", next,
                         size);
    void *memory = realloc(*array, total);
    if (!memory)
        return sfpm_fail_memory(total);
    *array = memory;
    *capacity = next;
    return true;
}

char *sfpm_copy_string(const char *text)
{
    return sfpm_copy_bytes(text, strlen(text) + 1);
}

void *sfpm_copy_bytes(const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);
    if (!copy)
        sfpm_fail_memory(size);
    else if (size)
        memcpy(copy, bytes, size);
    return copy;
}

bool sfpm_is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

void sfpm_buffer_free(sfpm_buffer_t *buffer)
{
    free(buffer->data);
    *buffer = (sfpm_buffer_t){0};
}

uint8_t *sfpm_buffer_extend(sfpm_buffer_t *buffer, size_t more)
{
    size_t wanted;
    void *data = buffer->data;
    if (!sfpm_add_size(buffer->size, more, &wanted)) {
        sfpm_fail_memory(SIZE_MAX);
        return NULL;
    }
    /* A capacity of at least one keeps "nothing added" apart from failure. */
    if (!sfpm_grow_array(&data, &buffer->capacity, wanted ? wanted : 1, 1))
        return NULL;
    buffer->data = data;
    uint8_t *start = buffer->data + buffer->size;
    buffer->size = wanted;
    return start;
}

bool sfpm_buffer_add(sfpm_buffer_t *buffer, const void *bytes, size_t size)
{
    uint8_t *to = sfpm_buffer_extend(buffer, size);
    if (to && size)
        memcpy(to, bytes, size);
    return to != NULL;
}

bool sfpm_buffer_add_u32(sfpm_buffer_t *buffer, uint32_t value)
{
    uint8_t *to = sfpm_buffer_extend(buffer, 4);
    if (to)
        sfpm_put_u32(to, value);
    return to != NULL;
}

bool sfpm_buffer_add_u64(sfpm_buffer_t *buffer, uint64_t value)
{
    uint8_t *to = sfpm_buffer_extend(buffer, 8);
    if (to)
        sfpm_put_u64(to, value);
    return to != NULL;
}
