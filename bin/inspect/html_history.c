/* SPDX-License-Identifier: MIT */
/*
 * The history of an image as a page: its commits on a time line and in a table, and a heat
 * map of each region: columns are commits, rows are pages of the region.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/human.h"
#include "common/tool.h"
#include "inspect/html.h"

enum {
    COMMITS_MAX = 1000, /* shown, unless -n says otherwise */
    REGIONS_MAX = 24,   /* that get a heat map */
    ROWS_MAX = 32,
    COLUMNS_MAX = 200,
    LEVELS = 4,  /* of heat */
    PAGE = 4096, /* bytes */
    LEFT = 20,
    WIDTH = 960,  /* of the time line, and from where on */
    BASE_LINE = 120,
    HEIGHT = 100 /* of the largest commit */
};

typedef struct moment {
    uint64_t number, size;
    int64_t seconds;
} moment_t;

typedef struct history {
    FILE *out;
    view_t *view;
    sfpm_image_t *image, *before; /* the same, to show the commit before; or NULL */
    moment_t *moments;            /* the first one first */
    uint64_t first, count;
} history_t;

static bool collect(history_t *history)
{
    history->moments = calloc(history->count, sizeof *history->moments);
    for (uint64_t i = 0; history->moments && i < history->count; i++) {
        if (!sfpm_image_select(history->image, (int64_t)(history->first + i)))
            return false;
        const sfpm_commit_info_t *commit = sfpm_image_commit_info(history->image);
        history->moments[i] = (moment_t){commit->number, commit->size, commit->seconds};
    }
    return history->moments != NULL;
}

/* ---- Time line and table ---- */

static void print_commit(FILE *out, const sfpm_commit_info_t *commit)
{
    char time[VIEW_TIME], size[HUMAN_TEXT];
    fprintf(out, "commit %" PRIu64 ", %s, %s", commit->number,
            view_time(commit, " ", " UTC", time), human_size(commit->size, size));
    if (commit->message[0] != '\0') {
        fputs(": ", out);
        html_text(out, commit->message);
    }
}

/* The number of bits, in steps of a quarter: what sizes differ by is a factor. */
static double magnitude(uint64_t size)
{
    double steps = 0;
    for (double left = (double)size; left > 1; left /= 1.189207115)
        steps++;
    return steps;
}

/* By its time; evenly if there is only one time. Clocks may have been wrong. */
static double place(const history_t *history, uint64_t i)
{
    const moment_t *all = history->moments;
    double begin = (double)all[0].seconds;
    double end = (double)all[history->count - 1].seconds;
    double part = history->count > 1 ? (double)i / (double)(history->count - 1) : 0.5;
    if (end > begin)
        part = ((double)all[i].seconds - begin) / (end - begin);
    part = part < 0 ? 0 : part;
    return LEFT + WIDTH * (part > 1 ? 1 : part);
}

static void time_label(FILE *out, sfpm_image_t *image, uint64_t number, int x,
                       const char *anchor)
{
    char time[VIEW_TIME];
    if (!sfpm_image_select(image, (int64_t)number))
        return;
    fprintf(out, "<text x=\"%d\" y=\"142\" text-anchor=\"%s\">%s</text>", x, anchor,
            view_time(sfpm_image_commit_info(image), " ", " UTC", time));
}

