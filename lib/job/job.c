/* SPDX-License-Identifier: MIT */
/*
 * Background saves: the copy of the registered memory is taken while writers are stopped
 * or watched, and a thread writes it to the image.
 */
#include "job/job.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/thread.h"
#include "snapshot/hooks.h"
#include "snapshot/tracking.h"

/* ---- What is written ------------------------------------------------------- */

/* All options as they were given; the message is what they point to. */
static bool copy_commit(sfpm_commit_options_t *to, const sfpm_commit_options_t *from)
{
    *to = *from;
    to->struct_size = sizeof *to;
    to->message = sfpm_copy_string(from->message ? from->message : "");
    return to->message != NULL;
}

static bool prepare(sfpm_job_t *job, const char *filename,
                    const sfpm_commit_options_t *commit)
{
    job->filename = sfpm_copy_string(filename);
    job->frozen = sfpm_snapshot_create();
    if (!job->filename || !job->frozen || !copy_commit(&job->commit, commit) ||
        !sfpm_snapshot_set_tracking(job->frozen, SFPM_TRACKING_NONE))
        return false;
    *job->frozen->last = *job->snapshot->last;
    job->frozen->last->filename = job->frozen->last->base = NULL;
    return true;
}

static void free_job(sfpm_job_t *job)
{
    sfpm_shadows_free(job);
    sfpm_snapshot_destroy(job->frozen);
    free(job->filename);
    free((char *)job->commit.message);
    job->frozen = NULL;
    job->filename = NULL;
    job->commit.message = NULL;
}

static void release(sfpm_job_t *job)
{
    free_job(job);
    pthread_mutex_destroy(&job->child.lock);
    free(job);
}

/* ---- The thread ------------------------------------------------------------ */

bool sfpm_job_goes_on(sfpm_job_t *job)
{
    return !atomic_load(&job->cancelled) ||
           sfpm_fail(SFPM_ERR_REFUSED, "the save was cancelled");
}

static bool write_copy(sfpm_job_t *job)
{
    if (!sfpm_job_fill(job))
        return false;
    for (size_t i = 0; i < job->count; i++)
        if (job->shadows[i].copy && job->shadows[i].known &&
            !sfpm_dirty_give(sfpm_snapshot_tracked(job->frozen, i),
                             job->shadows[i].included))
            return false;
    return job->commits ? sfpm_snapshot_commit(job->frozen, job->filename, &job->commit)
                        : sfpm_snapshot_save(job->frozen, job->filename);
}

/* What is left once the copy is taken. */
static void write_and_end(sfpm_job_t *job, bool ok)
{
    ok = sfpm_child_wait(job) && ok;
    job->saved = ok && sfpm_job_goes_on(job) && write_copy(job);
    if (!job->saved)
        sfpm_error_save(&job->error);
    atomic_store(&job->over, true);
}

static void *copy_and_write(void *argument)
{
    sfpm_job_t *job = argument;
    write_and_end(job, sfpm_job_copy(job));
    return NULL;
}

static void *write_only(void *argument)
{
    write_and_end(argument, true);
    return NULL;
}

static bool start_thread(sfpm_job_t *job, void *(*work)(void *))
{
    int error = sfpm_thread_start(&job->thread, work, job);
    job->starter = error == 0 ? getpid() : 0;
    return error == 0 || sfpm_fail_errno(error, "cannot start a thread");
}

/* ---- The end --------------------------------------------------------------- */

/* Passes what the job learnt on to the snapshot. */
static void hand_over(sfpm_job_t *job)
{
    const sfpm_snapshot_t *snapshot = job->snapshot;
    if (job->saved) {
        const sfpm_last_commit_t before = *snapshot->last;
        *snapshot->last = *job->frozen->last;
        *job->frozen->last = before;
    }
    for (size_t i = 0; i < job->count; i++)
        if (job->shadows[i].copy)
            sfpm_dirty_end_job(sfpm_snapshot_tracked(snapshot, i), job->saved,
                               job->shadows[i].known, job->shadows[i].included);
}

static void cover(sfpm_job_t *job)
{
    if (job->exposed)
        sfpm_regions_cover(job->snapshot);
    job->exposed = false;
}

