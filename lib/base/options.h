/* SPDX-License-Identifier: MIT */
/*
 * Options structs that can grow: their first member is `size_t struct_size`,
 * and a member that is not mentioned is zero and means the default.
 */
#ifndef SFPM_BASE_OPTIONS_H
#define SFPM_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Copies a caller's options into *to, a struct of `size` bytes. NULL gives all zero; a
 * shorter struct, of a caller compiled earlier, is filled up with zeros; a longer one, of
 * a caller compiled later, is accepted if the members unknown here are zero. Otherwise
 * false with SFPM_ERR_ARGUMENT or SFPM_ERR_UNSUPPORTED. */
bool sfpm_take_options(void *to, size_t size, const void *from);

#endif
