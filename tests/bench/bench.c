/* SPDX-License-Identifier: MIT */
/* Runs the rows named on the command line, or all, and prints the table. */
#include "bench.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <sfpm/error.h>

enum { MAX_ROUNDS = 500 };

#define NAME_LIST(name) bench_##name##_rows,

static char failure[1024];
static bool skipped;

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
    return -1;
}

double bench_fail_sfpm(const char *what)
{
    return bench_fail("%s: %s", what, sfpm_last_error());
}

double bench_skip(void)
{
    skipped = true;
    return -1;
}

double bench_absent(const char *program)
{
    bench_fail("not installed: %s", program);
    return bench_skip();
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* "0.75 ms", or the value and the row's own unit. */
static const char *quantity(char text[24], double value, const char *unit)
{
    if (unit)
        snprintf(text, 24, "%.0f %s", value, unit);
    else if (value < 1e-4)
        snprintf(text, 24, "%.1f us", value * 1e6);
    else
        snprintf(text, 24, "%.*f ms", value < 0.1 ? 2 : 0, value * 1e3);
    return text;
}

static void print_row(const bench_row_t *row, double ours, double theirs, double ratio)
{
    char first[24];
    char second[24];
    char target[24] = "-";
    if (row->target > 0)
        snprintf(target, sizeof target, "%.2f", row->target);
    printf("%-50s %11s %11s %7.2f %7s %-6s  %s\n", row->name,
           quantity(first, ours, row->unit), quantity(second, theirs, row->unit), ratio,
           target,
           row->target <= 0       ? ""
           : ratio <= row->target ? "ok"
                                  : "MISSED",
           row->baseline);
    fflush(stdout);
}

/* Both sides in turn, so that what disturbs one disturbs the other as well. */
static bool run_row(const bench_row_t *row)
{
    static double ours[MAX_ROUNDS];
    static double theirs[MAX_ROUNDS];
    static double ratios[MAX_ROUNDS];
    for (int round = -1; round < row->rounds; round++) {
        int i = round < 0 ? 0 : round;
        ours[i] = row->ours(row->argument);
        theirs[i] = ours[i] < 0 ? -1 : row->theirs(row->argument);
        if (ours[i] < 0 || theirs[i] < 0)
            return false;
        ratios[i] = ours[i] / theirs[i];
    }
    print_row(row, median(ours, row->rounds), median(theirs, row->rounds),
              median(ratios, row->rounds));
    return true;
}

static bool is_wanted(const bench_row_t *row, int count, char *const words[])
{
    bool wanted = count == 0;
    for (int i = 0; i < count; i++)
        wanted = wanted || strstr(row->name, words[i]);
    return wanted;
}

static void print_head(void)
{
    struct utsname name;
    char line[256];
    char model[128] = "";
    FILE *cpus = fopen("/proc/cpuinfo", "r");
    while (cpus && !*model && fgets(line, sizeof line, cpus))
        if (!strncmp(line, "model name", 10))
            sscanf(line, "%*[^:]: %127[^\n]", model);
    if (cpus)
        fclose(cpus);
    if (uname(&name) == 0)
        printf("%s%s%s, %s %s; one core, page cache warm, medians\n\n", model,
               *model ? ", " : "", name.machine, name.sysname, name.release);
    printf("%-50s %11s %11s %7s %7s %-6s  %s\n", "what", "measured", "baseline", "ratio",
           "at most", "", "against");
}

static void use_one_core(void)
{
#ifdef __linux__
    cpu_set_t all;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all))
        return;
    for (size_t i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&one) == 0;)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one);
#endif
}

int main(int count, char *words[])
{
    static const bench_row_t *const lists[] = {BENCH_LISTS(NAME_LIST)};
    int status = EXIT_SUCCESS;
    use_one_core();
    print_head();
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const bench_row_t *row = lists[i]; row->name; row++) {
            skipped = false;
            *failure = '\0';
            if (!is_wanted(row, count - 1, words + 1) || run_row(row))
                continue;
            if (*failure || !skipped)
                printf("%-50s %s%s\n", row->name, skipped ? "" : "failed: ", failure);
            if (!skipped)
                status = EXIT_FAILURE;
        }
    bench_clean_up();
    return status;
}
