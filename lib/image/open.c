/* SPDX-License-Identifier: MIT */
/* Opening an image and showing one of its commits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file_kind.h"
#include "base/options.h"
#include "image/binding.h"
#include "image/image.h"
#include "io/file.h"
#include "io/place.h"

#define DEFAULT_MEMORY (UINT64_C(1) << 30)

/* What one commit needs in memory; gathered aside and published whole. */
typedef struct view {
    sfpm_trailer_t trailer;
    sfpm_index_t index;
    sfpm_commit_info_t commit;
    sfpm_region_info_t *regions;
    sfpm_name_map_t names;
} view_t;

static void fill_commit(view_t *view)
{
    const sfpm_index_t *index = &view->index;
    sfpm_commit_info_t *commit = &view->commit;
    commit->number = index->number;
    commit->parent = index->parent;
    commit->state_of = index->state_of;
    commit->seconds = index->seconds;
    commit->nanoseconds = index->nanoseconds;
    commit->description = index->texts[SFPM_TEXT_DESCRIPTION];
    commit->message = index->texts[SFPM_TEXT_MESSAGE];
    commit->creator = index->texts[SFPM_TEXT_CREATOR];
    commit->architecture = index->texts[SFPM_TEXT_ARCHITECTURE];
    commit->build_id = index->texts[SFPM_TEXT_BUILD_ID];
    commit->schema = index->schema;
    commit->bytecode = index->bytecode;
    commit->num_attributes = (uint32_t)index->attributes.count;
}

static bool fill_regions(view_t *view)
{
    size_t n = view->index.num_regions;
    view->regions = SFPM_NEW_N(sfpm_region_info_t, n);
    bool ok = view->regions != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const sfpm_region_t *region = &view->index.regions[i];
        view->regions[i].name = region->name;
        view->regions[i].size = region->size;
        view->regions[i].flags = region->flags;
        view->regions[i].address = region->address;
        memcpy(view->regions[i].digest, region->digest, SFPM_DIGEST_SIZE);
        ok = sfpm_name_map_add(&view->names, region->name, i, NULL);
    }
    return ok;
}

/* Fills what users see of the index; frees the index on failure. */
static bool finish_view(view_t *view)
{
    fill_commit(view);
    if (fill_regions(view) && sfpm_state_digest(&view->index, view->commit.digest))
        return true;
    free(view->regions);
    sfpm_name_map_free(&view->names);
    sfpm_index_free(&view->index);
    return false;
}

static bool load_view(const sfpm_image_t *image, const sfpm_trailer_t *trailer,
                      view_t *view)
{
    *view = (view_t){.trailer = *trailer};
    if (!sfpm_image_index(image, trailer, &view->index) || !finish_view(view))
        return false;
    view->commit.offset = trailer->begin;
    view->commit.size = trailer->offset + SFPM_TRAILER_RECORD - trailer->begin;
    return true;
}

static void publish_view(sfpm_image_t *image, const view_t *view)
{
    sfpm_name_map_free(&image->names);
    sfpm_index_free(&image->index);
    free(image->regions);
    image->shown = view->trailer;
    image->index = view->index;
    image->commit = view->commit;
    image->regions = view->regions;
    image->names = view->names;
}

static bool note_torn_tail(sfpm_image_t *image)
{
    static const char format[] =
        "ignoring an unfinished commit at offset %llu (%llu B); commit %llu is the last "
        "complete one";
    char text[sizeof format + 60];
    uint64_t end = image->last.offset + SFPM_TRAILER_RECORD;
    free(image->warning);
    image->warning = NULL;
    image->info.warning = NULL;
    image->info.torn = sfpm_input_size(image->input) - end;
    if (image->info.torn == 0)
        return true;
    snprintf(text, sizeof text, format, (unsigned long long)end,
             (unsigned long long)image->info.torn,
             (unsigned long long)image->last.number);
    image->warning = sfpm_copy_string(text);
    image->info.warning = image->warning;
    return image->warning != NULL;
}

/* Whether all leaves lie before the index: a commit needs nothing that follows it. */
static bool check_leaf_places(const sfpm_index_t *index, uint64_t offset)
{
    for (size_t i = 0; i < index->num_regions; i++) {
        const sfpm_region_t *region = &index->regions[i];
        for (size_t k = 0; k < region->num_leaves; k++)
            if (region->leaves[k].offset >= offset)
                return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                                    "the index at offset %llu refers to a leaf after it",
                                    (unsigned long long)offset);
    }
    return true;
}

