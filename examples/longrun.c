/* SPDX-License-Identifier: MIT */
/*
 * A long computation that can be stopped, killed and continued: trees grow in a
 * forest, lightning strikes, fire spreads. The result is the same however often
 * it was interrupted.
 *
 *     longrun IMAGE STEPS [SECONDS]
 *
 * It commits to IMAGE every SECONDS (10, fractions allowed), on SIGTERM or SIGINT
 * and at the end. Started again it goes on with the last commit. Exit status: 0
 * finished, 124 stopped by a signal, 1 failure, 2 usage.
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/sfpm.h>

#define SIDE           128
#define GROWTH         100  /* one empty place in so many grows a tree in a step */
#define LIGHTNING      4000 /* one tree in so many is struck */
#define STATUS_STOPPED 124

enum { EMPTY, TREE, FIRE };

typedef uint8_t forest_t[SIDE][SIDE];

typedef struct {
    uint64_t step;
    uint64_t burnt;
    uint64_t starts; /* how many processes have worked on it */
} progress_t;

/* The state: one region each. */
static forest_t forest;
static uint64_t random_state = 88172645463325252U;
static progress_t progress;

/* A handler does nothing but this; saving is not async-signal-safe. */
static volatile sig_atomic_t stop_wanted;

static void want_stop(int number)
{
    (void)number;
    stop_wanted = 1;
}

/* Xorshift: good enough for trees, and its state is one word to save. */
static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* Whether a neighbour burns; the forest is closed in both directions. */
static bool is_near_fire(const forest_t before, int row, int column)
{
    int up = (row + SIDE - 1) % SIDE;
    int down = (row + 1) % SIDE;
    int left = (column + SIDE - 1) % SIDE;
    int right = (column + 1) % SIDE;
    return before[up][column] == FIRE || before[down][column] == FIRE ||
           before[row][left] == FIRE || before[row][right] == FIRE;
}

static uint8_t next_cell(const forest_t before, int row, int column)
{
    switch (before[row][column]) {
    case EMPTY:
        return random_below(GROWTH) == 0 ? TREE : EMPTY;
    case TREE:
        return random_below(LIGHTNING) == 0 || is_near_fire(before, row, column) ? FIRE
                                                                                 : TREE;
    default:
        progress.burnt++;
        return EMPTY;
    }
}

static void step(void)
{
    forest_t before;
    memcpy(before, forest, sizeof before);
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++)
            forest[row][column] = next_cell((const uint8_t(*)[SIDE])before, row, column);
    progress.step++;
}

static bool simulate(sfpm_snapshot_t *snapshot, const char *file, uint64_t steps,
                     double interval)
{
    sfpm_autosave_t *autosave = sfpm_autosave_start(snapshot, file, interval, NULL, NULL);
    bool ok = autosave != NULL;
    while (ok && progress.step < steps && !stop_wanted) {
        step();
        ok = sfpm_autosave_tick(autosave);
    }
    return sfpm_autosave_stop(autosave) && ok;
}

static void print_result(void)
{
    unsigned trees = 0;
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++)
            trees += forest[row][column] == TREE;
    printf("step %llu: %u trees, %llu burnt, random %016llx\n",
           (unsigned long long)progress.step, trees, (unsigned long long)progress.burnt,
           (unsigned long long)random_state);
}

static bool set_up(sfpm_snapshot_t *snapshot, const char *file)
{
    const sfpm_memory_region_t regions[] = {
        {forest, sizeof forest, "forest", false},
        {&random_state, sizeof random_state, "random", false},
        {&progress, sizeof progress, "progress", false},
    };
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++)
        if (!sfpm_snapshot_add_region(snapshot, &regions[i]))
            return false;
    sfpm_snapshot_set_description(snapshot, "Forest fire");
    if (!sfpm_snapshot_restore(file, snapshot))
        return sfpm_last_status() == SFPM_ERR_NOT_FOUND;
    fprintf(stderr, "longrun: goes on at step %llu, start %llu\n",
            (unsigned long long)progress.step, (unsigned long long)progress.starts + 1);
    return true;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = want_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int work(const char *file, uint64_t steps, double interval)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = snapshot && set_up(snapshot, file);
    if (ok) {
        progress.starts++;
        catch_signals();
        ok = simulate(snapshot, file, steps, interval);
    }
    if (!ok)
        fprintf(stderr, "longrun: %s\n", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    if (!ok)
        return EXIT_FAILURE;
    if (progress.step >= steps) {
        print_result();
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    fprintf(stderr, "longrun: stopped at step %llu; start again to go on\n",
            (unsigned long long)progress.step);
    return STATUS_STOPPED;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    double interval = 10;
    unsigned long long steps = argc > 2 ? strtoull(argv[2], &end, 10) : 0;
    bool usable = end && end != argv[2] && !*end && argc <= 4;
    if (usable && argc == 4) {
        interval = strtod(argv[3], &end);
        usable = end != argv[3] && !*end && interval >= 0;
    }
    if (!usable) {
        fprintf(stderr, "usage: longrun IMAGE STEPS [SECONDS]\n");
        return 2;
    }
    return work(argv[1], steps, interval);
}
