/* SPDX-License-Identifier: MIT */
/*
 * The thread's floating-point environment: rounding mode, flushing of subnormal numbers
 * to zero, enabled traps. Whatever computes with, reads or prints floating-point numbers
 * does so in the environment in which C programs start, so that the result is the same in
 * every host. The computation between the two calls must be in a function of its own that
 * is not inlined: a compiler may move arithmetic on local variables across the calls.
 */
#ifndef SFPM_BASE_FLOAT_ENV_H
#define SFPM_BASE_FLOAT_ENV_H

#include <stdbool.h>

#if defined __GNUC__ && defined __SSE__ && (defined __x86_64__ || defined __i386__)
#define SFPM_FLOAT_ENV_X86 1
#elif defined __GNUC__ && defined __aarch64__
#define SFPM_FLOAT_ENV_ARM64 1
#else
#include <fenv.h>
#endif

#if defined __GNUC__
#define SFPM_NOINLINE __attribute__((noinline))
#else
#define SFPM_NOINLINE
#endif

/* An environment to go back to. */
typedef struct sfpm_float_env {
    bool changed; /* it was not the default one, and is to be restored */
#if defined SFPM_FLOAT_ENV_X86
    unsigned mxcsr;
    unsigned short control;
#elif defined SFPM_FLOAT_ENV_ARM64
    unsigned long fpcr;
#else
    fenv_t environment;
#endif
} sfpm_float_env_t;

/* Sets the default environment; `before` receives the one that was set. Takes a few
 * nanoseconds if the default one is already set. */
void sfpm_float_env_enter(sfpm_float_env_t *before);

/* Goes back to it. */
void sfpm_float_env_leave(const sfpm_float_env_t *before);

#endif
