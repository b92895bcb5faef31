/* SPDX-License-Identifier: MIT */
/* sfpm-save: makes the image of a new machine from assembly text or a module. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/memfs.h>
#include <sfpm/vm.h>

#include "common/adding.h"
#include "common/escape.h"
#include "common/files.h"
#include "common/input.h"
#include "common/module.h"
#include "common/options.h"
#include "common/output.h"
#include "common/tool.h"
#include "save/sections.h"

static int raw, strip, keep_sections;
static char **added; /* of --add; NULL at the end, or NULL */
static char *guest;  /* of --memfs; or NULL */

static const struct poptOption table[] = {
    {"raw", '\0', POPT_ARG_NONE, &raw, 0,
     "PROGRAM holds bytes of code, not assembly text", NULL},
    {"strip", '\0', POPT_ARG_NONE, &strip, 0,
     "leave out names and lines of source", NULL},
    {"keep-sections", '\0', POPT_ARG_NONE, &keep_sections, 0,
     "keep the custom sections of a module, as regions", NULL},
    {"add", '\0', POPT_ARG_ARGV, &added, 0,
     "put file or directory HOST into the image, as GUEST; may be repeated",
     "HOST[::GUEST]"},
    {"memfs", '\0', POPT_ARG_STRING, &guest, 0,
     "let the program find these files in directory GUEST (default: /)", "GUEST"},
    {"encrypt", '\0', POPT_ARG_NONE, &options.encrypt, 0,
     "encrypt the image with a key or a passphrase", NULL},
    OPTIONS_NEW_FILE,
    OPTIONS_TEXTS,
    OPTIONS_STORAGE,
    OPTIONS_SECRET,
    OPTIONS_COMMON("  sfpm-save sum.s | sfpm-run -\n"
                   "  sfpm-save -o sum.img -d 'adds two numbers' sum.s\n"
                   "  printf '\\0\\12\\0\\5\\1\\4\\5' | sfpm-save --raw - | sfpm-run -"),
    POPT_TABLEEND};

/* The sfpm_vm_region_callback_t that gives all regions of a machine but `symbols`. */
static bool give_region(void *context, const char *name, const void **bytes, size_t *size)
{
    sfpm_vm_region_t region;
    bool keeps = strcmp(name, "symbols") != 0;
    for (size_t i = 0; keeps && sfpm_vm_region(context, i, &region, sizeof region); i++)
        if (strcmp(region.name, name) == 0) {
            *bytes = region.bytes;
            *size = region.size;
        }
    return true;
}

/* Puts a machine without symbols in the place of one that was made. */
static bool strip_symbols(sfpm_vm_t **vm)
{
    sfpm_vm_t *stripped = sfpm_vm_create();
    bool ok = stripped && sfpm_vm_load(stripped, give_region, *vm);
    sfpm_vm_destroy(ok ? *vm : stripped);
    if (ok)
        *vm = stripped;
    return ok;
}

/* The files inside the image: NULL without any, or after printing why not. */
static sfpm_memfs_t *make_files(const operand_t *program, bool *ok)
{
    *ok = true;
    if (!added && !guest)
        return NULL;
    sfpm_memfs_t *memfs =
        sfpm_memfs_create(NULL, guest ? guest : "/", SFPM_MEMFS_MAX_SIZE);
    *ok = memfs != NULL;
    if (!memfs)
        tool_fail_last(program->label);
    for (char **text = added; *ok && text && *text; text++)
        *ok = adding_copy(memfs, *text);
    return memfs;
}

static int write_image(sfpm_vm_t *vm, output_kind_t kind, const operand_t *program,
                       const char *text, size_t size)
{
    int status;
    bool ok;
    sfpm_memfs_t *files = make_files(program, &ok);
    sfpm_edit_t *edit = ok ? sfpm_edit_create(NULL) : NULL;
    if (!ok)
        status = tool_failure();
    else if (!edit || !options_fill_storage(edit) || !sfpm_vm_fill_edit(vm, edit) ||
             (files && !sfpm_memfs_fill_edit(files, edit)) ||
             !options_fill_edit(edit, NULL))
        status = tool_fail_last(program->label);
    else if (keep_sections && !sections_keep(edit, program->label, text, size))
        status = tool_failure();
    else
        status = output_write(kind, program, edit);
    sfpm_edit_destroy(edit);
    sfpm_memfs_destroy(files);
    return status;
}

static int checkpoint(const operand_t *program, output_kind_t kind)
{
    char *text;
    size_t size;
    if (!input_read(program->path, MODULE_MAX, &text, &size))
        return tool_failure();
    int status = tool_failure();
    sfpm_vm_t *vm = sfpm_vm_create();
    if (!vm)
        status = tool_fail_last(program->label);
    else if (keep_sections && (raw || !module_is(text, size)))
        tool_fail(program->label, "is not a WebAssembly module: there are no sections to "
                                  "keep");
    else if (!module_load(vm, program->path ? program->path : "<stdin>", text, size, raw))
        status = tool_failure();
    else if (strip && !strip_symbols(&vm))
        status = tool_fail_last(program->label);
    else
        status = write_image(vm, kind, program, text, size);
    sfpm_vm_destroy(vm);
    free(text);
    return status;
}

/* The key to encrypt with; the terminal gives one when no option does. */
static bool prepare_secret(const char *name, int *status)
{
    if (!options.encrypt) {
        if (!options.secret.known)
            return true;
        bool said = options.key_file || options.passphrase_fd;
        *status =
            tool_usage("%s, but --encrypt was not given",
                       said ? "a key or passphrase was named" : "SFPM_KEY_FILE was set");
        return false;
    }
    if (options.secret.known)
        return true;
    *status = isatty(STDIN_FILENO)
                  ? tool_failure()
                  : tool_usage("--encrypt: no key or passphrase was given: use "
                               "--key-file or --passphrase-fd");
    return secret_prompt(&options.secret, name, true);
}

int main(int argc, char **argv)
{
    tool_start("sfpm-save", 1, 2);
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table,
                      "PROGRAM\nMakes an image of a program that has not started yet. PROGRAM is "
                      "assembly text or a\nWebAssembly module.", 0,
                      &popt, &status)) {
        const char *name = poptGetArg(popt);
        output_kind_t kind;
        if (!name) {
            status = tool_usage("no PROGRAM was given; - is standard input");
        } else if (poptPeekArg(popt)) {
            status = tool_usage("only one PROGRAM can be saved at a time");
        } else {
            bool piped = strcmp(name, "-") == 0;
            operand_t program = {.label = piped ? "standard input" : name,
                                 .path = piped ? NULL : name};
            if (piped)
                files_read_fd("the program", STDIN_FILENO);
            else
                files_read("the program", name);
            const char *target = options.output ? options.output : "the image";
            if (output_choose(&program, OUTPUT_STDOUT, &kind, &status) &&
                prepare_secret(target, &status))
                status = checkpoint(&program, kind);
        }
    }
    options_free(popt);
    for (char **text = added; text && *text; text++)
        free(*text);
    free(added);
    free(guest);
    return tool_flush(status);
}
