/* SPDX-License-Identifier: MIT */
/*
 * Chooses where a tool's image goes, refuses impossible combinations before any work is
 * done, and writes, appends to or replaces it.
 */
#include "common/output.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sfpm/number.h>

#include "common/files.h"
#include "common/options.h"
#include "common/progress.h"
#include "common/tool.h"
#include "common/unfinished.h"

static unsigned long long number_shown(const operand_t *operand)
{
    return sfpm_image_commit_info(operand->image)->number;
}

static bool check_in_place(const operand_t *operand, int *status)
{
    struct stat file;
    if (!operand->path)
        *status = tool_usage("-i: cannot change standard input in place: use -o FILE");
    else if (operand->module)
        *status = tool_usage("-i: '%s' is a WebAssembly module, not an image: use -o FILE",
                             operand->label);
    else if (operand->selects)
        *status = tool_usage("-i: '%s' is an earlier commit, but only the last one can "
                             "be changed in place: go back first, which keeps history, "
                             "with 'sfpm-patch -i --undo-to %llu %s', or use -o FILE",
                             operand->label, number_shown(operand), operand->path);
    else if (operand_identity(operand, &file) && !S_ISREG(file.st_mode))
        *status =
            tool_fail(operand->label, "is not a regular file, and cannot be changed "
                                      "in place: use -o FILE");
    else
        return true;
    return false;
}

/* Checks for outputs that the library refuses, before the work and not after it. */
static bool check_target(output_kind_t kind, int *status)
{
    struct stat file;
    bool to_stdout = kind == OUTPUT_STDOUT;
    const char *name = to_stdout ? "standard output" : options.output;
    if ((to_stdout ? fstat(STDOUT_FILENO, &file) : stat(name, &file)) != 0)
        return true;
    off_t at = to_stdout ? lseek(STDOUT_FILENO, 0, SEEK_CUR) : -1;
    if (S_ISBLK(file.st_mode))
        *status = tool_fail(name, "is a block device, where old data would follow the "
                                  "image: write to a file");
    else if (S_ISREG(file.st_mode) && at >= 0 && at < file.st_size &&
             !(fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND))
        *status =
            tool_fail(name,
                      "holds old data (%jd B) that would follow the image: use > or "
                      "-o FILE",
                      (intmax_t)(file.st_size - at));
    else
        return true;
    return false;
}

/* Fails before the work, not after it, if the result could not be written. */
static bool check_date(int *status)
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (sfpm_commit_time(&seconds, &nanoseconds))
        return true;
    *status = tool_mistake(NULL, "%s", sfpm_last_error());
    return false;
}

bool output_choose(const operand_t *operand, output_kind_t usual, output_kind_t *kind,
                   int *status)
{
    if (!check_date(status))
        return false;
    *kind = usual;
    if (options.in_place)
        *kind = OUTPUT_IN_PLACE;
    else if (options.output)
        *kind = strcmp(options.output, "-") == 0 ? OUTPUT_STDOUT : OUTPUT_FILE;

    if (*kind == OUTPUT_IN_PLACE)
        return check_in_place(operand, status);
    if (*kind == OUTPUT_STDOUT && isatty(STDOUT_FILENO)) {
        *status =
            tool_usage("refusing to write an image to a terminal: use -o FILE or a pipe");
        return false;
    }
    return *kind == OUTPUT_NONE ||
           (files_write("-o", *kind == OUTPUT_FILE ? options.output : NULL,
                        operand->image ? "use -i, or name another file"
                                       : "name another file",
                        status) &&
            check_target(*kind, status));
}

static void warn(void *context, const char *text)
{
    tool_warn(context, text);
}

sfpm_write_options_t output_options(const operand_t *operand, const char *name)
{
    bool secret = options.encrypt || operand_is_encrypted(operand);
    return (sfpm_write_options_t){.struct_size = sizeof(sfpm_write_options_t),
                                  .mode = secret ? S_IRUSR | S_IWUSR : 0,
                                  .ignore_hard_links = options.force != 0,
                                  .progress = progress_shown(),
                                  .keep = options.keep,
                                  .sync_every = options.sync_every,
                                  .warn = warn,
                                  .warn_context = (void *)(uintptr_t)name,
                                  .temporary = unfinished_note};
}

