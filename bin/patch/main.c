/* SPDX-License-Identifier: MIT */
/* sfpm-patch: changes bytes of an image, and goes back to earlier states. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/files.h"
#include "common/input.h"
#include "common/machine.h"
#include "common/number.h"
#include "common/operand.h"
#include "common/options.h"
#include "common/output.h"
#include "common/tool.h"
#include "patch/code.h"
#include "patch/edit.h"
#include "patch/verify.h"

enum {
    MESSAGE_MAX = 1000 /* bytes of a commit's message that is made here */
};

static int undo, only_check, quiet, restart;
static char *edits_file, *undo_to, *code_file;
static uint64_t undo_number; /* of --undo-to; 0: --undo */

static const struct poptOption table[] = {
    {"file", 'f', POPT_ARG_STRING, &edits_file, 0,
     "read edits from FILE, one per line; - is standard input", "FILE"},
    {"code", '\0', POPT_ARG_STRING, &code_file, 0,
     "replace the program's code by that of PROGRAM, a module or assembly text, and keep "
     "its state; - is standard input",
     "PROGRAM"},
    {"restart", '\0', POPT_ARG_NONE, &restart, 0,
     "with --code: begin again in the new code, with memory and globals as they are", NULL},
    {"dry-run", 'n', POPT_ARG_NONE, &only_check, 0,
     "check the edits and show them; write nothing", NULL},
    {"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "do not print the changes", NULL},
    {"undo", '\0', POPT_ARG_NONE, &undo, 0,
     "add a commit with the state before the last change", NULL},
    {"undo-to", '\0', POPT_ARG_STRING, &undo_to, 0,
     "add a commit with the state of commit N, earlier or later", "N"},
    {"force", '\0', POPT_ARG_NONE, &options.force, 0,
     "write a program that cannot run or a heap that cannot be restored, or change a "
     "damaged one or a file that has several hard links",
     NULL},
    OPTIONS_OUTPUT,
    OPTIONS_TEXTS,
    OPTIONS_READING,
    OPTIONS_COMMON(
        "  sfpm-patch -i app.img 3=20            the byte at code offset 3\n"
        "  sfpm-patch -i app.img main+1=7 8=1,2  after a label; several at once\n"
        "  sfpm-patch -i app.img 'main+4: mul'   another instruction\n"
        "  sfpm-patch -i --code new.wasm app.img the code of the recompiled program\n"
        "  sfpm-patch -o b.img a.img globals:0/i64=-5\n"
        "  sfpm-patch -i --undo app.img          go back one change\n"
        "  sfpm-patch -i --undo-to 3 app.img     go back to commit 3, or forward to it\n"
        "  sfpm-save sum.s | sfpm-patch - 3=20 | sfpm-run -"),
    POPT_TABLEEND};

/* Edits and where each was written: "3=20", or "FILE:LINE: 3=20". */
typedef struct patch {
    operand_t image;
    sfpm_vm_t *vm; /* NULL when the image holds none that can be read */
    patch_code_t code; /* of --code */
    patch_target_t target;
    patch_edit_t *edits;
    size_t count;
    size_t capacity;
    size_t mistakes;
    bool commented; /* a comment among the edits: they may be none on purpose */
} patch_t;

/* Room for one more edit. */
static bool make_room(patch_t *patch)
{
    size_t wanted = patch->capacity > 0 ? patch->capacity * 2 : 16;
    patch_edit_t *larger = NULL;
    if (patch->count < patch->capacity)
        return true;
    if (wanted <= SIZE_MAX / sizeof *larger)
        larger = realloc(patch->edits, wanted * sizeof *larger);
    if (!larger)
        return false;
    patch->edits = larger;
    patch->capacity = wanted;
    return true;
}

static void add_edit(patch_t *patch, const char *where, const char *text)
{
    char reason[PATCH_REASON];
    if (!make_room(patch)) {
        tool_fail(patch->image.label, "out of memory");
        patch->mistakes++;
        return;
    }
    if (!patch_edit_parse(&patch->edits[patch->count++], &patch->target, text, reason)) {
        tool_mistake(patch->image.label, "%s%s: %s", where, text, reason);
        patch->mistakes++;
    }
}

/* One edit a line; empty lines and those that begin with # say nothing. */
static bool add_file(patch_t *patch, const char *path)
{
    char *text;
    size_t size;
    bool piped = strcmp(path, "-") == 0;
    if (!input_read(piped ? NULL : path, (size_t)1 << 28, &text, &size))
        return false;
    char where[300];
    size_t line = 1;
    char *next;
    for (char *at = text; at && *at != '\0'; at = next, line++) {
        next = strchr(at, '\n');
        if (next)
            *next++ = '\0';
        size_t length = strlen(at);
        if (length > 0 && at[length - 1] == '\r')
            at[length - 1] = '\0';
        snprintf(where, sizeof where, "%.256s:%zu: ", piped ? "standard input" : path,
                 line);
        at += strspn(at, " \t");
        if (*at == '#')
            patch->commented = true;
        else if (*at != '\0')
            add_edit(patch, where, at);
    }
    free(text);
    return true;
}

/* Whether the heaps that are patched can still be restored; each is checked once. */
static bool verify_heaps(const patch_t *patch, sfpm_edit_t *commit)
{
    for (size_t i = 0; i < patch->count; i++) {
        bool again = i > 0 && patch->edits[i].region == patch->edits[i - 1].region;
        if (!again && !patch_verify_heap(patch->target.image, patch->edits[i].region,
                                         commit, patch->image.label))
            return false;
    }
    return true;
}

/* Puts the edits into an edit of the library. Returns the exit status. */
static int apply(patch_t *patch, sfpm_edit_t *commit)
{
    char reason[PATCH_REASON];
    for (size_t i = 0; i < patch->count; i++) {
        if (!patch_edit_apply(&patch->edits[i], commit))
            return tool_fail_last(patch->image.label);
        if (!patch_edit_matches(&patch->edits[i], &patch->target, reason))
            return tool_fail(patch->image.label, "%s; nothing is written", reason);
    }
    if (!options.force && !verify_heaps(patch, commit))
        return tool_fail(patch->image.label,
                         "%s; nothing is written (--force writes it, but the heap cannot "
                         "be restored)",
                         sfpm_last_error());
    if (!patch->vm || options.force ||
        patch_verify(patch->target.image, patch->vm, patch->edits, patch->count, commit))
        return EXIT_SUCCESS;
    if (sfpm_last_status() != SFPM_ERR_BYTECODE &&
        sfpm_last_status() != SFPM_ERR_MISMATCH)
        return tool_fail_last(patch->image.label);
    return tool_fail(
        patch->image.label,
        "%s; nothing is written (--force writes it, but the program cannot run)",
        sfpm_last_error());
}

/* What --code changed. */
static void describe_code(const patch_t *patch, FILE *file, const char *between)
{
    const char *at = patch->code.changes;
    if (at && *at == '\0')
        fprintf(file, "the code is the same%s", between);
    while (at && *at != '\0') {
        size_t length = strcspn(at, "\n");
        fwrite(at, 1, length, file);
        fputs(between, file);
        at += length + (at[length] == '\n');
    }
}

/* Lists the changes, one after the other; the caller frees the text. */
static char *describe(const patch_t *patch, const char *between)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    describe_code(patch, file, between);
    for (size_t i = 0; i < patch->count; i++)
        patch_edit_describe(&patch->edits[i], &patch->target, file, between);
    bool ok = !ferror(file);
    if (fclose(file) != 0 || !ok) {
        free(text);
        return NULL;
    }
    if (size >= strlen(between))
        text[size - strlen(between)] = '\0';
    return text;
}

