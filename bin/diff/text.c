/* SPDX-License-Identifier: MIT */
/*
 * The default page of sfpm-diff: the left image in the left column, the right one in the
 * right.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/facts.h"
#include "common/tool.h"
#include "diff/diff.h"

enum {
    LABEL_WIDTH = 14,
    LEFT_WIDTH = 34,
    HEX_WIDTH = 47, /* sixteen bytes */
    LINES_MAX = 32  /* of each list, unless all are wanted */
};

static struct {
    const char *bold, *left, *right, *plain;
} paint = {"", "", "", ""};

static void choose_paint(void)
{
    if (!tool_color())
        return;
    paint.bold = "\033[1m";
    paint.left = "\033[31m";
    paint.right = "\033[32m";
    paint.plain = "\033[0m";
}

char *show_escaped(const char *text)
{
    char *escaped = NULL;
    size_t size;
    FILE *file = open_memstream(&escaped, &size);
    if (!file)
        return NULL;
    escape_print(file, text);
    if (fclose(file) == 0)
        return escaped;
    free(escaped);
    return NULL;
}

/* Prints a text and blanks up to a width, counted in characters. */
static void print_padded(const char *text, size_t width)
{
    char *escaped = show_escaped(text);
    size_t used = 0;
    for (const char *p = escaped; p && *p != '\0'; p++)
        used += ((unsigned char)*p & 0xC0) != 0x80;
    if (escaped)
        fputs(escaped, stdout);
    for (; used < width; used++)
        putchar(' ');
    free(escaped);
}

static void print_columns(const char *a, const char *b, size_t width)
{
    fputs(paint.left, stdout);
    print_padded(a ? a : "", width);
    printf("%s | %s", paint.plain, paint.right);
    escape_print(stdout, b ? b : "");
    printf("%s\n", paint.plain);
}

/* A list with a heading; only the beginning may be shown. */
typedef struct list {
    const diff_t *diff;
    const char *heading;
    size_t lines; /* shown */
    size_t more;  /* not shown */
} list_t;

/* Whether one more line is to be shown; the first comes after the heading. */
static bool list_line(list_t *list)
{
    if (list->lines >= LINES_MAX && !list->diff->all) {
        list->more++;
        return false;
    }
    if (list->lines++ == 0)
        printf("\n%s%s%s\n", paint.bold, list->heading, paint.plain);
    return true;
}

static void list_end(const list_t *list)
{
    if (list->more > 0)
        printf("  ... %zu more; --all shows them\n", list->more);
}

static void show_row(void *context, const char *name, const char *key, const char *a,
                     const char *b)
{
    if (!list_line(context))
        return;
    size_t used = strlen(name);
    printf("  %s", name);
    if (key) {
        putchar(' ');
        print_padded(key, used < LABEL_WIDTH ? LABEL_WIDTH - used - 1 : 0);
    } else {
        print_padded("", used < LABEL_WIDTH ? LABEL_WIDTH - used : 0);
    }
    print_columns(a, b, LEFT_WIDTH);
}

static bool show_instruction(void *context, uint64_t offset, const char *a, const char *b)
{
    char label[32];
    if (!list_line(context))
        return true;
    snprintf(label, sizeof label, "code[%" PRIu64 "]", offset);
    printf("  %-*s", LABEL_WIDTH, label);
    print_columns(a, b, LEFT_WIDTH);
    return true;
}

/* ---- new code ---- */

typedef struct code_rows {
    list_t list;
    size_t unchanged; /* functions */
} code_rows_t;

static void show_change(void *context, const sfpm_vm_change_t *change)
{
    code_rows_t *rows = context;
    char text[MACHINE_CHANGE];
    if (change->change == SFPM_VM_UNCHANGED) {
        rows->unchanged += strcmp(change->kind, "func") == 0;
        return;
    }
    if (!list_line(&rows->list))
        return;
    machine_change(change, text, sizeof text);
    fputs("  ", stdout);
    escape_print(stdout, text);
    putchar('\n');
}

