/* SPDX-License-Identifier: MIT */
/* Removes the file that is being written when a signal ends the tool. */
#ifndef SFPM_BIN_UNFINISHED_H
#define SFPM_BIN_UNFINISHED_H

/* The `temporary` of sfpm_write_options_t. From the first file on, signals that end the
 * tool by default remove the unfinished file first; ignored ones stay ignored, and a
 * handler that the tool has for one stays in place. */
void unfinished_note(void *context, int directory, const char *name);

#endif