static void show(const char *text)
{
    for (const char *end; *text != '\0'; text = end + (*end != '\0')) {
        end = text + strcspn(text, "\n");
        char *line = strndup(text, (size_t)(end - text));
        if (line)
            escape_message(stderr, line);
        fputc('\n', stderr);
        free(line);
    }
}

static int commit_edits(patch_t *patch, sfpm_edit_t *commit, output_kind_t kind)
{
    int status = EXIT_SUCCESS;
    if (patch->count > 0)
        status = apply(patch, code_file ? patch->code.edit : commit);
    if (status != EXIT_SUCCESS)
        return status;
    if (code_file && !patch_code_commit(&patch->code, patch->vm, patch->edits,
                                        patch->count, commit))
        return tool_fail_last(patch->image.label);
    char *changes = describe(patch, "\n");
    char *message = describe(patch, "; ");
    if (message && strlen(message) > MESSAGE_MAX)
        memcpy(message + MESSAGE_MAX - 3, "...", 4);
    if (!changes || !message)
        status = tool_fail(patch->image.label, "out of memory");
    else if (!options_fill_edit(commit, message))
        status = tool_fail_last(patch->image.label);
    else if (!only_check)
        status = output_write(kind, &patch->image, commit);
    if (status == EXIT_SUCCESS && !quiet)
        show(changes);
    free(changes);
    free(message);
    return status;
}

