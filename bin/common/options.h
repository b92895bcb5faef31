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

#include "common/secret.h"

/* What was given. Strings are NULL when absent. */
struct options {
    char *output;      /* -o: a file, "-" for standard output */
    int in_place;      /* -i */
    int force;         /* --force, which each tool explains itself */
    char *description; /* -d */
    char *message;     /* -m */
    char **attributes; /* --attr: each KEY=VALUE; NULL at the end */
    char *max_files_text;
    char *max_memory_text;
    char *max_scrypt_text;
    uint64_t max_scrypt; /* --max-scrypt in bytes; 0: the library's default */
    uint64_t max_files;  /* --max-files in bytes; 0: the library's default */
    uint64_t max_memory; /* --max-memory in bytes; 0: the library's default */
    char *digest_text;
    uint8_t digest[SFPM_DIGEST_BYTES]; /* --digest, when digest_text is there */
    char *base;                        /* --base */
    char *key_file;
    char *passphrase_fd;
    secret_t secret;   /* --key-file, --passphrase-fd, SFPM_KEY_FILE, or the answer to a
                          prompt */
    bool asked;        /* the secret is an answer, so images may do without */
    int encrypt;       /* --encrypt: the secret is for what is written, as well */
    char *compression; /* --compress; known to be a method */
    char *jobs_text;
    unsigned jobs;       /* --jobs; 0 when absent */
    uint64_t keep;       /* for commits in place: of sfpm_write_options_t, as is … */
    uint64_t sync_every; /* … this; 0 when absent */
};

extern struct options options;

extern struct poptOption options_output[];   /* -o, -i */
extern struct poptOption options_replace[];  /* the same for a whole new file */
extern struct poptOption options_new_file[]; /* -o */
extern struct poptOption options_texts[];    /* -d, -m, --attr */
extern struct poptOption options_limits[];   /* --max-memory, --digest */
extern struct poptOption options_secret[];   /* --key-file, --passphrase-fd */
extern struct poptOption options_base[];     /* --base */
extern struct poptOption options_storage[];  /* --compress, --jobs */
extern struct poptOption options_version[];  /* --version */
extern struct poptOption options_help[];     /* --help, --usage */
extern struct poptOption options_color[];    /* --color */
extern struct poptOption options_only_help[]; /* --help, where --usage is something else */
extern struct poptOption options_none[];

#define OPTIONS_GROUP(table, title)                                                      \
    {                                                                                    \
        NULL, '\0', POPT_ARG_INCLUDE_TABLE, (table), 0, (title), NULL                    \
    }
#define OPTIONS_OUTPUT   OPTIONS_GROUP(options_output, "Output:")
#define OPTIONS_REPLACE  OPTIONS_GROUP(options_replace, "Output:")
#define OPTIONS_NEW_FILE OPTIONS_GROUP(options_new_file, "Output:")
#define OPTIONS_TEXTS    OPTIONS_GROUP(options_texts, "Description of the commit:")
#define OPTIONS_LIMITS   OPTIONS_GROUP(options_limits, "Limits and checks:")
#define OPTIONS_SECRET   OPTIONS_GROUP(options_secret, "Encrypted images:")
#define OPTIONS_STORAGE  OPTIONS_GROUP(options_storage, "Compression:")

/* All that concerns opening an image. */
#define OPTIONS_READING                                                                  \
    OPTIONS_LIMITS, OPTIONS_SECRET, OPTIONS_GROUP(options_base, "Delta images:")

/* Help and version; then a table without options, whose title popt prints last. */
#define OPTIONS_COMMON(examples) OPTIONS_COMMON_WITH(options_help, examples)
#define OPTIONS_COMMON_WITH(help, examples)                                              \
    OPTIONS_GROUP(options_version, "Common options:"),                                   \
        OPTIONS_GROUP(help, "Help options:"),                                            \
        OPTIONS_GROUP(options_none, "Examples:\n" examples)

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

/* Chooses a secret by the texts of two options; neither: false.
 * names: of the options, for messages
 * Returns false with *status set when it cannot be had, *status 0 when there is none. */
bool options_read_secret(secret_t *secret, const char *key_file, const char *fd_text,
                         const char *const names[2], int *status);

/* Understands --jobs and the like: a number from 1 to `limit`; NULL is 0. */
bool options_number(const char *name, const char *text, uint64_t limit, uint64_t *number,
                    int *status);

/* Puts --compress and --encrypt into an edit; for the latter options.secret is known. */
bool options_fill_storage(sfpm_edit_t *edit);

/* Puts -d and --attr into an edit, and the tool's name as creator; as message, -m
 * or else `message`. */
bool options_fill_edit(sfpm_edit_t *edit, const char *message);

#endif
