/* SPDX-License-Identifier: MIT */
/* sfpm-run: runs or resumes the machine of an image. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/machine.h"
#include "common/number.h"
#include "common/operand.h"
#include "common/options.h"
#include "common/output.h"
#include "common/tool.h"

/* 0 to 123 are the program's own. */
enum { STATUS_RESUMABLE = 124, STATUS_FAILED = 125, STATUS_TRAP = 126 };

static int restart, fresh, resume;
static char *steps_text, *resumable_text;
static uint64_t steps;
static int resumable = STATUS_RESUMABLE;

static const struct poptOption table[] = {
    {"steps", '\0', POPT_ARG_STRING, &steps_text, 0,
     "stop after N instructions; exit 124 when there is more to do", "N"},
    {"restart", '\0', POPT_ARG_NONE, &restart, 0,
     "start from the beginning with an empty stack; keep globals", NULL},
    {"fresh", '\0', POPT_ARG_NONE, &fresh, 0,
     "start from the beginning with everything as it was at first", NULL},
    {"resume", '\0', POPT_ARG_NONE, &resume, 0,
     "only go on: do nothing when the program has ended", NULL},
    {"resumable-status", '\0', POPT_ARG_STRING, &resumable_text, 0,
     "exit with N instead of 124", "N"},
    {"force", '\0', POPT_ARG_NONE, &options.force, 0,
     "with -i, also change a file that has several names", NULL},
    OPTIONS_OUTPUT,
    OPTIONS_TEXTS,
    OPTIONS_STORAGE,
    OPTIONS_READING,
    OPTIONS_COMMON("  sfpm-run sum.img\n"
                   "  sfpm-run --steps 1000 -i primes.img; sfpm-run -i primes.img\n"
                   "  sfpm-save sum.s | sfpm-patch - 3=20 | sfpm-run -"),
    POPT_TABLEEND};

static bool parse_numbers(int *status)
{
    uint64_t number;
    if (steps_text != NULL &&
        (!number_parse(steps_text, strlen(steps_text), &steps) || steps == 0)) {
        *status = tool_usage("--steps: '%s' is not a number from 1 on", steps_text);
        return false;
    }
    if (resumable_text != NULL) {
        if (!number_parse(resumable_text, strlen(resumable_text), &number) ||
            number > 255) {
            *status = tool_usage("--resumable-status: '%s' is not a number up to 255",
                                 resumable_text);
            return false;
        }
        resumable = (int)number;
    }
    if (options.compression != NULL && options.output == NULL && !options.in_place) {
        *status = tool_usage("--compress: no image is written: add -o FILE or -i");
        return false;
    }
    if (restart + fresh + resume > 1) {
        *status = tool_usage("--restart, --fresh and --resume exclude each other");
        return false;
    }
    return true;
}

/* The image itself goes to standard output with -o -, the program's words elsewhere. */
static bool print(void *context, const void *bytes, size_t size)
{
    FILE *file = context;
    return fwrite(bytes, 1, size, file) == size;
}

/* Writes the machine as the image's next commit. */
static int save(sfpm_vm_t *vm, const operand_t *image, output_kind_t kind)
{
    char message[2 * MACHINE_PLACE], place[MACHINE_PLACE];
    sfpm_vm_info_t info = machine_info(vm);
    machine_place(vm, info.pc, place, sizeof(place));
    bool trapped = info.status == SFPM_VM_TRAPPED;
    snprintf(message, sizeof(message), "%s at %s%s%s", machine_status(info.status), place,
             trapped ? ": " : "", trapped ? machine_trap(info.trap) : "");

    sfpm_edit_t *edit = sfpm_edit_create(image->image);
    int status = STATUS_FAILED;
    if (edit != NULL && options_fill_storage(edit) && sfpm_vm_fill_edit(vm, edit) &&
        options_fill_edit(edit, message))
        status = output_write(kind, image, edit);
    else
        tool_fail_last(image->label);
    sfpm_edit_destroy(edit);
    return status;
}

/* Runs it; what it printed has arrived when the state is saved. */
static int run(sfpm_vm_t *vm, const operand_t *image, output_kind_t kind)
{
    sfpm_vm_run_options_t how = {.struct_size = sizeof(how),
                                 .max_steps = steps,
                                 .output = print,
                                 .output_context =
                                     kind == OUTPUT_STDOUT ? stderr : stdout};
    bool ok = sfpm_vm_run(vm, &how);
    int status = tool_flush(EXIT_SUCCESS);
    if (status != EXIT_SUCCESS)
        return status;
    if (ok) {
        status = machine_info(vm).status == SFPM_VM_SUSPENDED ? resumable : EXIT_SUCCESS;
    } else {
        status = tool_fail_last(image->label);
        if (sfpm_last_status() != SFPM_ERR_TRAP)
            return status;
        status = STATUS_TRAP;
    }
    if (kind != OUTPUT_NONE && save(vm, image, kind) != EXIT_SUCCESS)
        return STATUS_FAILED;
    return status;
}

/* Puts the machine where it is to start. Returns whether there is something to do. */
static bool prepare(sfpm_vm_t *vm, const operand_t *image, int *status)
{
    bool ended = machine_info(vm).status == SFPM_VM_HALTED;
    *status = EXIT_SUCCESS;
    if (ended && resume)
        return false;
    if (fresh ? sfpm_vm_fresh(vm) : restart || ended ? sfpm_vm_restart(vm) : true)
        return true;
    *status = tool_fail_last(image->label);
    return false;
}

static int run_image(const operand_t *image)
{
    int status;
    output_kind_t kind;
    operand_warn(image);
    if (!output_choose(image, OUTPUT_NONE, &kind, &status))
        return status;
    if (!sfpm_vm_is_in(image->image)) {
        const char *creator = sfpm_image_commit_info(image->image)->creator;
        return tool_fail(image->label,
                         "holds no machine: it is restored by its own program "
                         "(creator %s)",
                         creator[0] != '\0' ? creator : "not recorded");
    }
    sfpm_vm_t *vm = sfpm_vm_create();
    if (vm == NULL || !sfpm_vm_load_image(vm, image->image))
        status = tool_fail_last(image->label);
    else if (prepare(vm, image, &status))
        status = run(vm, image, kind);
    sfpm_vm_destroy(vm);
    return status;
}

static int run_operands(poptContext popt)
{
    const char *name = poptGetArg(popt);
    if (name == NULL)
        return tool_usage("an IMAGE is needed; - is standard input");
    if (poptPeekArg(popt) != NULL)
        return tool_usage("'%s': the program takes no arguments, and options go before "
                          "the image",
                          poptPeekArg(popt));
    operand_t image;
    int status = STATUS_FAILED;
    if (operand_open(&image, name))
        status = run_image(&image);
    operand_close(&image);
    return status;
}

int main(int argc, char **argv)
{
    tool_start("sfpm-run", STATUS_FAILED, STATUS_FAILED);
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table,
                      "IMAGE\nRuns or resumes the machine of an image.",
                      POPT_CONTEXT_POSIXMEHARDER, &popt, &status) &&
        parse_numbers(&status))
        status = run_operands(popt);
    options_free(popt);
    free(steps_text);
    free(resumable_text);
    return tool_flush(status);
}
