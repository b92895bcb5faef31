/* SPDX-License-Identifier: MIT */
/*
 * Images that have something wrong with them although most of their checksums are
 * right, and some whose changes do no harm, with what a reader must say of each.
 *
 *   check_vectors make
 *       prints them, one a line: the sample that is changed, the seed of the change,
 *       the checksum of the changed image, and the status of checking every byte
 *   check_vectors check FILE
 *       reads such lines and holds the library to them, each within a second and
 *       64 MiB when it must fail
 *   check_vectors write FILE DIRECTORY STEP
 *       writes the images of every STEPth line, and prints what is to become of them
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sfpm/image.h>

#include "codec/checksum.h"

#include "../fault/mutate.h"
#include "../fault/use.h"
#include "samples.h"

enum { SEEDS = 40, NAME = 40, MIB = 1 << 20 };

typedef struct vector {
    char sample[NAME];
    uint64_t seed;
    uint64_t sum;
    sfpm_status_t status;
} vector_t;

/* ---- making the images ---- */

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

/* Left out: what is larger than the limit that readers are held to. */
static bool suits(const sample_t *sample)
{
    return sample->expected == SFPM_OK && strcmp(sample->name, "good-leaves") != 0;
}

/* Whose bytes depend on the version of a compressor, or on a library being there. */
static bool may_differ(const char *sample)
{
    static const char *const names[] = {
        "good-zstd",      "good-lz4",          "good-sealed", "good-sealed-torn",
        "good-delta-lz4", "good-delta-sealed", NULL};
    return is_one_of(sample, names);
}

/* The sample that was asked for last is kept. */
static const sample_t *sample_of(const char *name)
{
    static sample_t kept;
    if (kept.name && strcmp(kept.name, name) == 0)
        return &kept;
    for (size_t i = 0; i < num_samples(); i++) {
        sample_free(&kept);
        sample_make(i, &kept);
        if (strcmp(kept.name, name) == 0)
            return &kept;
    }
    fprintf(stderr, "check_vectors: there is no sample %s\n", name);
    exit(99);
}

/* Changes the vector's sample, but not with the seed 0; the same vector gives the same
 * bytes. */
static void start(mutant_t *mutant, const sample_t *sample, uint64_t seed)
{
    if (!mutant_start(mutant, sample->bytes, sample->size, seed))
        exit(99);
    if (seed == 0)
        memcpy(mutant->bytes, sample->bytes, sample->size);
    else
        mutant_change(mutant);
}

/* False when the vector's sample is, as it may be, another one here. */
static bool start_vector(mutant_t *mutant, const vector_t *vector)
{
    static char other[NAME];
    if (strcmp(other, vector->sample) == 0)
        return false;
    start(mutant, sample_of(vector->sample), vector->seed);
    if (sfpm_checksum(mutant->bytes, mutant->size, 0) == vector->sum)
        return true;
    if (vector->seed == 0 && may_differ(vector->sample)) {
        snprintf(other, sizeof other, "%s", vector->sample);
        mutant_end(mutant);
        return false;
    }
    fprintf(stderr,
            "check_vectors: %s %" PRIu64 " is another image now: make them anew\n",
            vector->sample, vector->seed);
    exit(99);
}

static sfpm_status_t judge(const mutant_t *mutant)
{
    sfpm_image_t *image = open_bytes(mutant->bytes, mutant->size);
    bool good = image && sfpm_image_check(image, NULL, NULL);
    sfpm_status_t status = good ? SFPM_OK : sfpm_last_status();
    sfpm_image_close(image);
    return status;
}

/* ---- lines of text ---- */

static void print_vector(const vector_t *vector)
{
    printf("%s %" PRIu64 " %016" PRIx64 " %d\n", vector->sample, vector->seed,
           vector->sum, (int)vector->status);
}

static bool read_vector(FILE *file, vector_t *vector)
{
    char line[200];
    int status;
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (*line == '#' || *line == '\n');
    if (sscanf(line, "%39s %" SCNu64 " %" SCNx64 " %d", vector->sample, &vector->seed,
               &vector->sum, &status) != 4) {
        fprintf(stderr, "check_vectors: bad line: %s", line);
        exit(99);
    }
    vector->status = (sfpm_status_t)status;
    return true;
}

