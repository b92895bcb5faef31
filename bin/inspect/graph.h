/* SPDX-License-Identifier: MIT */
/*
 * The commits of several images as one graph: each stands on its parent, and the first
 * one of a delta on a commit of its base image. What images that were copies of each other
 * have in common is there once.
 */
#ifndef SFPM_BIN_INSPECT_GRAPH_H
#define SFPM_BIN_INSPECT_GRAPH_H

#include "inspect/view.h"

typedef struct graph graph_t;

/* An empty graph; NULL without memory. graph_free() accepts NULL. */
graph_t *graph_create(void);
void graph_free(graph_t *graph);

/* Adds the commits of the image up to the one shown, and those of its bases. The image
 * then shows another commit. Returns the exit status after printing what is wrong. */
int graph_add(graph_t *graph, view_t *view);

/* Prints the graph, newest commits first, but all of a branch together; as many commits as
 * `view` says, in its colours. */
void graph_show(graph_t *graph, const view_t *view);

#endif
