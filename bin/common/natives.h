/* SPDX-License-Identifier: MIT */
/* The functions that sfpm-run offers to programs, in the module `sfpm`. */
#ifndef SFPM_BIN_NATIVES_H
#define SFPM_BIN_NATIVES_H

#define NATIVES_MODULE "sfpm"

/* X(name, signature) */
#define NATIVES(X)                                                                       \
    X(argument, "i32 i32 i32 -> i32")                                                    \
    X(arguments, "-> i32")                                                               \
    X(clock, "-> i64")                                                                   \
    X(environment, "i32 i32 i32 i32 -> i32")                                             \
    X(exit, "i32")                                                                       \
    X(random, "-> i64")                                                                  \
    X(read, "i32 i32 i32 -> i32")                                                        \
    X(write, "i32 i32 i32 -> i32")

#endif