static bool show_new_code(const diff_t *diff)
{
    char refusal[DIFF_REFUSAL];
    code_rows_t rows = {.list = {.diff = diff, .heading = "New code"}};
    if (!diff_has_new_code(diff))
        return true;
    if (!diff_new_code(diff, show_change, &rows, refusal))
        return false;
    list_end(&rows.list);
    rows.list.lines -= rows.list.lines >= LINES_MAX;
    if (rows.unchanged > 0 && list_line(&rows.list))
        printf("  %zu function%s unchanged\n", rows.unchanged,
               rows.unchanged == 1 ? "" : "s");
    if (refusal[0] == '\0')
        return true;
    fputs("  refused: ", stdout);
    escape_print(stdout, refusal);
    putchar('\n');
    return true;
}

/* ---- regions ---- */

static void print_flags(uint32_t flags)
{
    const char *flag;
    if (flags == 0)
        fputs("none", stdout);
    for (unsigned i = 0; (flag = fact_flag(flags, i)) != NULL; i++)
        printf("%s%s", i == 0 ? "" : ",", flag);
}

void show_pair(const pair_t *pair)
{
    const sfpm_region_info_t *a = pair->region[LEFT], *b = pair->region[RIGHT];
    printf("%12" PRIu64 " of %" PRIu64 " bytes  ", pair->bytes, pair_size(pair));
    escape_print(stdout, pair_name(pair));
    if (!a || !b)
        printf("  %s", a ? "removed" : "added");
    if (a && b && a->size != b->size)
        printf("  size %" PRIu64 " -> %" PRIu64, a->size, b->size);
    if (a && b && a->flags != b->flags) {
        fputs("  flags ", stdout);
        print_flags(a->flags);
        fputs(" -> ", stdout);
        print_flags(b->flags);
    }
    putchar('\n');
}

static void show_regions(const diff_t *diff)
{
    bool any = diff->reordered;
    for (size_t i = 0; i < diff->num_pairs && !any; i++)
        any = pair_differs(&diff->pairs[i]);
    if (!any)
        return;
    printf("\n%sRegions%s\n", paint.bold, paint.plain);
    if (diff->reordered)
        puts("  the order differs");
    for (size_t i = 0; i < diff->num_pairs; i++)
        if (pair_differs(&diff->pairs[i]))
            show_pair(&diff->pairs[i]);
}

/* ---- blocks of heaps ---- */

static bool show_block(void *context, const char *change,
                       const sfpm_heap_survey_block_t *block)
{
    if (!list_line(context))
        return true;
    printf("  %08" PRIx64 "  %-9s  ", block->offset, change);
    escape_print(stdout, block->type);
    printf(", %" PRIu64 " bytes", block->size);
    if (block->root) {
        fputs(", from root ", stdout);
        escape_print(stdout, block->root);
    }
    putchar('\n');
    return true;
}

static bool show_blocks(const diff_t *diff, const pair_t *pair)
{
    char *name = show_escaped(pair_name(pair)), heading[300];
    list_t list = {.diff = diff, .heading = heading};
    snprintf(heading, sizeof heading, "Blocks of %.256s", name ? name : "a heap");
    free(name);
    if (!diff_blocks(diff, pair, show_block, &list))
        return false;
    list_end(&list);
    return true;
}

/* ---- bytes ---- */

typedef struct rows {
    list_t list;
    window_t window[SIDES];
    uint64_t next; /* the next row to show, counted in rows */
} rows_t;

static void hex_text(window_t *window, uint64_t offset, char text[3 * 16 + 1])
{
    const uint8_t *bytes = NULL;
    size_t count = window_read(window, offset, 16, &bytes);
    char *to = text;
    *to = '\0';
    for (size_t i = 0; i < count; i++)
        to += sprintf(to, i == 0 ? "%02x" : " %02x", bytes[i]);
}

