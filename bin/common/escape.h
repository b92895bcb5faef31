/* SPDX-License-Identifier: MIT */
/*
 * Text from images on its way to a terminal or into JSON or HTML. Such text is hostile:
 * it may hold control sequences, or bytes that are not UTF-8.
 */
#ifndef SFPM_BIN_ESCAPE_H
#define SFPM_BIN_ESCAPE_H

#include <stdbool.h>
#include <stdio.h>

/* Called first: finds out whether standard output and standard error are terminals that do
 * not show UTF-8, by LC_ALL, LC_CTYPE and LANG. On these, bytes that are not ASCII are
 * escaped, too: one of them may be a control character there. */
void escape_start(void);

/* Prints UTF-8 text as it is, but every byte of a control character, of a character that
 * reorders or hides text, or of no character at all as \xNN, and a backslash as \\, so that
 * different texts look different. */
void escape_print(FILE *file, const char *text);

/* The same for a message, which may quote what somebody typed: a backslash stays one. */
void escape_message(FILE *file, const char *text);

/* Whether the text has only characters that are printed as they are where UTF-8 is. */
bool escape_is_printable(const char *text);

/* Prints a JSON string, quotes included. Bytes that are not UTF-8 appear as \xNN,
 * which is written "\\xNN" in JSON. */
void escape_json(FILE *file, const char *text);

/* Prints text as the content of an element of HTML or SVG, or as the value of an attribute
 * in quotes. What escape_print() escapes, it escapes the same way. */
void escape_html(FILE *file, const char *text);

#endif
