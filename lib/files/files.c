/* SPDX-License-Identifier: MIT */
/* Registering open files, and recording where they stand. */
#include "files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/options.h"
#include "files/file_record.h"
#include "snapshot/hooks.h"

#define NAME_LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define NAME_MAX_LENGTH 64

/* ---- Registering ----------------------------------------------------------- */

static bool check_name(const sfpm_callbacks_t *callbacks, const char *name)
{
    if (!name || !*name || strlen(name) > NAME_MAX_LENGTH ||
        name[strspn(name, NAME_LETTERS)] != '\0')
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "a resource's name must have 1 to %d letters, digits, '.', '_' and '-'",
            NAME_MAX_LENGTH);
    return sfpm_name_map_count(&callbacks->file_names, name) == 0 ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "resource '%s' is already registered", name);
}

static bool check_choices(const sfpm_resource_t *resource)
{
    const int known = O_ACCMODE | O_APPEND | O_SYNC | O_DSYNC | O_NOFOLLOW;
    const uint32_t same = SFPM_SAME_CONTENT | SFPM_SAME_FILE | SFPM_SAME_TIME;
    const char *fault = NULL;
    int access = resource->flags & O_ACCMODE;
    if (!resource->descriptor == !resource->stream)
        fault = "needs either a descriptor or a stream";
    else if (resource->policy == SFPM_RESOURCE_REOPEN && !resource->path)
        fault = "needs a path to be reopened";
    else if ((resource->flags & ~known) ||
             (access != O_RDONLY && access != O_WRONLY && access != O_RDWR))
        fault = "has flags that a reopened file cannot have";
    else if ((unsigned)resource->policy > SFPM_RESOURCE_FAIL ||
             (unsigned)resource->check > SFPM_CHECK_IGNORE ||
             (resource->identity & ~same))
        fault = "has an unknown policy, check or identity";
    else if (resource->cut && access == O_RDONLY)
        fault = "cannot be cut, since it is opened read-only";
    else if (resource->cut && (resource->check == SFPM_CHECK_IGNORE ||
                               (resource->identity & SFPM_SAME_TIME)))
        fault = "cannot be cut if it is not checked, or if its modification time is";
    return !fault ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "resource '%s' %s", resource->name, fault);
}

bool sfpm_snapshot_add_resource(sfpm_snapshot_t *snapshot,
                                const sfpm_resource_t *resource)
{
    sfpm_resource_t taken;
    if (!snapshot || !resource)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "resource" : "snapshot");
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    void *array = callbacks->files;
    if (!sfpm_callbacks_are_idle(snapshot) ||
        !sfpm_take_options(&taken, sizeof taken, resource) ||
        !check_name(callbacks, taken.name) || !check_choices(&taken) ||
        !sfpm_grow_array(&array, &callbacks->file_capacity, callbacks->num_files + 1,
                         sizeof *callbacks->files))
        return false;
    callbacks->files = array;
    char *name = sfpm_copy_string(taken.name);
    char *path = taken.path ? sfpm_copy_string(taken.path) : NULL;
    if (!name || (taken.path && !path) ||
        !sfpm_name_map_add(&callbacks->file_names, name, callbacks->num_files, NULL)) {
        free(name);
        free(path);
        return false;
    }
    taken.name = name;
    taken.path = path;
    if (taken.identity == 0)
        taken.identity = SFPM_SAME_CONTENT;
    callbacks->files[callbacks->num_files++] =
        (sfpm_open_file_t){.given = taken, .staged = {.fd = -1, .old_fd = -1}};
    return true;
}

void sfpm_resources_free(sfpm_callbacks_t *callbacks)
{
    for (size_t i = 0; i < callbacks->num_files; i++) {
        free((char *)callbacks->files[i].given.name);
        free((char *)callbacks->files[i].given.path);
    }
    free(callbacks->files);
    sfpm_name_map_free(&callbacks->file_names);
}

/* ---- Saving ---------------------------------------------------------------- */

int sfpm_resource_descriptor(const sfpm_resource_t *resource)
{
    if (resource->descriptor)
        return *resource->descriptor < 0 ? -1 : *resource->descriptor;
    return *resource->stream ? fileno(*resource->stream) : -1;
}

/* Where the program stands in the file, after writing what it still holds. */
static bool find_offset(const sfpm_resource_t *resource, int fd, uint64_t *offset)
{
    FILE *stream = resource->stream ? *resource->stream : NULL;
    if (stream && (resource->flags & O_ACCMODE) != O_RDONLY && fflush(stream) != 0)
        return sfpm_fail_errno(errno, "cannot be flushed");
    off_t place = stream ? ftello(stream) : lseek(fd, 0, SEEK_CUR);
    if (place < 0)
        return sfpm_fail_errno(errno, "cannot determine its offset");
    *offset = (uint64_t)place;
    return true;
}

/* Whether the path still leads to the open file: only then can it be opened again. */
static bool path_leads_to(const char *path, const struct stat *status)
{
    struct stat found;
    return stat(path, &found) == 0 && found.st_dev == status->st_dev &&
           found.st_ino == status->st_ino;
}

