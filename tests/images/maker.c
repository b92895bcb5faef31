/* SPDX-License-Identifier: MIT */
#include "maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fault/mutate.h"
#include "commit/commit.h"
#include "format/format.h"

const uint8_t sample_key[32] = "thirty-two bytes that are no key";

void need(bool good, const maker_t *maker, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "sample %s: %s: %s\n", maker->sample->name, what, sfpm_last_error());
    exit(99);
}

/* ---- regions ---- */

sample_region_t *region(maker_t *maker, const char *name, size_t size)
{
    size_t i = 0;
    while (i < maker->now.num_regions && strcmp(maker->now.regions[i].name, name) != 0)
        i++;
    need(i < SAMPLE_REGIONS && strlen(name) < sizeof maker->now.regions->name, maker,
         "too many regions, or a name too long");
    sample_region_t *found = &maker->now.regions[i];
    uint8_t *bytes = calloc(1, size + 1);
    need(bytes != NULL, maker, "no memory");
    if (i == maker->now.num_regions)
        *found = (sample_region_t){0};
    if (found->bytes)
        memcpy(bytes, found->bytes, found->size < size ? found->size : size);
    free(found->bytes);
    strcpy(found->name, name);
    found->bytes = bytes;
    found->size = size;
    maker->now.num_regions += i == maker->now.num_regions;
    return found;
}

/* `count` bytes at `offset`, none of them zero, different for each `kind`. */
void fill(sample_region_t *to, size_t offset, size_t count, unsigned kind)
{
    uint32_t x = 2463534242U + kind;
    for (size_t i = 0; i < count && offset + i < to->size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        to->bytes[offset + i] = (uint8_t)(x >> 8 | 1);
    }
}

/* ---- commits ---- */

static sample_state_t copy_state(maker_t *maker, const sample_state_t *from)
{
    sample_state_t to = *from;
    for (size_t i = 0; i < from->num_regions; i++) {
        to.regions[i].bytes = malloc(from->regions[i].size + 1);
        need(to.regions[i].bytes != NULL, maker, "no memory");
        memcpy(to.regions[i].bytes, from->regions[i].bytes, from->regions[i].size);
    }
    return to;
}

void free_state(sample_state_t *state)
{
    for (size_t i = 0; i < state->num_regions; i++)
        free(state->regions[i].bytes);
    *state = (sample_state_t){0};
}

size_t file_size(const maker_t *maker)
{
    struct stat info;
    need(stat(maker->path, &info) == 0, maker, "stat");
    return (size_t)info.st_size;
}

/* Remembers the commit just written, which holds `state`. */
static void note_commit(maker_t *maker, const sample_state_t *state)
{
    sample_t *sample = maker->sample;
    need(sample->num_states < SAMPLE_COMMITS, maker, "too many commits");
    sample_state_t copy = copy_state(maker, state);
    copy.end = file_size(maker);
    sample->states[sample->num_states++] = copy;
}

static sfpm_image_t *reopen(const maker_t *maker)
{
    sfpm_image_t *image = NULL;
    bool first = maker->sample->num_states == 0;
    if (!first || maker->base_path[0]) {
        sfpm_secret_t secret = {.struct_size = sizeof secret, .key = sample_key};
        sfpm_image_options_t options = {.struct_size = sizeof options};
        options.secret = maker->sealed ? &secret : NULL;
        image = sfpm_image_open(first ? maker->base_path : maker->path, &options);
        need(image != NULL, maker, "open");
    }
    return image;
}

/* Where a library is missing, the image is plain instead. */
static void set_codecs(maker_t *maker, sfpm_edit_t *edit)
{
    sfpm_secret_t secret = {.struct_size = sizeof secret, .key = sample_key};
    if (maker->compression)
        need(sfpm_edit_set_compression(edit, maker->compression, 0) ||
                 sfpm_last_status() == SFPM_ERR_UNSUPPORTED,
             maker, "set the compression");
    if (maker->sealed && maker->sample->num_states == 0 && !maker->base_path[0]) {
        maker->sealed = sfpm_edit_set_secret(edit, &secret);
        need(maker->sealed || sfpm_last_status() == SFPM_ERR_UNSUPPORTED, maker,
             "set the key");
    }
}

