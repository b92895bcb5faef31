/* SPDX-License-Identifier: MIT */
/*
 * Recovering what is intact. Reading an image never searches; this does: a trailer
 * can be told from other bytes by its checksum, which its place in the file seeds.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "commit/rewrite.h"
#include "image/seen_set.h"
#include "io/place.h"

static void tell(const sfpm_rewriter_t *rewriter, uint64_t commit, const char *region,
                 bool recovered, const char *text)
{
    if (rewriter->callback)
        rewriter->callback(rewriter->context, commit, region, recovered, text);
}

static bool keep(void *trailers, const sfpm_trailer_t *trailer)
{
    return sfpm_trailers_add(trailers, trailer);
}

/* ---- commits ---- */

static bool mark(sfpm_index_t *index, uint64_t number)
{
    static const char key[] = "salvaged.commit";
    char text[24];
    if (sfpm_attributes_find(&index->attributes, key))
        return true; /* it has been salvaged before */
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return sfpm_attributes_set(&index->attributes, key, text);
}

/* Whether a leaf that is stored was read before. */
static bool seen_before(sfpm_seen_t *seen, const sfpm_leaf_ref_t *ref, uint64_t size)
{
    uint64_t key[5] = {ref->offset, ref->sum, size};
    if (ref->offset == SFPM_LEAF_ZERO || ref->offset == SFPM_LEAF_BASE)
        return false;
    memcpy(key + 3, ref->digest, SFPM_DIGEST_SIZE);
    return sfpm_seen_add(seen, sfpm_checksum(key, sizeof key, 0));
}

/* Reads all of a region; a leaf that has many places only once. What was read of a
 * damaged region is forgotten, so that another that shares its leaves is read, too. */
static bool is_intact(const sfpm_image_t *image, const sfpm_region_t *region,
                      sfpm_seen_t *seen)
{
    sfpm_reader_t reader;
    sfpm_reader_init(&reader, image);
    bool intact = true;
    for (size_t i = 0; intact && i < region->num_leaves; i++) {
        uint64_t base = (uint64_t)i * SFPM_LEAF_BYTES;
        uint64_t size = sfpm_span(region->size, base, SFPM_LEAF_BYTES);
        intact = seen_before(seen, &region->leaves[i], size) ||
                 sfpm_region_read(&reader, region, base, NULL, size);
    }
    sfpm_reader_free(&reader);
    if (!intact)
        sfpm_seen_free(seen);
    return intact;
}

bool sfpm_salvage_filter(sfpm_rewriter_t *rewriter, sfpm_index_t *index)
{
    sfpm_seen_t seen = {.capacity = 0};
    size_t kept = 0;
    for (size_t i = 0; i < index->num_regions; i++) {
        sfpm_region_t *region = &index->regions[i];
        bool intact = is_intact(rewriter->image, region, &seen);
        tell(rewriter, index->number, region->name, intact,
             intact ? "" : sfpm_last_error());
        if (!intact) {
            sfpm_region_free(region);
            continue;
        }
        if (kept != i) {
            index->regions[kept] = *region;
            *region = (sfpm_region_t){0};
        }
        kept++;
    }
    sfpm_seen_free(&seen);
    bool nothing = kept == 0 && index->num_regions > 0;
    index->num_regions = kept;
    if (nothing)
        return sfpm_fail(SFPM_ERR_CORRUPT, "none of its regions is intact");
    return mark(index, index->number);
}

/* A commit that is lost must not end the search; an output that fails must. */
static bool salvage_commit(sfpm_rewriter_t *rewriter, const sfpm_trailer_t *trailer,
                           uint64_t *recovered)
{
    sfpm_index_t index;
    if (!sfpm_image_index(rewriter->image, trailer, &index)) {
        tell(rewriter, trailer->number, NULL, false, sfpm_last_error());
        return true;
    }
    bool worth = sfpm_salvage_filter(rewriter, &index);
    sfpm_salvage_callback_t callback = rewriter->callback;
    tell(rewriter, trailer->number, NULL, worth, worth ? "" : sfpm_last_error());
    sfpm_index_free(&index);
    if (!worth)
        return sfpm_last_status() != SFPM_ERR_MEMORY;
    rewriter->callback = NULL; /* it has been reported */
    bool ok = sfpm_rewrite_commit(rewriter, trailer);
    rewriter->callback = callback;
    *recovered += ok;
    return ok;
}

static bool salvage_all(sfpm_rewriter_t *rewriter, const sfpm_trailers_t *found)
{
    uint64_t recovered = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < found->count; i++)
        ok = salvage_commit(rewriter, &found->list[i], &recovered);
    return ok &&
           (recovered > 0 || sfpm_fail(SFPM_ERR_CORRUPT, "no commit could be recovered"));
}

