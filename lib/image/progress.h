/* SPDX-License-Identifier: MIT */
/* Counts the progress of a long operation for a callback. */
#ifndef SFPM_IMAGE_PROGRESS_H
#define SFPM_IMAGE_PROGRESS_H

#include <sfpm/image.h>

typedef struct sfpm_meter {
    sfpm_progress_t to; /* nothing is reported without a callback */
    uint64_t done, total, told;
} sfpm_meter_t;

/* Starts again, with the total number of bytes. */
void sfpm_meter_start(sfpm_meter_t *meter, const sfpm_progress_t *to, uint64_t total);
/* Adds bytes that are done; those beyond the total are not reported. NULL is allowed. */
void sfpm_meter_add(sfpm_meter_t *meter, uint64_t bytes);
/* Reports that all is done, whatever the total was. NULL is allowed. */
void sfpm_meter_finish(sfpm_meter_t *meter);

#endif