static int commit_undo(patch_t *patch, sfpm_edit_t *commit, output_kind_t kind)
{
    char message[64];
    if (undo_to)
        snprintf(message, sizeof message, "undo to commit %" PRIu64, undo_number);
    else
        snprintf(message, sizeof message, "undo of commit %" PRIu64,
                 sfpm_image_commit_info(patch->image.image)->state_of);
    if (!sfpm_edit_undo(commit, undo_number) ||
        !sfpm_edit_set_creator(commit, tool_creator()) ||
        !sfpm_edit_set_message(commit, options.message ? options.message : message))
        return tool_fail_last(patch->image.label);
    int status = only_check ? EXIT_SUCCESS : output_write(kind, &patch->image, commit);
    if (status == EXIT_SUCCESS && !quiet)
        show(message);
    return status;
}

/* The machine helps to find places; an image without one can be patched as well. One
 * that cannot be read is not, since its edits could not be checked; but one of a kind
 * that this build does not know never can.
 * Returns the exit status. */
static int load_machine(patch_t *patch)
{
    const char *label = patch->image.label;
    if (!sfpm_vm_is_in(patch->image.image))
        return EXIT_SUCCESS;
    patch->vm = machine_create();
    if (patch->vm && sfpm_vm_load_image(patch->vm, patch->image.image)) {
        sfpm_vm_verify(patch->vm); /* one that could not run can be repaired */
        return EXIT_SUCCESS;
    }
    sfpm_vm_destroy(patch->vm);
    patch->vm = NULL;
    if (!options.force && sfpm_last_status() != SFPM_ERR_UNSUPPORTED)
        return tool_fail(label,
                         "%s; nothing is written (--force writes it, but edits cannot be "
                         "checked)%s",
                         tool_last_error(label), tool_last_remedy());
    char text[600];
    snprintf(text, sizeof text,
             "the machine cannot be read, so edits are not checked: %s",
             tool_last_error(label));
    tool_warn(label, text);
    return EXIT_SUCCESS;
}

/* Returns the exit status. */
static int replace_code(patch_t *patch, bool with_edits)
{
    const char *label = patch->image.label;
    if (!patch->vm)
        return tool_fail(label, "the image holds no machine, so it has no code to replace");
    if (restart && !sfpm_vm_restart(patch->vm))
        return tool_fail_last(label);
    int status =
        patch_code_replace(&patch->code, patch->vm,
                           strcmp(code_file, "-") == 0 ? NULL : code_file, label);
    if (status == EXIT_SUCCESS && with_edits &&
        !patch_code_prepare(&patch->code, patch->image.image, patch->vm, label))
        return tool_fail_last(label);
    return status;
}

static int gather_edits(patch_t *patch, poptContext popt)
{
    bool with_edits = poptPeekArg(popt) != NULL || edits_file;
    int status = load_machine(patch);
    if (status == EXIT_SUCCESS && code_file)
        status = replace_code(patch, with_edits);
    if (status != EXIT_SUCCESS)
        return status;
    patch->target = (patch_target_t){
        .image = patch->code.image ? patch->code.image : patch->image.image,
        .vm = patch->vm};
    if (patch->vm && !patch_globals_collect(&patch->target.globals, patch->vm))
        return tool_fail(patch->image.label, "out of memory");
    const char *text;
    while ((text = poptGetArg(popt)) != NULL)
        add_edit(patch, "", text);
    if (edits_file && !add_file(patch, edits_file))
        return tool_failure();
    if (patch->mistakes > 0)
        return tool_mistake(patch->image.label, "nothing is written");
    if (patch->count == 0 && !patch->commented && !code_file && !options.description &&
        !options.attributes)
        return tool_usage("no EDIT was given, such as 3=20");
    return EXIT_SUCCESS;
}

