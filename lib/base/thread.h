/* SPDX-License-Identifier: MIT */
/* Threads of the library, which are no business of the program's signal handlers. */
#ifndef SFPM_BASE_THREAD_H
#define SFPM_BASE_THREAD_H

#include <pthread.h>

/* pthread_create() with default attributes, for a thread in which all signals are blocked:
 * handlers run in the program's own threads. Returns 0 or an error number. */
int sfpm_thread_start(pthread_t *thread, void *(*work)(void *), void *argument);

#endif
