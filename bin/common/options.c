/* SPDX-License-Identifier: MIT */
/*
 * The option tables that tools share, and the checks that belong to them: each option is
 * parsed and validated once, whatever tool takes it.
 */
#include "common/options.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/complete.h"
#include "common/number.h"
#include "common/suggest.h"
#include "common/tool.h"

enum { OPTION_VERSION = 1000, OPTION_HELP, OPTION_USAGE, OPTION_COLOR, JOBS_MAX = 256 };

struct options options;

struct poptOption options_output[] = {
    {"output", 'o', POPT_ARG_STRING, &options.output, 0,
     "write the image to FILE; - is standard output", "FILE"},
    {"in-place", 'i', POPT_ARG_NONE, &options.in_place, 0,
     "append the change to the image's own file", NULL},
    POPT_TABLEEND};

struct poptOption options_replace[] = {
    {"output", 'o', POPT_ARG_STRING, &options.output, 0,
     "write the image to FILE; - is standard output", "FILE"},
    {"in-place", 'i', POPT_ARG_NONE, &options.in_place, 0, "replace the image's own file",
     NULL},
    POPT_TABLEEND};

struct poptOption options_new_file[] = {
    {"output", 'o', POPT_ARG_STRING, &options.output, 0,
     "write the image to FILE; - is standard output", "FILE"},
    POPT_TABLEEND};

struct poptOption options_texts[] = {{"description", 'd', POPT_ARG_STRING,
                                      &options.description, 0, "describe the image",
                                      "TEXT"},
                                     {"message", 'm', POPT_ARG_STRING, &options.message,
                                      0, "set the message of the commit", "TEXT"},
                                     {"attr", '\0', POPT_ARG_ARGV, &options.attributes, 0,
                                      "set an attribute; may be repeated", "KEY=VALUE"},
                                     POPT_TABLEEND};

struct poptOption options_limits[] = {
    {"max-files", '\0', POPT_ARG_STRING, &options.max_files_text, 0,
     "limit the files inside an image to SIZE bytes (default: 1G)", "SIZE"},
    {"max-memory", '\0', POPT_ARG_STRING, &options.max_memory_text, 0,
     "use at most SIZE bytes, such as 64M, for the image's tables and for a program's "
     "memory (default: 1G each)",
     "SIZE"},
    {"digest", '\0', POPT_ARG_STRING, &options.digest_text, 0,
     "accept only the state with this digest", "HEX"},
    POPT_TABLEEND};

struct poptOption options_secret[] = {
    {"key-file", '\0', POPT_ARG_STRING, &options.key_file, 0,
     "read the key from FILE: 32 bytes or 64 hexadecimal digits", "FILE"},
    {"passphrase-fd", '\0', POPT_ARG_STRING, &options.passphrase_fd, 0,
     "read the passphrase from descriptor N", "N"},
    {"max-scrypt", '\0', POPT_ARG_STRING, &options.max_scrypt_text, 0,
     "use at most SIZE bytes, such as 1G, to derive the key from a passphrase (default: "
     "256M)",
     "SIZE"},
    POPT_TABLEEND};

struct poptOption options_base[] = {
    {"base", '\0', POPT_ARG_STRING, &options.base, 0,
     "use FILE as the base image of a delta instead of the file beside it", "FILE"},
    POPT_TABLEEND};

struct poptOption options_storage[] = {
    {"compress", '\0', POPT_ARG_STRING, &options.compression, 0,
     "compress with METHOD: zstd, lz4, one of them with :LEVEL, or none", "METHOD"},
    {"jobs", '\0', POPT_ARG_STRING, &options.jobs_text, 0, "use N threads to compress",
     "N"},
    POPT_TABLEEND};

struct poptOption options_color[] = {
    {"color", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPTION_COLOR,
     "use colours: always, never, or auto, which is on a terminal (default: auto)", "WHEN"},
    POPT_TABLEEND};

struct poptOption options_version[] = {{"version", '\0', POPT_ARG_NONE, NULL,
                                        OPTION_VERSION, "print the version and exit",
                                        NULL},
                                       POPT_TABLEEND};

struct poptOption options_help[] = {
    {"help", 'h', POPT_ARG_NONE, NULL, OPTION_HELP, "show this help and exit", NULL},
    {"usage", '\0', POPT_ARG_NONE, NULL, OPTION_USAGE, "show the options in short and exit",
     NULL},
    POPT_TABLEEND};

