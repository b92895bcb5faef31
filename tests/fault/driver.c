/* SPDX-License-Identifier: MIT */
/*
 * A program to be killed: saves and commits a state of 3 MiB, and says which state a
 * file holds.
 *
 *   driver save FILE STATE       replaces FILE by an image of the state
 *   driver commit FILE STATE     restores from FILE, then commits the state
 *   driver commit FILE STATE N   the same, synced if N divides the commit's number; N may
 *                                be `none`
 *   driver background FILE STATE the same, in the background
 *   driver overwrite FILE STATE  writes the image over FILE, as one should not: for
 *                                controls
 *   driver show FILE             prints the state, after checking every byte
 *   driver show FILE COMMIT      prints the state in a commit, 0 for the last one
 *
 * STATE is `old`, `new` or a digit. Exit status 0, or 1 with a message.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/image.h>
#include <sfpm/job.h>
#include <sfpm/snapshot.h>

enum { SMALL = 3000, LARGE = 3 << 20, PAGES = 300 };

static unsigned char small[SMALL], large[LARGE];

/* 300 pages in which the two states differ, so that space is reserved for them. */
static void fill(const char *state)
{
    memset(small, *state, sizeof small);
    memset(large, 0, sizeof large);
    for (size_t page = 0; page < PAGES; page++)
        memset(large + page * 8192, *state ^ (int)(page & 7), 4096);
}

static int failed(const char *what)
{
    fprintf(stderr, "driver: %s: %s\n", what, sfpm_last_error());
    return EXIT_FAILURE;
}

static sfpm_snapshot_t *new_snapshot(void)
{
    const sfpm_memory_region_t regions[] = {{small, SMALL, "small", false},
                                            {large, LARGE, "large", false}};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    if (!snapshot || !sfpm_snapshot_add_region(snapshot, &regions[0]) ||
        !sfpm_snapshot_add_region(snapshot, &regions[1]))
        exit(failed("register"));
    return snapshot;
}

static int save(const char *file, const char *state)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    fill(state);
    int status = sfpm_snapshot_save(snapshot, file) ? 0 : failed("save");
    sfpm_snapshot_destroy(snapshot);
    return status;
}

static int commit(const char *file, const char *state, const char *every)
{
    const sfpm_commit_options_t options = {.struct_size = sizeof options,
                                           .sync_every = strcmp(every, "none") == 0
                                                             ? SFPM_SYNC_NEVER
                                                             : strtoull(every, NULL, 10)};
    sfpm_snapshot_t *snapshot = new_snapshot();
    bool good = sfpm_snapshot_restore(file, snapshot);
    fill(state);
    int status =
        good && sfpm_snapshot_commit(snapshot, file, &options) ? 0 : failed("commit");
    sfpm_snapshot_destroy(snapshot);
    return status;
}

static int background(const char *file, const char *state)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    bool good = sfpm_snapshot_restore(file, snapshot);
    fill(state);
    sfpm_job_t *job =
        good ? sfpm_snapshot_commit_async(snapshot, file, NULL, NULL) : NULL;
    int status = job && sfpm_job_wait(job) ? 0 : failed("background");
    sfpm_job_destroy(job);
    sfpm_snapshot_destroy(snapshot);
    return status;
}

/* The bytes of FILE.STATE over those of FILE, without a look at what goes wrong. */
static int overwrite(const char *file, const char *state)
{
    char name[4096];
    static unsigned char bytes[4 << 20];
    snprintf(name, sizeof name, "%s.%s", file, state);
    FILE *from = fopen(name, "rb");
    size_t size = from ? fread(bytes, 1, sizeof bytes, from) : 0;
    int to = open(file, O_WRONLY | O_TRUNC);
    if (from)
        fclose(from);
    ssize_t done = to >= 0 ? write(to, bytes, size) : 0;
    (void)done;
    if (to >= 0)
        close(to);
    return EXIT_SUCCESS;
}

static bool holds(const char *state)
{
    static unsigned char restored[LARGE];
    bool same = small[0] == (unsigned char)*state && small[SMALL - 1] == small[0];
    memcpy(restored, large, sizeof restored);
    fill(state);
    return same && memcmp(restored, large, sizeof restored) == 0;
}

/* A torn tail is all that checking may find. */
static bool check(const char *file)
{
    sfpm_image_t *image = sfpm_image_open(file, NULL);
    bool good = image && (sfpm_image_check(image, NULL, NULL) ||
                          sfpm_last_status() == SFPM_ERR_TRUNCATED);
    sfpm_image_close(image);
    return good;
}

static const char *name_state(void)
{
    static char digit[2];
    digit[0] = (char)*small;
    if (*small >= '0' && *small <= '9')
        return digit;
    return *small == 'o' ? "old" : "new";
}

/* Without `commit` the whole file must be good. */
static int show(const char *file, const char *commit)
{
    const sfpm_restore_options_t options = {
        .struct_size = sizeof options, .commit = commit ? strtoll(commit, NULL, 10) : 0};
    sfpm_snapshot_t *snapshot = new_snapshot();
    int status = EXIT_SUCCESS;
    if (!commit && !check(file))
        status = failed("check");
    else if (!sfpm_snapshot_restore_with(snapshot, file, &options))
        status = failed("restore");
    else
        puts(holds(name_state()) ? name_state() : "neither");
    sfpm_snapshot_destroy(snapshot);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "save") == 0)
        return save(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "commit") == 0)
        return commit(argv[2], argv[3], "1");
    if (argc == 5 && strcmp(argv[1], "commit") == 0)
        return commit(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "background") == 0)
        return background(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "overwrite") == 0)
        return overwrite(argv[2], argv[3]);
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "show") == 0)
        return show(argv[2], argv[3]);
    fputs("usage: driver save|commit|background|overwrite FILE STATE, or\n"
          "driver commit FILE STATE N, or driver show FILE [COMMIT]\n",
          stderr);
    return 2;
}
