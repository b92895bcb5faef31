/* SPDX-License-Identifier: MIT */
/*
 * Completes the chunks of which a background save copied only the changed pages, with
 * the contents of the last commit: checksums cover whole chunks.
 */
#include <string.h>

#include "job/job.h"
#include "snapshot/region_pairs.h"

enum { PAGE = SFPM_PAGE, CHUNK_PAGES = 16 };

/* Reads a chunk, and takes over its pages that are not in `have`. */
static bool fill_chunk(const sfpm_shadow_t *shadow, const sfpm_image_t *image,
                       size_t region, size_t first)
{
    uint8_t old[CHUNK_PAGES * PAGE];
    size_t start = first * PAGE;
    size_t size =
        shadow->size - start < sizeof old ? shadow->size - start : sizeof old;
    if (!sfpm_image_read(image, region, start, old, size))
        return false;
    for (size_t at = 0; at < size; at += PAGE) {
        size_t page = first + at / PAGE;
        if (!(shadow->have[page / 64] >> page % 64 & 1))
            memcpy(shadow->copy + start + at, old + at,
                   size - at < PAGE ? size - at : PAGE);
    }
    return true;
}

static bool fill_region(const sfpm_shadow_t *shadow, const sfpm_image_t *image,
                        size_t region)
{
    size_t pages = (shadow->size + PAGE - 1) / PAGE;
    for (size_t chunk = 0; chunk < pages; chunk += CHUNK_PAGES) {
        size_t end = chunk + CHUNK_PAGES < pages ? chunk + CHUNK_PAGES : pages;
        uint64_t all = ((UINT64_C(1) << (end - chunk)) - 1) << chunk % 64;
        if ((shadow->included[chunk / 64] & all) &&
            (shadow->have[chunk / 64] & all) != all &&
            !fill_chunk(shadow, image, region, chunk))
            return false;
    }
    return true;
}

static bool fill_all(const sfpm_job_t *job, const sfpm_image_t *image)
{
    sfpm_restore_state_t state;
    sfpm_pairing_t pairing = {0};
    bool ok = sfpm_state_of_image(&state, image) &&
              sfpm_pairing_by_name(&pairing, job->frozen, &state);
    for (size_t i = 0; ok && i < job->count; i++)
        if (job->shadows[i].copy && job->shadows[i].known &&
            pairing.stored[i] != SFPM_NO_REGION)
            ok = fill_region(&job->shadows[i], image,
                             state.sources[pairing.stored[i]].stored);
    sfpm_pairing_free(&pairing);
    sfpm_state_free(&state);
    return ok;
}

bool sfpm_job_fill(const sfpm_job_t *job)
{
    const sfpm_secret_t *secret = &job->frozen->settings.secret;
    const sfpm_image_options_t options = {.struct_size = sizeof options,
                                          .secret = secret->struct_size ? secret : NULL};
    sfpm_error_state_t before;
    if (!job->frozen->partial)
        return true;
    sfpm_error_save(&before);
    sfpm_image_t *image = sfpm_image_open(job->filename, &options);
    bool shown = image && sfpm_image_shows(image, &job->frozen->last->commit);
    bool ok = !shown || fill_all(job, image);
    if (!shown) /* the commit says why */
        sfpm_error_restore(&before);
    sfpm_image_close(image);
    return ok;
}
