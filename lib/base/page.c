/* SPDX-License-Identifier: MIT */
/* Asks the system for the size of its pages. */
#include "base/page.h"

#include <unistd.h>

size_t sfpm_system_page(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : SFPM_PAGE;
}
