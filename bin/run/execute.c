/* SPDX-License-Identifier: MIT */
/*
 * Runs the machine until it halts, traps or is stopped, saves checkpoints on the way,
 * and saves the state at the end.
 */
#include "run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/machine.h"
#include "common/options.h"
#include "common/stream.h"
#include "common/tool.h"

enum { TRACE_VALUES = 8 };

/* The region with output that nobody had read when the program was stopped. */
#define UNREAD     "output"
#define UNREAD_MAX ((uint64_t)64 << 20)

/* One run: what it works on, and where it began. */
typedef struct run {
    sfpm_vm_t *vm;
    const operand_t *image;
    output_kind_t kind;
    const run_request_t *request;
    host_t *host;
    uint64_t began; /* the instructions executed before */
} run_t;

bool has_unread(const operand_t *image)
{
    size_t index;
    return sfpm_image_find_region(image->image, UNREAD, &index) &&
           sfpm_image_region(image->image, index)->size > 0;
}

/* Puts output into the edit that nobody has read, or nothing in the place of what was
 * read since. */
static bool record_unread(const run_t *run, sfpm_edit_t *edit)
{
    size_t size, index;
    const void *bytes = stream_kept(&size);
    return (size == 0 && !sfpm_image_find_region(run->image->image, UNREAD, &index)) ||
           sfpm_edit_set_region(edit, UNREAD, 0, size > 0 ? bytes : "", size,
                                SFPM_REGION_PORTABLE);
}

/* Puts the machine into an edit, and what else is saved with it. */
static bool fill_edit(const run_t *run, sfpm_edit_t *edit)
{
    char message[2 * MACHINE_PLACE], place[MACHINE_PLACE];
    sfpm_vm_info_t info = machine_info(run->vm);
    const char *status = machine_status(info.status);
    machine_place(run->vm, info.pc, place, sizeof place);
    if (info.status == SFPM_VM_TRAPPED)
        snprintf(message, sizeof message, "%s at %s: %s", status, place,
                 machine_trap(info.trap));
    else
        snprintf(message, sizeof message, "%s at %s", status, place);
    return options_fill_storage(edit) && sfpm_vm_fill_edit(run->vm, edit) &&
           options_fill_edit(edit, message) && sink_record(edit) &&
           host_record(run->host, edit) && record_unread(run, edit);
}

/* What the image said when it was opened. */
static bool fill_edit_as_opened(const operand_t *image, sfpm_edit_t *edit)
{
    const char *key, *value;
    const sfpm_commit_info_t *old = sfpm_image_commit_info(image->image);
    if (operand_is_encrypted(image) &&
        !sfpm_edit_set_secret(edit, &options.secret.secret))
        return false;
    for (size_t i = 0; i < old->num_attributes; i++)
        if (!sfpm_image_attribute(image->image, i, &key, &value) ||
            !sfpm_edit_set_attribute(edit, key, value))
            return false;
    return sfpm_edit_set_description(edit, old->description);
}

/* Writes the machine as the image's next commit. Returns the exit status. */
static int save_commit(const run_t *run)
{
    sfpm_edit_t *edit = sfpm_edit_create(run->image->image);
    int status = STATUS_FAILED;
    if (edit && fill_edit(run, edit))
        status = output_write(run->kind, run->image, edit);
    else
        tool_fail_last(run->image->label);
    if (status == EXIT_SUCCESS && run->kind == OUTPUT_IN_PLACE)
        sfpm_vm_written(run->vm, edit);
    sfpm_edit_destroy(edit);
    return status;
}

/* Whether the error is that the image's file is no longer what was read. */
static bool is_lost(const run_t *run)
{
    if (run->kind != OUTPUT_IN_PLACE)
        return false;
    switch (sfpm_last_status()) {
    case SFPM_ERR_CHANGED:
    case SFPM_ERR_CORRUPT:
    case SFPM_ERR_TRUNCATED:
    case SFPM_ERR_NOT_IMAGE:
        return true;
    default:
        return false;
    }
}

/* After a save that failed, and will for ever, because somebody who knows of no lock
 * removed or changed the image: all that the machine is lies in memory, and is written
 * beside it. Returns whether it was so. */
