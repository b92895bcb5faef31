/* SPDX-License-Identifier: MIT */
/* Operations on images, as the test that runs out of memory calls them. */
#ifndef SFPM_TESTS_JOBS_H
#define SFPM_TESTS_JOBS_H

#include <sfpm/image.h>

#include "use.h"

/* An operation: what it needs (every time anew), itself, and what is wrong with the
 * outcome, NULL when nothing is. Only `run` meets failing allocations. */
typedef struct job {
    const char *name;
    void (*prepare)(void);
    bool (*run)(void);
    const char *(*judge)(bool good);
    sfpm_status_t also; /* another status with which it may fail */
} job_t;

/* They work on files in a directory of the test's own, the first of which is made
 * by jobs_begin(). */
enum { NUM_FILE_JOBS = 9, NUM_IMAGE_JOBS = 4 };
extern const job_t file_jobs[NUM_FILE_JOBS];
void jobs_begin(void);
void jobs_end(void);

/* Operations on a sample: opening, checking, reading, comparing it; opening a pipe. */
extern const job_t image_jobs[NUM_IMAGE_JOBS];
extern const job_t pipe_job;
extern sample_t job_sample;

/* Faulty ones, for controls: cutting the old file off first, and claiming success. */
extern const job_t in_place_job, boastful_job;

#endif
