/* SPDX-License-Identifier: MIT */
/*
 * Collects commits as nodes of a forest and draws it as `git log --graph` does. A node
 * comes after its parent in the list, so that there are no cycles.
 */
#include "inspect/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tool.h"

#define NONE SIZE_MAX

enum { BUCKETS = 4096, COLUMNS_MAX = 100, COLORS = 6 };

typedef struct node {
    sfpm_commit_info_t commit; /* its message and creator are copies */
    uint8_t id[SFPM_DIGEST_BYTES];
    const char *file;
    size_t parent, child, sibling; /* the first child, and the next one of its parent */
    int64_t newest;                /* time of the last commit that stands on it, or its own */
    size_t column;
    size_t same_bucket;
} node_t;

struct graph {
    node_t *nodes;
    size_t count, room;
    char **files;
    size_t num_files;
    size_t roots;
    size_t buckets[BUCKETS];
};

graph_t *graph_create(void)
{
    graph_t *graph = calloc(1, sizeof *graph);
    if (!graph)
        return NULL;
    graph->roots = NONE;
    for (size_t i = 0; i < BUCKETS; i++)
        graph->buckets[i] = NONE;
    return graph;
}

void graph_free(graph_t *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->count; i++) {
        free((char *)graph->nodes[i].commit.message);
        free((char *)graph->nodes[i].commit.creator);
    }
    for (size_t i = 0; i < graph->num_files; i++)
        free(graph->files[i]);
    free(graph->files);
    free(graph->nodes);
    free(graph);
}

/* ---- Collecting ---- */

static const char *add_file(graph_t *graph, const char *name)
{
    char **files = realloc(graph->files, (graph->num_files + 1) * sizeof *files);
    if (!files)
        return NULL;
    graph->files = files;
    files[graph->num_files] = strdup(name);
    return files[graph->num_files] ? files[graph->num_files++] : NULL;
}

static bool same(const node_t *node, const uint8_t *id, const sfpm_commit_info_t *commit)
{
    return node->commit.number == commit->number &&
           node->commit.seconds == commit->seconds &&
           node->commit.nanoseconds == commit->nanoseconds &&
           memcmp(node->commit.digest, commit->digest, SFPM_DIGEST_BYTES) == 0 &&
           memcmp(node->id, id, SFPM_DIGEST_BYTES) == 0;
}

static size_t *bucket_of(graph_t *graph, const uint8_t *digest)
{
    return &graph->buckets[(digest[0] | (unsigned)digest[1] << 8) % BUCKETS];
}

static bool make_room(graph_t *graph)
{
    if (graph->count < graph->room)
        return true;
    size_t room = graph->room ? 2 * graph->room : 64;
    node_t *nodes = realloc(graph->nodes, room * sizeof *nodes);
    if (!nodes)
        return false;
    graph->nodes = nodes;
    graph->room = room;
    return true;
}

/* Finds the commit that the image shows, or adds it. NONE without memory. */
static size_t add_commit(graph_t *graph, const sfpm_image_t *image, const char *file,
                         size_t parent)
{
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(image);
    const uint8_t *id = sfpm_image_info(image)->id;
    size_t *bucket = bucket_of(graph, commit->digest);
    for (size_t i = *bucket; i != NONE; i = graph->nodes[i].same_bucket)
        if (same(&graph->nodes[i], id, commit))
            return i;
    if (!make_room(graph))
        return NONE;
    node_t *node = &graph->nodes[graph->count];
    *node = (node_t){.commit = *commit,
                     .file = file,
                     .parent = parent,
                     .child = NONE,
                     .sibling = NONE,
                     .newest = commit->seconds,
                     .same_bucket = *bucket};
    memcpy(node->id, id, sizeof node->id);
    node->commit.message = strdup(commit->message);
    node->commit.creator = strdup(commit->creator);
    *bucket = graph->count++;
    return node->commit.message && node->commit.creator ? *bucket : NONE;
}

static int add_image(graph_t *graph, sfpm_image_t *image, const char *name,
                     const char *label, size_t *shown);

/* Adds what a delta stands on: the node of that commit, NONE when it is not a delta. */
static int add_base(graph_t *graph, const sfpm_image_t *image, size_t *node)
{
    const sfpm_image_t *base = sfpm_image_info(image)->base;
    operand_t operand;
    *node = NONE;
    if (!base)
        return EXIT_SUCCESS;
    const char *name = sfpm_image_info(base)->name;
    int status = tool_failure();
    if (operand_open_base(&operand, name)) {
        int64_t number = (int64_t)sfpm_image_commit_info(base)->number;
        status = sfpm_image_select(operand.image, number)
                     ? add_image(graph, operand.image, name, name, node)
                     : tool_fail_last(name);
    }
    operand_close(&operand);
    return status;
}

/* Adds the commits in the order of their numbers. Their parents are commits of the file
 * before them, or else what the file stands on. */
