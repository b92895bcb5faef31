/* SPDX-License-Identifier: MIT */
/* What sfpm-diff compares, and its ways to show what differs. */
#ifndef SFPM_BIN_DIFF_H
#define SFPM_BIN_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/heap.h>
#include <sfpm/image.h>
#include <sfpm/reload.h>
#include <sfpm/vm.h>

#include "common/machine.h"
#include "common/operand.h"

/* One of the two images. */
typedef struct side {
    operand_t file;
    sfpm_vm_t *vm; /* NULL when there is no machine, or when it cannot be read */
    char refusal[MACHINE_REFUSAL]; /* why the machine cannot be read or run; "" when it
                                      can */
} side_t;

enum { LEFT, RIGHT, SIDES };

#define PAIR_NONE SIZE_MAX

/* A region of both sides, or of one. Equal names are paired in their order. */
typedef struct pair {
    size_t index[SIDES]; /* in the image; PAIR_NONE where there is none */
    const sfpm_region_info_t *region[SIDES]; /* NULL where there is none */
    size_t instance; /* 0 for the first region of that name, 1 for the second … */
    uint64_t bytes;  /* that differ */
} pair_t;

typedef struct diff {
    side_t side[SIDES];
    pair_t *pairs; /* in the order of the left side, then what only the right one has */
    size_t num_pairs;
    bool reordered;  /* the regions of both are in another order */
    size_t metadata; /* facts that differ */
    bool all;        /* whether long lists are shown to their end */
} diff_t;

/* ---- finding what differs ---- */

/* Pairs the regions. False, with a message printed, when out of memory. */
bool diff_pair(diff_t *diff);

/* Counts what differs: bytes of all pairs, and facts. With `brief`, stops at the first
 * difference. On failure the reason is printed. */
bool diff_count(diff_t *diff, bool brief);

const char *pair_name(const pair_t *pair);
bool pair_is_common(const pair_t *pair);
bool pair_differs(const pair_t *pair);
/* Bytes of the larger region. */
uint64_t pair_size(const pair_t *pair);

/* Whether anything differs, once counted. */
bool diff_differs(const diff_t *diff);

/* Receives one fact that differs; `a` or `b` is NULL where the fact does not exist.
 * key: distinguishes facts of one name, such as attributes; or NULL */
typedef void (*row_function_t)(void *context, const char *name, const char *key,
                               const char *a, const char *b);

/* The facts about the commits' states that differ, and those about the machines. */
void diff_metadata(const diff_t *diff, row_function_t row, void *context);
void diff_machine(const diff_t *diff, row_function_t row, void *context);

/* Receives the instructions at one place whose bytes differ; NULL where none begins on
 * that side. Returns false to get no more. */
typedef bool (*code_function_t)(void *context, uint64_t offset, const char *a,
                                const char *b);

/* The pair that holds the code of both machines; NULL when one has none, or they lie
 * in different regions. */
const pair_t *diff_code_pair(const diff_t *diff);

/* Whether a region is one of the machine's, on the side that has it. */
bool diff_is_machine(const diff_t *diff, const pair_t *pair);

/* The instructions that differ; each text is "label+3: instruction". On
 * failure the reason is printed. */
bool diff_code(const diff_t *diff, code_function_t code, void *context);

/* Whether B is a program that has not started, so that its code may be meant for A's
 * machine. */
bool diff_has_new_code(const diff_t *diff);

/* What sfpm-patch --code would change in A's machine.
 * refusal: receives why it would refuse that, "" when it would not */
enum { DIFF_REFUSAL = 600 };
bool diff_new_code(const diff_t *diff, sfpm_vm_change_callback_t callback, void *context,
                   char *refusal);

/* Receives a block of a heap in which bytes differ. Returns false to get no more.
 * change: "changed", "allocated", "freed" or "replaced" by another one */
typedef bool (*block_function_t)(void *context, const char *change,
                                 const sfpm_heap_survey_block_t *block);

/* The blocks of a common pair of regions that differ; none if it is not a heap, or if
 * that cannot be read on both sides. On failure the reason is printed. */
bool diff_blocks(const diff_t *diff, const pair_t *pair, block_function_t block,
                 void *context);

/* ---- reading bytes ---- */

/* Reads nearby pieces of one region cheaply. All zero but `side` and `index` at first. */
typedef struct window {
    const side_t *side;
    size_t index;
    uint64_t start;
    size_t count;
    uint8_t bytes[1 << 16];
} window_t;

/* Up to `size` bytes from `offset` on; fewer where the window or the region ends, 0
 * beyond the region's end, and after a failure, which is reported. */
size_t window_read(window_t *window, uint64_t offset, size_t size, const uint8_t **bytes);

/* ---- showing it ---- */

/* Each shows what differs on standard output; on failure the reason is printed. */
typedef bool (*show_function_t)(diff_t *diff);
bool show_page(diff_t *diff);
bool show_stat(diff_t *diff);
bool show_json(diff_t *diff);
bool show_patch(diff_t *diff);

/* One line about a pair: "1 of 7  code". */
void show_pair(const pair_t *pair);

/* A text as escape_print() prints it; the caller frees it. NULL when out of memory. */
char *show_escaped(const char *text);

#endif
