/* SPDX-License-Identifier: MIT */
/* Finds out what the last word of a command line may become, from options and images. */
#include "common/complete.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/image.h>

#include "common/escape.h"
#include "common/machine.h"
#include "common/number.h"
#include "common/tool.h"

enum { COMMITS_MAX = 200, ROOM = 4096 };

typedef struct request {
    const struct poptOption *table;
    char **words;
    size_t count;       /* of them */
    const char *word;   /* the last one, or its value after "--option=" */
    const char *before; /* "--option=", to be repeated, or "" */
    int before_length;
} request_t;

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* A name that no shell or terminal takes for something else. The shells quote the rest. */
static bool is_harmless(const char *name)
{
    return name[0] != '-' && name[0] != '\0' && escape_is_printable(name);
}

/* Offers `word` followed by `end`. */
static void offer(const request_t *request, const char *word, const char *end,
                  const char *description)
{
    if (!begins(word, request->word))
        return;
    printf("%.*s%s%s\t", request->before_length, request->before, word, end);
    escape_print(stdout, description);
    putchar('\n');
}

/* ---- Options ---- */

static bool has_value(const struct poptOption *option)
{
    unsigned type = option->argInfo & POPT_ARG_MASK;
    return type != POPT_ARG_NONE && type != POPT_ARG_VAL && type != POPT_ARG_INCLUDE_TABLE;
}

static void offer_options(const request_t *request, const struct poptOption *option)
{
    char name[80];
    for (; option->longName || option->shortName || option->arg; option++) {
        if (option->argInfo == POPT_ARG_INCLUDE_TABLE) {
            offer_options(request, option->arg);
        } else if (option->longName) {
            bool optional = (option->argInfo & POPT_ARGFLAG_OPTIONAL) != 0;
            snprintf(name, sizeof name, "--%s", option->longName);
            offer(request, name, has_value(option) && !optional ? "=" : "",
                  option->descrip ? option->descrip : "");
        }
    }
}

/* The option that a word is, "--name" up to `length` or "-n"; NULL if there is none. */
static const struct poptOption *find(const struct poptOption *option, const char *word,
                                     size_t length)
{
    for (; option->longName || option->shortName || option->arg; option++) {
        const struct poptOption *found = NULL;
        if (option->argInfo == POPT_ARG_INCLUDE_TABLE)
            found = find(option->arg, word, length);
        else if (option->longName && length > 2 && strncmp(word, "--", 2) == 0 &&
                 strlen(option->longName) == length - 2 &&
                 strncmp(option->longName, word + 2, length - 2) == 0)
            found = option;
        else if (option->shortName && length == 2 && word[1] == option->shortName)
            found = option;
        if (found)
            return found;
    }
    return NULL;
}

/* ---- Images ---- */

/* Opens FILE or FILE@N without asking for a key. */
static sfpm_image_t *open_image(const char *text)
{
    sfpm_image_options_t how = {.struct_size = sizeof how};
    sfpm_image_t *image = sfpm_image_open(text, &how);
    const char *at = strrchr(text, '@');
    uint64_t commit;
    if (image || !at || !number_parse(at + 1, strlen(at + 1), &commit) ||
        commit > INT64_MAX)
        return image;
    char *file = strndup(text, (size_t)(at - text));
    how.commit = (int64_t)commit;
    image = file ? sfpm_image_open(file, &how) : NULL;
    free(file);
    return image;
}

/* The first operand, if the word that is completed is not that; NULL without. */
static const char *first_operand(const request_t *request)
{
    for (size_t i = 0; i + 1 < request->count; i++) {
        const char *word = request->words[i];
        const struct poptOption *option = find(request->table, word, strlen(word));
        if (word[0] != '-' || word[1] == '\0')
            return word;
        i += option && has_value(option) &&
             (option->argInfo & POPT_ARGFLAG_OPTIONAL) == 0;
    }
    return NULL;
}

static void offer_regions(const request_t *request, const sfpm_image_t *image,
                          const char *end)
{
    const sfpm_region_info_t *region;
    char size[60];
    for (size_t i = 0; (region = sfpm_image_region(image, i)) != NULL; i++) {
        snprintf(size, sizeof size, "region of %" PRIu64 " bytes", region->size);
        if (is_harmless(region->name))
            offer(request, region->name, end, size);
    }
}

typedef struct labels {
    const request_t *request;
    const char *end;
    char line[ROOM];
    size_t length;
} labels_t;

