/* SPDX-License-Identifier: MIT */
/*
 * Formats digests and region flags, so that a fact has the same spelling in every tool.
 */
#include "common/facts.h"

#include <stdio.h>

const char *fact_digest(const uint8_t *digest, char *text)
{
    for (size_t i = 0; i < SFPM_DIGEST_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

const char *fact_flag(uint32_t flags, unsigned index)
{
    static const char *const names[] = {"dynamic", "portable", "pointers", "volatile",
                                        "secret"};
    for (unsigned bit = 0; bit < sizeof names / sizeof names[0]; bit++)
        if ((flags >> bit & 1) != 0 && index-- == 0)
            return names[bit];
    return NULL;
}
