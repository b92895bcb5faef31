/* SPDX-License-Identifier: MIT */
/*
 * Memory that grows while a pipe is read into it. It holds nothing else and is never
 * changed again, so that its pages can be handed on as they are.
 */
#ifndef SFPM_IO_PIPE_BUFFER_H
#define SFPM_IO_PIPE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. */
typedef struct sfpm_space {
    uint8_t *data;
    size_t size; /* bytes in use */
    size_t capacity;
    bool mapped; /* pages of its own, which live on in a pipe when they are freed */
} sfpm_space_t;

/* Makes room for one more read, if the space will never hold more than `limit` bytes.
 * False without the thread's error set: there is no memory. */
bool sfpm_space_grow(sfpm_space_t *space, uint64_t limit);
void sfpm_space_free(sfpm_space_t *space);

#endif
