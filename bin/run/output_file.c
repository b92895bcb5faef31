/* SPDX-License-Identifier: MIT */
/*
 * The file of --stdout. Its length is recorded with each saved state and cut back on
 * resuming, so that each byte of output appears exactly once.
 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/number.h"
#include "common/tool.h"

/* The attribute that records how much of the file belongs to the saved state. */
#define POSITION "output-position"

static struct {
    FILE *file;
    const char *path;
} sink;

static bool fail_file(const char *what)
{
    tool_fail(sink.path, "%s: %s", what, strerror(errno));
    return false;
}

static bool recorded_position(const operand_t *image, uint64_t *position)
{
    const char *key, *value;
    *position = 0;
    size_t count = sfpm_image_commit_info(image->image)->num_attributes;
    for (size_t i = 0; i < count; i++) {
        if (!sfpm_image_attribute(image->image, i, &key, &value) ||
            strcmp(key, POSITION) != 0)
            continue;
        if (number_parse(value, strlen(value), position) && *position <= INT64_MAX)
            return true;
        tool_fail(image->label, "attribute %s: '%s' is not a position", key, value);
        return false;
    }
    return true;
}

/* Later bytes were written after the state was saved: the program writes them again. */
static bool truncate_output(int fd, const operand_t *image, uint64_t position)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return fail_file("cannot be examined");
    if (!S_ISREG(file.st_mode)) {
        tool_fail(sink.path, "not a regular file, which --stdout requires");
        return false;
    }
    if ((uint64_t)file.st_size < position) {
        tool_fail(sink.path,
                  "has %" PRIu64 " bytes, but %s was saved after %" PRIu64
                  ": put the file back, or start the program with --fresh",
                  (uint64_t)file.st_size, image->label, position);
        return false;
    }
    if (ftruncate(fd, (off_t)position) != 0 || lseek(fd, 0, SEEK_END) < 0)
        return fail_file("cannot be truncated");
    return true;
}

bool sink_open(const char *path, const operand_t *image, bool fresh)
{
    uint64_t position;
    sink.path = path;
    if (!recorded_position(image, &position))
        return false;
    int fd = tool_open(path, O_WRONLY | O_CREAT, 0666);
    if (fd == -1)
        return fail_file("cannot be written");
    if (!truncate_output(fd, image, fresh ? 0 : position)) {
        close(fd);
        return false;
    }
    sink.file = fdopen(fd, "w");
    return sink.file || fail_file("cannot be written");
}

bool sink_write(void *context, const void *bytes, size_t size)
{
    FILE *file = context ? context : sink.file;
    return fwrite(bytes, 1, size, file) == size;
}

bool sink_sync(void)
{
    if (!sink.file)
        return true;
    return (fflush(sink.file) == 0 && fsync(fileno(sink.file)) == 0) ||
           fail_file("cannot be written");
}

bool sink_record(sfpm_edit_t *edit)
{
    char text[32];
    if (!sink.file)
        return true;
    snprintf(text, sizeof text, "%jd", (intmax_t)ftello(sink.file));
    return sfpm_edit_set_attribute(edit, POSITION, text);
}
