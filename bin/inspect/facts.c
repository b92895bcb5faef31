/* SPDX-License-Identifier: MIT */
/* Facts as text, for all the ways to show them. */
#include <stdio.h>
#include <time.h>

#include "common/machine.h"
#include "inspect/view.h"

const char *view_time(const sfpm_commit_info_t *commit, const char *t, const char *z,
                      char *text)
{
    struct tm utc;
    time_t seconds = (time_t)commit->seconds;
    if (seconds != commit->seconds || gmtime_r(&seconds, &utc) == NULL) {
        snprintf(text, VIEW_TIME, "@%lld", (long long)commit->seconds);
        return text;
    }
    snprintf(text, VIEW_TIME, "%04d-%02d-%02d%s%02d:%02d:%02d%s", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, t, utc.tm_hour, utc.tm_min, utc.tm_sec, z);
    return text;
}

const char *view_digest(const uint8_t *digest, char *text)
{
    for (size_t i = 0; i < SFPM_DIGEST_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

const char *view_flag(uint32_t flags, unsigned index)
{
    static const char *const names[] = {"dynamic", "portable", "pointers", "volatile",
                                        "secret"};
    for (unsigned bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
        if ((flags >> bit & 1) != 0 && index-- == 0)
            return names[bit];
    return NULL;
}

void view_stack(const sfpm_vm_t *vm, void (*callback)(void *context, int64_t value),
                void *context)
{
    sfpm_vm_frame_t frame;
    for (uint32_t level = machine_info(vm).frames; level-- > 0;) {
        if (!sfpm_vm_frame(vm, level, &frame, sizeof(frame)))
            continue;
        int64_t value;
        for (uint32_t i = 0; i < frame.operands; i++)
            if (sfpm_vm_operand(vm, level, i, &value))
                callback(context, value);
    }
}