/* That the file will not be found, or known, again. */
static bool check_future(const sfpm_snapshot_t *snapshot, const sfpm_resource_t *resource,
                         const sfpm_facts_t *facts, const struct stat *status)
{
    const char *fault = NULL;
    if (resource->check == SFPM_CHECK_IGNORE || resource->policy == SFPM_RESOURCE_CLOSE)
        return true;
    if (resource->policy == SFPM_RESOURCE_REOPEN &&
        !path_leads_to(resource->path, status))
        fault = "is no longer the open file: it was moved, replaced or removed";
    else if (!facts->has_head && (resource->identity & SFPM_SAME_CONTENT))
        fault = "cannot be read, so it could not be recognized later";
    if (!fault)
        return true;
    const char *path = resource->path ? resource->path : "it";
    if (resource->check == SFPM_CHECK_STRICT)
        return sfpm_fail(SFPM_ERR_MISMATCH, "%s %s", path, fault);
    sfpm_snapshot_log(snapshot, SFPM_LOG_WARNING, "Resource '%s': %s %s", resource->name,
                      path, fault);
    return true;
}

static bool observe(const sfpm_snapshot_t *snapshot, const sfpm_resource_t *resource,
                    sfpm_facts_t *facts)
{
    struct stat status;
    int fd = sfpm_resource_descriptor(resource);
    *facts = (sfpm_facts_t){.kind = SFPM_FACTS_CLOSED, .path = resource->path};
    if (fd < 0)
        return true;
    if (resource->policy == SFPM_RESOURCE_FAIL)
        return sfpm_fail(SFPM_ERR_REFUSED, "it is open: close it before saving");
    facts->kind = SFPM_FACTS_OTHER;
    if (fstat(fd, &status) != 0)
        return sfpm_fail_errno(errno, "descriptor %d", fd);
    if (S_ISREG(status.st_mode)) {
        /* Flushing may have made it longer. */
        if (!find_offset(resource, fd, &facts->offset))
            return false;
        if (fstat(fd, &status) != 0)
            return sfpm_fail_errno(errno, "descriptor %d", fd);
        sfpm_facts_of_file(facts, fd, &status, resource->path);
        return check_future(snapshot, resource, facts, &status);
    }
    return resource->policy != SFPM_RESOURCE_REOPEN ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "%s is not a regular file: only regular files can be reopened; "
                     "choose another policy",
                     resource->path);
}

/* The attribute's key; names are short. */
static void key_of(const char *name, char key[SFPM_RESOURCE_KEY_SIZE])
{
    snprintf(key, SFPM_RESOURCE_KEY_SIZE, SFPM_RESOURCE_PREFIX "%s", name);
}

/* Sets an attribute of an edit, or of a snapshot. */
typedef bool (*set_attribute_t)(void *to, const char *key, const char *value);

static bool set_in_edit(void *edit, const char *key, const char *value)
{
    return sfpm_edit_set_attribute(edit, key, value);
}

static bool set_in_snapshot(void *snapshot, const char *key, const char *value)
{
    return sfpm_snapshot_set_attribute(snapshot, key, value);
}

static bool record_all(const sfpm_snapshot_t *snapshot, set_attribute_t set, void *to)
{
    const sfpm_callbacks_t *callbacks = snapshot->callbacks;
    char key[SFPM_RESOURCE_KEY_SIZE];
    for (size_t i = 0; i < callbacks->num_files; i++) {
        const sfpm_resource_t *resource = &callbacks->files[i].given;
        sfpm_facts_t facts;
        if (!observe(snapshot, resource, &facts))
            return sfpm_fail_prefix("nothing was saved: resource '%s'", resource->name);
        key_of(resource->name, key);
        char *text = sfpm_facts_encode(&facts);
        bool ok = text && set(to, key, text);
        free(text);
        if (!ok)
            return false;
    }
    return true;
}

bool sfpm_resources_record(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit)
{
    return record_all(snapshot, set_in_edit, edit);
}

bool sfpm_resources_freeze(const sfpm_snapshot_t *snapshot, sfpm_snapshot_t *frozen)
{
    return record_all(snapshot, set_in_snapshot, frozen);
}

/* Set as an attribute: what a background save writes. */
static bool is_frozen(const sfpm_snapshot_t *snapshot, const char *key)
{
    return sfpm_attributes_find(&snapshot->settings.attributes, key) != NULL;
}

static bool is_registered(const sfpm_callbacks_t *callbacks, const char *name)
{
    return sfpm_name_map_count(&callbacks->file_names, name) > 0;
}

bool sfpm_resources_forget(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                           sfpm_edit_t *edit)
{
    const size_t length = strlen(SFPM_RESOURCE_PREFIX);
    const char *key;
    const char *value;
    for (size_t i = 0; i < sfpm_image_commit_info(image)->num_attributes; i++)
        if (sfpm_image_attribute(image, i, &key, &value) &&
            strncmp(key, SFPM_RESOURCE_PREFIX, length) == 0 &&
            !is_registered(snapshot->callbacks, key + length) &&
            !is_frozen(snapshot, key) && !sfpm_edit_set_attribute(edit, key, NULL))
            return false;
    return true;
}

const char *sfpm_resource_recorded(const sfpm_resource_t *resource,
                                   const sfpm_image_t *image)
{
    char wanted[SFPM_RESOURCE_KEY_SIZE];
    const char *key;
    const char *value;
    key_of(resource->name, wanted);
    size_t low = 0, high = sfpm_image_commit_info(image)->num_attributes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (!sfpm_image_attribute(image, middle, &key, &value))
            return NULL;
        int order = strcmp(key, wanted);
        if (order == 0)
            return value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
