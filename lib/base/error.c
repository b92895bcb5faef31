/* SPDX-License-Identifier: MIT */
/* Stores the thread's last error and formats its message; its accessors are public. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one piece of mutable state of the library: what last went wrong here. */
static _Thread_local sfpm_error_state_t last = {.offset = SFPM_NO_OFFSET};

static void set(sfpm_status_t status, int error, uint64_t offset, const char *format,
                va_list args)
{
    char text[sizeof last.text];
    /* Formatted aside first: an argument may be the previous message. */
    vsnprintf(text, sizeof text, format, args);
    memcpy(last.text, text, sizeof text);
    last.status = status;
    last.saved_errno = error;
    last.offset = offset;
}

bool sfpm_fail(sfpm_status_t status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(status, 0, SFPM_NO_OFFSET, format, args);
    va_end(args);
    return false;
}

bool sfpm_refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(SFPM_ERR_REFUSED, 0, SFPM_NO_OFFSET, format, args);
    va_end(args);
    return false;
}

bool sfpm_fail_at(sfpm_status_t status, uint64_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(status, 0, offset, format, args);
    va_end(args);
    return false;
}

/* strerror_r has two incompatible forms; this accepts the result of either. */
static const char *reason_text(int result, const char *buffer)
{
    return result == 0 ? buffer : "unknown error";
}

#if defined(__GLIBC__) && defined(_GNU_SOURCE)
#define REASON(error, buffer) strerror_r(error, buffer, sizeof buffer)
#else
#define REASON(error, buffer)                                                            \
    reason_text(strerror_r(error, buffer, sizeof buffer), buffer)
#endif

static void append_reason(int error)
{
    char buffer[128] = "";
    size_t used = strlen(last.text);
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    (void)reason_text;
#endif
    snprintf(last.text + used, sizeof last.text - used, ": %s", REASON(error, buffer));
}

static sfpm_status_t status_of(int error)
{
    if (error == ENOENT)
        return SFPM_ERR_NOT_FOUND;
    return error == ENOMEM ? SFPM_ERR_MEMORY : SFPM_ERR_SYSTEM;
}

bool sfpm_fail_errno(int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(status_of(error), error, SFPM_NO_OFFSET, format, args);
    va_end(args);
    append_reason(error);
    return false;
}

bool sfpm_fail_memory(uint64_t size)
{
    return sfpm_fail(SFPM_ERR_MEMORY, "out of memory: cannot allocate %llu bytes",
                     (unsigned long long)size);
}

bool sfpm_fail_prefix(const char *format, ...)
{
    va_list args;
    char text[sizeof last.text];
    va_start(args, format);
    int used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used + 2 >= sizeof text)
        return false;
    /* A delta reads its bases by the same functions: once is enough. */
    if (strncmp(last.text, text, (size_t)used) == 0 && last.text[used] == ':')
        return false;
    size_t room = sizeof text - (size_t)used;
    /* A message that no longer fits loses its end, never its terminator. */
    int all = snprintf(text + used, room, ": %.*s", (int)room - 3, last.text);
    if (all >= 0)
        memcpy(last.text, text, sizeof text);
    return false;
}

void sfpm_error_save(sfpm_error_state_t *state)
{
    *state = last;
}

void sfpm_error_restore(const sfpm_error_state_t *state)
{
    last = *state;
}

sfpm_status_t sfpm_last_status(void)
{
    return last.status;
}

int sfpm_last_errno(void)
{
    return last.saved_errno;
}

uint64_t sfpm_last_offset(void)
{
    return last.offset;
}

const char *sfpm_last_error(void)
{
    return last.text;
}

const char *sfpm_status_name(sfpm_status_t status)
{
    static const char *const names[] = {
        [SFPM_OK] = "success",
        [SFPM_ERR_ARGUMENT] = "bad argument",
        [SFPM_ERR_MEMORY] = "out of memory",
        [SFPM_ERR_SYSTEM] = "system call failed",
        [SFPM_ERR_NOT_FOUND] = "no such file",
        [SFPM_ERR_NOT_IMAGE] = "not an image",
        [SFPM_ERR_UNSUPPORTED] = "unsupported",
        [SFPM_ERR_TRUNCATED] = "truncated",
        [SFPM_ERR_CHECKSUM] = "checksum mismatch",
        [SFPM_ERR_CORRUPT] = "corrupt",
        [SFPM_ERR_LIMIT] = "limit exceeded",
        [SFPM_ERR_MISMATCH] = "region mismatch",
        [SFPM_ERR_BYTECODE] = "bad bytecode",
        [SFPM_ERR_TRAP] = "trap",
        [SFPM_ERR_KEY] = "wrong or missing key",
        [SFPM_ERR_LOCKED] = "locked",
        [SFPM_ERR_CHANGED] = "changed by another",
        [SFPM_ERR_INTERNAL] = "internal error",
        [SFPM_ERR_NO_COMMIT] = "no such commit",
        [SFPM_ERR_SYNTAX] = "syntax error",
        [SFPM_ERR_SECRET] = "secret region",
        [SFPM_ERR_REFUSED] = "refused by the program",
        [SFPM_ERR_UNFINISHED] = "restored, but not finished",
    };
    size_t n = sizeof names / sizeof names[0];
    return (size_t)status < n && names[status] ? names[status] : "unknown status";
}
