/* SPDX-License-Identifier: MIT */
/*
 * The thread's last error, as the library sets it. The function that finds a
 * fault sets the error once, where the facts are; its callers pass `false` up.
 */
#ifndef SFPM_BASE_ERROR_H
#define SFPM_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>

#if defined(__GNUC__)
#define SFPM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define SFPM_PRINTF(fmt, args)
#endif

/* Records a failure. Always returns false, so that callers write
 * `return sfpm_fail(…)`. The text has a fixed size: reporting cannot fail.
 *
 * In all functions here, a format that begins with "%s: " names the subject, the file at
 * fault, which is kept apart from the text; so does "%s" alone with an errno value. */
bool sfpm_fail(sfpm_status_t status, const char *format, ...) SFPM_PRINTF(2, 3);

/* The same with the file offset at which the fault lies. */
bool sfpm_fail_at(sfpm_status_t status, uint64_t offset, const char *format, ...)
    SFPM_PRINTF(3, 4);

/* Records a failed system call: the text, then ": " and the system's reason for
 * the given errno value. ENOENT gives SFPM_ERR_NOT_FOUND, ENOMEM gives
 * SFPM_ERR_MEMORY, the rest SFPM_ERR_SYSTEM. */
bool sfpm_fail_errno(int error, const char *format, ...) SFPM_PRINTF(2, 3);

/* Records SFPM_ERR_MEMORY for something of `size` bytes. */
bool sfpm_fail_memory(uint64_t size);

/* Puts "text: " before the message already recorded, whose subject becomes part of the
 * text. Always returns false. */
bool sfpm_fail_prefix(const char *format, ...) SFPM_PRINTF(1, 2);

/* Names the subject of the message already recorded, if that is not its subject yet.
 * Always returns false. */
bool sfpm_fail_named(const char *subject);

/* Says in which region the fault was met, once, between subject and text. Always returns
 * false. */
bool sfpm_fail_in_region(const char *name);

/* Adds what the caller can do. Always returns false. */
bool sfpm_fail_remedy(sfpm_remedy_t remedy);

/* Saves and restores the thread's error around clean-up that may itself fail. */
typedef struct sfpm_error_state {
    sfpm_status_t status;
    int saved_errno;
    uint64_t offset;
    sfpm_remedy_t remedy;
    size_t detail; /* where in `text` the fault begins, after the region it was met in */
    char subject[256];
    char text[512];
    char message[832];    /* all of it */
    sfpm_failure_t parts; /* as sfpm_last_failure() gave them out */
} sfpm_error_state_t;

void sfpm_error_save(sfpm_error_state_t *state);
void sfpm_error_restore(const sfpm_error_state_t *state);

#endif
