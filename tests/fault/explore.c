/* SPDX-License-Identifier: MIT */
#include "explore.h"
#include "image/opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MIB = 1 << 20, WINDOW = 256 << 10, COMMITS_LOOKED_AT = 20 };

/* A failure that has a sensible status is what is wanted; any other is returned. */
static const char *sensible(bool good, bool sound, const char *what)
{
    if (good)
        return NULL;
    return sound || !refusal(sfpm_last_status()) ? what : NULL;
}

/* The beginning, the end and the middle; `sound` when it must succeed. */
static const char *read_region(sfpm_image_t *image, size_t index, bool sound)
{
    uint64_t size = sfpm_image_region(image, index)->size;
    size_t window = size < WINDOW ? (size_t)size : WINDOW;
    const uint64_t starts[] = {0, size - window, size / 2 < size - window ? size / 2 : 0};
    const char *fault = NULL;
    for (int i = 0; !fault && i < 3; i++)
        fault = sensible(sfpm_image_read(image, index, starts[i], room(window), window),
                         sound, "a region cannot be read");
    if (!fault && size <= 2 * MIB)
        fault = sensible(sfpm_image_check_region(image, index), sound,
                         "a region cannot be checked");
    return fault;
}

static const char *read_commit(sfpm_image_t *image, bool sound)
{
    const char *key, *value, *fault = NULL;
    const sfpm_commit_info_t *info = sfpm_image_commit_info(image);
    for (uint32_t i = 0; i < info->num_attributes; i++)
        if (!sfpm_image_attribute(image, i, &key, &value) || !key || !value)
            return "an attribute is not there";
    if (strlen(info->description) > 65535 || strlen(info->message) > 65535)
        return "a text is too long";
    for (size_t i = 0; !fault && i < sfpm_image_num_regions(image); i++)
        fault = read_region(image, i, sound);
    return fault;
}

static const char *read_commits(sfpm_image_t *image, bool sound)
{
    const char *fault = read_commit(image, sound);
    for (int64_t back = 1; !fault && back < COMMITS_LOOKED_AT; back++) {
        if (sfpm_image_select(image, -back))
            fault = read_commit(image, sound);
        else if (sfpm_last_status() == SFPM_ERR_NO_COMMIT)
            continue; /* numbers may have gaps */
        else
            return sensible(false, sound, "a commit cannot be shown");
    }
    return fault;
}

static const sfpm_secret_t *sample_secret(void *context, const char *name,
                                          bool passphrase)
{
    static const sfpm_secret_t secret = {.struct_size = sizeof secret, .key = sample_key};
    (void)context, (void)name, (void)passphrase;
    return &secret;
}

static sfpm_image_t *commit_to(sfpm_image_t *image, FILE *file)
{
    static const uint8_t byte = 0xa5;
    const sfpm_image_options_t options = {.struct_size = sizeof options,
                                          .ask = sample_secret};
    sfpm_edit_t *edit = sfpm_edit_create(image);
    bool good = edit && sfpm_edit_set_message(edit, "one more") &&
                sfpm_edit_write(edit, 0, 0, &byte, 1) &&
                sfpm_edit_save_fd(edit, fileno(file), "a temporary file", NULL);
    sfpm_edit_destroy(edit);
    lseek(fileno(file), 0, SEEK_SET);
    return good ? sfpm_image_open_fd(fileno(file), "a temporary file", &options) : NULL;
}

/* An image that can be read takes another commit, in which only its byte differs. */
static const char *add_commit(sfpm_image_t *image, bool sound)
{
    const sfpm_region_info_t *region = sfpm_image_region(image, 0);
    uint8_t now[4096], old[4096];
    size_t size = region && region->size < sizeof old ? (size_t)region->size : 0;
    if (size == 0 || !sfpm_image_read(image, 0, 0, old, size))
        return NULL;
    FILE *file = tmpfile();
    sfpm_image_t *next = file ? commit_to(image, file) : NULL;
    const char *fault = sensible(next != NULL, sound, "no commit can be added");
    old[0] = 0xa5;
    if (next && (!sfpm_image_read(next, 0, 0, now, size) || memcmp(old, now, size) != 0))
        fault = "an added commit holds something else";
    sfpm_image_close(next);
    if (file)
        fclose(file);
    return fault;
}

static void count_fault(void *context, sfpm_status_t status, uint64_t offset,
                        const char *text)
{
    size_t *count = context;
    (void)offset;
    *count += refusal(status) && *text;
}

const char *explore(const reader_t *reader, sfpm_image_t *image, bool edit, bool *sound)
{
    size_t faults = 0;
    *sound = reader->check(image);
    if (!*sound && !refusal(sfpm_last_status()))
        return "checking fails with a wrong status";
    if (!*sound && (sfpm_image_check(image, count_fault, &faults) || faults == 0))
        return "checking to the end finds nothing";
    sfpm_image_select(image, 0);
    const char *fault = edit ? add_commit(image, *sound) : NULL;
    return fault ? fault : read_commits(image, *sound);
}
