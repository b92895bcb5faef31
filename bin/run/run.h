/* SPDX-License-Identifier: MIT */
/* What the parts of sfpm-run share. */
#ifndef SFPM_BIN_RUN_H
#define SFPM_BIN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <sfpm/vm.h>

#include "common/output.h"
#include "run/host.h"

/* 0 to 123 are the program's own. */
enum { STATUS_RESUMABLE = 124, STATUS_FAILED = 125, STATUS_TRAP = 126 };

/* What the command line asks for. */
typedef struct run_request {
    uint64_t steps;     /* instructions in this run; 0: no limit */
    uint64_t fuel;      /* instructions since the machine began; 0: no limit */
    uint64_t max_stack; /* bytes; 0: the library's default */
    sfpm_vm_engine_t engine;
    double checkpoint_every; /* seconds; 0: never */
    double timeout;          /* seconds; 0: none */
    int resumable;           /* exit status of a machine that can go on */
    int fresh;               /* it starts with everything as it was at first */
    int trace;               /* print each instruction on standard error */
    const char **until;      /* places at which to stop … */
    size_t num_until;        /* … so many */
    bool until_trap;         /* a trap is as good as one */
    bool starts;             /* the machine begins, rather than goes on */
    host_request_t host;
    char **directories;      /* of --dir; NULL at the end, or NULL */
    const char *memfs;       /* of --memfs; NULL: none but what the image has */
    int detach_files;        /* files that cannot be had are closed for the program */
    int accept_changed;      /* files may be other than they were */
    const char *stdout_file; /* where output goes; NULL: standard output */
} run_request_t;

/* Runs the machine and saves it as asked. Returns the exit status. */
int execute(sfpm_vm_t *vm, const operand_t *image, output_kind_t kind,
            const run_request_t *request);

/* Whether the image holds output that nobody had read when the program was stopped. */
bool has_unread(const operand_t *image);

/* ---- status.c ---------------------------------------------------------------- */

/* The exit status after a run, which was `ok` unless the machine trapped or could not run:
 * STATUS_FAILED in the latter case. */
int exit_status(bool ok, const sfpm_vm_t *vm, const host_t *host,
                const run_request_t *request);

/* ---- signals.c: what interrupts the machine from outside --------------------- */

/* Starts the clocks; with `saving`, TERM, INT, HUP and XCPU stop the machine and USR1
 * asks for a checkpoint. A signal that was ignored stays so. */
void signals_start(sfpm_vm_t *vm, const run_request_t *request, bool saving);

/* From now on the machine is left alone. */
void signals_end(void);

/* Whether a signal or the timeout ends the run. */
bool signals_stop(void);

/* Whether something of all this is due. */
bool signals_pending(void);

/* Whether a checkpoint is due; asking takes the request. */
bool signals_checkpoint(void);

/* ---- output_file.c: the file of --stdout --------------------------------------------
 */

/* Opens the file and cuts it back to where the image says that the machine's output
 * ends, to nothing when the machine is `fresh` or the image says nothing.
 * Returns whether it can be written; otherwise the reason is printed. */
bool sink_open(const char *path, const operand_t *image, bool fresh);

/* An sfpm_vm_output_callback_t. */
bool sink_write(void *context, const void *bytes, size_t size);

/* Makes all that was written durable. On failure the reason is printed. */
bool sink_sync(void);

/* Records in the edit where the output ends. */
bool sink_record(sfpm_edit_t *edit);

#endif
