/* SPDX-License-Identifier: MIT */
/* Recognises a commit by its image, its number and the digest of its state. */
#include <string.h>

#include "base/error.h"
#include "commit/commit.h"
#include "commit/edit.h"

bool sfpm_edit_written(const sfpm_edit_t *edit, sfpm_known_commit_t *commit)
{
    *commit = (sfpm_known_commit_t){.known = edit->written && edit->format != 1,
                                    .number = edit->index.number};
    if (!commit->known)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "the edit was not committed");
    memcpy(commit->id, edit->id, sizeof commit->id);
    memcpy(commit->digest, edit->digest, sizeof commit->digest);
    return true;
}

void sfpm_edit_when_written(sfpm_edit_t *edit, sfpm_written_callback_t callback,
                            void *context)
{
    edit->on_write = callback;
    edit->on_write_context = context;
}

sfpm_known_commit_t sfpm_image_shown(const sfpm_image_t *image)
{
    const sfpm_commit_info_t *shown = sfpm_image_commit_info(image);
    sfpm_known_commit_t commit = {.known = true, .number = shown->number};
    memcpy(commit.id, sfpm_image_info(image)->id, sizeof commit.id);
    memcpy(commit.digest, shown->digest, sizeof commit.digest);
    return commit;
}

bool sfpm_image_shows(const sfpm_image_t *image, const sfpm_known_commit_t *commit)
{
    const sfpm_commit_info_t *shown = sfpm_image_commit_info(image);
    return commit->known && commit->number == shown->number &&
           memcmp(commit->id, sfpm_image_info(image)->id, sizeof commit->id) == 0 &&
           memcmp(commit->digest, shown->digest, sizeof commit->digest) == 0;
}
