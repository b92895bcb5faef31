/* SPDX-License-Identifier: MIT */
/*
 * What sfpm-run offers programs under the module name `sfpm`, and what of it lasts: the
 * region `host` beside the machine's own. sfpm-run(1) lists the functions, and
 * sfpm-bytecode(5) the layout.
 */
#ifndef SFPM_BIN_HOST_H
#define SFPM_BIN_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/vm.h>
#include <sfpm/wasi.h>

#include "common/operand.h"

/* What lasts. */
typedef struct host_state {
    uint32_t status; /* what the program gave to `exit` */
    bool seeded;
    bool fixed; /* the user chose the seed, so that WASI's random numbers depend on it */
    uint64_t random; /* state of the generator */
    uint64_t epoch;  /* seconds since 1970 at which the virtual clock begins */
    uint64_t ticks;  /* looks at the virtual clock */
    uint64_t input;  /* where in standard input the program has got to */
    char **arguments;
    uint32_t num_arguments;
    char **environment; /* NAME=VALUE each */
    uint32_t num_environment;
} host_state_t;

/* What the function `clock` returns. */
typedef enum host_clock {
    HOST_CLOCK_REAL,
    HOST_CLOCK_VIRTUAL, /* from the epoch on, a microsecond more at each look */
    HOST_CLOCK_FROZEN   /* the epoch */
} host_clock_t;

typedef struct host {
    host_state_t state;
    host_clock_t clock;
    uint8_t *region;     /* its bytes, which an edit borrows */
    bool lasting;        /* the image has the region, or is to get it */
    bool input_is_image; /* so that there is nothing to read for the program */
    sfpm_vm_output_callback_t output;
    void *output_context;
    sfpm_wasi_t *wasi; /* NULL: the program does not use it */
} host_t;

/* What the command line says for a program. */
typedef struct host_request {
    host_clock_t clock;
    bool fixed_seed; /* `seed` counts where none was chosen before */
    bool has_seed;   /* `seed` was asked for */
    uint64_t seed;
    const char **arguments; /* NULL at the end, or NULL */
    char **environment;     /* NAME or NAME=VALUE, NULL at the end, or NULL */
} host_request_t;

struct run_request;

/* Reads the image's region, or begins a new one, and offers the functions to the machine.
 * The host is to be freed, also after a failure, whose reason is printed. */
bool host_open(host_t *host, sfpm_vm_t *vm, const operand_t *image,
               const struct run_request *request);
void host_free(host_t *host);

/* Puts the region into an edit, which is to be written before the next call. */
bool host_record(host_t *host, sfpm_edit_t *edit);

enum {
    HOST_MAX_SIZE = 1 << 20, /* bytes of the region */
    HOST_MAX_STATUS = 123    /* exit statuses above are sfpm-run's own */
};

/* ---- natives.c --------------------------------------------------------------- */

bool natives_register(sfpm_vm_t *vm, host_t *host);

/* Reads what a program reads; RETRY when the run is to end or save before. */
sfpm_native_result_t host_read(host_t *host, void *bytes, size_t size, size_t *count);

/* The next random number. */
uint64_t host_random(host_t *host);

/* ---- wasi.c ------------------------------------------------------------------ */

/* Whether a program imports functions of WASI. */
bool wasi_is_used(const sfpm_vm_t *vm);

/* Makes what such a program sees, or restores it. The reason of a failure is printed. */
bool wasi_open(host_t *host, sfpm_vm_t *vm, const operand_t *image,
               const struct run_request *request);

/* The exit status of a program that has ended. */
uint32_t wasi_status(const host_t *host);

/* ---- host_state.c ------------------------------------------------------------ */

void host_state_free(host_state_t *state);

/* Takes the region's bytes apart. False when they are none, or memory runs out. */
bool host_state_decode(host_state_t *state, const uint8_t *bytes, size_t size);

/* Puts them together; to be freed. NULL when memory runs out or it is too long. */
uint8_t *host_state_encode(const host_state_t *state, size_t *size);

/* Adds a text to a list; false when memory runs out. */
bool host_list_add(char ***list, uint32_t *count, const char *text, size_t length);

void host_list_free(char ***list, uint32_t *count);

#endif
