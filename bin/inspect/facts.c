/* SPDX-License-Identifier: MIT */
/* Facts as text, for all the ways to show them. */
#include <stdio.h>
#include <time.h>

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
