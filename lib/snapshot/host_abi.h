/* SPDX-License-Identifier: MIT */
/*
 * Who this process is: what decides whether native memory that another process
 * saved means the same here.
 */
#ifndef SFPM_SNAPSHOT_HOST_ABI_H
#define SFPM_SNAPSHOT_HOST_ABI_H

#include "base/modules.h"

/* Processor, system, C library, pointer width and byte order, such as
 * "x86_64-linux-gnu-64le"; a constant. */
const char *sfpm_origin_architecture(void);

/* The build-id of the main executable in hexadecimal, "" when it has none. */
void sfpm_origin_build_id(char text[SFPM_BUILD_ID_SIZE]);

#endif
