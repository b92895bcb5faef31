/* SPDX-License-Identifier: MIT */
/* The difference as edits for sfpm-patch -f, each with the old values. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/facts.h"
#include "common/machine.h"
#include "common/tool.h"
#include "diff/diff.h"

enum {
    LINE_BYTES = 32,  /* changed by one edit */
    NAME_LENGTH = 255 /* characters that sfpm-patch accepts */
};

/* Whether sfpm-patch, reading a line of edits for the left image, would take the name
 * for that region, from its beginning. */
static bool is_addressable(const diff_t *diff, const pair_t *pair)
{
    const char *name = pair_name(pair);
    const sfpm_vm_t *vm = diff->side[LEFT].vm;
    size_t length = strlen(name);
    if (pair->instance > 0 || length == 0 || length > NAME_LENGTH ||
        strchr("# \t", name[0]) || strchr(name, '='))
        return false;
    char *escaped = show_escaped(name);
    bool plain = escaped && strcmp(escaped, name) == 0;
    free(escaped);
    if (!vm || strcmp(name, "code") != 0)
        return plain;
    sfpm_vm_info_t info = machine_info(vm);
    return strcmp(info.code_region, name) == 0 && info.code_start == 0 &&
           info.code_size == pair->region[LEFT]->size;
}

/* Why edits cannot make the left region equal to the right one; NULL when they can. */
static const char *obstacle(const diff_t *diff, const pair_t *pair)
{
    const sfpm_region_info_t *a = pair->region[LEFT], *b = pair->region[RIGHT];
    if (!a)
        return "is only in the right image";
    if (!b)
        return "is only in the left image";
    if (a->size != b->size)
        return "differs in size";
    if (a->flags != b->flags)
        return "differs in flags";
    if (pair->bytes > 0 && !is_addressable(diff, pair))
        return "has a name that an edit cannot contain";
    return NULL;
}

static bool is_expressible(const diff_t *diff)
{
    bool ok = !diff->reordered;
    if (diff->reordered)
        tool_fail(NULL, "edits cannot express that the order of regions differs");
    for (size_t i = 0; i < diff->num_pairs; i++) {
        const char *why = obstacle(diff, &diff->pairs[i]);
        if (!why)
            continue;
        tool_fail(NULL, "edits cannot express that region '%s' %s",
                  pair_name(&diff->pairs[i]), why);
        ok = false;
    }
    return ok;
}

static void print_hex(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%02x", bytes[i]);
}

typedef struct script {
    const char *name;
    window_t window[SIDES];
    bool failed;
} script_t;

static bool print_edits(void *context, uint64_t offset, uint64_t length)
{
    script_t *script = context;
    const uint8_t *a, *b;
    for (uint64_t end = offset + length; offset < end;) {
        size_t count = end - offset < LINE_BYTES ? (size_t)(end - offset) : LINE_BYTES;
        count = window_read(&script->window[LEFT], offset, count, &a);
        count = window_read(&script->window[RIGHT], offset, count, &b);
        if (count == 0) {
            script->failed = true;
            return false;
        }
        printf("%s:%" PRIu64 "/hex=", script->name, offset);
        print_hex(b, count);
        fputs(" was ", stdout);
        print_hex(a, count);
        putchar('\n');
        offset += count;
    }
    return true;
}

static bool print_pair(diff_t *diff, const pair_t *pair)
{
    script_t *script = calloc(1, sizeof *script);
    if (!script) {
        tool_fail(NULL, "out of memory");
        return false;
    }
    script->name = pair_name(pair);
    for (int s = LEFT; s < SIDES; s++) {
        script->window[s].side = &diff->side[s];
        script->window[s].index = pair->index[s];
    }
    bool ok = sfpm_image_compare(diff->side[LEFT].file.image, pair->index[LEFT],
                                 diff->side[RIGHT].file.image, pair->index[RIGHT],
                                 print_edits, script);
    if (!ok)
        tool_fail(NULL, "%s", sfpm_last_error());
    ok = ok && !script->failed;
    free(script);
    return ok;
}

static void print_side(const char *mark, const side_t *side)
{
    char digest[FACT_DIGEST];
    printf("# %s ", mark);
    escape_print(stdout, side->file.label);
    if (sfpm_image_info(side->file.image)->format != 1)
        printf("  state %s",
               fact_digest(sfpm_image_commit_info(side->file.image)->digest, digest));
    putchar('\n');
}

static void print_fact(void *context, const char *name, const char *key, const char *a,
                       const char *b)
{
    (void)context, (void)a, (void)b;
    printf("# not in these edits: %s", name);
    if (key) {
        putchar(' ');
        escape_print(stdout, key);
    }
    putchar('\n');
}

/* sfpm-patch accepts what begins with a comment although it holds no edit, and refuses
 * what holds none of both, and so a script that was not written or not to its end. */
bool show_patch(diff_t *diff)
{
    if (!is_expressible(diff))
        return false;
    print_side("---", &diff->side[LEFT]);
    print_side("+++", &diff->side[RIGHT]);
    diff_metadata(diff, print_fact, NULL);
    for (size_t i = 0; i < diff->num_pairs; i++)
        if (diff->pairs[i].bytes > 0 && !print_pair(diff, &diff->pairs[i])) {
            puts("incomplete");
            return false;
        }
    return true;
}
