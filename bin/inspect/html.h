/* SPDX-License-Identifier: MIT */
/*
 * The page that --html writes: one file without scripts that loads nothing. Whatever comes
 * from the image is escaped, in SVG too.
 */
#ifndef SFPM_BIN_INSPECT_HTML_H
#define SFPM_BIN_INSPECT_HTML_H

#include <stdio.h>

#include "inspect/view.h"

/* Writes the page to a file, "-" for standard output. Returns the exit status after
 * printing what failed. */
int html_write(view_t *view, const char *file);

/* Prints text from the image, of which only the start if it is long. */
void html_text(FILE *out, const char *text);

/* Its sections about the commits: a time line, a table, and which pages changed in which
 * of them. The image shows the same commit before and after. */
void html_history(FILE *out, view_t *view);

#endif
