/* SPDX-License-Identifier: MIT */
/* Facts about images as text, the same in every tool. */
#ifndef SFPM_BIN_FACTS_H
#define SFPM_BIN_FACTS_H

#include <stdint.h>

#include <sfpm/image.h>

enum {
    FACT_DIGEST = 2 * SFPM_DIGEST_BYTES + 1 /* room for a digest as text */
};

/* A digest in hexadecimal. */
const char *fact_digest(const uint8_t *digest, char *text);

/* The name of the flag with that number, counted from 0 over those that the region
 * has; NULL after the last. */
const char *fact_flag(uint32_t flags, unsigned index);

#endif
