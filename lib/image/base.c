/* SPDX-License-Identifier: MIT */
/* Finding the base image of a delta: named by digest, never trusted by path. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "image/image.h"
#include "io/place.h"

/* The recorded name in the delta's own directory; the caller's, free(). */
static char *beside(const sfpm_image_t *image, const char *name)
{
    const char *slash = image->path ? strrchr(image->path, '/') : NULL;
    size_t length = slash ? (size_t)(slash - image->path) + 1 : 0;
    char *path = SFPM_NEW_N(char, length + strlen(name) + 1);
    if (!path)
        return NULL;
    if (length > 0)
        memcpy(path, image->path, length);
    strcpy(path + length, name);
    return path;
}

static bool plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static sfpm_image_t *open_candidate(const sfpm_image_t *image, const sfpm_index_t *index,
                                    const sfpm_image_options_t *options)
{
    sfpm_image_options_t below = {.struct_size = sizeof below,
                                  .commit = (int64_t)index->base_number,
                                  .max_memory = image->max_memory,
                                  .secret = options ? options->secret : NULL,
                                  .ask = options ? options->ask : NULL,
                                  .ask_context = options ? options->ask_context : NULL};
    const char *name = index->texts[SFPM_TEXT_BASE];
    sfpm_input_t *input = NULL;
    char *path = NULL;
    if (options && options->base) {
        path = sfpm_copy_string(options->base);
        input = path ? sfpm_input_open(path) : NULL;
    } else if (plain_name(name)) {
        path = beside(image, name);
        input = path ? sfpm_input_open_plain(path) : NULL;
    } else {
        sfpm_fail(SFPM_ERR_CORRUPT,
                  "the recorded name of the base image is not a plain file name");
    }
    sfpm_image_t *base =
        input ? sfpm_image_open_at(input, path, image->depth + 1, &below) : NULL;
    free(path);
    return base;
}

bool sfpm_image_open_base(sfpm_image_t *image, const sfpm_index_t *index,
                          const sfpm_image_options_t *options)
{
    char wanted[33], found[33];
    if (image->depth >= SFPM_BASES_MAX)
        return sfpm_fail(
            SFPM_ERR_LIMIT,
            "the chain of base images is circular or longer than %d: flatten one of them",
            SFPM_BASES_MAX);
    if (index->base_number > INT64_MAX)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "the commit number of the base image is invalid");
    sfpm_hex(wanted, index->base_digest, SFPM_DIGEST_SIZE);
    sfpm_image_t *base = open_candidate(image, index, options);
    /* For a chain without an end, one link says enough. */
    if (!base && image->depth > 0 && sfpm_last_status() == SFPM_ERR_LIMIT)
        return false;
    if (!base)
        return sfpm_fail_prefix("cannot use its base image %s@%llu (digest %s)",
                                index->texts[SFPM_TEXT_BASE],
                                (unsigned long long)index->base_number, wanted);
    sfpm_hex(found, base->commit.digest, SFPM_DIGEST_SIZE);
    if (memcmp(base->commit.digest, index->base_digest, SFPM_DIGEST_SIZE) == 0) {
        image->info.base = image->base = base;
        return true;
    }
    sfpm_fail(
        SFPM_ERR_MISMATCH,
        "its base image %s has digest %s at commit %llu, but the delta was made on %s",
        sfpm_input_name(base->input), found, (unsigned long long)index->base_number,
        wanted);
    sfpm_image_close(base);
    return false;
}

bool sfpm_base_is_spared(const sfpm_image_t *base, const char *filename)
{
    for (; base; base = base->base) {
        const struct stat *file = sfpm_input_file(base->input);
        if (file && sfpm_leads_to(filename, file))
            return sfpm_fail(SFPM_ERR_ARGUMENT,
                             "%s: a delta cannot replace an image that it is based on",
                             filename);
    }
    return true;
}