/* The index of a sealed image is a box; opened in place. */
static bool open_index(const sfpm_image_t *image, const sfpm_trailer_t *trailer,
                       uint8_t *payload, size_t *length)
{
    sfpm_opener_t opener = {.keys = &image->keys, .input = image->input};
    if (!image->keys.sealed)
        return true;
    bool ok =
        sfpm_box_open(&opener, SFPM_BOX_INDEX, trailer->index_offset + SFPM_RECORD_SIZE,
                      payload, *length, payload, length);
    sfpm_opener_free(&opener);
    return ok;
}

static bool same_base(const sfpm_index_t *a, const sfpm_index_t *b)
{
    return a->base_number == b->base_number &&
           memcmp(a->base_digest, b->base_digest, SFPM_DIGEST_SIZE) == 0;
}

bool sfpm_image_index(const sfpm_image_t *image, const sfpm_trailer_t *trailer,
                      sfpm_index_t *index)
{
    uint8_t *payload;
    size_t length;
    if (!sfpm_log_index(image->input, trailer, image->max_memory, &payload, &length))
        return false;
    bool ok = open_index(image, trailer, payload, &length) &&
              sfpm_index_decode(payload, length, index);
    free(payload);
    if (!ok)
        return false;
    bool delta = image->header.incompatible & SFPM_INCOMPATIBLE_DELTA;
    if (index->number != trailer->number)
        ok = sfpm_fail_at(SFPM_ERR_CORRUPT, trailer->index_offset,
                          "the index and the trailer have different commit numbers");
    else if (index->base_number != 0 && !delta)
        ok = sfpm_fail_at(
            SFPM_ERR_CORRUPT, trailer->index_offset,
            "the index names a base image, but the header says that there is none");
    else if (image->shown.number != 0 && !same_base(index, &image->index))
        ok = sfpm_fail_at(SFPM_ERR_CORRUPT, trailer->index_offset,
                          "the index names a different base image than the last commit");
    ok = ok && check_leaf_places(index, trailer->index_offset) &&
         (!image->keys.sealed || image->salvaged ||
          sfpm_binding_take(image->input, trailer, index));
    if (!ok)
        sfpm_index_free(index);
    return ok;
}

bool sfpm_image_find_trailer(sfpm_image_t *image, uint64_t number,
                             sfpm_trailer_t *trailer)
{
    if (number < image->last.first || number > image->last.number)
        return sfpm_fail(SFPM_ERR_NO_COMMIT,
                         "there is no commit %llu: the image has commits %llu to %llu",
                         (unsigned long long)number,
                         (unsigned long long)image->last.first,
                         (unsigned long long)image->last.number);
    const sfpm_trailer_t *found =
        sfpm_history_find(&image->history, image->input, number);
    if (found)
        *trailer = *found;
    return found != NULL;
}

/* The number of the commit that the user meant; 0 when that is before the first. */
static uint64_t absolute_number(const sfpm_image_t *image, int64_t commit)
{
    if (commit > 0)
        return (uint64_t)commit;
    /* Written so that the most negative number has a positive counterpart. */
    uint64_t back = commit == 0 ? 0 : (uint64_t) - (commit + 1) + 1;
    return back < image->info.commits ? image->info.commits - back : 0;
}

static bool select_v1(const sfpm_image_t *image, int64_t commit)
{
    return absolute_number(image, commit) == 1 ||
           sfpm_fail(SFPM_ERR_NO_COMMIT, "a version 1 image has only one commit");
}

static bool find_commit(sfpm_image_t *image, int64_t commit,
                        sfpm_trailer_t *trailer)
{
    uint64_t number = absolute_number(image, commit);
    if (number == 0)
        return sfpm_fail(SFPM_ERR_NO_COMMIT,
                         "there is no commit %lld before the last: the image has commits "
                         "%llu to %llu",
                         -(long long)commit, (unsigned long long)image->last.first,
                         (unsigned long long)image->last.number);
    return sfpm_image_find_trailer(image, number, trailer);
}

