/* SPDX-License-Identifier: MIT */
/*
 * Rewriting an image, commit by commit. Each commit's contents come from the old file;
 * what a region shares with the commit before it is shared again, since the leaves just
 * written are kept in memory to compare with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/options.h"
#include "codec/compress.h"
#include "commit/plan.h"
#include "commit/rewrite.h"
#include "io/file.h"

static void free_written(sfpm_written_t *written)
{
    for (size_t i = 0; i < written->num_regions; i++) {
        const sfpm_region_t *region = &written->index.regions[i];
        for (size_t k = 0; written->leaves[i] && k < region->num_leaves; k++)
            sfpm_leaf_free(&written->leaves[i][k]);
        free(written->leaves[i]);
        free(written->refs[i]);
    }
    free(written->leaves);
    free(written->refs);
    sfpm_name_map_free(&written->names);
    sfpm_index_free(&written->index);
    *written = (sfpm_written_t){0};
}

/* ---- one commit ---- */

/* Where a region's contents are, and the region of the commit before, or of the base, with
 * its name and instance. */
static void set_source(const sfpm_rewriter_t *rewriter, const sfpm_region_t *region,
                       size_t instance, sfpm_source_t *source)
{
    const sfpm_image_t *base = rewriter->options.base;
    const sfpm_written_t *before = &rewriter->before;
    size_t found;
    *source = (sfpm_source_t){.kind = SFPM_SOURCE_IMAGE, .content = region};
    if (!sfpm_name_map_find(base ? &base->names : &before->names, region->name, instance,
                            &found))
        return;
    source->old_index = found;
    if (base) {
        source->old = &base->index.regions[found];
        return;
    }
    source->old = &before->index.regions[found];
    source->old_leaves = before->leaves[found];
    source->old_refs = before->refs[found];
    source->num_old_leaves = source->old->num_leaves;
}

static bool set_sources(const sfpm_rewriter_t *rewriter, const sfpm_index_t *index,
                        sfpm_edit_t *edit)
{
    sfpm_name_map_t names = {NULL};
    bool ok = true;
    for (size_t i = 0; ok && i < index->num_regions; i++) {
        size_t instance = 0;
        ok = sfpm_name_map_add(&names, index->regions[i].name, i, &instance);
        if (ok)
            set_source(rewriter, &index->regions[i], instance, &edit->sources[i]);
        edit->index.regions[i].base = 0;
    }
    sfpm_name_map_free(&names);
    return ok;
}

/* Numbers that still mean something in the new file. */
static void renumber(const sfpm_rewriter_t *rewriter, sfpm_index_t *index)
{
    if (rewriter->salvage) {
        index->number = index->state_of = rewriter->any ? rewriter->last.number + 1 : 1;
        index->parent = index->number - 1;
        return;
    }
    uint64_t first = rewriter->any ? rewriter->last.first : index->number;
    if (index->parent < first)
        index->parent = 0;
    if (index->state_of < first)
        index->state_of = index->number;
}

static sfpm_edit_t *make_edit(sfpm_rewriter_t *rewriter, const sfpm_index_t *index)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    if (!edit)
        return NULL;
    sfpm_index_free(&edit->index);
    edit->image = rewriter->options.base ? rewriter->options.base : rewriter->image;
    edit->contents = rewriter->image;
    edit->keep_numbers = true;
    edit->meter = &rewriter->meter;
    edit->workers = rewriter->options.workers;
    edit->keys = rewriter->keys.sealed ? &rewriter->keys : NULL;
    edit->known_id =
        rewriter->options.flatten || rewriter->salvage ? NULL : rewriter->image->info.id;
    free(edit->sources);
    edit->sources = SFPM_NEW_N(sfpm_source_t, index->num_regions);
    if (!edit->sources || !sfpm_index_copy(index, &edit->index) ||
        !set_sources(rewriter, index, edit)) {
        sfpm_edit_destroy(edit);
        return NULL;
    }
    edit->index.base_number = 0;
    memset(edit->index.base_digest, 0, SFPM_DIGEST_SIZE);
    edit->index.texts[SFPM_TEXT_BASE][0] = '\0';
    if (rewriter->options.compression) {
        edit->index.codec = rewriter->codec;
        edit->index.level = rewriter->level;
    }
    renumber(rewriter, &edit->index);
    return edit;
}

