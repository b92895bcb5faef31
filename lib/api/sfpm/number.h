/* SPDX-License-Identifier: MIT */
/**
 * @file number.h
 * Numbers as users write them: the same text is the same value in assembly text, in edits
 * and in options. All functions may be called by any thread.
 */
#ifndef SFPM_NUMBER_H
#define SFPM_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Reads a number: decimal digits, or hexadecimal ones after 0x; signed types may have a
 * sign. `f32` and `f64` are read as in assembly text (sfpm-bytecode(5)), with point,
 * exponent, `inf` and `nan`, and rounded once, to their own width.
 * @param text    need not be zero-terminated; blanks are not skipped
 * @param length  of the text in bytes; all of it must be the number
 * @param type    u8, i8, u16, i16, u32, i32, u64, i64, f32 or f64
 * @param bits    receives the value: negative ones extended to 64 bits, the bits of an
 * f32 or f64 in the lowest 32 or 64. Not changed on failure
 * @return false with SFPM_ERR_SYNTAX, naming the text and what is allowed
 */
SFPM_API bool sfpm_parse_number(const char *text, size_t length, const char *type,
                                uint64_t *bits);

/**
 * Tells the time that a commit gets now: the environment variable SOURCE_DATE_EPOCH,
 * decimal digits alone, or the system's clock where that is not set, or empty.
 * @param seconds      receives the seconds since 1970
 * @param nanoseconds  receives the rest, below 1,000,000,000
 * @return false with SFPM_ERR_ARGUMENT when SOURCE_DATE_EPOCH is not a number of seconds
 */
SFPM_API bool sfpm_commit_time(int64_t *seconds, uint32_t *nanoseconds);

#ifdef __cplusplus
}
#endif

#endif
