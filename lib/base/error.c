/* SPDX-License-Identifier: MIT */
/* Stores the thread's last error and formats its message; its accessors are public. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one piece of mutable state of the library: what last went wrong here. */
static _Thread_local sfpm_error_state_t last = {.offset = SFPM_NO_OFFSET};

/* Writes the complete message out of its parts. */
static void compose(void)
{
    static const char *const remedies[] = {
        [SFPM_REMEDY_NONE] = "",
        [SFPM_REMEDY_MORE_MEMORY] = ": raise it",
        [SFPM_REMEDY_RESTART] = ": restart the machine",
        [SFPM_REMEDY_ASSEMBLE] = ": a program has to be assembled first",
        [SFPM_REMEDY_MORE_SCRYPT] = ": raise it",
        [SFPM_REMEDY_RETURN] = ": run the machine until that call has returned, or restart it",
        [SFPM_REMEDY_LAYOUT] = ": sfpm-wasm(7) says how to keep the layout of data",
        [SFPM_REMEDY_DIRECTORY] = ": add it, or detach its files",
        [SFPM_REMEDY_DETACH_FILE] = ": put it back, or detach it",
        [SFPM_REMEDY_CHANGED_FILE] = ": put it back, or accept that it changed",
        [SFPM_REMEDY_MORE_FILES] = ": raise it",
        [SFPM_REMEDY_SALVAGE] = ": use an earlier commit, or salvage the image",
    };
    snprintf(last.message, sizeof last.message, "%s%s%s%s", last.subject,
             last.subject[0] != '\0' ? ": " : "", last.text, remedies[last.remedy]);
}

static const char subject_first[] = "%s: ";

static bool names_subject(const char *format)
{
    return strncmp(format, subject_first, sizeof subject_first - 1) == 0;
}

static void set(sfpm_status_t status, int error, uint64_t offset, const char *format,
                va_list args)
{
    char subject[sizeof last.subject] = "", text[sizeof last.text];
    /* Formatted aside first: an argument may be the previous message. */
    if (names_subject(format)) {
        snprintf(subject, sizeof subject, "%s", va_arg(args, const char *));
        format += sizeof subject_first - 1;
    }
    vsnprintf(text, sizeof text, format, args);
    last = (sfpm_error_state_t){.status = status, .saved_errno = error, .offset = offset};
    memcpy(last.subject, subject, sizeof subject);
    memcpy(last.text, text, sizeof text);
    compose();
}

bool (sfpm_fail)(sfpm_status_t status, const char *format, ...)
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

bool (sfpm_fail_at)(sfpm_status_t status, uint64_t offset, const char *format, ...)
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
    snprintf(last.text + used, sizeof last.text - used, "%s%s", used > 0 ? ": " : "",
             REASON(error, buffer));
    compose();
}

static sfpm_status_t status_of(int error)
{
    if (error == ENOENT)
        return SFPM_ERR_NOT_FOUND;
    return error == ENOMEM ? SFPM_ERR_MEMORY : SFPM_ERR_SYSTEM;
}

bool (sfpm_fail_errno)(int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (strcmp(format, "%s") == 0)
        set(status_of(error), error, SFPM_NO_OFFSET, subject_first, args);
    else
        set(status_of(error), error, SFPM_NO_OFFSET, format, args);
    va_end(args);
    append_reason(error);
    return false;
}

bool (sfpm_fail_memory)(uint64_t size)
{
    return sfpm_fail(SFPM_ERR_MEMORY, "out of memory: cannot allocate %llu bytes",
                     (unsigned long long)size);
}

/* Puts "prefix: " before the text. A text that no longer fits loses its end. */
static void put_before(const char *prefix)
{
    char text[sizeof last.text];
    int room = (int)(sizeof text - strlen(prefix)) - 3;
    if (room <= 0)
        return;
    snprintf(text, sizeof text, "%s: %.*s", prefix, room, last.text);
    memcpy(last.text, text, sizeof text);
}

/* The subject becomes part of the text. */
static void fold_subject(void)
{
    char subject[sizeof last.subject];
    if (last.subject[0] == '\0')
        return;
    memcpy(subject, last.subject, sizeof subject);
    last.subject[0] = '\0';
    last.detail = 0;
    put_before(subject);
}

bool (sfpm_fail_named)(const char *subject)
{
    char name[sizeof last.subject];
    snprintf(name, sizeof name, "%s", subject);
    if (strcmp(name, last.subject) != 0)
        fold_subject();
    memcpy(last.subject, name, sizeof name);
    compose();
    return false;
}

bool (sfpm_fail_prefix)(const char *format, ...)
{
    char prefix[sizeof last.text], subject[sizeof last.subject] = "";
    va_list args;
    va_start(args, format);
    if (names_subject(format)) {
        snprintf(subject, sizeof subject, "%s", va_arg(args, const char *));
        format += sizeof subject_first - 1;
    }
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    if (strcmp(subject, last.subject) != 0)
        fold_subject();
    last.detail = 0;
    put_before(prefix);
    memcpy(last.subject, subject, sizeof subject);
    compose();
    return false;
}

bool (sfpm_fail_in_region)(const char *name)
{
    char place[sizeof last.text];
    int length = snprintf(place, sizeof place, "region '%s'", name);
    size_t before = (size_t)length + 2;
    /* A delta reads its bases by the same functions: once is enough. */
    if (last.detail == before && strncmp(last.text, place, (size_t)length) == 0)
        return false;
    if (length > 0 && before + 1 < sizeof last.text) {
        put_before(place);
        last.detail += before;
    }
    compose();
    return false;
}

bool (sfpm_fail_remedy)(sfpm_remedy_t remedy)
{
    last.remedy = remedy;
    compose();
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

const sfpm_failure_t *sfpm_last_failure(void)
{
    last.parts = (sfpm_failure_t){.status = last.status,
                                  .remedy = last.remedy,
                                  .offset = last.offset,
                                  .subject = last.subject,
                                  .text = last.text,
                                  .detail = last.text + last.detail};
    return &last.parts;
}

const char *sfpm_last_error(void)
{
    return last.message;
}
