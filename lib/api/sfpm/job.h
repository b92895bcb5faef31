/* SPDX-License-Identifier: MIT */
/**
 * @file job.h
 * Saving in the background, while the program goes on.
 *
 * A job first takes a copy of what is to be saved, as it is at one moment, and then
 * writes that copy in a thread of its own. The copy needs as much memory as it holds: the
 * parts that changed where that is known, otherwise all.
 *
 * Threads: while a job runs, its snapshot must not be used otherwise: functions fail with
 * SFPM_ERR_ARGUMENT. The functions here may be called by one thread at a time.
 */
#ifndef SFPM_JOB_H
#define SFPM_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A save or commit in the background. */
typedef struct sfpm_job sfpm_job_t;

/** How the copy is taken. */
typedef enum sfpm_copying {
    SFPM_COPYING_AUTO = 0,    /**< in rounds if possible; otherwise at once, if it is at most
                                   2 MiB, or 32 MiB of pages known to have changed;
                                   otherwise by a child */
    SFPM_COPYING_AT_ONCE = 1, /**< by copying while writers are stopped */
    SFPM_COPYING_ROUNDS = 2,  /**< while writers run, what they write meanwhile again; the
                                   last round while they are stopped. Needs `stop`, and
                                   memory that can be watched by write protection;
                                   otherwise by a child */
    SFPM_COPYING_CHILD = 3    /**< by a child process, which has all memory as it was */
} sfpm_copying_t;

/** How to save in the background. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_job_options {
    size_t struct_size;
    /** Called in the job's thread: returns with all writers to the registered memory
     * stopped, at a moment at which it may be saved. Where regions lie and how large they
     * are is read after it and the hooks before the save; it may call
     * sfpm_snapshot_move_region(), as they may. False, after sfpm_refuse(), gives the
     * save up. NULL: the state is that of the call that starts the job, and the caller
     * sees to it that nobody writes during that call. */
    bool (*stop)(void *context);
    void (*go)(void *context); /**< lets them go on; NULL: nothing to do */
    void *context;
    sfpm_copying_t copying;
} sfpm_job_options_t;

/**
 * Starts a commit in the background, as sfpm_snapshot_commit() makes it. Hooks before the
 * save run when writers are stopped, in the thread that stopped them; hooks after it run
 * in the call that learns of the end.
 * @param commit   what sfpm_snapshot_commit() takes, or NULL; copied
 * @param options  or NULL; copied
 * @return the job, to be destroyed; NULL on failure, when nothing was started
 */
SFPM_API sfpm_job_t *sfpm_snapshot_commit_async(sfpm_snapshot_t *snapshot,
                                                const char *filename,
                                                const sfpm_commit_options_t *commit,
                                                const sfpm_job_options_t *options);

/** The same for sfpm_snapshot_save(). */
SFPM_API sfpm_job_t *sfpm_snapshot_save_async(sfpm_snapshot_t *snapshot,
                                              const char *filename,
                                              const sfpm_job_options_t *options);

/** Whether the job is over; once it is, the snapshot may be used again. */
SFPM_API bool sfpm_job_is_over(sfpm_job_t *job);

/**
 * Waits until the job is over.
 * @return true when the state is saved durably; otherwise false, the thread's last error
 *         is the job's, and the file is as it was. The answer can be asked for again.
 */
SFPM_API bool sfpm_job_wait(sfpm_job_t *job);

/** Asks the job to give up; it does not wait. A job that has begun to write is completed:
 * sfpm_job_wait() tells. Given up is SFPM_ERR_REFUSED. */
SFPM_API void sfpm_job_cancel(sfpm_job_t *job);

/** Waits for the job, cancelling it, and forgets it. Accepts NULL. */
SFPM_API void sfpm_job_destroy(sfpm_job_t *job);

/** Commits at intervals. */
typedef struct sfpm_autosave sfpm_autosave_t;

/**
 * Makes a snapshot be committed to a file every so many seconds. Nothing happens by
 * itself: the program calls sfpm_autosave_tick(), where its state is whole or, if
 * `options` has a `stop`, at any moment.
 * @param every   seconds, fractions allowed; 0: at each tick
 * @param commit  how each commit is made; copied. NULL for the defaults
 * @param options how each copy is taken, as for sfpm_snapshot_commit_async(); copied.
 * NULL for the defaults
 * @return the autosave, to be ended by sfpm_autosave_stop() before the snapshot is
 * destroyed; NULL on failure
 */
SFPM_API sfpm_autosave_t *sfpm_autosave_start(sfpm_snapshot_t *snapshot,
                                              const char *filename, double every,
                                              const sfpm_commit_options_t *commit,
                                              const sfpm_job_options_t *options);

/** Begins a commit of this moment's state in the background, if one is due and none is
 * under way; otherwise it takes next to no time.
 * @return false when a commit could not be begun, or the one before failed */
SFPM_API bool sfpm_autosave_tick(sfpm_autosave_t *autosave);

/** Makes a last commit, waits for it and forgets the autosave. Accepts NULL.
 * @return false when it failed, or the one before did */
SFPM_API bool sfpm_autosave_stop(sfpm_autosave_t *autosave);

#ifdef __cplusplus
}
#endif

#endif
