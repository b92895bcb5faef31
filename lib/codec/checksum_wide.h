/* SPDX-License-Identifier: MIT */
/* A second form of the checksum for wide vector registers, where the compiler can
 * make it and the processor can run it: asked at run time. */
#ifndef SFPM_CODEC_CHECKSUM_WIDE_H
#define SFPM_CODEC_CHECKSUM_WIDE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SFPM_CHECKSUM_WIDE 1
#endif

/* Only where __builtin_cpu_supports("avx2"). */
uint64_t sfpm_checksum_wide(const void *bytes, size_t size, uint64_t seed);

#endif