static int add_commits(graph_t *graph, sfpm_image_t *image, const char *file,
                       const char *label, size_t *nodes, size_t base)
{
    uint64_t first = sfpm_image_info(image)->first;
    uint64_t last = sfpm_image_commit_info(image)->number;
    for (uint64_t n = first; n <= last; n++) {
        if (!sfpm_image_select(image, (int64_t)n))
            return tool_fail_last(label);
        uint64_t parent = sfpm_image_commit_info(image)->parent;
        bool here = parent >= first && parent < n;
        nodes[n - first] = add_commit(graph, image, file, here ? nodes[parent - first] : base);
        if (nodes[n - first] == NONE)
            return tool_fail(label, "out of memory");
    }
    return EXIT_SUCCESS;
}

static int add_image(graph_t *graph, sfpm_image_t *image, const char *name,
                     const char *label, size_t *shown)
{
    size_t base;
    int status = add_base(graph, image, &base);
    if (status != EXIT_SUCCESS)
        return status;
    uint64_t count =
        sfpm_image_commit_info(image)->number - sfpm_image_info(image)->first + 1;
    size_t *nodes = count < SIZE_MAX / sizeof *nodes
                        ? malloc((size_t)count * sizeof *nodes)
                        : NULL;
    const char *file = nodes ? add_file(graph, name) : NULL;
    status = file ? add_commits(graph, image, file, label, nodes, base)
                  : tool_fail(label, "out of memory");
    if (status == EXIT_SUCCESS)
        *shown = nodes[count - 1];
    free(nodes);
    return status;
}

int graph_add(graph_t *graph, view_t *view)
{
    size_t shown;
    const operand_t *file = &view->file;
    return add_image(graph, file->image, file->path ? file->path : "-", file->label,
                     &shown);
}

/* ---- Drawing ---- */

/* Puts a node among its siblings, the one with the newest commits first. */
static void insert(graph_t *graph, size_t i)
{
    node_t *nodes = graph->nodes;
    size_t *at = nodes[i].parent == NONE ? &graph->roots : &nodes[nodes[i].parent].child;
    while (*at != NONE && nodes[*at].newest > nodes[i].newest)
        at = &nodes[*at].sibling;
    nodes[i].sibling = *at;
    *at = i;
}

static bool is_first(const graph_t *graph, const node_t *node)
{
    return node->parent == NONE || &graph->nodes[graph->nodes[node->parent].child] == node;
}

static void arrange(graph_t *graph)
{
    node_t *nodes = graph->nodes;
    graph->roots = NONE;
    for (size_t i = graph->count; i-- > 0;)
        if (nodes[i].parent != NONE && nodes[nodes[i].parent].newest < nodes[i].newest)
            nodes[nodes[i].parent].newest = nodes[i].newest;
    for (size_t i = 0; i < graph->count; i++)
        insert(graph, i);
    for (size_t i = 0; i < graph->count; i++)
        if (nodes[i].parent != NONE)
            nodes[i].column =
                nodes[nodes[i].parent].column + (is_first(graph, &nodes[i]) ? 0 : 1);
}

static void bar(const view_t *view, size_t column, const char *text)
{
    if (view->plain[0] != '\0')
        printf("\033[%um%s%s", 31 + (unsigned)(column % COLORS), text, view->plain);
    else
        fputs(text, stdout);
}

static void bars(const view_t *view, size_t columns)
{
    for (size_t i = 0; i < columns && i < COLUMNS_MAX; i++) {
        bar(view, i, "|");
        putchar(' ');
    }
}

typedef struct margin {
    const view_t *view;
    const node_t *node;
} margin_t;

static void draw_margin(void *context, bool first)
{
    const margin_t *margin = context;
    bars(margin->view, margin->node->column);
    if (first)
        putchar('*');
    else if (margin->node->parent != NONE)
        bar(margin->view, margin->node->column, "|");
    else
        putchar(' ');
    putchar(' ');
}

/* Where the branch that begins here ends: it is drawn from there on. */
static size_t tip(const graph_t *graph, size_t at)
{
    while (at != NONE && graph->nodes[at].child != NONE)
        at = graph->nodes[at].child;
    return at;
}

void graph_show(graph_t *graph, const view_t *view)
{
    uint64_t left = view->max_count > 0 ? view->max_count : UINT64_MAX;
    arrange(graph);
    for (size_t at = tip(graph, graph->roots); at != NONE && left > 0; left--) {
        const node_t *node = &graph->nodes[at];
        margin_t margin = {view, node};
        log_commit(view, &node->commit, node->file, draw_margin, &margin);
        if (!is_first(graph, node)) {
            bars(view, node->column - 1);
            bar(view, node->column - 1, "|");
            bar(view, node->column, "/");
            putchar('\n');
        }
        at = node->sibling != NONE ? tip(graph, node->sibling) : node->parent;
    }
}
