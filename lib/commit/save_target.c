/* SPDX-License-Identifier: MIT */
/* Where an edit goes: appended in place, into a new file, down a pipe. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "commit/edit.h"
#include "io/file.h"
#include "io/place.h"
#include "io/relay.h"

bool sfpm_output_options(const sfpm_write_options_t *given,
                         sfpm_output_options_t *options)
{
    sfpm_write_options_t known;
    if (!sfpm_take_options(&known, sizeof known, given))
        return false;
    *options = (sfpm_output_options_t){.mode = (mode_t)known.mode,
                                       .ignore_hard_links = known.ignore_hard_links,
                                       .warn = known.warn,
                                       .warn_context = known.warn_context,
                                       .temporary = known.temporary,
                                       .temporary_context = known.temporary_context};
    return true;
}

/* The trailer that the next commit follows; NULL when it is the first of its file. */
static const sfpm_trailer_t *last_trailer(const sfpm_edit_t *edit)
{
    return edit->image && edit->image->info.format == edit->format ? &edit->image->last
                                                                   : NULL;
}

/* Contents are looked at and written. */
uint64_t sfpm_edit_work(const sfpm_edit_t *edit)
{
    uint64_t work = 0;
    for (size_t i = 0; i < edit->index.num_regions; i++)
        work += 2 * edit->index.regions[i].size;
    return work;
}

/* The options of a caller; counting begins. */
static bool take_options(sfpm_edit_t *edit, const sfpm_write_options_t *given,
                         sfpm_output_options_t *options)
{
    sfpm_write_options_t known;
    if (!sfpm_take_options(&known, sizeof known, given) || !sfpm_edit_settle(edit))
        return false;
    sfpm_meter_start(&edit->own_meter, &known.progress, sfpm_edit_work(edit));
    edit->meter = &edit->own_meter;
    return sfpm_output_options(given, options);
}

static bool finish(sfpm_edit_t *edit, sfpm_output_t *output)
{
    sfpm_known_commit_t commit;
    edit->written = sfpm_output_finish(output);
    if (edit->written)
        sfpm_meter_finish(edit->meter);
    if (edit->written && edit->on_write && edit->format != 1 &&
        sfpm_edit_written(edit, &commit))
        edit->on_write(edit->on_write_context, &commit);
    return edit->written;
}

static void count_passed(void *meter, uint64_t size)
{
    sfpm_meter_add(meter, size);
}

static bool pass_on(const sfpm_input_t *input, sfpm_output_t *output, sfpm_meter_t *meter)
{
    meter->total += sfpm_input_size(input);
    return sfpm_pass(input, output, count_passed, meter);
}

static bool write_whole(sfpm_edit_t *edit, sfpm_output_t *output)
{
    const sfpm_trailer_t *last = last_trailer(edit);
    if (edit->format == 1)
        return sfpm_v1_encode(edit, output);
    return (last ? pass_on(edit->image->input, output, edit->meter)
                 : sfpm_write_header(edit, output)) &&
           sfpm_commit_write(edit, last, output);
}

bool sfpm_stream_spares(const sfpm_image_t *image, const sfpm_output_t *output)
{
    const struct stat *file = sfpm_output_file(output);
    for (; file && image; image = image->base) {
        const struct stat *read = sfpm_input_file(image->input);
        if (read && sfpm_same_file(read, file))
            return sfpm_fail(SFPM_ERR_ARGUMENT,
                             "%s: cannot write an image into the file that it is read "
                             "from: use a file name instead of a descriptor",
                             sfpm_input_name(image->input));
    }
    return true;
}

static bool save_to(sfpm_edit_t *edit, const char *filename, sfpm_output_t *output)
{
    if (!output)
        return false;
    if (sfpm_image_is_unchanged(edit->image, filename) &&
        sfpm_stream_spares(edit->image, output) && write_whole(edit, output))
        return finish(edit, output);
    sfpm_output_discard(output);
    return false;
}

bool sfpm_edit_save(sfpm_edit_t *edit, const char *filename,
                    const sfpm_write_options_t *options)
{
    sfpm_output_options_t how;
    if (!edit || !filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit or no file name was given");
    /* A delta that is written in the same format is still a delta. */
    if (last_trailer(edit) && !sfpm_base_is_spared(edit->image->base, filename))
        return false;
    if (!take_options(edit, options, &how))
        return false;
    how.only_new = edit->only_new;
    return save_to(edit, filename, sfpm_output_create(filename, &how));
}

void sfpm_edit_only_new(sfpm_edit_t *edit)
{
    edit->only_new = true;
}

bool sfpm_edit_save_fd(sfpm_edit_t *edit, int fd, const char *name,
                       const sfpm_write_options_t *options)
{
    sfpm_output_options_t how; /* for files */
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    return take_options(edit, options, &how) &&
           save_to(edit, NULL, sfpm_output_stream(fd, name ? name : "descriptor"));
}

/* ---- a delta file ---- */

/* The last part of the base's path: deltas look for it in their own directory. */
static const char *leaf_name(const sfpm_image_t *image)
{
    const char *slash = image->path ? strrchr(image->path, '/') : NULL;
    return slash ? slash + 1 : image->path;
}

bool sfpm_edit_name_base(sfpm_edit_t *edit, const sfpm_image_t *base)
{
    if (!base->path || base->info.format == 1)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%s: only a version 2 image in a file can be a base image",
                         sfpm_input_name(base->input));
    unsigned bases = 1;
    for (const sfpm_image_t *at = base->base; at; at = at->base)
        bases++;
    if (bases > SFPM_BASES_MAX)
        return sfpm_fail(
            SFPM_ERR_LIMIT,
            "%s: is already based on %d base images, the maximum: flatten it",
            sfpm_input_name(base->input), SFPM_BASES_MAX);
    char *name = sfpm_copy_string(leaf_name(base));
    if (!name)
        return false;
    free(edit->index.texts[SFPM_TEXT_BASE]);
    edit->index.texts[SFPM_TEXT_BASE] = name;
    edit->index.base_number = base->commit.number;
    memcpy(edit->index.base_digest, base->commit.digest, SFPM_DIGEST_SIZE);
    edit->delta = true;
    return true;
}

