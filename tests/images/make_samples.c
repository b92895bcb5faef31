/* SPDX-License-Identifier: MIT */
/* make_samples DIRECTORY: writes every sample there as NAME.img, to look at, and the
 * base image of a delta as NAME.base. Without a directory it prints their names. */
#include <stdio.h>
#include <stdlib.h>

#include "samples.h"

static void write_file(const char *directory, const char *name, const char *suffix,
                       const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", directory, name, suffix);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

/* A delta finds its base under this name. */
static void write_sample(const char *directory, const sample_t *sample)
{
    write_file(directory, sample->name, "img", sample->bytes, sample->size);
    if (sample->base)
        write_file(directory, sample->name, "base", sample->base, sample->base_size);
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