/* Offers what a line of assembly text defines: "name:" or ".func name ...". */
static void offer_label(const labels_t *labels)
{
    char name[ROOM];
    bool function = sscanf(labels->line, ".func %4095s", name) == 1;
    size_t length = strcspn(labels->line, ": \t");
    if (!function && (length == 0 || strcmp(labels->line + length, ":") != 0))
        return;
    if (!function)
        snprintf(name, sizeof name, "%.*s", (int)length, labels->line);
    if (is_harmless(name) && name[0] != '"' && name[0] != ';')
        offer(labels->request, name, labels->end, function ? "function" : "label");
}

static bool take_text(void *context, const void *bytes, size_t size)
{
    labels_t *labels = context;
    for (const char *at = bytes; size-- > 0; at++) {
        if (*at == '\n') {
            labels->line[labels->length] = '\0';
            offer_label(labels);
            labels->length = 0;
        } else if (labels->length + 1 < sizeof labels->line) {
            labels->line[labels->length++] = *at;
        }
    }
    return true;
}

static void offer_labels(const request_t *request, const sfpm_image_t *image,
                         const char *end)
{
    char refusal[MACHINE_REFUSAL];
    labels_t labels = {.request = request, .end = end};
    sfpm_vm_t *vm = machine_load(image, refusal);
    if (vm)
        (void)sfpm_vm_disassemble(vm, 0, UINT64_MAX, take_text, &labels);
    sfpm_vm_destroy(vm);
}

/* FILE@N, the last one first. */
static void offer_commits(const request_t *request)
{
    char name[ROOM];
    const char *at = strrchr(request->word, '@');
    if (!at || (size_t)(at - request->word) >= sizeof name / 2)
        return;
    int length = (int)(at - request->word);
    snprintf(name, sizeof name, "%.*s", length, request->word);
    sfpm_image_t *image = open_image(name);
    if (!image)
        return;
    uint64_t n = sfpm_image_commit_info(image)->number;
    uint64_t first = sfpm_image_info(image)->first;
    for (int i = 0; i < COMMITS_MAX && n >= first; i++, n--) {
        if (!sfpm_image_select(image, (int64_t)n))
            break;
        snprintf(name + length, sizeof name - (size_t)length, "@%" PRIu64, n);
        offer(request, name, "", sfpm_image_commit_info(image)->message);
    }
    sfpm_image_close(image);
}

/* ---- Values and operands ---- */

/* The words between commas. */
static void offer_words(const request_t *request, const char *list)
{
    char word[40];
    for (size_t length; *list != '\0'; list += length + (list[length] == ',')) {
        length = strcspn(list, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        offer(request, word, "", "");
    }
}

static void offer_from_image(const request_t *request, bool regions, const char *end)
{
    const char *name = first_operand(request);
    sfpm_image_t *image = name ? open_image(name) : NULL;
    if (!image)
        return;
    if (regions)
        offer_regions(request, image, end[0] != '\0' ? ":" : "");
    if (!regions || end[0] != '\0')
        offer_labels(request, image, end);
    sfpm_image_close(image);
}

/* By how --help names the value. */
static void offer_values(const request_t *request, const struct poptOption *option)
{
    static const struct {
        const char *name, *values;
    } known[] = {{"ENGINE", "fast,simple"},
                 {"METHOD", "zstd,lz4,none"},
                 {"WHEN", "always,auto,never"},
                 {"CLOCK", "real,virtual,frozen"}};
    const char *what = option->argDescrip ? option->argDescrip : "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(what, known[i].name) == 0)
            offer_words(request, known[i].values);
    if (strcmp(what, "REGION") == 0)
        offer_from_image(request, true, "");
    else if (strcmp(what, "PLACE") == 0)
        offer_from_image(request, false, "");
    else if (strstr(what, "FILE") || strstr(what, "HOST"))
        puts(":files");
}

void complete(const struct poptOption *table, char **words)
{
    request_t request = {.table = table, .words = words, .word = "", .before = ""};
    while (words[request.count] != NULL)
        request.word = words[request.count++];
    const char *last = request.word;
    const char *previous = request.count > 1 ? words[request.count - 2] : "";
    const struct poptOption *option = find(table, previous, strlen(previous));
    const char *equals = last[0] == '-' ? strchr(last, '=') : NULL;
    if (equals) {
        option = find(table, last, (size_t)(equals - last));
        request.before = last;
        request.before_length = (int)(equals - last) + 1;
        request.word = equals + 1;
        if (option)
            offer_values(&request, option);
    } else if (previous[0] == '-' && option && has_value(option) &&
               (option->argInfo & POPT_ARGFLAG_OPTIONAL) == 0) {
        offer_values(&request, option);
    } else if (last[0] == '-') {
        offer_options(&request, table);
    } else {
        puts(":files");
        offer_commits(&request);
        if (strcmp(tool_name(), "sfpm-patch") == 0)
            offer_from_image(&request, true, "=");
    }
}