static void time_line(history_t *history)
{
    FILE *out = history->out;
    double largest = 1;
    for (uint64_t i = 0; i < history->count; i++)
        if (magnitude(history->moments[i].size) > largest)
            largest = magnitude(history->moments[i].size);
    fputs("<svg class=\"line\" viewBox=\"0 0 1000 150\" role=\"img\" aria-label=\"Time "
          "line of the commits\">\n<path class=\"axis\" d=\"M10 120H990\"/>\n",
          out);
    for (uint64_t i = 0; i < history->count; i++) {
        if (!sfpm_image_select(history->image, (int64_t)(history->first + i)))
            continue;
        double x = place(history, i);
        double y = BASE_LINE - HEIGHT * magnitude(history->moments[i].size) / largest;
        fprintf(out, "<a href=\"#c%" PRIu64 "\"><title>", history->first + i);
        print_commit(out, sfpm_image_commit_info(history->image));
        fprintf(out, "</title><path d=\"M%.1f 120V%.1f\"/><circle cx=\"%.1f\" cy=\"%.1f\" "
                     "r=\"%s\"/></a>\n",
                x, y, x, y, history->count > 200 ? "2" : "4");
    }
    time_label(out, history->image, history->first, 10, "start");
    if (history->count > 1)
        time_label(out, history->image, history->first + history->count - 1, 990, "end");
    fputs("</svg>\n<p class=\"note\">Height: size of the commit in the file, on a "
          "logarithmic scale. Point at a commit for its message.</p>\n",
          out);
}

static void table(history_t *history)
{
    FILE *out = history->out;
    char time[VIEW_TIME], size[HUMAN_TEXT];
    fputs("<div class=\"scroll\"><table>\n<thead><tr><th class=\"n\">commit<th>time<th "
          "class=\"n\">size<th>made by<th>message</thead>\n<tbody>\n",
          out);
    for (uint64_t i = history->count; i-- > 0;) {
        if (!sfpm_image_select(history->image, (int64_t)(history->first + i)))
            continue;
        const sfpm_commit_info_t *commit = sfpm_image_commit_info(history->image);
        fprintf(out, "<tr id=\"c%" PRIu64 "\"><td class=\"n\">%" PRIu64
                     "<td>%s<td class=\"n\">%s<td>",
                commit->number, commit->number, view_time(commit, " ", " UTC", time),
                human_size(commit->size, size));
        html_text(out, commit->creator);
        fputs("<td>", out);
        html_text(out, commit->message);
        putc('\n', out);
    }
    fputs("</tbody></table></div>\n", out);
}

/* ---- Heat maps ---- */

typedef struct heat {
    uint64_t pages; /* of the region */
    unsigned rows, columns;
    uint64_t count[ROWS_MAX][COLUMNS_MAX]; /* of pages that changed */
    uint64_t changed;                      /* all of them */
    unsigned column;                       /* of the commit that is being compared … */
    uint64_t next;                         /* … whose pages before this are counted */
} heat_t;

/* Receives bytes that changed, in order. */
static bool add_range(void *context, uint64_t offset, uint64_t length)
{
    heat_t *heat = context;
    uint64_t last = (offset + length - 1) / PAGE;
    for (uint64_t page = offset / PAGE; page <= last; page++) {
        if (page < heat->next)
            continue;
        uint64_t at = page < heat->pages ? page : heat->pages - 1;
        heat->count[at * heat->rows / heat->pages][heat->column]++;
        heat->changed++;
        heat->next = page + 1;
    }
    return true;
}

/* Which region of that name it is: 0 for the first. */
static size_t instance_of(const sfpm_image_t *image, size_t index)
{
    size_t instance = 0;
    const char *name = sfpm_image_region(image, index)->name;
    for (size_t i = 0; i < index; i++)
        instance += strcmp(sfpm_image_region(image, i)->name, name) == 0;
    return instance;
}

/* Finds it by name in another commit, usually at the same place. */
static bool find(const sfpm_image_t *image, const char *name, size_t instance, size_t *index)
{
    const sfpm_region_info_t *region;
    for (size_t i = 0; (region = sfpm_image_region(image, i)) != NULL; i++) {
        if (strcmp(region->name, name) != 0 || instance-- > 0)
            continue;
        *index = i;
        return true;
    }
    return false;
}

