/* SPDX-License-Identifier: MIT */
/* The numbers of the original layout, version 1. */
#ifndef SFPM_FORMAT_V1_H
#define SFPM_FORMAT_V1_H

#define SFPM_V1_MAGIC 0x5346504DU

enum {
    SFPM_V1_METADATA = 288,
    SFPM_V1_HEADER = 4 + SFPM_V1_METADATA, /* magic and metadata */
    SFPM_V1_DESCRIPTION = 256,             /* bytes, at 28 in the metadata */
    SFPM_V1_REGION = 8 + 1 + 4             /* before a region's name */
};

#endif
