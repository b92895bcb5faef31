/* SPDX-License-Identifier: MIT */
/* XXH3 checksums and digests, in the wide form where the processor has it. */
#include "codec/checksum.h"

/* The header-only form: one library less to load when a tool starts, and the
 * compiler sees the short fixed-size inputs. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#include "base/error.h"
#include "codec/checksum_wide.h"

/* Shorter inputs do not reach the part of XXH3 that vectors speed up. */
#define WIDE_MIN 1024

uint64_t sfpm_checksum(const void *bytes, size_t size, uint64_t seed)
{
#ifdef SFPM_CHECKSUM_WIDE
    if (size > WIDE_MIN && __builtin_cpu_supports("avx2"))
        return sfpm_checksum_wide(bytes, size, seed);
#endif
    return XXH3_64bits_withSeed(bytes, size, seed);
}

void sfpm_digest(const void *bytes, size_t size, uint8_t digest[SFPM_DIGEST_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(digest, canonical.digest, SFPM_DIGEST_SIZE);
}

sfpm_running_checksum_t *sfpm_running_checksum_create(void)
{
    /* XXH3 states need 64-byte alignment, which only its own allocator gives. */
    XXH3_state_t *state = XXH3_createState();
    if (!state) {
        sfpm_fail_memory(sizeof *state);
        return NULL;
    }
    XXH3_64bits_reset(state);
    return (sfpm_running_checksum_t *)state;
}

void sfpm_running_checksum_add(sfpm_running_checksum_t *sum, const void *bytes,
                               size_t size)
{
    XXH3_64bits_update((XXH3_state_t *)sum, bytes, size);
}

uint64_t sfpm_running_checksum_value(const sfpm_running_checksum_t *sum)
{
    return XXH3_64bits_digest((const XXH3_state_t *)sum);
}

void sfpm_running_checksum_destroy(sfpm_running_checksum_t *sum)
{
    if (sum)
        XXH3_freeState((XXH3_state_t *)sum);
}