/* ---- the image ---- */

/* lost: receives why the header is none, or no text */
static bool read_header(sfpm_rewriter_t *rewriter, const sfpm_image_options_t *options,
                        sfpm_error_state_t *lost)
{
    uint8_t bytes[SFPM_HEADER_SIZE] = {0};
    sfpm_image_t *image = rewriter->image;
    if (!sfpm_input_read(image->input, 0, bytes, sizeof bytes) ||
        !sfpm_header_decode(bytes, &image->header)) {
        /* Its only contents are features; a wrong guess shows when the index is read. */
        sfpm_error_save(lost);
        image->header = (sfpm_header_t){.incompatible = SFPM_INCOMPATIBLE_DELTA};
    }
    if (!(image->header.incompatible & SFPM_INCOMPATIBLE_SEALED))
        return true;
    if (!sfpm_keys_load(&image->keys, image->input, bytes, options))
        return false;
    rewriter->keys = image->keys;
    return true;
}

/* Without its base, a delta loses the regions that need it. */
static void find_base(sfpm_rewriter_t *rewriter, const sfpm_trailers_t *found,
                      const sfpm_image_options_t *options)
{
    sfpm_index_t index;
    for (size_t i = found->count; i-- > 0 && !rewriter->image->base;) {
        if (!sfpm_image_index(rewriter->image, &found->list[i], &index))
            continue;
        if (index.base_number != 0 &&
            !sfpm_image_open_base(rewriter->image, &index, options))
            tell(rewriter, index.number, NULL, false, sfpm_last_error());
        bool none = index.base_number == 0;
        sfpm_index_free(&index);
        if (none)
            return;
    }
}

static bool run(sfpm_rewriter_t *rewriter, const char *output,
                const sfpm_image_options_t *options, const sfpm_write_options_t *write)
{
    sfpm_trailers_t found = {0};
    sfpm_output_options_t how;
    sfpm_error_state_t lost = {.status = SFPM_OK};
    bool ok = sfpm_output_options(write, &how) && read_header(rewriter, options, &lost) &&
              sfpm_log_search(rewriter->image->input, SFPM_HEADER_SIZE, keep, &found);
    if (ok && found.count == 0)
        ok = sfpm_fail(lost.status == SFPM_ERR_NOT_IMAGE ? SFPM_ERR_NOT_IMAGE
                                                         : SFPM_ERR_TRUNCATED,
                       "%sno complete commit was found in the file",
                       lost.status == SFPM_ERR_NOT_IMAGE ? "not an sfpm image: " : "");
    if (ok) {
        if (lost.status != SFPM_OK) {
            sfpm_error_restore(&lost);
            tell(rewriter, 0, NULL, false, sfpm_last_error());
        }
        find_base(rewriter, &found, options);
        sfpm_write_options_t known;
        if (sfpm_take_options(&known, sizeof known, write))
            sfpm_meter_start(&rewriter->meter, &known.progress,
                             2 * sfpm_input_size(rewriter->image->input));
        rewriter->output = sfpm_base_is_spared(rewriter->image->base, output)
                               ? sfpm_output_create(output, &how)
                               : NULL;
        ok = rewriter->output && salvage_all(rewriter, &found);
        if (ok)
            ok = sfpm_output_finish(rewriter->output);
        else
            sfpm_output_discard(rewriter->output);
    }
    sfpm_trailers_free(&found);
    return ok;
}

/* The damaged file is the only evidence: it is not written to, under any of its names. */
static bool is_another(const sfpm_image_t *image, const char *output)
{
    const struct stat *file = sfpm_input_file(image->input);
    return !file || !sfpm_leads_to(output, file) ||
           sfpm_fail(SFPM_ERR_ARGUMENT,
                     "%s: is the damaged image itself: name another file", output);
}

bool sfpm_image_salvage(const char *filename, const char *output,
                        const sfpm_image_options_t *options,
                        const sfpm_write_options_t *write,
                        sfpm_salvage_callback_t callback, void *context)
{
    sfpm_image_options_t known;
    sfpm_rewriter_t rewriter = {
        .salvage = true, .callback = callback, .context = context};
    if (!filename || !output)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no file name was given");
    if (!sfpm_known_options(options, &known))
        return false;
    sfpm_image_t *image = SFPM_NEW(sfpm_image_t);
    if (!image)
        return false;
    image->max_memory = known.max_memory;
    image->salvaged = true;
    image->path = sfpm_copy_string(filename);
    image->input = image->path ? sfpm_input_open(filename) : NULL;
    rewriter.image = image;
    bool ok = image->input && is_another(image, output) &&
              run(&rewriter, output, &known, write);
    sfpm_rewriter_free(&rewriter);
    sfpm_image_close(image);
    return ok;
}