static bool show_range(void *context, uint64_t offset, uint64_t length)
{
    rows_t *rows = context;
    char a[3 * 16 + 1], b[3 * 16 + 1];
    uint64_t row = offset / 16, last = (offset + length - 1) / 16;
    for (row = row > rows->next ? row : rows->next; row <= last; row++) {
        if (!list_line(&rows->list))
            return false;
        hex_text(&rows->window[LEFT], row * 16, a);
        hex_text(&rows->window[RIGHT], row * 16, b);
        printf("  %08" PRIx64 "  ", row * 16);
        print_columns(a, b, HEX_WIDTH);
        rows->next = row + 1;
    }
    return true;
}

static bool show_bytes(diff_t *diff, const pair_t *pair)
{
    char *name = show_escaped(pair_name(pair)), heading[300];
    rows_t *rows = calloc(1, sizeof *rows);
    bool ok = name && rows;
    if (ok) {
        snprintf(heading, sizeof heading, "Bytes of %.256s", name);
        rows->list = (list_t){.diff = diff, .heading = heading};
        for (int s = LEFT; s < SIDES; s++) {
            rows->window[s].side = &diff->side[s];
            rows->window[s].index = pair->index[s];
        }
        ok = sfpm_image_compare(diff->side[LEFT].file.image, pair->index[LEFT],
                                diff->side[RIGHT].file.image, pair->index[RIGHT],
                                show_range, rows);
        if (!ok)
            tool_fail(NULL, "%s", sfpm_last_error());
        else if (rows->list.more > 0)
            puts("  ... more; --all shows them");
    } else {
        tool_fail(NULL, "out of memory");
    }
    free(name);
    free(rows);
    return ok;
}

/* Bytes that the machine's facts show already appear only with --all. */
static bool show_contents(diff_t *diff)
{
    bool decoded = diff->side[LEFT].vm && diff->side[RIGHT].vm;
    for (size_t i = 0; i < diff->num_pairs; i++) {
        const pair_t *pair = &diff->pairs[i];
        if (!pair_is_common(pair) || pair->bytes == 0 ||
            (decoded && !diff->all && diff_is_machine(diff, pair)))
            continue;
        if (!show_blocks(diff, pair) || !show_bytes(diff, pair))
            return false;
    }
    return true;
}

static void show_side(const side_t *side, const char *mark, const char *color)
{
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(side->file.image);
    printf("%s%s%s ", paint.bold, color, mark);
    escape_print(stdout, side->file.label);
    printf("%s  commit %" PRIu64, paint.plain, commit->number);
    if (commit->creator[0] != '\0') {
        fputs(", ", stdout);
        escape_print(stdout, commit->creator);
    }
    putchar('\n');
}

bool show_page(diff_t *diff)
{
    if (!diff_differs(diff))
        return true;
    choose_paint();
    show_side(&diff->side[LEFT], "---", paint.left);
    show_side(&diff->side[RIGHT], "+++", paint.right);
    list_t list = {.diff = diff, .heading = "Metadata"};
    diff_metadata(diff, show_row, &list);
    list_end(&list);
    show_regions(diff);
    list = (list_t){.diff = diff, .heading = "Machine"};
    diff_machine(diff, show_row, &list);
    list_end(&list);
    if (!show_new_code(diff))
        return false;
    list = (list_t){.diff = diff, .heading = "Instructions"};
    if (!diff_has_new_code(diff) && !diff_code(diff, show_instruction, &list))
        return false;
    list_end(&list);
    return show_contents(diff);
}

bool show_stat(diff_t *diff)
{
    if (diff->metadata > 0)
        printf("%12zu facts  (metadata)\n", diff->metadata);
    if (diff->reordered)
        puts("             the order of regions");
    for (size_t i = 0; i < diff->num_pairs; i++)
        if (pair_differs(&diff->pairs[i]))
            show_pair(&diff->pairs[i]);
    return true;
}