static const char *output_name(output_kind_t kind, const operand_t *operand)
{
    if (kind == OUTPUT_IN_PLACE)
        return operand->label;
    return kind == OUTPUT_FILE ? options.output : "standard output";
}

bool output_lock(output_kind_t kind, const operand_t *operand)
{
    sfpm_write_options_t how = output_options(operand, operand->label);
    if (kind != OUTPUT_IN_PLACE || sfpm_image_lock(operand->image, &how))
        return true;
    tool_fail_last(operand->label);
    return false;
}

void output_rescue(const operand_t *operand, sfpm_edit_t *edit)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.rescued-%ld", operand->path, (long)getpid());
    sfpm_write_options_t how = output_options(operand, path);
    how.mode = S_IRUSR | S_IWUSR; /* who might read the image is not known any more */
    if (sfpm_edit_save(edit, path, &how))
        tool_fail(path, "holds the state that could not be saved in %s, without history: "
                  "continue with 'sfpm-run -i %s'",
                  operand->path, path);
    else
        tool_fail_last(path);
}

/* Damage found while writing is in the input. */
static int fail(const char *name, const operand_t *operand)
{
    bool damaged = operand->image && tool_met_damage();
    return tool_fail_last(damaged ? operand->label : name);
}

static bool write_to(output_kind_t kind, const operand_t *operand, const char *name,
                     sfpm_edit_t *edit)
{
    sfpm_write_options_t how = output_options(operand, name);
    if (kind == OUTPUT_IN_PLACE)
        return sfpm_edit_append(edit, &how);
    if (kind == OUTPUT_FILE)
        return sfpm_edit_save(edit, options.output, &how);
    return sfpm_edit_save_fd(edit, STDOUT_FILENO, name, &how);
}

int output_write(output_kind_t kind, const operand_t *operand, sfpm_edit_t *edit)
{
    const char *name = output_name(kind, operand);
    return write_to(kind, operand, name, edit) ? EXIT_SUCCESS : fail(name, operand);
}

/* Replacing a file leaves its other names with the old image. */
static bool check_names(output_kind_t kind, const operand_t *operand)
{
    struct stat file;
    if (kind != OUTPUT_IN_PLACE || options.force || !operand_identity(operand, &file) ||
        file.st_nlink <= 1)
        return true;
    tool_fail(operand->label,
              "the file has %lu names (hard links), and the others would keep the old "
              "image: use --force, or -o FILE",
              (unsigned long)file.st_nlink);
    return false;
}

int output_replace(output_kind_t kind, const operand_t *operand, sfpm_edit_t *edit)
{
    const char *name = output_name(kind, operand);
    sfpm_write_options_t how = output_options(operand, name);
    if (kind == OUTPUT_STDOUT)
        return output_write(kind, operand, edit);
    if (!check_names(kind, operand))
        return tool_failure();
    const char *path = kind == OUTPUT_FILE ? options.output : operand->path;
    return sfpm_edit_save(edit, path, &how) ? EXIT_SUCCESS : fail(name, operand);
}

int output_rewrite(output_kind_t kind, const operand_t *operand,
                   sfpm_rewrite_options_t *rewrite)
{
    const char *name = output_name(kind, operand);
    sfpm_write_options_t how = output_options(operand, name);
    const char *path = kind == OUTPUT_FILE ? options.output : operand->path;
    if (!check_names(kind, operand))
        return tool_failure();
    rewrite->write = &how;
    bool ok = kind == OUTPUT_STDOUT
                  ? sfpm_image_rewrite_fd(operand->image, STDOUT_FILENO, name, rewrite)
                  : sfpm_image_rewrite(operand->image, path, rewrite);
    rewrite->write = NULL;
    return ok ? EXIT_SUCCESS : fail(name, operand);
}