/* Takes the leaves out of the plan; the index of the old file becomes ours. */
static bool remember(sfpm_rewriter_t *rewriter, sfpm_plan_t *plan, sfpm_index_t *index)
{
    sfpm_written_t now = {.index = *index};
    *index = (sfpm_index_t){0};
    now.leaves = SFPM_NEW_N(sfpm_leaf_t *, now.index.num_regions);
    now.refs = SFPM_NEW_N(sfpm_leaf_ref_t *, now.index.num_regions);
    bool ok = now.leaves && now.refs;
    now.num_regions = ok ? now.index.num_regions : 0;
    for (size_t i = 0; ok && i < now.num_regions; i++) {
        const sfpm_region_t *region = &plan->edit->index.regions[i];
        now.leaves[i] = SFPM_NEW_N(sfpm_leaf_t, region->num_leaves);
        now.refs[i] =
            sfpm_copy_bytes(region->leaves, region->num_leaves * sizeof *region->leaves);
        ok = now.leaves[i] && now.refs[i] &&
             sfpm_name_map_add(&now.names, now.index.regions[i].name, i, NULL);
    }
    for (size_t i = 0; ok && i < plan->num_leaves; i++) {
        sfpm_planned_leaf_t *planned = plan->leaves[i];
        now.leaves[planned->region][planned->which] = planned->leaf;
        planned->leaf = (sfpm_leaf_t){0};
    }
    free_written(&rewriter->before);
    rewriter->before = now;
    return ok;
}

/* Refuses what would reveal secrets by decrypting. */
static bool check_secrets(const sfpm_rewriter_t *rewriter, const sfpm_index_t *index)
{
    for (size_t i = 0; i < index->num_regions; i++)
        if (!sfpm_secret_allowed(&index->regions[i], rewriter->keys.sealed,
                                 ": the image cannot be written unencrypted"))
            return false;
    return true;
}

bool sfpm_rewrite_commit(sfpm_rewriter_t *rewriter, const sfpm_trailer_t *trailer)
{
    sfpm_index_t index;
    sfpm_plan_t plan = {0};
    sfpm_trailer_t written;
    if (!sfpm_image_index(rewriter->image, trailer, &index))
        return false;
    if (rewriter->salvage && !sfpm_salvage_filter(rewriter, &index)) {
        sfpm_index_free(&index);
        return false;
    }
    sfpm_edit_t *edit =
        check_secrets(rewriter, &index) ? make_edit(rewriter, &index) : NULL;
    bool ok = edit != NULL;
    if (ok && rewriter->options.base)
        ok = sfpm_edit_name_base(edit, rewriter->options.base);
    if (ok && !rewriter->any) {
        /* The header says whether there is a base, so it waits for the first edit. */
        edit->own_keys = rewriter->keys;
        ok = sfpm_write_header(edit, rewriter->output);
        memcpy(rewriter->keys.header, edit->own_keys.header, SFPM_HEADER_SIZE);
    }
    ok = ok &&
         sfpm_commit_write_planned(&plan, edit, rewriter->any ? &rewriter->last : NULL,
                                   &written, rewriter->output) &&
         remember(rewriter, &plan, &index);
    if (ok)
        rewriter->last = written;
    rewriter->any = true;
    sfpm_plan_free(&plan);
    sfpm_edit_destroy(edit);
    sfpm_index_free(&index);
    return ok;
}

/* ---- all of them ---- */

/* The commits to write, newest first. */
static bool collect(const sfpm_rewriter_t *rewriter, sfpm_trailers_t *trailers)
{
    const sfpm_image_t *image = rewriter->image;
    uint64_t keep = rewriter->options.keep;
    if (rewriter->options.flatten)
        return sfpm_trailers_add(trailers, &image->shown);
    uint64_t first =
        keep != 0 && keep < image->last.number ? image->last.number - keep + 1 : 0;
    return sfpm_trailers_add(trailers, &image->last) &&
           sfpm_trailers_extend(trailers, image->input, first);
}

static bool rewrite_all(sfpm_rewriter_t *rewriter)
{
    sfpm_trailers_t trailers = {0};
    bool ok = sfpm_image_same_last(rewriter->image) && collect(rewriter, &trailers);
    uint64_t size = 0;
    for (size_t i = 0; i < rewriter->image->index.num_regions; i++)
        size += rewriter->image->index.regions[i].size;
    /* Assumes that all commits have one size, which is accurate enough here. */
    sfpm_meter_start(&rewriter->meter, &rewriter->progress, 2 * size * trailers.count);
    for (size_t i = trailers.count; ok && i-- > 0;)
        ok = sfpm_rewrite_commit(rewriter, &trailers.list[i]);
    ok = ok && sfpm_image_same_last(rewriter->image);
    sfpm_trailers_free(&trailers);
    return ok;
}

