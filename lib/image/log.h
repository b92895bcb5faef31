/* SPDX-License-Identifier: MIT */
/*
 * The file as a log of commits: its records, and the chain of its trailers.
 */
#ifndef SFPM_IMAGE_LOG_H
#define SFPM_IMAGE_LOG_H

#include "format/format.h"
#include "io/input.h"

/* Reads the fixed part of the record at `offset` and checks that the record lies
 * within the file; *end receives where it ends. */
bool sfpm_record_read(const sfpm_input_t *input, uint64_t offset, sfpm_record_t *record,
                      uint64_t *end);

/* Whether a record that was read is of the type wanted, lies within the file and has a
 * payload of at most `limit` bytes; and whether its payload has the sum. */
bool sfpm_record_check(const sfpm_input_t *input, uint64_t offset,
                       const sfpm_record_t *record, uint32_t type, uint64_t limit);
bool sfpm_record_check_sum(uint64_t offset, const sfpm_record_t *record,
                           const uint8_t *payload);

/* Reads a whole record of a wanted type into memory, verified: *payload is the
 * caller's, released with free(). `limit` bounds the payload's length. */
bool sfpm_record_load(const sfpm_input_t *input, uint64_t offset, uint32_t type,
                      uint64_t limit, sfpm_record_t *record, uint8_t **payload);

/* Checks that `size` bytes at `offset` are zero, as leads and padding are. */
bool sfpm_check_zeros(const sfpm_input_t *input, uint64_t offset, uint64_t size);

/* The trailer of the last whole commit. Bytes behind it are a torn tail.
 * SFPM_ERR_TRUNCATED when there is no whole commit. */
bool sfpm_log_last(const sfpm_input_t *input, sfpm_trailer_t *last);

/* The trailer before `trailer`, which must not be the oldest one. */
bool sfpm_log_previous(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                       sfpm_trailer_t *previous);

/* Given each trailer that a search finds; returns whether to go on. */
typedef bool (*sfpm_trailer_callback_t)(void *context, const sfpm_trailer_t *trailer);

/* Searches the file from an offset on for valid trailers, wherever they lie. False when
 * the callback stopped it, or with the error set when memory is short. */
bool sfpm_log_search(const sfpm_input_t *input, uint64_t from,
                     sfpm_trailer_callback_t take, void *context);

/* Whether the commit of this trailer is the first in the file. */
bool sfpm_log_is_oldest(const sfpm_trailer_t *trailer);

/* Reads the payload of the index record of a commit, verified; the caller's, released
 * with free(). In a sealed image it is a box. */
bool sfpm_log_index(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                    uint64_t max_memory, uint8_t **payload, size_t *length);

#endif
