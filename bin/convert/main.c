/* SPDX-License-Identifier: MIT */
/* sfpm-convert: converts an image to another form. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/files.h"
#include "common/number.h"
#include "common/operand.h"
#include "common/options.h"
#include "common/output.h"
#include "common/tool.h"

static int decrypt, flatten, compact, to_v1, to_v2, salvage;
static char *keep_text, *base_name, *new_key_file, *new_passphrase_fd, *max_size_text;
static uint64_t keep, max_size = UINT64_C(1) << 30;
static secret_t new_secret;

static struct poptOption table_encryption[] = {
    {"encrypt", '\0', POPT_ARG_NONE, &options.encrypt, 0,
     "encrypt the image, or change its key", NULL},
    {"decrypt", '\0', POPT_ARG_NONE, &decrypt, 0, "write the image unencrypted", NULL},
    {"new-key-file", '\0', POPT_ARG_STRING, &new_key_file, 0,
     "encrypt with the key in FILE instead of the one that opens the image", "FILE"},
    {"new-passphrase-fd", '\0', POPT_ARG_STRING, &new_passphrase_fd, 0,
     "encrypt with the passphrase read from descriptor N", "N"},
    POPT_TABLEEND};

static struct poptOption table_history[] = {
    {"flatten", '\0', POPT_ARG_NONE, &flatten, 0,
     "keep only the state shown, as one commit", NULL},
    {"keep", '\0', POPT_ARG_STRING, &keep_text, 0, "keep only the last N commits", "N"},
    {"compact", '\0', POPT_ARG_NONE, &compact, 0,
     "keep all commits, but drop data that no commit needs", NULL},
    {"base", '\0', POPT_ARG_STRING, &base_name, 0,
     "write a delta: only what differs from FILE or FILE@N", "FILE"},
    POPT_TABLEEND};

static const struct poptOption table[] = {
    {"to-v1", '\0', POPT_ARG_NONE, &to_v1, 0,
     "write the state shown in the original layout, version 1", NULL},
    {"max-size", '\0', POPT_ARG_STRING, &max_size_text, 0,
     "with --to-v1, write at most SIZE bytes, such as 4G, of regions (default: 1G)",
     "SIZE"},
    {"to-v2", '\0', POPT_ARG_NONE, &to_v2, 0, "write a version 1 image as version 2",
     NULL},
    {"salvage", '\0', POPT_ARG_NONE, &salvage, 0,
     "recover what is intact in a damaged image; report what is lost", NULL},
    {"force", '\0', POPT_ARG_NONE, &options.force, 0,
     "with -i, also replace a file that has several hard links", NULL},
    OPTIONS_STORAGE,
    OPTIONS_GROUP(table_encryption, "Encryption:"),
    OPTIONS_GROUP(table_history, "History:"),
    OPTIONS_REPLACE,
    OPTIONS_SECRET,
    OPTIONS_LIMITS,
    OPTIONS_COMMON("  sfpm-convert -i --compress zstd:9 app.img\n"
                   "  sfpm-convert -o sealed.img --encrypt --key-file app.key app.img\n"
                   "  sfpm-convert -o plain.img --decrypt --key-file app.key sealed.img\n"
                   "  sfpm-convert -o day2.img --base day1.img app.img   a delta\n"
                   "  sfpm-convert -i --keep 10 app.img"),
    POPT_TABLEEND};

/* ---- what was asked for ---- */

static bool exclude(int *status, int first, const char *first_name, int second,
                    const char *second_name)
{
    if (!first || !second)
        return false;
    *status = tool_usage("%s and %s cannot be used together", first_name, second_name);
    return true;
}

static bool check_max_size(int *status)
{
    if (!max_size_text)
        return true;
    if (!to_v1)
        *status = tool_usage("--max-size requires --to-v1");
    else if (!number_parse_size(max_size_text, &max_size) || max_size == 0)
        *status = tool_usage("--max-size: '%s' is not a size such as 64M", max_size_text);
    else
        return true;
    return false;
}