static void set_regions(maker_t *maker, sfpm_edit_t *edit)
{
    set_codecs(maker, edit);
    for (size_t i = 0; i < maker->now.num_regions; i++) {
        const sample_region_t *now = &maker->now.regions[i];
        need(sfpm_edit_set_region(edit, now->name, 0, now->bytes, now->size,
                                  i == 1 ? SFPM_REGION_DYNAMIC : 0),
             maker, "set a region");
    }
    if (maker->sample->version1)
        need(sfpm_edit_set_format(edit, 1), maker, "set the format");
}

static void write_edit(const maker_t *maker, sfpm_edit_t *edit)
{
    bool first = maker->sample->num_states == 0;
    need(!first                ? sfpm_edit_append(edit, NULL)
         : maker->base_path[0] ? sfpm_edit_save_delta(edit, maker->path, NULL)
                               : sfpm_edit_save(edit, maker->path, NULL),
         maker, "write");
}

/* Writes the next commit; `prepare`, when given, adds texts to it. */
void commit_with(maker_t *maker, void (*prepare)(sfpm_edit_t *))
{
    sfpm_image_t *image = reopen(maker);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    need(edit != NULL, maker, "edit");
    set_regions(maker, edit);
    if (prepare)
        prepare(edit);
    write_edit(maker, edit);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    note_commit(maker, &maker->now);
}

void commit(maker_t *maker)
{
    commit_with(maker, NULL);
}

/* Goes back; `state` is the number of the commit whose state that must be. */
void undo(maker_t *maker, size_t state)
{
    sfpm_image_t *image = reopen(maker);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    need(edit && sfpm_edit_undo(edit, 0), maker, "undo");
    write_edit(maker, edit);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    note_commit(maker, &maker->sample->states[state - 1]);
}

/* A commit that was interrupted: its last `missing` bytes never reached the file. */
void interrupted_commit(maker_t *maker, size_t missing)
{
    commit(maker);
    sample_state_t *lost = &maker->sample->states[--maker->sample->num_states];
    need(truncate(maker->path, (off_t)(lost->end - missing)) == 0, maker, "truncate");
    free_state(lost);
}

/* What was committed so far becomes the base of what comes. */
void begin_delta(maker_t *maker)
{
    sample_t *sample = maker->sample;
    snprintf(maker->base_path, sizeof maker->base_path, "%s/%s.base", maker->directory,
             sample->name);
    need(rename(maker->path, maker->base_path) == 0, maker, "rename");
    while (sample->num_states > 0)
        free_state(&sample->states[--sample->num_states]);
}

/* ---- the finished file ---- */

uint8_t *take_file(const maker_t *maker, const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    need(file && fseek(file, 0, SEEK_END) == 0, maker, "read");
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    need(bytes && fread(bytes, 1, *size, file) == *size, maker, "read");
    fclose(file);
    unlink(path);
    return bytes;
}

void fix_salts(maker_t *maker, uint8_t *bytes, size_t size)
{
    mutant_t mutant;
    need(mutant_start(&mutant, bytes, size, 0), maker, "no memory");
    mutant.exact = true;
    for (size_t i = 0; i < mutant.num_places; i++)
        if (mutant.places[i].type == SFPM_RECORD_SALT)
            memset(mutant.bytes + mutant.places[i].payload, (int)i, 32);
    mutant_seal(&mutant);
    memcpy(bytes, mutant.bytes, size);
    mutant_end(&mutant);
}

void put_file(const maker_t *maker, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(maker->path, "wb");
    need(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, maker,
         "write");
}