struct poptOption options_only_help[] = {
    {"help", 'h', POPT_ARG_NONE, NULL, OPTION_HELP, "show this help and exit", NULL},
    POPT_TABLEEND};

struct poptOption options_none[] = {POPT_TABLEEND};

static bool check_attributes(int *status)
{
    for (char **a = options.attributes; a && *a != NULL; a++) {
        if ((*a)[0] != '=' && strchr(*a, '=') != NULL)
            continue;
        *status = tool_usage("--attr: '%s' is not KEY=VALUE", *a);
        return false;
    }
    return true;
}

bool options_number(const char *name, const char *text, uint64_t limit, uint64_t *number,
                    int *status)
{
    *number = 0;
    if (!text ||
        (number_parse(text, strlen(text), number) && *number > 0 && *number <= limit))
        return true;
    *status =
        tool_usage("%s: '%s' is not a number from 1 to %" PRIu64, name, text, limit);
    return false;
}

static bool check_digest(int *status)
{
    const char *text = options.digest_text;
    if (!text || (strlen(text) == 2 * SFPM_DIGEST_BYTES &&
                  secret_parse_hex(text, strlen(text), options.digest)))
        return true;
    *status = tool_usage("--digest: '%s' is not %d hexadecimal digits", text,
                         2 * SFPM_DIGEST_BYTES);
    return false;
}

/* The library knows the methods: an edit that is discarded checks the text. */
static bool check_storage(int *status)
{
    uint64_t jobs;
    if (!options_number("--jobs", options.jobs_text, JOBS_MAX, &jobs, status))
        return false;
    options.jobs = (unsigned)jobs;
    if (!options.compression)
        return true;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit && sfpm_edit_set_compression(edit, options.compression, 0);
    sfpm_edit_destroy(edit);
    if (!ok)
        *status = sfpm_last_status() == SFPM_ERR_ARGUMENT
                      ? tool_usage("--compress: %s", sfpm_last_error())
                      : tool_fail("--compress", "%s", sfpm_last_error());
    return ok;
}

bool options_read_secret(secret_t *secret, const char *key_file, const char *fd_text,
                         const char *const names[2], int *status)
{
    uint64_t fd;
    *status = EXIT_SUCCESS;
    if (key_file && fd_text) {
        *status = tool_usage("%s and %s cannot be used together", names[0], names[1]);
        return false;
    }
    if (key_file)
        return secret_read_key(secret, key_file, status);
    if (!fd_text)
        return false;
    if (!number_parse(fd_text, strlen(fd_text), &fd) || fd > INT_MAX) {
        *status =
            tool_usage("%s: '%s' is not a file descriptor number", names[1], fd_text);
        return false;
    }
    return secret_read_passphrase(secret, names[1], (int)fd, status);
}

/* The environment names a key file when no option says otherwise. */
static bool check_secret(int *status)
{
    static const char *const names[2] = {"--key-file", "--passphrase-fd"};
    const char *key_file = options.key_file;
    if (!key_file && !options.passphrase_fd)
        key_file = getenv("SFPM_KEY_FILE");
    return options_read_secret(&options.secret, key_file, options.passphrase_fd, names,
                               status) ||
           *status == EXIT_SUCCESS;
}