/* Returns whether the options make sense together. */
static bool check_options(int *status)
{
    bool new_key = new_key_file || new_passphrase_fd != NULL;
    bool storage = options.compression || options.jobs > 0;
    if (!storage && !options.encrypt && !decrypt && !flatten && !compact && !to_v1 &&
        !to_v2 && !salvage && !keep_text && !base_name) {
        *status = tool_usage(
            "no conversion was given: use --compress, --encrypt, --decrypt, --flatten, "
            "--keep, --compact, --base, --to-v1, --to-v2 or --salvage");
        return false;
    }
    if (new_key && !options.encrypt) {
        *status = tool_usage("--new-key-file and --new-passphrase-fd require --encrypt");
        return false;
    }
    int kept = keep_text != NULL, delta = base_name != NULL;
    int other = storage || options.encrypt || decrypt || flatten || compact || to_v1 ||
                to_v2 || kept || delta || options.digest_text != NULL;
    return options_number("--keep", keep_text, INT64_MAX, &keep, status) &&
           check_max_size(status) &&
           !exclude(status, options.encrypt, "--encrypt", decrypt, "--decrypt") &&
           !exclude(status, salvage, "--salvage", other, "any option except -o") &&
           !exclude(status, kept, "--keep", flatten, "--flatten") &&
           !exclude(status, kept, "--keep", delta, "--base") &&
           !exclude(status, flatten, "--flatten", delta, "--base") &&
           !exclude(status, to_v1, "--to-v1", to_v2, "--to-v2") &&
           !exclude(status, to_v1, "--to-v1", options.encrypt, "--encrypt") &&
           !exclude(status, to_v1, "--to-v1", storage, "--compress") &&
           !exclude(status, to_v1 || to_v2, "--to-v1 or --to-v2", kept, "--keep") &&
           !exclude(status, to_v1 || to_v2, "--to-v1 or --to-v2", delta, "--base");
}

static bool read_new_secret(int *status)
{
    static const char *const names[2] = {"--new-key-file", "--new-passphrase-fd"};
    return options_read_secret(&new_secret, new_key_file, new_passphrase_fd, names,
                               status) ||
           *status == EXIT_SUCCESS;
}

/* Whether what was asked for can be done with this image. */
static bool check_image(const operand_t *image, int *status)
{
    const char *text = NULL;
    bool sealed = operand_is_encrypted(image);
    bool version1 = sfpm_image_info(image->image)->format == 1;
    if (image->selects && !flatten && !base_name && !to_v1 && !version1)
        text = "an earlier commit requires --flatten, --base or --to-v1";
    else if (version1 && !to_v1 && !to_v2)
        text = "a version 1 image can only be converted with --to-v2";
    else if (to_v1 && sealed && !decrypt)
        text = "version 1 does not support encryption: add --decrypt";
    else if (decrypt && !sealed)
        text = "the image is not encrypted";
    if (!text)
        return true;
    *status = tool_mistake(image->label, "%s", text);
    return false;
}

/* The secret to encrypt with: a new one, or for a plain image the one given, or what
 * the terminal says. NULL with *status set when there is none. */
static const sfpm_secret_t *choose_secret(const operand_t *image, int *status)
{
    if (!new_secret.known && options.secret.known && !operand_is_encrypted(image))
        return &options.secret.secret;
    if (new_secret.known || secret_prompt(&new_secret, image->label, true))
        return &new_secret.secret;
    const char *missing =
        "--encrypt: no key or passphrase was given: use --key-file or --passphrase-fd";
    if (operand_is_encrypted(image))
        missing =
            "already encrypted: use --new-key-file or --new-passphrase-fd to change "
            "the key";
    *status =
        isatty(STDIN_FILENO) ? tool_failure() : tool_mistake(image->label, "%s", missing);
    return NULL;
}

/* ---- doing it ---- */

/* Version 1 stores zeros as well, so that the new file may be much larger than this one.
 */
static bool check_size(const operand_t *image)
{
    uint64_t size = 0;
    bool fits = true;
    for (size_t i = 0; fits && i < sfpm_image_num_regions(image->image); i++) {
        uint64_t now = sfpm_image_region(image->image, i)->size;
        fits = now <= max_size - size;
        size += now;
    }
    if (!fits)
        tool_fail(
            image->label,
            "its regions have more than %" PRIu64
            " bytes, all of which version 1 stores: raise the limit with --max-size",
            max_size);
    return fits;
}

/* From version 1, or to it: an edit without changes, in the other format. */
static int convert_format(const operand_t *image, output_kind_t kind,
                          const sfpm_secret_t *secret)
{
    sfpm_edit_t *edit = sfpm_edit_create(image->image);
    bool ok = edit && sfpm_edit_set_format(edit, to_v1 ? 1 : 2) &&
              (!secret || sfpm_edit_set_secret(edit, secret)) &&
              (!options.compression ||
               sfpm_edit_set_compression(edit, options.compression, options.jobs)) &&
              sfpm_edit_set_creator(edit, tool_creator());
    int status = ok ? output_replace(kind, image, edit) : tool_fail_last(image->label);
    sfpm_edit_destroy(edit);
    return status;
}

