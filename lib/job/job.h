/* SPDX-License-Identifier: MIT */
/* A background save, as the files that take part in it share it. */
#ifndef SFPM_JOB_JOB_H
#define SFPM_JOB_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include <sfpm/job.h>

#include "track/dirty.h"
#include "snapshot/snapshot.h"

/* The copy of one region. Where the region lies, and how large it is, is known for
 * certain only when writers are stopped and the hooks before the save have run. */
typedef struct sfpm_shadow {
    uint8_t *base;
    uint8_t *copy; /* as large, and filled where it was copied; NULL: volatile */
    size_t size;
    uint64_t *have;     /* a bit for each page that was copied */
    uint64_t *included; /* a bit for each page that changed, as far as collected */
    bool known;         /* all that changed since the last commit is in `included` */
    bool watched;       /* from the job's beginning on, at least */
} sfpm_shadow_t;

/* A child process that copies. */
typedef struct sfpm_child {
    pthread_mutex_t lock; /* while the number is used or given back */
    pid_t pid;            /* 0: there is none */
} sfpm_child_t;

struct sfpm_job {
    sfpm_snapshot_t *snapshot; /* the program's; NULL: it is gone, or the job is over */
    sfpm_snapshot_t *frozen;   /* what is written: the copies under the same names */
    sfpm_shadow_t *shadows;    /* one for each region; NULL: none yet */
    size_t count;
    char *filename;
    sfpm_commit_options_t commit; /* its message is owned */
    bool commits;
    sfpm_job_options_t options;
    pthread_t thread;
    pid_t starter; /* the process in which the thread runs; 0: it does not */
    bool hooked;   /* hooks before the save have run */
    bool exposed;  /* the regions are, for the copy: sfpm_regions_expose() */
    sfpm_child_t child;
    atomic_bool cancelled;
    atomic_bool over; /* the thread has nothing more to do */
    bool saved;
    sfpm_error_state_t error;
};

/* Takes over a caller's options, checked; NULL: the defaults. */
bool sfpm_job_take_options(sfpm_job_options_t *how, const sfpm_job_options_t *options);

/* Takes the copy; when it returns, writers go on. A child may still be copying:
 * sfpm_child_wait() must follow. False: the error is set. */
bool sfpm_job_copy(sfpm_job_t *job);

/* Takes what the copy lacks of chunks in which something changed from the last commit. If
 * the file does not show that, the commit fails. */
bool sfpm_job_fill(const sfpm_job_t *job);

/* Whether the job is to go on; otherwise the error is set. */
bool sfpm_job_goes_on(sfpm_job_t *job);

/* Where what is copied by a child lies. */
typedef struct sfpm_stretch {
    uint8_t *to;
    const uint8_t *from;
    size_t size;
} sfpm_stretch_t;

/* Starts a child that copies; memory is what it was when this returns, whatever happens
 * to it afterwards. */
bool sfpm_child_start(sfpm_child_t *child, const sfpm_stretch_t *stretches, size_t count);

/* Ends the child, if there is one; it is still to be waited for. */
void sfpm_child_kill(sfpm_child_t *child);

/* Waits for the job's child, if there is one. */
bool sfpm_child_wait(sfpm_job_t *job);

/* Makes copies, to be filled in rounds, of regions that can be read while writers run:
 * those that stay where they are. */
bool sfpm_shadows_watch(sfpm_job_t *job);

/* Makes one for each region as it is registered now, and a snapshot of them all to be
 * written. What was copied of a region that is not what it was is given up. Writers are
 * stopped, and hooks have run. */
bool sfpm_shadows_freeze(sfpm_job_t *job);

void sfpm_shadows_free(sfpm_job_t *job);

/* Memory for a copy, which a child can fill. */
uint8_t *sfpm_shadow_memory(size_t size);
void sfpm_shadow_free(uint8_t *memory, size_t size);

/* Ends the job of a snapshot that is about to go. */
void sfpm_job_detach(sfpm_snapshot_t *snapshot);

#endif
