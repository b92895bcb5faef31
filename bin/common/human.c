/* SPDX-License-Identifier: MIT */
/* Rounds sizes, ages and durations to what a reader wants to know. */
#include "common/human.h"

#include <inttypes.h>
#include <stdio.h>

const char *human_size(uint64_t bytes, char text[HUMAN_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;
    if (bytes < 1024) {
        snprintf(text, HUMAN_TEXT, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
        return text;
    }
    /* 1023.95 would be rounded to 1024. */
    for (; value >= 1023.5 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        value /= 1024;
    snprintf(text, HUMAN_TEXT, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

/* Half of the smaller unit rounds up. */
static const char *ago(uint64_t number, const char *unit, char *text)
{
    snprintf(text, HUMAN_TEXT, "%" PRIu64 " %s%s ago", number, unit,
             number == 1 ? "" : "s");
    return text;
}

static const char *years_ago(uint64_t days, char *text)
{
    uint64_t months = (days * 12 * 2 + 365) / (365 * 2);
    uint64_t years = months / 12;
    months %= 12;
    if (months == 0)
        return ago(years, "year", text);
    snprintf(text, HUMAN_TEXT, "%" PRIu64 " year%s, %" PRIu64 " month%s ago", years,
             years == 1 ? "" : "s", months, months == 1 ? "" : "s");
    return text;
}

const char *human_age(int64_t seconds, int64_t now, char text[HUMAN_TEXT])
{
    if (seconds > now) {
        snprintf(text, HUMAN_TEXT, "in the future");
        return text;
    }
    uint64_t age = (uint64_t)now - (uint64_t)seconds;
    if (age < 90)
        return ago(age, "second", text);
    if (age < UINT64_C(90) * 60)
        return ago((age + 30) / 60, "minute", text);
    uint64_t hours = (age / 60 + 30) / 60;
    if (hours < 36)
        return ago(hours, "hour", text);
    uint64_t days = (hours + 12) / 24;
    if (days < 14)
        return ago(days, "day", text);
    if (days < 70)
        return ago((days + 3) / 7, "week", text);
    if (days < 365)
        return ago((days + 15) / 30, "month", text);
    if (days < 5 * 365)
        return years_ago(days, text);
    return ago((days + 183) / 365, "year", text);
}

const char *human_duration(uint64_t seconds, char text[HUMAN_TEXT])
{
    if (seconds < 60)
        snprintf(text, HUMAN_TEXT, "%" PRIu64 " s", seconds);
    else if (seconds < 3600)
        snprintf(text, HUMAN_TEXT, "%" PRIu64 " min %" PRIu64 " s", seconds / 60,
                 seconds % 60);
    else
        snprintf(text, HUMAN_TEXT, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
                 seconds / 60 % 60);
    return text;
}
