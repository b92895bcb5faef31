/* SPDX-License-Identifier: MIT */
#include "common/operand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/number.h"
#include "common/options.h"
#include "common/tool.h"

/* Understands the N of FILE@N; false when it is none. 0 is not a commit. */
static bool parse_commit(const char *text, int64_t *commit)
{
    bool negative = text[0] == '-';
    const char *digits = text + negative;
    uint64_t value;
    if (digits[0] < '0' || digits[0] > '9' ||
        !number_parse(digits, strlen(digits), &value) || value == 0 || value > INT64_MAX)
        return false;
    *commit = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* A file of that very name wins. */
static bool parse(operand_t *operand, const char *text)
{
    *operand = (operand_t){.label = text};
    if (strcmp(text, "-") == 0) {
        operand->label = "standard input";
        return true;
    }
    operand->path = operand->copy = strdup(text);
    if (operand->copy == NULL)
        return false;
    char *at = strrchr(operand->copy, '@');
    struct stat found;
    int64_t commit;
    if (at != NULL && at != operand->copy && parse_commit(at + 1, &commit) &&
        lstat(text, &found) == -1 && errno == ENOENT) {
        *at = '\0';
        operand->commit = commit;
        operand->selects = true;
    }
    return true;
}

bool operand_open(operand_t *operand, const char *text)
{
    if (!parse(operand, text)) {
        tool_fail(text, "out of memory");
        return false;
    }
    sfpm_image_options_t how = {.struct_size = sizeof(how),
                                .commit = operand->commit,
                                .max_memory = options.max_memory};
    operand->image = operand->path != NULL
                         ? sfpm_image_open(operand->path, &how)
                         : sfpm_image_open_fd(STDIN_FILENO, operand->label, &how);
    if (operand->image == NULL) {
        if (sfpm_last_status() == SFPM_ERR_NOT_IMAGE)
            tool_fail(operand->label, "%s; sfpm-save makes one of a program",
                      tool_last_error(operand->label));
        else
            tool_fail_last(operand->label);
        return false;
    }
    return true;
}

void operand_warn(const operand_t *operand)
{
    const char *warning;
    for (size_t i = 0; (warning = sfpm_image_warning(operand->image, i)) != NULL; i++)
        tool_warn(operand->label, warning);
}

void operand_close(operand_t *operand)
{
    sfpm_image_close(operand->image);
    free(operand->copy);
    *operand = (operand_t){.label = NULL};
}

bool operand_identity(const operand_t *operand, struct stat *identity)
{
    return operand->path != NULL ? stat(operand->path, identity) == 0
                                 : fstat(STDIN_FILENO, identity) == 0;
}
