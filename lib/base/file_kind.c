/* SPDX-License-Identifier: MIT */
/* Knows files of other kinds by the bytes that they begin with. */
#include "base/file_kind.h"

#include <string.h>

#include "base/memory.h"

bool sfpm_is_text(const uint8_t *bytes, size_t size)
{
    static const char allowed[] = "\t\n\r\f\033";
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < ' ' &&
            (bytes[i] == '\0' || !memchr(allowed, bytes[i], sizeof allowed - 1)))
            return false;
    return size > 0;
}

const char *sfpm_file_kind(const uint8_t *bytes, size_t size)
{
#define KIND(magic, name)                                                                \
    {                                                                                    \
        magic, sizeof magic - 1, name                                                    \
    }
    static const struct {
        const char *magic;
        size_t size;
        const char *name;
    } kinds[] = {
        KIND("\0asm\x01\0\0\0", "a WebAssembly module"),
        KIND("\0asm\x0d\0\x01\0", "a WebAssembly component"),
        KIND("\x7f"
             "ELF",
             "an ELF file"),
        KIND("\x1f\x8b", "gzip data"),
        KIND("\x28\xb5\x2f\xfd", "zstd data"),
        KIND("\x04\x22\x4d\x18", "lz4 data"),
        KIND("\xfd"
             "7zXZ\0",
             "xz data"),
        KIND("BZh", "bzip2 data"),
        KIND("PK\x03\x04", "a zip archive"),
        KIND("!<arch>\n", "an ar archive"),
        KIND("SQLite format 3\0", "an SQLite database"),
        KIND("\x89PNG\r\n", "a PNG picture"),
        KIND("%PDF-", "a PDF document"),
        KIND("\x89SFP\r\n\x1a\n", "an sfpm image"),
        KIND("MPFS\x01\0\0\0", "an sfpm image of version 1"),
        KIND("\x89SFP", "an sfpm image that a transfer in text mode has changed"),
        KIND("\x09SFP", "an sfpm image that lost the high bit of each byte"),
        KIND("SFPM\0\0\0\x01", "a version 1 image of a big-endian computer"),
    };
#undef KIND
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (size >= kinds[i].size && memcmp(bytes, kinds[i].magic, kinds[i].size) == 0)
            return kinds[i].name;
    if (sfpm_is_text(bytes, size))
        return "text";
    return size > 0 && sfpm_is_zero(bytes, size) ? "a file that begins with zeros" : NULL;
}
