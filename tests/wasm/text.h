/* SPDX-License-Identifier: MIT */
/* Texts for the programs that compress, and the sum of what they made. */
#ifndef TEXT_H
#define TEXT_H

#include "program.h"

/* Fills with words, some often and some rare, and with a few bytes that do not compress. */
static void make_text(unsigned char *text, unsigned size)
{
    for (unsigned at = 0; at < size;) {
        uint32_t word = next() % 100, length = 2 + word % 7;
        if (word < 60) /* one of few */
            word %= 11;
        for (uint32_t i = 0; i < length && at < size; i++)
            text[at++] = (unsigned char)('a' + (word * 7 + i * i * 5) % 26);
        if (at < size)
            text[at++] = word == 99 ? (unsigned char)next() : ' ';
    }
}

/* FNV-1a. */
static uint64_t sum(const unsigned char *bytes, unsigned long size)
{
    uint64_t hash = 14695981039346656037u;
    for (unsigned long i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

/* Prints what compression made of a text, and whether that became the text again. */
static void print_result(const char *name, const unsigned char *packed,
                         unsigned long packed_size, const unsigned char *text,
                         const unsigned char *unpacked, unsigned long size)
{
    print(name, packed_size);
    print("  bytes", sum(packed, packed_size));
    print("  text", sum(text, size));
    print("  again", sum(unpacked, size));
}

#endif