static void compare(const history_t *history, const char *name, size_t instance,
                    heat_t *heat)
{
    static const uint8_t none[SFPM_DIGEST_BYTES];
    size_t now, then = 0;
    const sfpm_image_t *before = history->before;
    if (!find(history->image, name, instance, &now))
        return;
    if (before && !find(before, name, instance, &then))
        before = NULL;
    const uint8_t *digest = sfpm_image_region(history->image, now)->digest;
    if (before && memcmp(digest, none, sizeof none) != 0 &&
        memcmp(digest, sfpm_image_region(before, then)->digest, sizeof none) == 0)
        return;
    heat->next = 0;
    if (!sfpm_image_compare(history->image, now, before, then, add_range, heat))
        view_note_damage(history->view);
}

/* Of the pages in a cell, the part that changed: 0 none, LEVELS all or nearly so. */
static unsigned level(const history_t *history, const heat_t *heat, unsigned row,
                      unsigned column)
{
    uint64_t count = heat->count[row][column];
    double pages = (double)heat->pages / heat->rows;
    double commits = (double)history->count / heat->columns;
    double part = (double)count / (pages * (commits < 1 ? 1 : commits));
    if (count == 0)
        return 0;
    for (unsigned i = 1; i < LEVELS; i++, part *= 4)
        if (part >= 0.75)
            return LEVELS + 1 - i;
    return 1;
}

/* Cells of one level are one path of horizontal strokes. */
static void draw_level(const history_t *history, const heat_t *heat, unsigned wanted)
{
    fprintf(history->out, "<path class=\"h%u\" d=\"", wanted);
    for (unsigned row = 0; row < heat->rows; row++) {
        for (unsigned column = 0, end; column < heat->columns; column = end) {
            for (end = column; end < heat->columns &&
                               level(history, heat, row, end) == wanted;)
                end++;
            if (end > column)
                fprintf(history->out, "M%u %u.5h%u", column, row, end - column);
            end += end == column;
        }
    }
    fputs("\"/>", history->out);
}

static void draw(const history_t *history, const sfpm_region_info_t *region,
                 const heat_t *heat)
{
    FILE *out = history->out;
    char size[HUMAN_TEXT];
    fputs("<figure><figcaption><b>", out);
    html_text(out, region->name);
    fprintf(out, "</b> %s, %" PRIu64 " page%s; %" PRIu64
                 " changed</figcaption>\n<svg class=\"heat\" viewBox=\"0 0 %u %u\" "
                 "preserveAspectRatio=\"none\" height=\"%u\" role=\"img\">",
            human_size(region->size, size), heat->pages, heat->pages == 1 ? "" : "s",
            heat->changed, heat->columns, heat->rows,
            heat->rows * 4 > 14 ? heat->rows * 4 : 14);
    for (unsigned i = 1; i <= LEVELS; i++)
        draw_level(history, heat, i);
    fputs("</svg></figure>\n", out);
}

/* One commit after the other, so that each is looked up once for all regions. */
static void compare_all(history_t *history, const char *const *names,
                        const size_t *instances, heat_t *const *heats, size_t regions)
{
    sfpm_image_t *before = history->before;
    for (uint64_t i = 0; i < history->count; i++) {
        bool has_before = before && i + history->first > sfpm_image_info(before)->first &&
                          sfpm_image_select(before, (int64_t)(history->first + i - 1));
        history->before = has_before ? before : NULL;
        if (!sfpm_image_select(history->image, (int64_t)(history->first + i)))
            continue;
        for (size_t r = 0; r < regions; r++) {
            heats[r]->column = (unsigned)(i * heats[r]->columns / history->count);
            compare(history, names[r], instances[r], heats[r]);
        }
    }
    history->before = before;
}

static heat_t *new_heat(const history_t *history, const sfpm_region_info_t *region)
{
    heat_t *heat = calloc(1, sizeof *heat);
    if (!heat)
        return NULL;
    heat->pages = region->size / PAGE + (region->size % PAGE != 0);
    heat->pages += heat->pages == 0;
    heat->rows = heat->pages < ROWS_MAX ? (unsigned)heat->pages : ROWS_MAX;
    heat->columns = history->count < COLUMNS_MAX ? (unsigned)history->count : COLUMNS_MAX;
    return heat;
}