static bool prepare(sfpm_rewriter_t *rewriter, sfpm_image_t *image,
                    const sfpm_rewrite_options_t *given)
{
    sfpm_rewrite_options_t *options = &rewriter->options;
    *rewriter = (sfpm_rewriter_t){.image = image};
    if (!image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no image was given");
    if (!sfpm_take_options(options, sizeof *options, given))
        return false;
    sfpm_write_options_t write;
    if (!sfpm_take_options(&write, sizeof write, options->write))
        return false;
    rewriter->progress = write.progress;
    options->flatten = options->flatten || options->base;
    if (image->info.format == 1)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "%s: cannot rewrite a version 1 image: save an edit of it instead",
            sfpm_input_name(image->input));
    if (options->compression &&
        (!sfpm_codec_parse(options->compression, &rewriter->codec, &rewriter->level) ||
         !sfpm_codec_available(rewriter->codec)))
        return false;
    if (options->secret)
        return sfpm_keys_make(&rewriter->keys, options->secret);
    if (image->keys.sealed && !options->decrypt)
        rewriter->keys = image->keys;
    return true;
}

void sfpm_rewriter_free(sfpm_rewriter_t *rewriter)
{
    free_written(&rewriter->before);
    sfpm_keys_wipe(&rewriter->keys);
}

static bool run(sfpm_rewriter_t *rewriter, const char *filename, sfpm_output_t *output)
{
    rewriter->output = output;
    bool ok = output && sfpm_image_is_unchanged(rewriter->image, filename) &&
              sfpm_stream_spares(rewriter->image, output) &&
              sfpm_stream_spares(rewriter->options.base, output) && rewrite_all(rewriter);
    if (ok)
        ok = sfpm_output_finish(output);
    else
        sfpm_output_discard(output);
    if (ok)
        sfpm_meter_finish(&rewriter->meter);
    sfpm_rewriter_free(rewriter);
    return ok;
}

bool sfpm_image_rewrite(sfpm_image_t *image, const char *filename,
                        const sfpm_rewrite_options_t *options)
{
    sfpm_rewriter_t rewriter;
    if (!filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no file name was given");
    sfpm_output_options_t how;
    if (!prepare(&rewriter, image, options) ||
        !sfpm_base_is_spared(rewriter.options.base, filename) ||
        !sfpm_output_options(rewriter.options.write, &how)) {
        sfpm_keys_wipe(&rewriter.keys);
        return false;
    }
    return run(&rewriter, filename, sfpm_output_create(filename, &how));
}

/* Replaces the file of an image, which keeps its lock, and shows the new one. */
static bool rewrite_own(sfpm_image_t *image, const sfpm_rewrite_options_t *options)
{
    sfpm_rewriter_t rewriter;
    sfpm_output_options_t how;
    int lock = -1;
    struct stat file;
    if (stat(image->path, &file) == 0 && file.st_nlink > 1)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%s: has %lu names (hard links), and the others would keep the "
                         "old image",
                         image->path, (unsigned long)file.st_nlink);
    if (!prepare(&rewriter, image, options) ||
        !sfpm_output_options(rewriter.options.write, &how)) {
        sfpm_keys_wipe(&rewriter.keys);
        return false;
    }
    how.held = image->locked ? &image->lock : NULL;
    sfpm_output_t *output = sfpm_output_create(image->path, &how);
    bool held = !image->locked || (output && (lock = sfpm_output_hold(output)) >= 0);
    if (!held) {
        sfpm_output_discard(output);
        output = NULL;
    }
    bool ok = run(&rewriter, image->path, output);
    int unused = ok ? image->lock : lock;
    if (image->locked && unused >= 0)
        sfpm_file_close(unused);
    if (image->locked && ok)
        image->lock = lock;
    return ok && sfpm_image_reopen(image);
}

/* Only when half of them can go is the file rewritten, so that it costs little on
 * average. */
void sfpm_image_drop_old(sfpm_image_t *image, uint64_t keep, unsigned workers,
                         const sfpm_write_options_t *write)
{
    const sfpm_rewrite_options_t options = {
        .struct_size = sizeof options, .workers = workers, .keep = keep, .write = write};
    uint64_t held = image->info.commits - image->info.first + 1;
    sfpm_error_state_t before, fault;
    char text[sizeof fault.message + 30];
    if (keep == 0 || held / 2 < keep)
        return;
    sfpm_error_save(&before);
    if (rewrite_own(image, &options))
        return;
    sfpm_error_save(&fault);
    bool named = strcmp(fault.subject, image->path) != 0;
    snprintf(text, sizeof text, "old commits were kept: %s",
             named ? fault.message : fault.text);
    if (write && write->warn)
        write->warn(write->warn_context, text);
    sfpm_error_restore(&before);
}

bool sfpm_image_rewrite_fd(sfpm_image_t *image, int fd, const char *name,
                           const sfpm_rewrite_options_t *options)
{
    sfpm_rewriter_t rewriter;
    if (!prepare(&rewriter, image, options))
        return false;
    return run(&rewriter, NULL, sfpm_output_stream(fd, name ? name : "descriptor"));
}
