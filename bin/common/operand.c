/* SPDX-License-Identifier: MIT */
/*
 * Opens the image that an operand names, FILE, FILE@N or -, asks for its key if
 * necessary, and reports failures and warnings about it.
 */
#include "common/operand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/files.h"
#include "common/module.h"
#include "common/number.h"
#include "common/options.h"
#include "common/pager.h"
#include "common/progress.h"
#include "common/tool.h"

/* Understands the N of FILE@N; false if it is invalid. */
static bool parse_commit(const char *text, int64_t *commit)
{
    bool negative = text[0] == '-';
    const char *digits = text + negative;
    uint64_t value;
    if (digits[0] < '0' || digits[0] > '9' ||
        !number_parse(digits, strlen(digits), &value) || value > INT64_MAX)
        return false;
    *commit = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* A file with exactly that name takes precedence. Returns false after printing why not.
 */
static bool parse(operand_t *operand, const char *text)
{
    *operand = (operand_t){.label = text};
    if (strcmp(text, "-") == 0) {
        operand->label = "standard input";
        return true;
    }
    operand->path = operand->copy = strdup(text);
    if (!operand->copy) {
        tool_fail(text, "out of memory");
        return false;
    }
    char *at = strrchr(operand->copy, '@');
    struct stat found;
    int64_t commit;
    if (at && at != operand->copy && parse_commit(at + 1, &commit) &&
        lstat(text, &found) == -1 && errno == ENOENT) {
        if (commit == 0) {
            tool_fail(
                text,
                "invalid commit: commits are numbered from 1; @-1 is the one before "
                "the last");
            return false;
        }
        *at = '\0';
        operand->commit = commit;
        operand->selects = true;
    }
    return true;
}

bool operand_print_beside(const char *text, int *status)
{
    operand_t operand;
    *status = tool_failure();
    bool ok = parse(&operand, text) &&
              (!operand.path || files_print_beside(operand.path, status));
    free(operand.copy);
    return ok;
}

/* For an image that turns out to be encrypted: the secret that is known, or the one
 * that the user knows. An answer also serves bases and further images. */
static bool asked_passphrase;
static const sfpm_secret_t *ask(void *context, const char *name, bool passphrase)
{
    (void)context;
    asked_passphrase = passphrase;
    if (!options.secret.known && passphrase) {
        pager_end();
        options.asked = secret_prompt(&options.secret, name, false);
    }
    options.secret.secret.max_scrypt = options.max_scrypt;
    return options.secret.known ? &options.secret.secret : NULL;
}

static void tell_failure(const operand_t *operand)
{
    const char *label = operand->label;
    if (sfpm_last_status() == SFPM_ERR_KEY && !options.secret.known)
        tool_fail(label, "%s: use %s", tool_last_error(label),
                  asked_passphrase ? "--passphrase-fd" : "--key-file");
    else
        tool_fail_last(label);
}

static bool open_image(operand_t *operand, const char *text, sfpm_image_options_t *how)
{
    if (!parse(operand, text))
        return false;
    how->commit = operand->commit;
    if (module_is_file(operand->path)) {
        operand->module = module_image(operand->path, operand->label);
        if (!operand->module)
            return false;
    }
    if (operand->module)
        operand->image =
            sfpm_image_open_fd(fileno(operand->module), operand->label, how);
    else if (operand->path)
        operand->image = sfpm_image_open(operand->path, how);
    else
        operand->image = sfpm_image_open_fd(STDIN_FILENO, operand->label, how);
    if (operand->path)
        files_read("the image that is read", operand->path);
    else
        files_read_fd("the image that is read", STDIN_FILENO);
    if (operand->image)
        files_read_bases(operand->image);
    else
        tell_failure(operand);
    return operand->image != NULL;
}

sfpm_image_options_t operand_options(void)
{
    bool expected = options.secret.known && !options.asked && !options.encrypt;
    options.secret.secret.max_scrypt = options.max_scrypt;
    return (sfpm_image_options_t){.struct_size = sizeof(sfpm_image_options_t),
                                  .max_memory = options.max_memory,
                                  .secret = expected ? &options.secret.secret : NULL,
                                  .ask = ask,
                                  .progress = progress_shown(),
                                  .base = options.base,
                                  .digest = options.digest_text ? options.digest : NULL};
}

bool operand_open(operand_t *operand, const char *text)
{
    sfpm_image_options_t how = operand_options();
    return open_image(operand, text, &how);
}

bool operand_open_base(operand_t *operand, const char *text)
{
    sfpm_image_options_t how = {
        .struct_size = sizeof how, .max_memory = options.max_memory, .ask = ask};
    return open_image(operand, text, &how);
}

bool operand_is_encrypted(const operand_t *operand)
{
    return operand->image &&
           (sfpm_image_info(operand->image)->incompatible & SFPM_FEATURE_ENCRYPTED) != 0;
}

void operand_warn(const operand_t *operand)
{
    const char *warning = sfpm_image_info(operand->image)->warning;
    if (warning)
        tool_warn(operand->label, warning);
}

void operand_close(operand_t *operand)
{
    sfpm_image_close(operand->image);
    if (operand->module)
        fclose(operand->module);
    free(operand->copy);
    *operand = (operand_t){.label = NULL};
}

bool operand_identity(const operand_t *operand, struct stat *identity)
{
    return operand->path ? stat(operand->path, identity) == 0
                         : fstat(STDIN_FILENO, identity) == 0;
}
