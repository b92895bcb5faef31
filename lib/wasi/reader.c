/* SPDX-License-Identifier: MIT */
/* The steps in which the regions of WASI are read. */
#include "wasi/reader.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

bool sfpm_reader_fail(const sfpm_wasi_reader_t *from, const char *what)
{
    return sfpm_fail_at(SFPM_ERR_CORRUPT, from->at, "region '%s' is invalid: %s",
                        from->region, what);
}

const uint8_t *sfpm_reader_take(sfpm_wasi_reader_t *from, uint64_t size)
{
    if (!sfpm_in_range(from->at, size, from->size)) {
        sfpm_reader_fail(from, "it ends too soon");
        return NULL;
    }
    from->at += (size_t)size;
    return from->bytes + from->at - (size_t)size;
}

char *sfpm_reader_take_text(sfpm_wasi_reader_t *from, uint64_t length, size_t most)
{
    const uint8_t *bytes = sfpm_reader_take(from, length);
    if (!bytes)
        return NULL;
    if (length == 0 || length > most || memchr(bytes, '\0', (size_t)length)) {
        sfpm_reader_fail(from, "a text is empty, too long or has zero bytes");
        return NULL;
    }
    char *text = SFPM_NEW_N(char, (size_t)length + 1);
    if (text)
        memcpy(text, bytes, (size_t)length);
    return text;
}
