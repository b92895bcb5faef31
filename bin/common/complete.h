/* SPDX-License-Identifier: MIT */
/*
 * Completion of command lines for shells: one generator, in each tool, which knows its
 * option table and can look into images. The scripts in completion/ only ask it.
 */
#ifndef SFPM_BIN_COMPLETE_H
#define SFPM_BIN_COMPLETE_H

#include <popt.h>

/* Prints what the last of the words may become, one a line, with a tab and a description;
 * the line ":files" stands for names of files. Names in images that a shell or a terminal
 * could misunderstand are left out: those with control characters, and those that begin
 * with a hyphen.
 * words: those after the name of the tool, the last one perhaps empty; NULL at the end */
void complete(const struct poptOption *table, char **words);

#endif
