/* SPDX-License-Identifier: MIT */
/* Commits at intervals, in the background, where the program says that it may be saved.
 */
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "job/job.h"

struct sfpm_autosave {
    sfpm_snapshot_t *snapshot;
    char *filename;
    double every; /* seconds */
    char *message;
    sfpm_commit_options_t commit;
    sfpm_job_options_t how;
    double due;
    sfpm_job_t *job; /* the commit under way; NULL: none */
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void release(sfpm_autosave_t *autosave)
{
    free(autosave->filename);
    free(autosave->message);
    free(autosave);
}

sfpm_autosave_t *sfpm_autosave_start(sfpm_snapshot_t *snapshot, const char *filename,
                                     double every, const sfpm_commit_options_t *commit,
                                     const sfpm_job_options_t *options)
{
    sfpm_commit_options_t chosen;
    sfpm_job_options_t how;
    if (!snapshot || !filename || !(every >= 0)) {
        sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "no snapshot, no file name or no interval of 0 or more seconds was given");
        return NULL;
    }
    if (!sfpm_take_options(&chosen, sizeof chosen, commit) ||
        !sfpm_job_take_options(&how, options))
        return NULL;
    sfpm_autosave_t *autosave = SFPM_NEW(sfpm_autosave_t);
    if (!autosave)
        return NULL;
    autosave->snapshot = snapshot;
    autosave->every = every;
    autosave->due = now() + every;
    autosave->filename = sfpm_copy_string(filename);
    autosave->message = sfpm_copy_string(chosen.message ? chosen.message : "");
    autosave->how = how;
    autosave->commit = chosen;
    autosave->commit.struct_size = sizeof chosen;
    autosave->commit.message = autosave->message;
    if (autosave->filename && autosave->message)
        return autosave;
    release(autosave);
    return NULL;
}

/* Waits for the commit under way; true when there is none. */
static bool end_job(sfpm_autosave_t *autosave)
{
    sfpm_job_t *job = autosave->job;
    bool ok = !job || sfpm_job_wait(job);
    autosave->job = NULL;
    sfpm_job_destroy(job);
    return ok;
}

static bool begin(sfpm_autosave_t *autosave)
{
    autosave->job = sfpm_snapshot_commit_async(autosave->snapshot, autosave->filename,
                                               &autosave->commit, &autosave->how);
    return autosave->job != NULL;
}

bool sfpm_autosave_tick(sfpm_autosave_t *autosave)
{
    if (!autosave)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no autosave was given");
    double time = now();
    if (autosave->job && sfpm_job_is_over(autosave->job) && !end_job(autosave))
        return false;
    if (autosave->job || time < autosave->due)
        return true;
    autosave->due = time + autosave->every;
    return begin(autosave);
}

/* In the foreground, which needs no copy, unless writers are to be stopped; and durable,
 * whatever was said of the others. */
static bool commit_last(sfpm_autosave_t *autosave)
{
    autosave->commit.sync_every = 0;
    if (autosave->how.stop)
        return begin(autosave) && end_job(autosave);
    return sfpm_snapshot_commit(autosave->snapshot, autosave->filename,
                                &autosave->commit);
}

bool sfpm_autosave_stop(sfpm_autosave_t *autosave)
{
    if (!autosave)
        return true;
    bool ok = end_job(autosave);
    bool last = commit_last(autosave); /* also after a failure: it holds all changes */
    release(autosave);
    return ok && last;
}
