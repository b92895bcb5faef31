/* SPDX-License-Identifier: MIT */
/*
 * Reads a text file or standard input whole, up to a limit: assembly text and edits are
 * parsed from memory.
 */
#include "common/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/stream.h"
#include "common/tool.h"

/* Returns NULL and errno; ENOMEM, EFBIG beyond the limit, or the system's. */
static char *read_all(int fd, size_t limit, size_t *size)
{
    char *text = NULL;
    size_t room = 0;
    *size = 0;
    for (;;) {
        if (room - *size < 2) {
            room = room == 0 ? 65536 : room * 2;
            char *larger = realloc(text, room);
            if (!larger)
                break;
            text = larger;
        }
        ssize_t got = stream_read(fd, text + *size, room - *size - 1);
        if (got == 0) {
            text[*size] = '\0';
            return text;
        }
        if (got > 0)
            *size += (size_t)got;
        else
            break;
        if (*size > limit) {
            errno = EFBIG;
            break;
        }
    }
    int error = errno;
    free(text);
    errno = error;
    return NULL;
}

bool input_read(const char *path, size_t limit, char **text, size_t *size)
{
    const char *label = path ? path : "standard input";
    int fd = path ? tool_open(path, O_RDONLY, 0) : STDIN_FILENO;
    *text = fd >= 0 ? read_all(fd, limit, size) : NULL;
    if (!*text)
        tool_fail(label, "%s", strerror(errno));
    if (path && fd >= 0)
        close(fd);
    return *text != NULL;
}