static void make_vectors(const sample_t *sample)
{
    for (uint64_t seed = may_differ(sample->name) ? 0 : 1; seed <= SEEDS; seed++) {
        mutant_t mutant;
        start(&mutant, sample, seed);
        vector_t vector = {.seed = seed,
                           .sum = sfpm_checksum(mutant.bytes, mutant.size, 0),
                           .status = judge(&mutant)};
        snprintf(vector.sample, sizeof vector.sample, "%s", sample->name);
        print_vector(&vector);
        mutant_end(&mutant);
    }
}

static void make_all(void)
{
    for (size_t i = 0; i < num_samples(); i++) {
        sample_t sample;
        sample_make(i, &sample);
        if (suits(&sample))
            make_vectors(&sample);
        sample_free(&sample);
    }
}

/* ---- checking ---- */

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SHADOWED 1
#endif
#elif defined __SANITIZE_ADDRESS__
#define SHADOWED 1
#endif

/* A sanitizer's own memory is counted, too: then there is no limit. */
static void limit_resources(void)
{
    const struct rlimit seconds = {1, 1};
    bool good = setrlimit(RLIMIT_CPU, &seconds) == 0;
#ifndef SHADOWED
    const struct rlimit memory = {64 * (rlim_t)MIB, 64 * (rlim_t)MIB};
    good = good && setrlimit(RLIMIT_AS, &memory) == 0;
#endif
    if (!good)
        exit(99);
}

/* The status, or -1 when the reader was ended; by a process of its own. */
static int judge_within_limits(const vector_t *vector, const mutant_t *mutant)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (vector->status != SFPM_OK)
            limit_resources();
        _exit((int)judge(mutant));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        exit(99);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int check_all(FILE *file)
{
    size_t count = 0, failing = 0, wrong = 0;
    vector_t vector;
    while (read_vector(file, &vector)) {
        mutant_t mutant;
        if (!start_vector(&mutant, &vector))
            continue;
        int status = judge_within_limits(&vector, &mutant);
        mutant_end(&mutant);
        count++;
        failing += vector.status != SFPM_OK;
        if (status == (int)vector.status)
            continue;
        wrong++;
        printf("%s %" PRIu64 ": %d, expected %d\n", vector.sample, vector.seed, status,
               (int)vector.status);
    }
    printf("%zu vectors, %zu must fail, %zu wrong\n", count, failing, wrong);
    return wrong == 0 && count > 0 ? 0 : 1;
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(99);
    }
}

static int write_all(FILE *file, const char *directory, size_t step)
{
    vector_t vector;
    for (size_t i = 0; read_vector(file, &vector); i++) {
        char path[400];
        mutant_t mutant;
        const sample_t *sample = sample_of(vector.sample);
        if ((i % step != 0 && vector.seed != 0) || !start_vector(&mutant, &vector))
            continue;
        snprintf(path, sizeof path, "%s/%s.base", directory, vector.sample);
        if (sample->base)
            write_bytes(path, sample->base, sample->base_size);
        snprintf(path, sizeof path, "%s/%s-%" PRIu64 ".img", directory, vector.sample,
                 vector.seed);
        write_bytes(path, mutant.bytes, mutant.size);
        mutant_end(&mutant);
        printf("image %s\n%s\n", path,
               vector.status == SFPM_OK ? "accepted" : "rejected");
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "make") == 0 && argc == 2) {
        make_all();
        return 0;
    }
    FILE *file = argc > 2 ? fopen(argv[2], "r") : NULL;
    if (file && strcmp(what, "check") == 0 && argc == 3)
        return check_all(file);
    if (file && strcmp(what, "write") == 0 && argc == 5)
        return write_all(file, argv[3], strtoul(argv[4], NULL, 10));
    fprintf(stderr, "usage: check_vectors make | check FILE | write FILE DIR STEP\n");
    return 2;
}
