/* SPDX-License-Identifier: MIT */
/*
 * Shows what a tool prints on a terminal page by page, as git does: through $SFPM_PAGER,
 * else $PAGER, else less(1), which ends by itself if everything fits on the screen.
 */
#ifndef SFPM_BIN_PAGER_H
#define SFPM_BIN_PAGER_H

#include <stdbool.h>

/* From now on standard output goes through the pager, and so does standard error if it is
 * a terminal. Nothing happens if standard output is not a terminal or is a dumb one, if
 * the pager is "" or "cat", or if it runs already. If it cannot be started, that is
 * reported, and the output goes to the terminal. */
void pager_begin(void);

/* Waits until the user has left the pager; then the streams are what they were. Without
 * a pager, nothing happens. Returns false after printing why if there was no such pager. */
bool pager_end(void);

/* The same while standard output is being written, which failed as the pager has ended. */
bool pager_left(void);

/* Whether one has been begun and not ended: what it does not read, the user did not want
 * to see. */
bool pager_runs(void);

#endif