bool sfpm_image_select(sfpm_image_t *image, int64_t commit)
{
    sfpm_trailer_t trailer;
    view_t view;
    if (!image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no image was given");
    if (image->info.format == 1)
        return select_v1(image, commit);
    if (!find_commit(image, commit, &trailer) || !load_view(image, &trailer, &view))
        return false;
    publish_view(image, &view);
    return true;
}

static void note_last(sfpm_image_t *image, const sfpm_trailer_t *last)
{
    image->last = *last;
    image->info.size = sfpm_input_size(image->input);
    image->info.commits = last->number;
    image->info.first = last->first;
}

/* The last commit, or the one that was asked for: to show an earlier one, the index of the
 * last need not be intact. All commits of a delta stand on one base. */
bool sfpm_image_show_first(sfpm_image_t *image, const sfpm_image_options_t *options)
{
    view_t view;
    sfpm_trailer_t last, wanted;
    if (!sfpm_log_last(image->input, &last) || !sfpm_history_grow(&image->history, &last))
        return false;
    note_last(image, &last);
    wanted = last;
    if ((options->commit != 0 && !find_commit(image, options->commit, &wanted)) ||
        !load_view(image, &wanted, &view))
        return false;
    bool ok = image->base || view.index.base_number == 0 ||
              sfpm_image_open_base(image, &view.index, options);
    publish_view(image, &view);
    return ok && note_torn_tail(image);
}

static bool open_v2(sfpm_image_t *image, const uint8_t header[SFPM_HEADER_SIZE],
                    const sfpm_image_options_t *options)
{
    bool sealed = image->header.incompatible & SFPM_INCOMPATIBLE_SEALED;
    if (sealed && !sfpm_keys_load(&image->keys, image->input, header, options))
        return false;
    if (!sealed && options->secret && image->depth == 0)
        return sfpm_fail(SFPM_ERR_KEY, "the image is not encrypted, but a key was given");
    if (!sfpm_image_show_first(image, options))
        return false;
    image->info.format = SFPM_FORMAT_VERSION;
    image->info.compatible = image->header.compatible;
    image->info.incompatible = image->header.incompatible;
    memcpy(image->info.id, image->last.id, SFPM_DIGEST_SIZE);
    return true;
}

static bool open_v1(sfpm_image_t *image)
{
    view_t view = {0};
    uint64_t *offsets;
    if (!sfpm_v1_decode(image->input, image->max_memory, &view.index, &offsets))
        return false;
    if (!finish_view(&view)) {
        free(offsets);
        return false;
    }
    view.commit.size = sfpm_input_size(image->input);
    publish_view(image, &view);
    free(image->v1_offsets);
    image->v1_offsets = offsets;
    image->info.format = 1;
    image->info.commits = image->info.first = 1;
    return true;
}

/* Whether it may be a program, of which an image can be made. */
static bool is_program(const uint8_t *bytes, size_t size)
{
    static const uint8_t module[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    return sfpm_is_text(bytes, size) ||
           (size >= sizeof module && memcmp(bytes, module, sizeof module) == 0);
}

/* Says what it is instead of an image, where that is known. */
static bool fail_foreign(const uint8_t *bytes, size_t size)
{
    const char *kind = sfpm_file_kind(bytes, size);
    if (!kind)
        return sfpm_fail_at(SFPM_ERR_NOT_IMAGE, 0,
                            "not an sfpm image (bad magic 0x%08lx)",
                            (unsigned long)sfpm_get_u32(bytes));
    sfpm_fail_at(SFPM_ERR_NOT_IMAGE, 0, "not an sfpm image, but %s", kind);
    return is_program(bytes, size) && sfpm_fail_remedy(SFPM_REMEDY_ASSEMBLE);
}

static bool open_first(sfpm_image_t *image, const uint8_t bytes[SFPM_HEADER_SIZE],
                       size_t have, const sfpm_image_options_t *options)
{
    if (sfpm_v1_recognise(bytes, have)) {
        if (options->secret)
            return sfpm_fail(SFPM_ERR_KEY,
                             "a version 1 image is never encrypted, but a key was given");
        return open_v1(image);
    }
    if (memcmp(bytes, SFPM_MAGIC, have < SFPM_MAGIC_SIZE ? have : SFPM_MAGIC_SIZE) != 0)
        return fail_foreign(bytes, have);
    if (have < SFPM_HEADER_SIZE)
        return sfpm_fail_at(SFPM_ERR_TRUNCATED, have,
                            "the file ends at offset %zu inside its header", have);
    return sfpm_header_decode(bytes, &image->header) && open_v2(image, bytes, options);
}

static bool open_contents(sfpm_image_t *image, const sfpm_image_options_t *options)
{
    uint8_t bytes[SFPM_HEADER_SIZE] = {0};
    uint64_t size = sfpm_input_size(image->input);
    size_t have = size < sizeof bytes ? (size_t)size : sizeof bytes;
    image->info.size = size;
    image->info.name = sfpm_input_name(image->input);
    if (size == 0)
        return sfpm_fail_at(SFPM_ERR_NOT_IMAGE, 0, "the file is empty");
    return sfpm_input_read(image->input, 0, bytes, have) &&
           open_first(image, bytes, have, options);
}

bool sfpm_image_reload(sfpm_image_t *image)
{
    view_t view;
    sfpm_trailer_t last;
    if (!sfpm_input_refresh(image->input) || !sfpm_log_last(image->input, &last) ||
        !sfpm_history_grow(&image->history, &last) || !load_view(image, &last, &view))
        return false;
    publish_view(image, &view);
    note_last(image, &last);
    return note_torn_tail(image);
}

/* Whether other parts of a damaged image may be intact. */
static bool has_remedy(const sfpm_image_t *image)
{
    sfpm_status_t status = sfpm_last_status();
    return image->last.number != 0 &&
           (status == SFPM_ERR_CHECKSUM || status == SFPM_ERR_CORRUPT ||
            status == SFPM_ERR_TRUNCATED);
}

bool sfpm_image_reopen_v1(sfpm_image_t *image, const struct stat *file)
{
    sfpm_input_t *old = image->input, *input = sfpm_input_open(image->path);
    const struct stat *found = input ? sfpm_input_file(input) : NULL;
    bool ok = found && sfpm_same_file(found, file);
    if (ok) {
        image->input = input;
        ok = open_v1(image);
    }
    if (!ok)
        image->input = old;
    sfpm_input_close(ok ? old : input);
    image->info.name = sfpm_input_name(image->input);
    image->info.size = sfpm_input_size(image->input);
    return ok;
}

bool (sfpm_image_fail_named)(const sfpm_image_t *image)
{
    if (has_remedy(image))
        sfpm_fail_remedy(SFPM_REMEDY_SALVAGE);
    return sfpm_fail_named(sfpm_input_name(image->input));
}

static bool check_pin(const sfpm_image_t *image, const uint8_t *digest)
{
    return !digest || memcmp(digest, image->commit.digest, SFPM_DIGEST_SIZE) == 0 ||
           sfpm_fail(SFPM_ERR_MISMATCH, "commit %llu does not have the requested digest",
                     (unsigned long long)image->commit.number);
}

sfpm_image_t *sfpm_image_open_at(sfpm_input_t *input, const char *path, unsigned depth,
                                 const sfpm_image_options_t *options)
{
    sfpm_image_t *image = SFPM_NEW(sfpm_image_t);
    if (!image) {
        sfpm_input_close(input);
        return NULL;
    }
    image->input = input;
    image->depth = depth;
    image->max_memory = options->max_memory;
    image->progress = options->progress;
    if (path && !(image->path = sfpm_copy_string(path)))
        goto fail;
    if (!open_contents(image, options) ||
        (options->commit != 0 && image->info.format == 1 &&
         !select_v1(image, options->commit)) ||
        !check_pin(image, options->digest)) {
        sfpm_image_fail_named(image);
        goto fail;
    }
    return image;
fail:
    sfpm_image_close(image);
    return NULL;
}

bool sfpm_known_options(const sfpm_image_options_t *given, sfpm_image_options_t *options)
{
    if (!sfpm_take_options(options, sizeof *options, given))
        return false;
    options->max_memory = options->max_memory ? options->max_memory : DEFAULT_MEMORY;
    return true;
}

sfpm_image_t *sfpm_image_open_input(sfpm_input_t *input, const char *path,
                                    const sfpm_image_options_t *options)
{
    sfpm_image_options_t known;
    if (sfpm_known_options(options, &known))
        return sfpm_image_open_at(input, path, 0, &known);
    sfpm_input_close(input);
    return NULL;
}

sfpm_image_t *sfpm_image_open(const char *filename, const sfpm_image_options_t *options)
{
    if (!filename) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no file name was given");
        return NULL;
    }
    sfpm_input_t *input = sfpm_input_open(filename);
    return input ? sfpm_image_open_input(input, filename, options) : NULL;
}

sfpm_image_t *sfpm_image_open_fd(int fd, const char *name,
                                 const sfpm_image_options_t *options)
{
    sfpm_input_t *input = sfpm_input_open_fd(fd, name ? name : "descriptor");
    return input ? sfpm_image_open_input(input, NULL, options) : NULL;
}

void sfpm_image_close(sfpm_image_t *image)
{
    if (!image)
        return;
    sfpm_name_map_free(&image->names);
    sfpm_index_free(&image->index);
    free(image->regions);
    sfpm_history_free(&image->history);
    free(image->v1_offsets);
    free(image->warning);
    free(image->path);
    if (image->locked)
        sfpm_file_close(image->lock);
    sfpm_image_close(image->base);
    sfpm_input_close(image->input);
    sfpm_wipe(&image->keys, sizeof image->keys);
    free(image);
}
