/* SPDX-License-Identifier: MIT */
/* Values in JSON on standard output, the same in every tool. */
#ifndef SFPM_BIN_JSON_H
#define SFPM_BIN_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* Integers; those beyond 2^53 become strings. */
void json_u64(uint64_t value);
void json_i64(int64_t value);

/* A machine's value from its text: the same, but a string also for what JSON has no
 * number for, such as "nan". */
void json_value(const char *text);

/* A digest, null unless it is known. */
void json_digest(const uint8_t *digest, bool known);

/* ,"name":"text" */
void json_member(const char *name, const char *text);

/* The list of a region's flags. */
void json_flags(uint32_t flags);

#endif
