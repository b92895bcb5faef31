/* SPDX-License-Identifier: MIT */
/* examples/lua-live with some 100 MB of tables: back at work, and committing. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *live(void)
{
    static char path[400];
    const char *build = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/examples/lua-live", build ? build : ".");
    return access(path, X_OK) == 0 ? path : NULL;
}

/* Runs programs/tables.lua; an option, or NULL, the image, what to do, and an argument.
 */
static double run_to(const char *output, const char *option, const char *image,
                     const char *what, const char *argument)
{
    char script[400], path[400];
    const char *programs = getenv("BENCH_PROGRAMS");
    snprintf(script, sizeof script, "%s/tables.lua", programs ? programs : ".");
    snprintf(path, sizeof path, "%s", bench_path(image));
    const char *const arguments[] = {
        live(), option ? option : "--", path, script, what, argument, NULL};
    return live() ? bench_run_to(output, arguments) : bench_skip();
}

static double run(const char *option, const char *image, const char *what,
                  const char *argument)
{
    return run_to("/dev/null", option, image, what, argument);
}

/* An image with the tables, one with nothing, and the tables as a Lua program. */
static bool prepare(void)
{
    static bool made;
    made = made || (run("-i", "tables.img", "build", NULL) >= 0 &&
                    run("-i", "nothing.img", "dump", bench_path("tables.dump")) >= 0 &&
                    unlink(bench_path("nothing.img")) == 0 &&
                    bench_write_file(bench_path("nothing.lua"), "", 0));
    return made;
}

/* An image that holds the interpreter alone. */
static bool make_nothing(void)
{
    char image[400], script[400];
    snprintf(image, sizeof image, "%s", bench_path("nothing.img"));
    snprintf(script, sizeof script, "%s", bench_path("nothing.lua"));
    const char *const arguments[] = {live(), "-i", image, script, NULL};
    return access(image, F_OK) == 0 || bench_run(arguments) >= 0;
}

static double back_trusted(intptr_t unused)
{
    (void)unused;
    return prepare() ? run("-t", "tables.img", "look", NULL) : -1;
}

static double back_verified(intptr_t unused)
{
    (void)unused;
    return prepare() ? run(NULL, "tables.img", "look", NULL) : -1;
}

static double build(intptr_t unused)
{
    (void)unused;
    return make_nothing() ? run(NULL, "nothing.img", "build", NULL) : -1;
}

static double load_dump(intptr_t unused)
{
    (void)unused;
    char dump[400];
    snprintf(dump, sizeof dump, "%s", bench_path("tables.dump"));
    return make_nothing() ? run(NULL, "nothing.img", "load", dump) : -1;
}

/* Processor time of save(), which does not count the disk's. */
static double commit(intptr_t unused)
{
    (void)unused;
    char output[400];
    double took = -1;
    snprintf(output, sizeof output, "%s", bench_path("tables.out"));
    if (!prepare() || run_to(output, NULL, "tables.img", "touch", NULL) < 0)
        return -1;
    FILE *file = fopen(output, "r");
    if (!file || fscanf(file, "%lf", &took) != 1)
        took = bench_fail("%s: no time was said", output);
    if (file)
        fclose(file);
    return took;
}

static double ten_milliseconds(intptr_t unused)
{
    (void)unused;
    return 10e-3;
}

const bench_row_t bench_lua_rows[] = {
    {"lua-live: 100 MB of tables, trusted", "building them again", 0.01, 5, back_trusted,
     build, 0, NULL},
    {"lua-live: 100 MB of tables, verified", "building them again", 0.01, 5,
     back_verified, build, 0, NULL},
    {"lua-live: 100 MB of tables, trusted, again", "a Lua dump, loaded", 0.05, 3,
     back_trusted, load_dump, 0, NULL},
    {"lua-live: 100 MB of tables, verified, again", "a Lua dump, loaded", 0.05, 3,
     back_verified, load_dump, 0, NULL},
    {"lua-live: commit of 1 % of 100 MB, without sync", "10 ms", 1.0, 15, commit,
     ten_milliseconds, 0, NULL},
    {0},
};
