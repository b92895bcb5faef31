/* SPDX-License-Identifier: MIT */
/* Paths, name by name. */
#include "wasi/rest.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MAX_LINKS = 40, MAX_REST = 1 << 16 };

sfpm_wasi_errno_t sfpm_rest_begin(sfpm_wasi_rest_t *rest, const char *path)
{
    *rest = (sfpm_wasi_rest_t){.text = NULL};
    if (*path == '/')
        return WASI_ENOTCAPABLE;
    rest->text = sfpm_copy_string(path);
    return rest->text ? WASI_SUCCESS : WASI_ENOMEM;
}

size_t sfpm_rest_next(sfpm_wasi_rest_t *rest, char *name, size_t most, bool *slash)
{
    rest->at += strspn(rest->text + rest->at, "/");
    const char *from = rest->text + rest->at;
    size_t length = strcspn(from, "/");
    rest->at += length;
    *slash = rest->text[rest->at] == '/';
    if (length <= most) {
        memcpy(name, from, length);
        name[length] = '\0';
    }
    return length;
}

bool sfpm_rest_is_last(const sfpm_wasi_rest_t *rest)
{
    const char *text = rest->text + rest->at;
    return text[strspn(text, "/")] == '\0';
}

sfpm_wasi_errno_t sfpm_rest_expand(sfpm_wasi_rest_t *rest, const char *target,
                                   size_t length)
{
    const char *follows = sfpm_rest_is_last(rest) ? "" : rest->text + rest->at;
    size_t after = strlen(follows);
    if (target[0] == '/')
        return WASI_ENOTCAPABLE;
    if (++rest->links > MAX_LINKS)
        return WASI_ELOOP;
    if (after > MAX_REST)
        return WASI_ENAMETOOLONG;
    char *joined = SFPM_NEW_N(char, length + after + 1);
    if (!joined)
        return WASI_ENOMEM;
    memcpy(joined, target, length);
    memcpy(joined + length, follows, after + 1);
    free(rest->text);
    rest->text = joined;
    rest->at = 0;
    return WASI_SUCCESS;
}

char *sfpm_rest_trimmed(const char *path, bool *slash)
{
    size_t length = strlen(path);
    char *copy = sfpm_copy_string(path);
    while (copy && length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    *slash = path[length] == '/';
    return copy;
}
