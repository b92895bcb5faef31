/* SPDX-License-Identifier: MIT */
/*
 * The options that mean the same in every tool, in one place. A tool's popt table
 * includes the groups that it takes:
 *
 *     static const struct poptOption table[] = {
 *         { its own options },
 *         OPTIONS_OUTPUT, OPTIONS_TEXTS, OPTIONS_COMMON,
 *         OPTIONS_EXAMPLES("  sfpm-patch -i app.img 3=20    …"),
 *         POPT_TABLEEND};
 */
#ifndef SFPM_BIN_OPTIONS_H
#define SFPM_BIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <popt.h>

#include <sfpm/image.h>

/* What was given. Strings are NULL when absent. */
struct options {
    char *output;      /* -o: a file, "-" for standard output */
    int in_place;      /* -i */
    int force;         /* --force, which each tool explains itself */
    char *description; /* -d */
    char *message;     /* -m */
    char **attributes; /* --attr: each KEY=VALUE; NULL at the end */
    char *max_memory_text;
    uint64_t max_memory; /* --max-memory in bytes; 0: the library's default */
};

extern struct options options;

extern struct poptOption options_output[];   /* -o, -i */
extern struct poptOption options_new_file[]; /* -o */
extern struct poptOption options_texts[];    /* -d, -m, --attr */
extern struct poptOption options_reading[];  /* --max-memory */
extern struct poptOption options_version[];  /* --version */
extern struct poptOption options_none[];

#define OPTIONS_GROUP(table, title)                                                      \
    {                                                                                    \
        NULL, '\0', POPT_ARG_INCLUDE_TABLE, (table), 0, (title), NULL                    \
    }
#define OPTIONS_OUTPUT   OPTIONS_GROUP(options_output, "Output:")
#define OPTIONS_NEW_FILE OPTIONS_GROUP(options_new_file, "Output:")
#define OPTIONS_TEXTS    OPTIONS_GROUP(options_texts, "What the commit says of itself:")
#define OPTIONS_READING  OPTIONS_GROUP(options_reading, "Limits:")

/* Help and version; then a table without options, whose title popt prints last. */
#define OPTIONS_COMMON(examples)                                                         \
    OPTIONS_GROUP(options_version, "Common options:"),                                   \
        POPT_AUTOHELP OPTIONS_GROUP(options_none, "Examples:\n" examples)

/* Reads the command line. Prints --help and --version itself.
 * operands: for the start of --help, such as "IMAGE EDIT...", and on further lines
 *           what the tool does
 * flags:    POPT_CONTEXT_POSIXMEHARDER where operands end the options
 * popt:     receives the context that holds the operands; options_free() frees it
 * status:   receives the exit status when the program is to end
 * Returns whether it goes on. */
bool options_parse(int argc, char **argv, const struct poptOption *table,
                   const char *operands, unsigned flags, poptContext *popt, int *status);

/* Frees a context, NULL accepted, and the strings of `options`. */
void options_free(poptContext popt);

/* Puts -d and --attr into an edit, and the tool's name as creator; as message, -m
 * or else `message`. */
bool options_fill_edit(sfpm_edit_t *edit, const char *message);

#endif
