/* SPDX-License-Identifier: MIT */
/*
 * The image that a tool was given: FILE, FILE@N for an earlier commit, or - for
 * standard input. A WebAssembly module stands for the image that sfpm-save makes of it.
 */
#ifndef SFPM_BIN_OPERAND_H
#define SFPM_BIN_OPERAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <sfpm/image.h>

typedef struct operand {
    const char *label; /* for messages: as it was given, or "standard input" */
    const char *path;  /* without @N; NULL for standard input */
    char *copy;        /* owns it */
    int64_t commit;    /* as in sfpm_image_options_t */
    bool selects;      /* whether @N was given */
    FILE *module; /* the image that was made of a module; NULL: it is one */
    sfpm_image_t *image;
} operand_t;

/* Before anything is printed: whether standard output is another file than an image that
 * will be opened. If not, or on failure, the reason is printed. */
bool operand_print_beside(const char *text, int *status);

/* How the options say that the image is opened. */
sfpm_image_options_t operand_options(void);

/* Opens the image, which must be as the options say. On failure the reason is printed.
 * text: the operand, which must stay */
bool operand_open(operand_t *operand, const char *text);

/* The same for an image beside the first one, encrypted or not. */
bool operand_open_base(operand_t *operand, const char *text);

bool operand_is_encrypted(const operand_t *operand);

/* Prints the image's remarks. */
void operand_warn(const operand_t *operand);

/* Closes it. Accepts one that failed to open, and one all zero. */
void operand_close(operand_t *operand);

/* Which file it is; false if that cannot be determined. */
bool operand_identity(const operand_t *operand, struct stat *identity);

#endif