static void heat_maps(history_t *history, uint64_t shown)
{
    heat_t *heats[REGIONS_MAX] = {NULL};
    char *names[REGIONS_MAX] = {NULL};
    size_t instances[REGIONS_MAX], count = 0;
    const sfpm_region_info_t *region;
    for (; count < REGIONS_MAX; count++) {
        if ((region = sfpm_image_region(history->image, count)) == NULL)
            break;
        heats[count] = new_heat(history, region);
        names[count] = strdup(region->name);
        instances[count] = instance_of(history->image, count);
        if (!heats[count] || !names[count])
            break;
    }
    compare_all(history, (const char *const *)names, instances, heats, count);
    if (sfpm_image_select(history->image, (int64_t)shown))
        for (size_t i = 0; i < count; i++)
            draw(history, sfpm_image_region(history->image, i), heats[i]);
    if (sfpm_image_num_regions(history->image) > count)
        fprintf(history->out, "<p class=\"note\">%zu more regions are not drawn.</p>\n",
                sfpm_image_num_regions(history->image) - count);
    for (size_t i = 0; i < REGIONS_MAX; i++) {
        free(heats[i]);
        free(names[i]);
    }
}

static void changes(history_t *history, uint64_t shown)
{
    fputs("<section><h2>Changed pages</h2>\n", history->out);
    if (!history->before && history->count > 1) {
        fputs("<p class=\"note\">Commits are not compared, since the image was read from "
              "standard input: name its file.</p></section>\n",
              history->out);
        return;
    }
    fputs("<p class=\"note\">Each row is a part of the region, its start at the top; "
          "each column a commit, or several, the first one on the left. The darker, the "
          "more of the pages changed: "
          "<svg class=\"key\" viewBox=\"0 0 4 1\"><path class=\"h1\" d=\"M0 .5h1\"/><path "
          "class=\"h2\" d=\"M1 .5h1\"/><path class=\"h3\" d=\"M2 .5h1\"/><path "
          "class=\"h4\" d=\"M3 .5h1\"/></svg></p>\n",
          history->out);
    heat_maps(history, shown);
    fputs("</section>\n", history->out);
}

static void show(history_t *history, uint64_t shown)
{
    fputs("<section><h2>Commits</h2>\n", history->out);
    if (history->first > sfpm_image_info(history->image)->first)
        fprintf(history->out, "<p class=\"note\">The last %" PRIu64 " are shown.</p>\n",
                history->count);
    if (!collect(history)) {
        fputs("<p class=\"bad\">", history->out);
        html_text(history->out, tool_last_error(history->view->file.label));
        fputs("</p></section>\n", history->out);
        view_note_damage(history->view);
        return;
    }
    time_line(history);
    table(history);
    fputs("</section>\n", history->out);
    if (sfpm_image_select(history->image, (int64_t)shown))
        changes(history, shown);
}

void html_history(FILE *out, view_t *view)
{
    uint64_t most = view->max_count > 0 ? view->max_count : COMMITS_MAX;
    uint64_t shown = sfpm_image_commit_info(view->file.image)->number;
    uint64_t first = sfpm_image_info(view->file.image)->first;
    operand_t again = {.label = NULL};
    first = shown - first >= most ? shown - most + 1 : first;
    history_t history = {.out = out,
                         .view = view,
                         .image = view->file.image,
                         .first = first,
                         .count = shown - first + 1};
    if (view->file.path && !view->file.module && operand_open(&again, view->file.label))
        history.before = again.image;
    show(&history, shown);
    free(history.moments);
    operand_close(&again);
    if (!sfpm_image_select(view->file.image, (int64_t)shown))
        view_note_damage(view);
}
