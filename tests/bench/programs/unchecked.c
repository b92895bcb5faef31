/* SPDX-License-Identifier: MIT */
/* The fast engine without polls and bounds checks, which takes the place of the
 * library's: what these cost is the difference. */
#define SFPM_UNCHECKED 1
#include "engine/fast_execute.c"
