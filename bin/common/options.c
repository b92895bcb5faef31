/* SPDX-License-Identifier: MIT */
#include "common/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/tool.h"

enum { OPTION_VERSION = 1000 };

struct options options;

struct poptOption options_output[] = {
    {"output", 'o', POPT_ARG_STRING, &options.output, 0,
     "write the image to FILE; - is standard output", "FILE"},
    {"in-place", 'i', POPT_ARG_NONE, &options.in_place, 0,
     "append the change to the image's own file", NULL},
    POPT_TABLEEND};

struct poptOption options_new_file[] = {
    {"output", 'o', POPT_ARG_STRING, &options.output, 0,
     "write the image to FILE; - is standard output", "FILE"},
    POPT_TABLEEND};

struct poptOption options_texts[] = {{"description", 'd', POPT_ARG_STRING,
                                      &options.description, 0, "describe the image",
                                      "TEXT"},
                                     {"message", 'm', POPT_ARG_STRING, &options.message,
                                      0, "say what this commit is for", "TEXT"},
                                     {"attr", '\0', POPT_ARG_ARGV, &options.attributes, 0,
                                      "set an attribute; may be repeated", "KEY=VALUE"},
                                     POPT_TABLEEND};

struct poptOption options_reading[] = {
    {"max-memory", '\0', POPT_ARG_STRING, &options.max_memory_text, 0,
     "take at most SIZE bytes for the image's tables; K, M, G are understood", "SIZE"},
    POPT_TABLEEND};

struct poptOption options_version[] = {{"version", '\0', POPT_ARG_NONE, NULL,
                                        OPTION_VERSION, "print the version and end",
                                        NULL},
                                       POPT_TABLEEND};

struct poptOption options_none[] = {POPT_TABLEEND};

static bool check_attributes(int *status)
{
    for (char **a = options.attributes; a != NULL && *a != NULL; a++) {
        if ((*a)[0] != '=' && strchr(*a, '=') != NULL)
            continue;
        *status = tool_usage("--attr: '%s' is not KEY=VALUE", *a);
        return false;
    }
    return true;
}

static bool check_values(int *status)
{
    if (options.max_memory_text != NULL &&
        (!number_parse_size(options.max_memory_text, &options.max_memory) ||
         options.max_memory == 0)) {
        *status = tool_usage("--max-memory: '%s' is not a size such as 64M",
                             options.max_memory_text);
        return false;
    }
    if (options.output != NULL && options.in_place) {
        *status = tool_usage("-o and -i exclude each other");
        return false;
    }
    return check_attributes(status);
}

bool options_parse(int argc, char **argv, const struct poptOption *table,
                   const char *operands, unsigned flags, poptContext *popt, int *status)
{
    char usage[512];
    *popt = poptGetContext(NULL, argc, (const char **)argv, table, flags);
    if (*popt == NULL) {
        *status = tool_fail(NULL, "out of memory");
        return false;
    }
    snprintf(usage, sizeof(usage), "[OPTION...] %s", operands);
    poptSetOtherOptionHelp(*popt, usage);
    int option = poptGetNextOpt(*popt);
    if (option == OPTION_VERSION) {
        puts(tool_creator());
        *status = EXIT_SUCCESS;
        return false;
    }
    if (option < -1) {
        *status = tool_usage("%s: %s", poptBadOption(*popt, POPT_BADOPTION_NOALIAS),
                             poptStrerror(option));
        return false;
    }
    return check_values(status);
}

void options_free(poptContext popt)
{
    poptFreeContext(popt);
    free(options.output);
    free(options.description);
    free(options.message);
    free(options.max_memory_text);
    for (char **a = options.attributes; a != NULL && *a != NULL; a++)
        free(*a);
    free(options.attributes);
    memset(&options, 0, sizeof(options));
}

static bool set_attribute(sfpm_edit_t *edit, const char *attribute)
{
    const char *equals = strchr(attribute, '=');
    char *key = strndup(attribute, (size_t)(equals - attribute));
    bool ok = sfpm_edit_set_attribute(edit, key, equals + 1);
    free(key);
    return ok;
}

bool options_fill_edit(sfpm_edit_t *edit, const char *message)
{
    for (char **a = options.attributes; a != NULL && *a != NULL; a++)
        if (!set_attribute(edit, *a))
            return false;
    return sfpm_edit_set_description(edit, options.description) &&
           sfpm_edit_set_creator(edit, tool_creator()) &&
           sfpm_edit_set_message(edit,
                                 options.message != NULL ? options.message : message);
}
