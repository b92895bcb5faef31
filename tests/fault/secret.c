/* SPDX-License-Identifier: MIT */
/*
 * A program with a secret: `secret FILE KEY-FILE TEXT` saves a region full of TEXT in an
 * encrypted image, and commits it changed, in the background. `secret FILE plain TEXT`
 * does so with a region that is no secret, for controls. `secret take` reads standard
 * input as if there were no memory for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/error.h>
#include <sfpm/image.h>
#include <sfpm/job.h>
#include <sfpm/snapshot.h>

#include "io/input.h"

enum { SIZE = 2 << 20 };

static char memory[SIZE];

static void fill(const char *text, size_t step)
{
    for (size_t at = 0; at + step < SIZE; at += step)
        snprintf(memory + at, step, "%s", text);
}

static bool lock_with(sfpm_snapshot_t *snapshot, const char *name)
{
    uint8_t key[32];
    FILE *file = fopen(name, "rb");
    bool got = file && fread(key, 1, sizeof key, file) == sizeof key;
    if (file)
        fclose(file);
    const sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    return got && sfpm_snapshot_set_secret(snapshot, &secret);
}

static int take(void)
{
    sfpm_input_t *input = sfpm_input_open_fd_within(0, "input", 4096);
    int status = input ? EXIT_SUCCESS : EXIT_FAILURE;
    sfpm_input_close(input);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "take") == 0)
        return take();
    if (argc != 4)
        return 2;
    bool plain = strcmp(argv[2], "plain") == 0;
    const sfpm_memory_region_t region = {memory, SIZE, "hidden", false};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    fill(argv[3], 512);
    bool good = snapshot &&
                sfpm_snapshot_add_region_flags(snapshot, &region,
                                               plain ? 0 : SFPM_REGION_SECRET) &&
                (plain || lock_with(snapshot, argv[2])) &&
                sfpm_snapshot_save(snapshot, argv[1]);
    fill(argv[3], 640);
    sfpm_job_t *job =
        good ? sfpm_snapshot_commit_async(snapshot, argv[1], NULL, NULL) : NULL;
    good = job && sfpm_job_wait(job);
    if (!good)
        fprintf(stderr, "secret: %s\n", sfpm_last_error());
    sfpm_job_destroy(job);
    sfpm_snapshot_destroy(snapshot);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
