/* SPDX-License-Identifier: MIT */
/* Asking on the terminal, whatever the standard streams are. */
#ifndef SFPM_BIN_TERMINAL_H
#define SFPM_BIN_TERMINAL_H

#include <stddef.h>
#include <sys/types.h>

/* Asks "question name: " and reads a line without echo. A signal that ends the
 * program finds the terminal as it was.
 * Returns the number of bytes without the newline; -1 and errno on failure. */
ssize_t terminal_ask(const char *question, const char *name, char *text, size_t room);

#endif
