/* SPDX-License-Identifier: MIT */
/* Takes apart a region of an image from strangers, from its first byte to its last. */
#ifndef SFPM_WASI_READER_H
#define SFPM_WASI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sfpm_wasi_reader {
    const char *region; /* its name, for messages */
    const uint8_t *bytes;
    size_t size;
    size_t at;
} sfpm_wasi_reader_t;

/* False, with SFPM_ERR_CORRUPT: the region, where the reader is, and what is wrong. */
bool sfpm_reader_fail(const sfpm_wasi_reader_t *from, const char *what);

/* The next bytes; NULL, with the error set, when there are not so many. */
const uint8_t *sfpm_reader_take(sfpm_wasi_reader_t *from, uint64_t size);

/* A text of 1 to `most` bytes without zero bytes, to be freed; NULL with the error set.
 */
char *sfpm_reader_take_text(sfpm_wasi_reader_t *from, uint64_t length, size_t most);

#endif