static bool rescue(const run_t *run)
{
    if (!is_lost(run))
        return false;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    if (!edit || !fill_edit_as_opened(run->image, edit) || !fill_edit(run, edit))
        tool_fail_last(run->image->label);
    else
        output_rescue(run->image, edit);
    sfpm_edit_destroy(edit);
    return true;
}

/* What the program wrote has arrived before the state after it is saved. */
static bool deliver(const run_t *run)
{
    if (run->host->output_context == stderr && (fflush(stderr) != 0 || ferror(stderr)))
        return false;
    return tool_flush(EXIT_SUCCESS) == EXIT_SUCCESS && sink_sync();
}

/* A failed checkpoint does not end the run: the work since the last one would be lost. */
static bool checkpoint(const run_t *run)
{
    if (!deliver(run))
        return false;
    if (save_commit(run) == EXIT_SUCCESS)
        return true;
    if (rescue(run))
        return false;
    tool_warn(run->image->label, "this checkpoint was not saved; the program continues");
    return true;
}

/* Instructions that may be executed before something is to be looked at; 0: none. */
static uint64_t budget(const run_t *run)
{
    const run_request_t *request = run->request;
    uint64_t executed = machine_info(run->vm).instructions;
    uint64_t left = UINT64_MAX;
    if (request->steps > 0)
        left = request->steps - (executed - run->began);
    if (request->fuel > 0 && left > 0) {
        uint64_t fuel = request->fuel > executed ? request->fuel - executed : 0;
        left = fuel < left ? fuel : left;
    }
    return request->trace && left > 1 ? 1 : left;
}

/* Prints the next instruction and the innermost frame's topmost values.
 * Returns whether that arrived. */
static bool print_trace(const sfpm_vm_t *vm)
{
    char place[MACHINE_PLACE], text[256], value[MACHINE_VALUE];
    sfpm_vm_info_t info = machine_info(vm);
    sfpm_vm_frame_t frame = {.operands = 0};
    machine_place(vm, info.pc, place, sizeof place);
    sfpm_vm_instruction(vm, info.pc, text, sizeof text);
    fprintf(stderr, "%10" PRIu64 "  %-28s %-24s", info.instructions, place, text);
    sfpm_vm_frame(vm, 0, &frame, sizeof frame);
    uint32_t first = frame.operands > TRACE_VALUES ? frame.operands - TRACE_VALUES : 0;
    if (first > 0)
        fputs(" ...", stderr);
    for (uint32_t i = first; i < frame.operands; i++) {
        if (sfpm_vm_operand_text(vm, 0, i, value, sizeof value))
            fprintf(stderr, " %s", value);
    }
    fputc('\n', stderr);
    return !ferror(stderr);
}

/* Runs on until something ends it. Returns false when it failed or trapped. */
static bool run_on(const run_t *run, sfpm_vm_run_options_t *how, bool *delivered)
{
    *delivered = true;
    if (machine_info(run->vm).status == SFPM_VM_HALTED)
        return true; /* only what nobody read is left to be printed */
    /* The frames, and so the values to print, are known once the machine is proved. */
    if (run->request->trace && !sfpm_vm_verify(run->vm))
        return false;
    while ((how->max_steps = budget(run)) > 0) {
        if (run->request->trace && !(*delivered = print_trace(run->vm)))
            break;
        if (!sfpm_vm_run(run->vm, how))
            return false;
        sfpm_vm_info_t info = machine_info(run->vm);
        if (info.status != SFPM_VM_SUSPENDED || info.reached || signals_stop())
            break;
        if (signals_checkpoint() && !(*delivered = checkpoint(run)))
            break;
    }
    return true;
}

/* Where the program's output goes: the file of --stdout (NULL), or standard output unless
 * the image itself goes there. */
static FILE *choose_output(const run_t *run)
{
    if (run->request->stdout_file)
        return NULL;
    return run->kind == OUTPUT_STDOUT ? stderr : stdout;
}

/* On a terminal, where nobody looks at the exit status. Returns how much of the output
 * nobody read. */