/* A new image: it has no commits before it, and keys of its own from the same secret. */
static bool save_delta(sfpm_edit_t *edit, sfpm_output_t *output)
{
    if (!output)
        return false;
    if (edit->keys) {
        edit->own_keys = *edit->keys;
        edit->keys = &edit->own_keys;
    }
    if (sfpm_stream_spares(edit->image, output) && sfpm_write_header(edit, output) &&
        sfpm_commit_write(edit, NULL, output))
        return finish(edit, output);
    sfpm_output_discard(output);
    return false;
}

bool sfpm_edit_save_delta(sfpm_edit_t *edit, const char *filename,
                          const sfpm_write_options_t *options)
{
    sfpm_output_options_t how;
    if (!edit || !edit->image || !filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no starting image or no file name was given");
    return take_options(edit, options, &how) &&
           sfpm_base_is_spared(edit->image, filename) &&
           sfpm_edit_name_base(edit, edit->image) &&
           save_delta(edit, sfpm_output_create(filename, &how));
}

/* ---- in place ---- */

/* The commit is made, whether or not there is memory to show it: failing now would be
 * wrong. An image that still shows the old one cannot be appended to.
 * replaced: a version 1 image's new file; NULL: the file has grown */
static void show_new(sfpm_image_t *image, const struct stat *replaced)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    if (replaced ? !sfpm_image_reopen_v1(image, replaced) : !sfpm_image_reload(image))
        sfpm_error_restore(&before);
}

/* fd: of the new file, which is locked like each that is being written */
static void show_replaced(sfpm_image_t *image, int fd)
{
    struct stat file;
    if (fstat(fd, &file) == 0)
        show_new(image, &file);
    if (image->locked) {
        sfpm_file_close(image->lock);
        image->lock = fd;
    } else {
        sfpm_file_close(fd);
    }
}

/* An edit is inherited from the file it replaces, so it needs the lock as well:
 * sfpm_output_create() holds it from here to the rename. */
static bool replace_v1(sfpm_edit_t *edit, const sfpm_output_options_t *how)
{
    const struct stat *file = sfpm_input_file(edit->image->input);
    if (!file || !S_ISREG(file->st_mode))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%s: is not a regular file: cannot be replaced",
                         edit->image->path);
    sfpm_output_t *output = sfpm_output_create(edit->image->path, how);
    int fd = output ? sfpm_output_hold(output) : -1;
    if (fd >= 0 && save_to(edit, edit->image->path, output)) {
        show_replaced(edit->image, fd);
        return true;
    }
    if (fd >= 0)
        sfpm_file_close(fd);
    else
        sfpm_output_discard(output);
    return false;
}

bool sfpm_image_lock(sfpm_image_t *image, const sfpm_write_options_t *options)
{
    sfpm_output_options_t how;
    if (!image || !image->path)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "only an image opened by its file name can be locked");
    if (!sfpm_output_options(options, &how))
        return false;
    sfpm_output_t *output = image->locked ? NULL : sfpm_output_append(image->path, &how);
    if (!output)
        return image->locked;
    image->locked =
        sfpm_image_still_ours(image, output) && (image->lock = sfpm_output_hold(output)) >= 0;
    sfpm_output_discard(output);
    return image->locked;
}

static bool append(sfpm_edit_t *edit, const sfpm_output_options_t *how)
{
    sfpm_output_t *output = sfpm_output_append(edit->image->path, how);
    if (!output)
        return false;
    if (sfpm_image_still_ours(edit->image, output) &&
        sfpm_commit_write(edit, &edit->image->last, output))
        return finish(edit, output);
    sfpm_output_discard(output);
    return false;
}

bool sfpm_edit_append(sfpm_edit_t *edit, const sfpm_write_options_t *options)
{
    sfpm_output_options_t how;
    sfpm_write_options_t known;
    if (!edit || !edit->image || !edit->image->path)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "only an image opened by its file name can be appended to");
    if (edit->format != edit->image->info.format)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "%s: a commit cannot change the format of the file: save a new one",
            edit->image->path);
    if (!take_options(edit, options, &how) ||
        !sfpm_take_options(&known, sizeof known, options))
        return false;
    how.held = edit->image->locked ? &edit->image->lock : NULL;
    if (edit->format == 1)
        return replace_v1(edit, &how);
    how.unsynced =
        known.sync_every > 1 && (edit->image->last.number + 1) % known.sync_every != 0;
    if (!append(edit, &how))
        return false;
    show_new(edit->image, NULL);
    sfpm_image_drop_old(edit->image, known.keep, edit->workers, options);
    return true;
}
