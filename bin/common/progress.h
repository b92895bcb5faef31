/* SPDX-License-Identifier: MIT */
/* Shows the progress of a tool on standard error. */
#ifndef SFPM_BIN_PROGRESS_H
#define SFPM_BIN_PROGRESS_H

#include <sfpm/image.h>

/* What to give to the library: work that takes over a second is shown on one line of the
 * terminal with its rate and the time that is left, and erased at the end. Nothing is shown if standard error is not a
 * terminal, or is a dumb one. */
sfpm_progress_t progress_shown(void);

/* Erases the line, before something else is printed. */
void progress_hide(void);

#endif