static size_t tell_stopped(const run_t *run)
{
    size_t unread;
    (void)stream_kept(&unread);
    const char *label = run->image->label;
    if (unread > 0 && run->kind == OUTPUT_NONE)
        tool_fail("standard output", "nobody read the last %zu bytes, which are lost",
                  unread);
    bool stopped = unread > 0 || machine_info(run->vm).status == SFPM_VM_SUSPENDED;
    if (!stopped || !isatty(STDERR_FILENO))
        return unread;
    if (run->kind == OUTPUT_IN_PLACE)
        tool_fail(label, "stopped: continue with 'sfpm-run -i %s'", label);
    else if (run->kind == OUTPUT_FILE)
        tool_fail(label, "stopped: continue with 'sfpm-run %s'", options.output);
    else if (run->kind == OUTPUT_NONE)
        tool_fail(label, "stopped, and its state is lost: to keep it, use -i or -o FILE");
    return unread;
}

/* Functions that were slow for want of memory. */
static void tell_untranslated(const run_t *run)
{
    char text[128];
    uint32_t count = machine_info(run->vm).untranslated;
    snprintf(text, sizeof text,
             "%" PRIu32 " function%s ran slowly for want of memory to translate %s: raise "
             "--max-memory",
             count, count == 1 ? "" : "s", count == 1 ? "it" : "them");
    if (count > 0)
        tool_warn(run->image->label, text);
}

static int run_and_save(const run_t *run)
{
    bool delivered;
    sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                 .output = sink_write,
                                 .output_context = choose_output(run),
                                 .max_stack = run->request->max_stack,
                                 .engine = run->request->engine,
                                 .until = run->request->until,
                                 .num_until = run->request->num_until};
    run->host->output = how.output;
    run->host->output_context = how.output_context;
    bool ok = run_on(run, &how, &delivered);
    tell_untranslated(run);
    int status = exit_status(ok, run->vm, run->host, run->request);
    if (!ok && status == STATUS_FAILED)
        return deliver(run) ? tool_fail_last(run->image->label) : STATUS_FAILED;
    if (!delivered || !deliver(run))
        return STATUS_FAILED;
    if (!ok)
        tool_fail_last(run->image->label);
    options.sync_every = 0; /* the state at the end is safe in any case */
    if (run->kind == OUTPUT_NONE || save_commit(run) == EXIT_SUCCESS) {
        size_t unread = tell_stopped(run);
        return ok && unread > 0 ? run->request->resumable : status;
    }
    rescue(run);
    return STATUS_FAILED;
}

/* Begins with what nobody read the last time, unless the program starts again. */
static bool print_unread(const run_t *run)
{
    size_t index;
    if (run->request->starts ||
        !sfpm_image_find_region(run->image->image, UNREAD, &index))
        return true;
    uint64_t size = sfpm_image_region(run->image->image, index)->size;
    char *bytes = size <= UNREAD_MAX ? malloc((size_t)size + 1) : NULL;
    bool ok = bytes && sfpm_image_read(run->image->image, index, 0, bytes, (size_t)size);
    if (!ok)
        tool_fail(run->image->label, "cannot read region '%s'", UNREAD);
    ok = ok && sink_write(choose_output(run), bytes, (size_t)size);
    free(bytes);
    return ok;
}

int execute(sfpm_vm_t *vm, const operand_t *image, output_kind_t kind,
            const run_request_t *request)
{
    host_t host;
    const run_t run = {.vm = vm,
                       .image = image,
                       .kind = kind,
                       .request = request,
                       .host = &host,
                       .began = machine_info(vm).instructions};
    int status = STATUS_FAILED;
    if (host_open(&host, vm, image, request) &&
        (!request->stdout_file ||
         sink_open(request->stdout_file, image, request->fresh))) {
        signals_start(vm, request, kind != OUTPUT_NONE);
        if (!request->stdout_file)
            stream_keep(kind == OUTPUT_STDOUT ? STDERR_FILENO : STDOUT_FILENO,
                        signals_stop);
        if (print_unread(&run))
            status = run_and_save(&run);
        signals_end();
    }
    host_free(&host);
    return status;
}