/* Whoever opens the delta has one key for it and its base. */
static bool check_base(const operand_t *image, const operand_t *base)
{
    bool sealed = options.encrypt || (operand_is_encrypted(image) && !decrypt);
    if (!operand_is_encrypted(base) || (sealed && !new_secret.known))
        return true;
    tool_fail(base->label, sealed ? "the base image is encrypted, and its delta must use "
                                    "the same key: do not give a new one"
                                  : "the base image is encrypted, so its delta must be "
                                    "encrypted: use --encrypt");
    return false;
}

static int rewrite(const operand_t *image, output_kind_t kind,
                   const sfpm_secret_t *secret)
{
    operand_t base = {.label = NULL};
    sfpm_rewrite_options_t how = {.struct_size = sizeof how,
                                  .compression = options.compression,
                                  .workers = options.jobs,
                                  .secret = secret,
                                  .decrypt = decrypt != 0,
                                  .flatten = flatten != 0,
                                  .keep = keep};
    int status = tool_failure();
    if (!base_name) {
        status = output_rewrite(kind, image, &how);
    } else if (operand_open_base(&base, base_name) && check_base(image, &base)) {
        how.base = base.image;
        status = output_rewrite(kind, image, &how);
    }
    operand_close(&base);
    return status;
}

static int convert(const operand_t *image)
{
    int status;
    output_kind_t kind;
    const sfpm_secret_t *secret = NULL;
    operand_warn(image);
    if (!output_choose(image, OUTPUT_STDOUT, &kind, &status) ||
        !check_image(image, &status))
        return status;
    if (options.encrypt && (secret = choose_secret(image, &status)) == NULL)
        return status;
    if (to_v1 && !check_size(image))
        return tool_failure();
    return to_v1 || sfpm_image_info(image->image)->format == 1
               ? convert_format(image, kind, secret)
               : rewrite(image, kind, secret);
}

/* ---- a damaged image ---- */

static void tell_loss(void *context, uint64_t commit, const char *region, bool recovered,
                      const char *text)
{
    char place[32] = "", named[320] = "";
    if (recovered)
        return;
    (void)text; /* the same in parts: the region is named here */
    const sfpm_failure_t *failure = sfpm_last_failure();
    if (commit != 0)
        snprintf(place, sizeof place, "commit %" PRIu64 "%s", commit,
                 region ? ", " : ": ");
    if (region)
        snprintf(named, sizeof named, "region '%.256s': ", region);
    tool_fail(context, "lost: %s%s%s", place, named,
              region ? failure->detail : tool_last_error(context));
}

/* Its contents are unknown before it is read, so only its owner gets access to the new
 * file. */
static int salvage_image(const char *name)
{
    operand_t damaged = {.label = name, .path = name};
    output_kind_t kind;
    int status;
    if (strcmp(name, "-") == 0 || !options.output || strcmp(options.output, "-") == 0)
        return tool_usage("--salvage: no file, or no -o FILE, was given");
    files_read("the image that is read", name);
    if (!output_choose(&damaged, OUTPUT_FILE, &kind, &status))
        return status;
    sfpm_image_options_t how = operand_options();
    sfpm_write_options_t write = output_options(&damaged, options.output);
    write.mode = S_IRUSR | S_IWUSR;
    return sfpm_image_salvage(name, options.output, &how, &write, tell_loss,
                              (void *)(uintptr_t)name)
               ? EXIT_SUCCESS
               : tool_fail_last(name);
}

static int convert_operands(poptContext popt)
{
    const char *name = poptGetArg(popt);
    if (!name)
        return tool_usage("no IMAGE was given; - is standard input");
    if (poptPeekArg(popt) != NULL)
        return tool_usage("only one IMAGE can be converted at a time");
    if (base_name && strcmp(base_name, "-") == 0)
        return tool_usage(
            "--base: the base image must be a file: deltas refer to it by name");
    if (salvage)
        return salvage_image(name);
    operand_t image;
    int status = tool_failure();
    if (operand_open(&image, name))
        status = convert(&image);
    operand_close(&image);
    return status;
}

int main(int argc, char **argv)
{
    tool_start("sfpm-convert", 1, 2);
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table, "IMAGE\nConverts an image to another form.", 0,
                      &popt, &status) &&
        check_options(&status) && read_new_secret(&status))
        status = convert_operands(popt);
    options_free(popt);
    secret_wipe(&new_secret);
    free(keep_text);
    free(max_size_text);
    free(base_name);
    free(new_key_file);
    free(new_passphrase_fd);
    return tool_flush(status);
}