/* Its other names have the same rules: no image to a terminal, no text into an image. */
static void name_stdout(void)
{
    static const char *const names[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (options.output && strcmp(options.output, names[i]) == 0)
            strcpy(options.output, "-");
}

static bool check_size(const char *name, const char *text, uint64_t *size, int *status)
{
    if (!text || (number_parse_size(text, size) && *size > 0))
        return true;
    *status = tool_usage("%s: '%s' is not a size such as 64M", name, text);
    return false;
}

static bool check_values(int *status)
{
    if (!check_size("--max-memory", options.max_memory_text, &options.max_memory,
                    status) ||
        !check_size("--max-files", options.max_files_text, &options.max_files, status) ||
        !check_size("--max-scrypt", options.max_scrypt_text, &options.max_scrypt, status))
        return false;
    name_stdout();
    if (options.output && options.in_place) {
        *status = tool_usage("-o and -i cannot be used together");
        return false;
    }
    return check_attributes(status) && check_digest(status) && check_storage(status) &&
           check_secret(status);
}

static void suggest_option(suggestion_t *suggestion, const struct poptOption *option)
{
    for (; option->longName || option->shortName || option->arg; option++)
        if (option->argInfo == POPT_ARG_INCLUDE_TABLE)
            suggest_option(suggestion, option->arg);
        else if (option->longName)
            suggest(suggestion, option->longName);
}

static int refuse(poptContext popt, int error, const struct poptOption *table)
{
    char word[SUGGEST_MAX + 2];
    const char *bad = poptBadOption(popt, POPT_BADOPTION_NOALIAS);
    suggestion_t suggestion = {.word = word};
    if (error != POPT_ERROR_BADOPT || strncmp(bad, "--", 2) != 0)
        return tool_usage("%s: %s", bad, poptStrerror(error));
    snprintf(word, sizeof word, "%.*s", (int)strcspn(bad + 2, "="), bad + 2);
    suggest_option(&suggestion, table);
    if (!suggestion.nearest)
        return tool_usage("%s: %s", bad, poptStrerror(error));
    return tool_usage("%s: %s; did you mean --%s?", bad, poptStrerror(error),
                      suggestion.nearest);
}

/* --color alone means always. */
static bool choose_color(poptContext popt, int *status)
{
    char *when = poptGetOptArg(popt);
    bool ok = tool_set_color(when ? when : "always");
    if (!ok)
        *status = tool_usage("--color: '%s' is not always, never or auto", when);
    free(when);
    return ok;
}

/* What was asked for instead of work. */
static int tell(poptContext popt, int option)
{
    if (option == OPTION_HELP)
        poptPrintHelp(popt, stdout, 0);
    else if (option == OPTION_USAGE)
        poptPrintUsage(popt, stdout, 0);
    else
        puts(tool_creator());
    return EXIT_SUCCESS;
}

bool options_parse(int argc, char **argv, const struct poptOption *table,
                   const char *operands, unsigned flags, poptContext *popt, int *status)
{
    char usage[512];
    *popt = NULL;
    if (argc > 2 && strcmp(argv[1], "--complete") == 0) {
        complete(table, argv + 2);
        *status = EXIT_SUCCESS;
        return false;
    }
    *popt = poptGetContext(NULL, argc, (const char **)argv, table, flags);
    if (!*popt) {
        *status = tool_fail(NULL, "out of memory");
        return false;
    }
    snprintf(usage, sizeof usage, "[OPTION...] %s", operands);
    poptSetOtherOptionHelp(*popt, usage);
    int option;
    while ((option = poptGetNextOpt(*popt)) == OPTION_COLOR)
        if (!choose_color(*popt, status))
            return false;
    if (option < -1)
        *status = refuse(*popt, option, table);
    else if (option > 0)
        *status = tell(*popt, option);
    return option == -1 && check_values(status);
}

void options_free(poptContext popt)
{
    poptFreeContext(popt);
    free(options.output);
    free(options.description);
    free(options.message);
    free(options.max_files_text);
    free(options.max_memory_text);
    free(options.max_scrypt_text);
    free(options.digest_text);
    free(options.base);
    free(options.key_file);
    free(options.passphrase_fd);
    free(options.compression);
    free(options.jobs_text);
    for (char **a = options.attributes; a && *a != NULL; a++)
        free(*a);
    free(options.attributes);
    secret_wipe(&options.secret);
    memset(&options, 0, sizeof options);
}

static bool set_attribute(sfpm_edit_t *edit, const char *attribute)
{
    const char *equals = strchr(attribute, '=');
    char *key = strndup(attribute, (size_t)(equals - attribute));
    bool ok = sfpm_edit_set_attribute(edit, key, equals + 1);
    free(key);
    return ok;
}

bool options_fill_storage(sfpm_edit_t *edit)
{
    return (!options.compression ||
            sfpm_edit_set_compression(edit, options.compression, options.jobs)) &&
           (!options.encrypt || sfpm_edit_set_secret(edit, &options.secret.secret));
}

bool options_fill_edit(sfpm_edit_t *edit, const char *message)
{
    for (char **a = options.attributes; a && *a != NULL; a++)
        if (!set_attribute(edit, *a))
            return false;
    return sfpm_edit_set_description(edit, options.description) &&
           sfpm_edit_set_creator(edit, tool_creator()) &&
           sfpm_edit_set_message(edit, options.message ? options.message : message);
}
