/* SPDX-License-Identifier: MIT */
/*
 * Allocation that records its failure as the thread's error, and a byte
 * buffer that grows.
 */
#ifndef SFPM_BASE_MEMORY_H
#define SFPM_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `count` zeroed elements of `size` bytes; NULL with the error set on failure.
 * Never NULL on success, not even for 0 bytes. Released with free(). */
void *sfpm_new_array(size_t count, size_t size);
#define SFPM_NEW(type)          ((type *)sfpm_new_array(1, sizeof(type)))
#define SFPM_NEW_N(type, count) ((type *)sfpm_new_array((count), sizeof(type)))

/* Memory for contents that are copied in bulk: not zeroed, and page-aligned like contents
 * in files. Some processors (Zen 3 is one) copy ten times slower between places whose
 * offsets in a cache line differ. Otherwise as sfpm_new_array(). */
void *sfpm_new_block(size_t size);

/* memcpy() where offsets in a cache line may differ: in steps that are too small for the
 * instruction that is slow then. */
void sfpm_copy_contents(void *to, const void *from, size_t size);

/* Makes room for at least `wanted` elements in the array *array of *capacity
 * elements, growing by half again or more; new elements are not initialised.
 * On failure the array is unchanged. */
bool sfpm_grow_array(void **array, size_t *capacity, size_t wanted, size_t size);

/* Copies of strings and bytes; NULL with the error set on failure. */
char *sfpm_copy_string(const char *text);
void *sfpm_copy_bytes(const void *bytes, size_t size);

/* Whether all bytes are zero. */
bool sfpm_is_zero(const uint8_t *bytes, size_t size);

/* A growing byte buffer; all zero is an empty one. */
typedef struct sfpm_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} sfpm_buffer_t;

void sfpm_buffer_free(sfpm_buffer_t *buffer);
/* Makes the buffer `more` bytes longer and returns where they start (not
 * initialised); NULL with the error set on failure. */
uint8_t *sfpm_buffer_extend(sfpm_buffer_t *buffer, size_t more);
bool sfpm_buffer_add(sfpm_buffer_t *buffer, const void *bytes, size_t size);
bool sfpm_buffer_add_u32(sfpm_buffer_t *buffer, uint32_t value);
bool sfpm_buffer_add_u64(sfpm_buffer_t *buffer, uint64_t value);

#endif
