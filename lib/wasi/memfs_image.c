/* SPDX-License-Identifier: MIT */
/* Files inside the image: to and from images. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bytecode/regions.h"
#include "commit/sparse.h"
#include "wasi/memfs.h"

#define BLOCK ((uint64_t)SFPM_MEMFS_BLOCK)

/* ---- From an image ------------------------------------------------------------------- */

static bool find_region(const sfpm_image_t *image, const char *name, size_t *index)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    bool found = sfpm_image_find_region(image, name, index);
    if (!found)
        sfpm_error_restore(&before);
    return found;
}

bool sfpm_memfs_is_in(const sfpm_image_t *image)
{
    size_t index;
    return find_region(image, SFPM_MEMFS_INODES, &index);
}

/* An image takes no space for zeros: what it says of a size is compared with the limit. */
static bool load_blocks(sfpm_memfs_t *memfs, const sfpm_image_t *image, uint64_t *size)
{
    size_t index;
    *size = 0;
    if (!find_region(image, SFPM_MEMFS_BLOCKS, &index))
        return true;
    *size = sfpm_image_region(image, index)->size;
    if (*size > memfs->max_size) {
        sfpm_fail(SFPM_ERR_LIMIT,
                  "region '%s' of %llu bytes exceeds the limit for files of %llu",
                  SFPM_MEMFS_BLOCKS, (unsigned long long)*size,
                  (unsigned long long)memfs->max_size);
        return sfpm_fail_remedy(SFPM_REMEDY_MORE_FILES);
    }
    if (*size % BLOCK != 0)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "region '%s' is invalid: it is not made of whole blocks",
                         SFPM_MEMFS_BLOCKS);
    if (!sfpm_memfs_reserve_blocks(memfs, *size / BLOCK))
        return sfpm_fail_memory(*size);
    return *size == 0 ||
           sfpm_sparse_read(image, index, 0, memfs->blocks.data, (size_t)*size);
}

static bool load_inodes(sfpm_memfs_t *memfs, const sfpm_image_t *image, uint64_t blocks)
{
    size_t index;
    sfpm_buffer_t bytes = {0};
    if (!sfpm_image_find_region(image, SFPM_MEMFS_INODES, &index))
        return false;
    uint64_t size = sfpm_image_region(image, index)->size;
    if (size > SFPM_MEMFS_INODES_MAX_SIZE)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region '%s' exceeds the limit of 64 MiB",
                         SFPM_MEMFS_INODES);
    uint8_t *to = sfpm_buffer_extend(&bytes, (size_t)size);
    bool ok = to && sfpm_image_read(image, index, 0, to, (size_t)size) &&
              sfpm_memfs_decode(memfs, to, (size_t)size, blocks);
    sfpm_buffer_free(&memfs->record);
    memfs->record = bytes;
    memfs->recorded = ok;
    return ok;
}

bool sfpm_memfs_load(sfpm_memfs_t *memfs, const sfpm_image_t *image)
{
    uint64_t blocks;
    bool ok = sfpm_memfs_clear(memfs, false) && load_blocks(memfs, image, &blocks) &&
              load_inodes(memfs, image, blocks);
    if (ok)
        memfs->commit = sfpm_image_shown(image);
    return ok;
}

/* ---- Making them ---------------------------------------------------------------------- */

/* What a part of the address space of 32 bits can have. */
static uint64_t take_limit(uint64_t max_size)
{
    if (max_size == 0)
        max_size = SFPM_MEMFS_DEFAULT_SIZE;
    return max_size < SIZE_MAX / 4 ? max_size : SIZE_MAX / 4;
}

static bool check_guest(const char *guest, uint64_t max_size)
{
    if (!guest || !*guest || strlen(guest) > SFPM_WASI_MAX_PATH)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "the name of a directory must have 1 to %d bytes",
                         SFPM_WASI_MAX_PATH);
    return max_size <= SFPM_MEMFS_MAX_SIZE ||
           sfpm_fail(SFPM_ERR_ARGUMENT,
                     "files of %llu bytes exceed the limit of 1 TiB",
                     (unsigned long long)max_size);
}

sfpm_memfs_t *sfpm_memfs_create(const sfpm_image_t *image, const char *guest,
                                uint64_t max_size)
{
    if (!check_guest(image ? "/" : guest, max_size))
        return NULL;
    sfpm_memfs_t *memfs = SFPM_NEW(sfpm_memfs_t);
    if (!memfs)
        return NULL;
    memfs->base = (sfpm_filesystem_t){.operations = &sfpm_memfs_operations,
                                      .root = SFPM_MEMFS_ROOT};
    memfs->max_size = take_limit(max_size);
    memfs->guest = sfpm_copy_string(image ? "/" : guest);
    bool ok = memfs->guest && (image ? sfpm_memfs_load(memfs, image)
                                     : sfpm_memfs_clear(memfs, true));
    if (ok)
        return memfs;
    sfpm_memfs_destroy(memfs);
    return NULL;
}

void sfpm_memfs_destroy(sfpm_memfs_t *memfs)
{
    if (!memfs)
        return;
    if (memfs->guest)
        sfpm_memfs_clear(memfs, false);
    free(memfs->guest);
    free(memfs);
}

const char *sfpm_memfs_guest(const sfpm_memfs_t *memfs)
{
    return memfs ? memfs->guest : "";
}

/* ---- To an image ------------------------------------------------------------------------ */

/* The blocks are now what that commit has. */
static void written(void *context, const sfpm_known_commit_t *commit)
{
    sfpm_memfs_t *memfs = context;
    memfs->commit = *commit;
    if (memfs->changed_words > 0)
        memset(memfs->changed, 0, memfs->changed_words * sizeof *memfs->changed);
}

static bool fill_blocks(sfpm_memfs_t *memfs, sfpm_edit_t *edit, uint64_t size)
{
    const sfpm_image_t *image = sfpm_edit_image(edit);
    if (!sfpm_edit_set_region(edit, SFPM_MEMFS_BLOCKS, 0, memfs->blocks.data,
                              (size_t)size, SFPM_REGION_PORTABLE))
        return false;
    return !image || !sfpm_image_shows(image, &memfs->commit) ||
           sfpm_edit_set_changed(edit, SFPM_MEMFS_BLOCKS, 0, memfs->changed, false);
}

/* Without contents there is no region for them. */
static bool remove_blocks(sfpm_edit_t *edit)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    if (sfpm_edit_remove_region(edit, SFPM_MEMFS_BLOCKS, 0))
        return true;
    bool absent = sfpm_last_status() == SFPM_ERR_MISMATCH;
    if (absent)
        sfpm_error_restore(&before);
    return absent;
}

bool sfpm_memfs_fill_edit(sfpm_memfs_t *memfs, sfpm_edit_t *edit)
{
    if (!memfs || !edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no files or no edit was given");
    uint64_t size = sfpm_memfs_end_of_blocks(memfs) * BLOCK;
    if (!sfpm_memfs_encode(memfs) ||
        !sfpm_edit_set_region(edit, SFPM_MEMFS_INODES, 0, memfs->record.data,
                              memfs->record.size, SFPM_REGION_PORTABLE))
        return false;
    if (size == 0 ? !remove_blocks(edit) : !fill_blocks(memfs, edit, size))
        return false;
    sfpm_edit_when_written(edit, written, memfs);
    return true;
}