static int patch_image(patch_t *patch, poptContext popt)
{
    int status;
    output_kind_t kind = OUTPUT_NONE;
    operand_warn(&patch->image);
    if (!only_check && !output_choose(&patch->image, OUTPUT_STDOUT, &kind, &status))
        return status;
    if (!undo) {
        status = gather_edits(patch, popt);
        if (status != EXIT_SUCCESS)
            return status;
    }
    sfpm_edit_t *commit = sfpm_edit_create(patch->image.image);
    if (!commit)
        return tool_fail_last(patch->image.label);
    status = undo ? commit_undo(patch, commit, kind) : commit_edits(patch, commit, kind);
    sfpm_edit_destroy(commit);
    return status;
}

/* Edits and code are read after the output is chosen, which must not be their file. */
static void note_file(const char *what, const char *path)
{
    if (strcmp(path, "-") == 0)
        files_read_fd(what, STDIN_FILENO);
    else
        files_read(what, path);
}

/* Sets `undo` for both ways to go back. */
static bool parse_undo(int *status)
{
    if (!undo_to)
        return true;
    bool number = number_parse(undo_to, strlen(undo_to), &undo_number) && undo_number > 0;
    if (undo)
        *status = tool_usage("--undo and --undo-to cannot be used together");
    else if (!number)
        *status =
            tool_usage("--undo-to: '%s' is not a commit number (1 or more)", undo_to);
    bool ok = !undo && number;
    undo = true;
    return ok;
}

static int patch_operands(poptContext popt)
{
    patch_t patch = {.count = 0};
    const char *name = poptGetArg(popt);
    if (!name)
        return tool_usage("no IMAGE was given; - is standard input");
    if (undo && (poptPeekArg(popt) != NULL || edits_file || code_file ||
                 options.description || options.attributes))
        return tool_usage("%s takes no edits", undo_to ? "--undo-to" : "--undo");
    if (edits_file && strcmp(edits_file, "-") == 0 && strcmp(name, "-") == 0)
        return tool_usage("image and edits cannot both come from standard input");
    if (restart && !code_file)
        return tool_usage("--restart needs --code");
    if (code_file && strcmp(code_file, "-") == 0 &&
        (strcmp(name, "-") == 0 || (edits_file && strcmp(edits_file, "-") == 0)))
        return tool_usage("only one of image, code and edits can come from standard input");
    int status = tool_failure();
    if (edits_file)
        note_file("the file of edits", edits_file);
    if (code_file)
        note_file("the new code", code_file);
    if (operand_open(&patch.image, name))
        status = patch_image(&patch, popt);
    for (size_t i = 0; i < patch.count; i++)
        patch_edit_free(&patch.edits[i]);
    free(patch.edits);
    patch_globals_free(&patch.target.globals);
    patch_code_free(&patch.code);
    sfpm_vm_destroy(patch.vm);
    operand_close(&patch.image);
    return status;
}

int main(int argc, char **argv)
{
    tool_start("sfpm-patch", 1, 2);
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table,
                      "IMAGE EDIT...\nChanges bytes in an image. EDIT is\n"
                      "  [REGION:]OFFSET|LABEL[+N][/TYPE]=VALUE[,VALUE...]"
                      "[ was OLD[,OLD...]]\n"
                      "  OFFSET|LABEL[+N]: INSTRUCTION[; INSTRUCTION...]\n"
                      "where TYPE is u8 (default), i8, u16, i16, u32, i32, u64, i64, "
                      "f32, f64,\nhex or str.",
                      0, &popt, &status) &&
        parse_undo(&status))
        status = patch_operands(popt);
    options_free(popt);
    free(edits_file);
    free(undo_to);
    free(code_file);
    return tool_flush(status);
}