static void finish(sfpm_job_t *job)
{
    if (!job->snapshot)
        return;
    /* Threads do not come along into a child process. */
    if (job->starter == getpid())
        pthread_join(job->thread, NULL);
    hand_over(job);
    cover(job);
    const sfpm_snapshot_t *snapshot = job->snapshot;
    job->snapshot->job = NULL;
    job->snapshot = NULL;
    free_job(job);
    /* A hook may be left by longjmp(): the job is over before. */
    if (job->hooked)
        sfpm_hooks_after_save(snapshot, job->saved);
}

void sfpm_job_detach(sfpm_snapshot_t *snapshot)
{
    if (snapshot->job)
        finish(snapshot->job);
}

/* ---- The public face ------------------------------------------------------- */

bool sfpm_job_take_options(sfpm_job_options_t *how, const sfpm_job_options_t *options)
{
    if (!sfpm_take_options(how, sizeof *how, options))
        return false;
    how->struct_size = sizeof *how;
    return (unsigned)how->copying <= SFPM_COPYING_CHILD ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "unknown copying method %u",
                     (unsigned)how->copying);
}

static bool take_arguments(sfpm_job_options_t *how, const sfpm_snapshot_t *snapshot,
                           const char *filename, const sfpm_job_options_t *options)
{
    if (!snapshot || !filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "file name" : "snapshot");
    return sfpm_job_take_options(how, options) && sfpm_snapshot_start(snapshot);
}

/* Without a way to stop writers the moment is here and now; what a child copies it may
 * go on copying. */
static bool begin(sfpm_job_t *job)
{
    if (job->options.stop)
        return start_thread(job, copy_and_write);
    return sfpm_job_copy(job) && start_thread(job, write_only);
}

static sfpm_job_t *start(sfpm_snapshot_t *snapshot, const char *filename,
                         const sfpm_commit_options_t *commit,
                         const sfpm_job_options_t *how, bool commits)
{
    sfpm_job_t *job = SFPM_NEW(sfpm_job_t);
    if (!job)
        return NULL;
    pthread_mutex_init(&job->child.lock, NULL);
    job->snapshot = snapshot;
    job->options = *how;
    job->commits = commits;
    job->exposed = true;
    sfpm_regions_expose(snapshot);
    if (prepare(job, filename, commit)) {
        snapshot->job = job;
        if (begin(job)) {
            if (!job->options.stop)
                cover(job);
            return job;
        }
    }
    sfpm_error_save(&job->error);
    sfpm_job_cancel(job);
    sfpm_child_wait(job);
    finish(job);
    sfpm_error_restore(&job->error);
    release(job);
    return NULL;
}

sfpm_job_t *sfpm_snapshot_commit_async(sfpm_snapshot_t *snapshot, const char *filename,
                                       const sfpm_commit_options_t *commit,
                                       const sfpm_job_options_t *options)
{
    sfpm_job_options_t how;
    sfpm_commit_options_t chosen;
    if (!take_arguments(&how, snapshot, filename, options) ||
        !sfpm_take_options(&chosen, sizeof chosen, commit))
        return NULL;
    if (chosen.format == 1) {
        sfpm_fail(SFPM_ERR_UNSUPPORTED,
                  "version 1 cannot be written in the background: use "
                  "sfpm_snapshot_commit()");
        return NULL;
    }
    return start(snapshot, filename, &chosen, &how, true);
}

sfpm_job_t *sfpm_snapshot_save_async(sfpm_snapshot_t *snapshot, const char *filename,
                                     const sfpm_job_options_t *options)
{
    const sfpm_commit_options_t none = {.struct_size = sizeof none};
    sfpm_job_options_t how;
    if (!take_arguments(&how, snapshot, filename, options))
        return NULL;
    return start(snapshot, filename, &none, &how, false);
}

bool sfpm_job_is_over(sfpm_job_t *job)
{
    if (job && job->snapshot && atomic_load(&job->over))
        finish(job);
    return !job || !job->snapshot;
}

bool sfpm_job_wait(sfpm_job_t *job)
{
    if (!job)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no job was given");
    finish(job);
    if (job->saved)
        return true;
    if (job->error.status == SFPM_OK)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "the job runs in the process that started it, "
                         "not in this child of it");
    sfpm_error_restore(&job->error);
    return false;
}

void sfpm_job_cancel(sfpm_job_t *job)
{
    if (!job)
        return;
    atomic_store(&job->cancelled, true);
    sfpm_child_kill(&job->child);
}

void sfpm_job_destroy(sfpm_job_t *job)
{
    if (!job)
        return;
    sfpm_job_cancel(job);
    finish(job);
    release(job);
}
