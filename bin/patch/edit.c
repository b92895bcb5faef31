/* SPDX-License-Identifier: MIT */
/*
 * Parses one edit of the command line or of a file, finds its place in the image or the
 * machine, and applies it to an edit of the library.
 */
#include "patch/edit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/machine.h"
#include "common/number.h"

/* The text of an edit, taken apart. */
typedef struct parts {
    const char *values;
    size_t num_values; /* their characters */
    const char *was;   /* NULL when no old values are given */
    char region[256];  /* "" when not given */
    char where[256];
    const value_type_t *type;
    bool typed;  /* the type was given */
    size_t most; /* bytes of the global that is named; 0: no global is */
} parts_t;

static bool copy(char *to, size_t room, const char *from, size_t length)
{
    if (length >= room)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

static const char *last(const char *from, const char *to, char wanted)
{
    while (to > from)
        if (*--to == wanted)
            return to;
    return NULL;
}

/* Where a place `@FILE:LINE` ends its file, which may have slashes and colons; NULL: it
 * is another kind of place. */
static const char *source_line(const char *from, const char *to)
{
    static const char region[] = "code:";
    if (strncmp(from, region, sizeof region - 1) == 0)
        from += sizeof region - 1;
    return from < to && *from == '@' ? last(from, to, ':') : NULL;
}

/* The text of `str` goes up to the end, whatever is in it. */
static void find_values(parts_t *parts, const char *values)
{
    static const char was[] = " was ";
    const char *found = parts->type->kind != VALUE_STR ? strstr(values, was) : NULL;
    parts->values = values;
    parts->num_values = found ? (size_t)(found - values) : strlen(values);
    parts->was = found ? found + sizeof was - 1 : NULL;
}

static bool take_apart(const char *text, parts_t *parts, char *reason)
{
    const char *equals = strchr(text, '=');
    if (!equals) {
        snprintf(reason, PATCH_REASON,
                 "an edit is [REGION:]OFFSET|LABEL[+N][/TYPE]=VALUE or "
                 "PLACE: INSTRUCTION");
        return false;
    }
    parts->most = 0;
    parts->type = value_type("u8", 2);
    parts->typed = false;
    const char *end = equals;
    const char *line = source_line(text, equals);
    const char *slash = last(line ? line : text, equals, '/');
    if (slash) {
        parts->type = value_type(slash + 1, (size_t)(equals - slash - 1));
        parts->typed = true;
        end = slash;
    }
    if (!parts->type) {
        snprintf(reason, PATCH_REASON,
                 "unknown type: use u8 to u64, i8 to i64, f32, f64, hex or str");
        return false;
    }
    find_values(parts, equals + 1);
    const char *colon = line ? NULL : last(text, end, ':');
    if (line && text[0] != '@')
        colon = strchr(text, ':');
    const char *place = colon ? colon + 1 : text;
    parts->region[0] = '\0';
    if ((colon &&
         !copy(parts->region, sizeof parts->region, text, (size_t)(colon - text))) ||
        !copy(parts->where, sizeof parts->where, place, (size_t)(end - place))) {
        snprintf(reason, PATCH_REASON, "the name is too long");
        return false;
    }
    return true;
}

/* Whether the bytes of a region are those of a big-endian machine. The
 * architecture's name ends in the order of its bytes. */
static bool is_big_endian(const sfpm_image_t *image, uint32_t flags)
{
    const char *architecture = sfpm_image_commit_info(image)->architecture;
    size_t length = strlen(architecture);
    return (flags & SFPM_REGION_PORTABLE) == 0 && length >= 2 &&
           strcmp(architecture + length - 2, "be") == 0;
}

/* Lists the regions that there are. */
static void no_region(const sfpm_image_t *image, const char *name, char *reason)
{
    int used = snprintf(
        reason, PATCH_REASON,
        name[0] != '\0'
            ? "there is no region '%s'; the regions are:"
            : "the image holds no machine: use REGION:OFFSET; the regions are:%s",
        name);
    const sfpm_region_info_t *region;
    for (size_t i = 0; (region = sfpm_image_region(image, i)) != NULL; i++) {
        if (used < 0 || used > PATCH_REASON - 64)
            return;
        used += snprintf(reason + used, (size_t)(PATCH_REASON - used), " %s",
                         i < 8 ? region->name : "...");
        if (i == 8)
            return;
    }
}

/* Finds the region and how many bytes of it can be addressed. */
static bool find_region(patch_edit_t *edit, const patch_target_t *target,
                        const char *name, uint64_t *size, char *reason)
{
    const char *wanted = name[0] != '\0' ? name : "code";
    edit->is_code = target->vm && strcmp(wanted, "code") == 0;
    edit->start = 0;
    if (edit->is_code) {
        sfpm_vm_info_t info = machine_info(target->vm);
        wanted = info.code_region;
        edit->start = info.code_start;
    }
    if (!sfpm_image_find_region(target->image, wanted, &edit->region)) {
        no_region(target->image, name, reason);
        return false;
    }
    const sfpm_region_info_t *region = sfpm_image_region(target->image, edit->region);
    edit->name = edit->is_code ? "code" : region->name;
    edit->big_endian = is_big_endian(target->image, region->flags);
    *size = edit->is_code ? machine_info(target->vm).code_size : region->size;
    return true;
}

/* Whether the edit ends where what it names does. A name stands for one function or one
 * value, not for what follows it. */
static bool stays_within(const patch_edit_t *edit, const char *where, uint64_t end,
                         char *reason)
{
    if (edit->offset <= end && edit->size <= end - edit->offset)
        return true;
    snprintf(reason, PATCH_REASON,
             "'%s' ends before %s[%" PRIu64 "], but the edit would change up to "
             "%s[%" PRIu64 "]: use %s:%" PRIu64 " as its place to go beyond",
             where, edit->name, end, edit->name, edit->offset + edit->size - 1,
             edit->name, edit->offset);
    return false;
}

/* end: receives where the edit must end at the latest */
static bool find_offset(patch_edit_t *edit, const patch_target_t *target,
                        const char *where, uint64_t size, uint64_t *end, char *reason)
{
    *end = size;
    if (!number_parse(where, strlen(where), &edit->offset)) {
        if (!edit->is_code) {
            snprintf(reason, PATCH_REASON,
                     "'%s' is not an offset; only places in code have names", where);
            return false;
        }
        if (!sfpm_vm_resolve(target->vm, where, &edit->offset, end)) {
            snprintf(reason, PATCH_REASON, "%s", sfpm_last_error());
            return false;
        }
    }
    if (edit->offset <= size && edit->size <= size - edit->offset)
        return stays_within(edit, where, *end, reason);
    snprintf(reason, PATCH_REASON,
             "offset %" PRIu64 " is outside %s, which has %" PRIu64 " bytes",
             edit->offset + (edit->offset < size ? edit->size - 1 : 0), edit->name, size);
    return false;
}

/* A name that is not a place in the code may be that of a global, which has a type of its
 * own. */
static void place_global(parts_t *parts, const patch_target_t *target)
{
    const sfpm_vm_t *vm = target->vm;
    static const char *const types[] = {[SFPM_TYPE_I32] = "i32",
                                        [SFPM_TYPE_I64] = "i64",
                                        [SFPM_TYPE_F32] = "f32",
                                        [SFPM_TYPE_F64] = "f64",
                                        [SFPM_TYPE_FUNCREF] = "u64",
                                        [SFPM_TYPE_EXTERNREF] = "u64"};
    uint64_t offset;
    uint32_t index;
    sfpm_value_t value;
    if (!vm || parts->region[0] != '\0' ||
        number_parse(parts->where, strlen(parts->where), &offset) ||
        sfpm_vm_resolve(vm, parts->where, &offset, NULL) ||
        !patch_globals_find(&target->globals, parts->where, &index) ||
        !sfpm_vm_get_global(vm, parts->where, &value))
        return;
    parts->most = value_type(types[value.type], 3)->width;
    if (!parts->typed)
        parts->type = value_type(types[value.type], 3);
    snprintf(parts->region, sizeof parts->region, "globals");
    snprintf(parts->where, sizeof parts->where, "%" PRIu64, (uint64_t)index * 16);
}

static bool parse_values(patch_edit_t *edit, const parts_t *parts, char *reason)
{
    char *values = strndup(parts->values, parts->num_values);
    size_t expected;
    if (!values) {
        snprintf(reason, PATCH_REASON, "out of memory");
        return false;
    }
    bool ok = value_parse(parts->type, values, edit->big_endian, &edit->bytes,
                          &edit->size, reason);
    free(values);
    if (ok && parts->most > 0 && edit->size > parts->most) {
        snprintf(
            reason, PATCH_REASON,
            "the global is one value of %zu bytes, but %zu were given: use globals:%s "
            "as its place to go beyond",
            parts->most, edit->size, parts->where);
        return false;
    }
    if (!ok || !parts->was)
        return ok;
    if (!value_parse(parts->type, parts->was, edit->big_endian, &edit->expected,
                     &expected, reason))
        return false;
    if (expected == edit->size)
        return true;
    snprintf(reason, PATCH_REASON, "%zu old bytes were given for %zu new bytes", expected,
             edit->size);
    return false;
}

/* A colon and a blank come before any sign of another kind of edit. */
static const char *find_instructions(const char *text)
{
    const char *colon = text + strcspn(text, ":=");
    while (text[0] == '@' && colon[0] == ':' && colon[1] != ' ' && colon[1] != '\t')
        colon += 1 + strcspn(colon + 1, ":=");
    if (colon[0] != ':' || (colon[1] != ' ' && colon[1] != '\t'))
        return NULL;
    return colon + 1 + strspn(colon + 1, " \t");
}

/* The instructions in `size` bytes of the code, as an edit has them. */
static char *instructions_text(const sfpm_vm_t *vm, uint64_t offset, size_t size)
{
    char instruction[256];
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return NULL;
    for (size_t at = 0; at < size; at += length) {
        length = sfpm_vm_instruction(vm, offset + at, instruction, sizeof instruction);
        if (length == 0)
            break;
        fprintf(file, "%s%s", at > 0 ? "; " : "", instruction);
    }
    return fclose(file) == 0 ? text : NULL;
}

/* Takes the old instructions off. What they are called comes last, since a function may
 * be called that too: "call was was nop". */
static char *split_was(char *text)
{
    static const char was[] = " was ";
    char *found = NULL;
    for (char *at = text; (at = strstr(at, was)) != NULL; at++)
        found = at;
    if (!found)
        return NULL;
    *found = '\0';
    return found + sizeof was - 1;
}

/* What the old instructions are in bytes, filled up as the new ones are. */
static bool encode_both(patch_edit_t *edit, const sfpm_vm_t *vm, const char *was,
                        char *reason)
{
    size_t expected = 0;
    edit->bytes = sfpm_vm_encode(vm, edit->offset, edit->new_text, &edit->size);
    if (!edit->bytes) {
        snprintf(reason, PATCH_REASON, "%s", sfpm_last_error());
        return false;
    }
    if (!was)
        return true;
    edit->was_text = strdup(was);
    edit->expected = sfpm_vm_encode(vm, edit->offset, was, &expected);
    if (edit->expected && expected == edit->size)
        return true;
    if (!edit->expected)
        snprintf(reason, PATCH_REASON, "the old instructions: %.600s", sfpm_last_error());
    else
        snprintf(reason, PATCH_REASON,
                 "the old instructions have %zu bytes, but the new ones replace %zu: "
                 "both must have the same size",
                 expected, edit->size);
    return false;
}

static bool parse_instructions(patch_edit_t *edit, const patch_target_t *target,
                               const char *text, const char *instructions, char *reason)
{
    char where[256];
    uint64_t size, end;
    size_t length = (size_t)(last(text, instructions, ':') - text);
    edit->type = value_type("hex", 3);
    edit->size = 1;
    if (!copy(where, sizeof where, text, length)) {
        snprintf(reason, PATCH_REASON, "the name is too long");
        return false;
    }
    if (!target->vm) {
        snprintf(reason, PATCH_REASON,
                 "the image holds no machine, so it has no instructions");
        return false;
    }
    if (!find_region(edit, target, "", &size, reason) ||
        !find_offset(edit, target, where, size, &end, reason))
        return false;
    edit->new_text = strdup(instructions);
    if (edit->new_text &&
        !encode_both(edit, target->vm, split_was(edit->new_text), reason))
        return false;
    if (edit->new_text)
        edit->old_text = instructions_text(target->vm, edit->offset, edit->size);
    if (edit->old_text)
        return true;
    snprintf(reason, PATCH_REASON, "out of memory");
    return false;
}

bool patch_edit_parse(patch_edit_t *edit, const patch_target_t *target, const char *text,
                      char *reason)
{
    *edit = (patch_edit_t){.type = NULL};
    parts_t parts;
    uint64_t size, end;
    const char *instructions = find_instructions(text);
    if (instructions)
        return parse_instructions(edit, target, text, instructions, reason);
    if (!take_apart(text, &parts, reason))
        return false;
    place_global(&parts, target);
    if (!find_region(edit, target, parts.region, &size, reason))
        return false;
    edit->type = parts.type;
    return parse_values(edit, &parts, reason) &&
           find_offset(edit, target, parts.where, size, &end, reason);
}

bool patch_edit_apply(patch_edit_t *edit, sfpm_edit_t *commit)
{
    uint64_t at = edit->start + edit->offset;
    free(edit->old);
    edit->old = calloc(1, edit->size);
    return edit->old && sfpm_edit_read(commit, edit->region, at, edit->old, edit->size) &&
           sfpm_edit_write(commit, edit->region, at, edit->bytes, edit->size);
}

/* Whether the old bytes are those of the old instructions, which are the machine's: an
 * edit before this one may have changed them. */
static bool is_original(const patch_edit_t *edit, const patch_target_t *target)
{
    size_t size = 0;
    if (!edit->was_text)
        return false;
    uint8_t *bytes = sfpm_vm_encode(target->vm, edit->offset, edit->old_text, &size);
    bool same = bytes && size == edit->size && memcmp(bytes, edit->old, size) == 0;
    free(bytes);
    return same;
}

bool patch_edit_matches(const patch_edit_t *edit, const patch_target_t *target,
                        char *reason)
{
    char wanted[VALUE_TEXT], found[VALUE_TEXT], name[MACHINE_PLACE];
    if (!edit->expected || memcmp(edit->old, edit->expected, edit->size) == 0)
        return true;
    size_t at = 0, width = edit->type->width != 0 ? edit->type->width : 1;
    while (memcmp(edit->old + at, edit->expected + at, width) == 0)
        at += width;
    bool original = is_original(edit, target);
    uint64_t offset = edit->offset + (original ? 0 : at);
    bool named = edit->is_code && machine_name(target->vm, offset, name, sizeof name);
    value_format(edit->type, edit->expected + at, width, edit->big_endian, wanted);
    value_format(edit->type, edit->old + at, width, edit->big_endian, found);
    snprintf(reason, PATCH_REASON,
             "%.100s[%" PRIu64 "]%s%s%s: expected %.150s, found %.150s", edit->name,
             offset, named ? " (" : "", named ? name : "", named ? ")" : "",
             original ? edit->was_text : wanted, original ? edit->old_text : found);
    return false;
}

void patch_edit_describe(const patch_edit_t *edit, const patch_target_t *target,
                         FILE *file, const char *end)
{
    char before[VALUE_TEXT], after[VALUE_TEXT], name[MACHINE_PLACE];
    bool plain = strcmp(edit->type->name, "u8") == 0;
    if (edit->new_text) {
        fprintf(file, "code[%" PRIu64 "]: %s -> %s", edit->offset, edit->old_text,
                edit->new_text);
        if (machine_name(target->vm, edit->offset, name, sizeof name))
            fprintf(file, " (%s)", name);
        fputs(end, file);
        return;
    }
    size_t width = edit->type->width != 0 ? edit->type->width : edit->size;
    for (size_t i = 0; i < edit->size; i += width) {
        uint64_t offset = edit->offset + i;
        value_format(edit->type, edit->old + i, width, edit->big_endian, before);
        value_format(edit->type, edit->bytes + i, width, edit->big_endian, after);
        fprintf(file, "%s[%" PRIu64 "]%s%s: %s -> %s", edit->name, offset,
                plain ? "" : "/", plain ? "" : edit->type->name, before, after);
        if (edit->is_code && machine_name(target->vm, offset, name, sizeof name))
            fprintf(file, " (%s)", name);
        fputs(end, file);
    }
}

void patch_edit_free(patch_edit_t *edit)
{
    free(edit->old_text);
    free(edit->new_text);
    free(edit->was_text);
    free(edit->bytes);
    free(edit->expected);
    free(edit->old);
}
