/* SPDX-License-Identifier: MIT */
/* The two sizes of pages: that of images, and that of the system. */
#ifndef SFPM_BASE_PAGE_H
#define SFPM_BASE_PAGE_H

#include <stdbool.h>
#include <stddef.h>

/* The unit in which images store raw data, and in which changes of memory are tracked and
 * told to a commit. Part of the format, whatever the system's pages are. */
enum { SFPM_PAGE_SHIFT = 12, SFPM_PAGE = 1 << SFPM_PAGE_SHIFT };

/* The size of the system's pages, in which memory is mapped and protected. */
size_t sfpm_system_page(void);

/* Whether all of the memory is mapped, though perhaps not to be read. Its bytes are not
 * looked at. */
bool sfpm_is_mapped(const void *base, size_t size);

#endif
