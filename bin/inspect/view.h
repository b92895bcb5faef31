/* SPDX-License-Identifier: MIT */
/* What sfpm-inspect looks at, and its ways to show it. */
#ifndef SFPM_BIN_INSPECT_VIEW_H
#define SFPM_BIN_INSPECT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>
#include <sfpm/vm.h>

#include "common/machine.h"
#include "common/operand.h"

/* See sfpm_image_usage(). */
typedef struct usage {
    uint64_t commit, unused, torn;
} usage_t;

typedef struct view {
    operand_t file;
    sfpm_vm_t *vm; /* NULL when there is no machine, or when it cannot be read */
    char refusal[MACHINE_REFUSAL]; /* why the machine cannot be read or run; "" when it
                                      can */
    char damage[512];              /* the first damage or failure of the system that was
                                      met; "" when none was */
    bool failed;                   /* it was a failure */
    const char *bold; /* escape sequences or "": before a heading, … */
    const char *yellow; /* … the name of a commit, … */
    const char *plain;  /* … and behind each */
    bool human;         /* it is read on a terminal: sizes are rounded, times are ages */
    uint64_t max_count; /* of commits that are listed; 0: all */
    const char *region; /* --hex */
    const char *guest;  /* --cat */
    usage_t *usage;     /* of commits, newest first */
    size_t num_usage;
    size_t max_usage;
    unsigned heaps; /* shown so far as JSON */
} view_t;

/* Each shows one image on standard output and returns the exit status. */
typedef int (*view_function_t)(view_t *view);
int view_page(view_t *view);
int view_json(view_t *view);
int view_text(view_t *view);
int view_log(view_t *view);
int view_list_usage(view_t *view);
int view_code(view_t *view);
int view_hex(view_t *view);
int view_files(view_t *view);
int view_cat(view_t *view);

/* Checks every byte and prints the faults on standard error. Returns the exit status. */
int view_faults(view_t *view);

enum {
    VIEW_TIME = 40 /* room for a time as text */
};

/* The time of a commit, UTC: "2001-02-03" `t` "04:05:06" `z`. */
const char *view_time(const sfpm_commit_info_t *commit, const char *t, const char *z,
                      char *text);

/* Lists a commit. `margin` is called at the start of each line; first: of all. file: named
 * with the number, or NULL. */
void log_commit(const view_t *view, const sfpm_commit_info_t *commit, const char *file,
                void (*margin)(void *context, bool first), void *context);

/* Print an import or export as assembly text has it, and a newline. */
void view_import(const sfpm_vm_t *vm, uint32_t index);
void view_export(const sfpm_vm_t *vm, uint32_t index);

/* The heaps in the image, each way. */
void heap_page(view_t *view);
void heap_json(view_t *view);
void heap_text(view_t *view);

/* Keeps what the last error says of damage, or of a failure of the system. */
void view_note_damage(view_t *view);

/* Finds out what of the commits is in use; false when damage is in the way, or a failure
 * of the system, which is noted. */
bool view_load_usage(view_t *view);
/* Of one commit; NULL when it is not known. */
const usage_t *view_usage(const view_t *view, uint64_t commit);

#endif
