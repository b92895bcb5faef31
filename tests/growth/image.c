/* SPDX-License-Identifier: MIT */
/* Long lists in images and in edits of them. */
#include "growth.h"

#include <stdint.h>
#include <stdlib.h>

#include <sfpm/image.h>

/* ---- Images for other cases and for the tools ------------------------------ */

static bool save(sfpm_edit_t *edit, bool ok, const char *file)
{
    ok = edit && ok && sfpm_edit_save(edit, file, NULL);
    sfpm_edit_destroy(edit);
    return ok;
}

static bool regions(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_edit_set_region(edit, growth_name(i, name), 0, "1234", 4,
                                  SFPM_REGION_PORTABLE);
    return save(edit, ok, file);
}

/* All regions have one name. */
static bool equal_regions(size_t n, const char *file)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_edit_set_region(edit, "same", i, "1234", 4, SFPM_REGION_PORTABLE);
    return save(edit, ok, file);
}

static bool attributes(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit && sfpm_edit_set_region(edit, "r", 0, "1234", 4, SFPM_REGION_PORTABLE);
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_edit_set_attribute(edit, growth_name(i, name), "value");
    return save(edit, ok, file);
}

static bool bytes(size_t n, const char *file)
{
    uint8_t *memory = calloc(n, 1);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = memory && edit &&
              sfpm_edit_set_region(edit, "r", 0, memory, n, SFPM_REGION_PORTABLE) &&
              sfpm_edit_save(edit, file, NULL);
    sfpm_edit_destroy(edit);
    free(memory);
    return ok;
}

static bool commits(size_t n, const char *file)
{
    if (!bytes(4, file))
        return false;
    sfpm_image_t *image = sfpm_image_open(file, NULL);
    bool ok = image != NULL;
    for (size_t i = 1; ok && i < n; i++) {
        uint8_t byte = (uint8_t)i;
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ok = edit && sfpm_edit_write(edit, 0, i % 4, &byte, 1) &&
             sfpm_edit_append(edit, NULL);
        sfpm_edit_destroy(edit);
    }
    sfpm_image_close(image);
    return ok;
}

/* ---- Edits of the image that is in the file --------------------------------- */

/* Opens it, lets `change` do its work on an edit, and commits that. */
static bool commit(size_t n, const char *file,
                   bool (*change)(size_t n, sfpm_image_t *image, sfpm_edit_t *edit))
{
    sfpm_image_t *image = sfpm_image_open(file, NULL);
    sfpm_edit_t *edit = image ? sfpm_edit_create(image) : NULL;
    bool ok = edit && change(n, image, edit) && sfpm_edit_append(edit, NULL);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    return ok;
}

static bool set_all(size_t n, sfpm_image_t *image, sfpm_edit_t *edit)
{
    char name[GROWTH_NAME];
    bool ok = image != NULL;
    for (size_t i = n; ok && i-- > 0;)
        ok = sfpm_edit_set_region(edit, growth_name(i, name), 0, "5678", 4,
                                  SFPM_REGION_PORTABLE);
    return ok;
}

static bool set_regions(size_t n, const char *file)
{
    return commit(n, file, set_all);
}

static bool write_all(size_t n, sfpm_image_t *image, sfpm_edit_t *edit)
{
    char byte;
    size_t which;
    char name[GROWTH_NAME];
    bool ok = true;
    for (size_t i = n; ok && i-- > 0;)
        ok = sfpm_image_find_region(image, growth_name(i, name), &which) &&
             sfpm_edit_read(edit, which, 0, &byte, 1) &&
             sfpm_edit_write(edit, which, 0, "x", 1);
    return ok;
}

static bool write_regions(size_t n, const char *file)
{
    return commit(n, file, write_all);
}

/* Removes attributes, and sets others. */
static bool change_attributes(size_t n, sfpm_image_t *image, sfpm_edit_t *edit)
{
    char name[GROWTH_NAME];
    bool ok = image != NULL;
    for (size_t i = n; ok && i-- > 0;)
        ok = sfpm_edit_set_attribute(edit, growth_name(i, name), i % 2 ? "new" : NULL) &&
             sfpm_edit_set_attribute(edit, growth_name(n + i, name), "other");
    return ok;
}

static bool set_attributes(size_t n, const char *file)
{
    return commit(n, file, change_attributes);
}

/* Bytes from the last to the first, each after a look at what was there. */
static bool change_bytes(size_t n, sfpm_image_t *image, sfpm_edit_t *edit)
{
    char old[2];
    bool ok = image != NULL;
    for (size_t i = n - 2; ok && i-- > 0;)
        ok = sfpm_edit_read(edit, 0, i, old, 2) && sfpm_edit_write(edit, 0, i, "xy", 2);
    return ok;
}

static bool write_bytes(size_t n, const char *file)
{
    return commit(n, file, change_bytes);
}

/* ---- Looking at commits ------------------------------------------------------ */

static bool select_commits(size_t n, const char *file)
{
    sfpm_image_t *image = sfpm_image_open(file, NULL);
    bool ok = image != NULL;
    for (size_t i = 1; ok && i <= n; i++)
        ok = sfpm_image_select(image, (int64_t)i);
    for (size_t i = n; ok && i >= 1; i--)
        ok = sfpm_image_select(image, (int64_t)i);
    sfpm_image_close(image);
    return ok;
}

/* Goes back in steps of one, as far as there are states. */
static bool undo_commits(size_t n, const char *file)
{
    sfpm_image_t *image = sfpm_image_open(file, NULL);
    bool ok = image != NULL;
    for (size_t i = 1; ok && i < n; i++) {
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ok = edit && sfpm_edit_undo(edit, 0) && sfpm_edit_append(edit, NULL);
        sfpm_edit_destroy(edit);
    }
    sfpm_image_close(image);
    return ok;
}

const growth_case_t growth_image_cases[] = {{"regions", regions},
                                            {"equal-regions", equal_regions},
                                            {"attributes", attributes},
                                            {"bytes", bytes},
                                            {"commits", commits},
                                            {"set-regions", set_regions},
                                            {"write-regions", write_regions},
                                            {"set-attributes", set_attributes},
                                            {"write-bytes", write_bytes},
                                            {"select-commits", select_commits},
                                            {"undo-commits", undo_commits},
                                            {NULL, NULL}};
