/* SPDX-License-Identifier: MIT */
/* Counts how far something long has come, for whoever wants to be told. */
#ifndef SFPM_IMAGE_PROGRESS_H
#define SFPM_IMAGE_PROGRESS_H

#include <sfpm/image.h>

typedef struct sfpm_meter {
    sfpm_progress_t to; /* no callback: nobody wants to know */
    uint64_t done, total, told;
} sfpm_meter_t;

/* Begins anew with so many bytes to do. */
void sfpm_meter_start(sfpm_meter_t *meter, const sfpm_progress_t *to, uint64_t total);
/* So many more are done; what goes beyond the total is not told. NULL is allowed. */
void sfpm_meter_add(sfpm_meter_t *meter, uint64_t bytes);
/* All is done, however much there was to do. NULL is allowed. */
void sfpm_meter_finish(sfpm_meter_t *meter);

#endif
