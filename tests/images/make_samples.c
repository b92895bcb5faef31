/* SPDX-License-Identifier: MIT */
/* make_samples DIRECTORY: writes every sample there as NAME.img, to look at, and
 * as the seeds of fuzzing. Without a directory it prints their names. */
#include <stdio.h>
#include <stdlib.h>

#include "samples.h"

static void write_sample(const char *directory, const sample_t *sample)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.img", directory, sample->name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(sample->bytes, 1, sample->size, file) != sample->size ||
        fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < num_samples(); i++) {
        sample_t sample;
        sample_make(i, &sample);
        if (argc > 1)
            write_sample(argv[1], &sample);
        printf("%s %zu bytes\n", sample.name, sample.size);
        sample_free(&sample);
    }
    return EXIT_SUCCESS;
}
