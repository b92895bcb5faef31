/* SPDX-License-Identifier: MIT */
/* What the checker of whole images keeps while it walks. */
#ifndef SFPM_IMAGE_CHECK_H
#define SFPM_IMAGE_CHECK_H

#include "base/error.h"
#include "image/image.h"
#include "image/range_set.h"
#include "image/seen_set.h"

typedef struct sfpm_check {
    sfpm_image_t *image;
    sfpm_fault_callback_t callback;
    void *context;
    bool failed;
    sfpm_error_state_t first;
    sfpm_reader_t reader;
    uint8_t *scratch;     /* a chunk */
    sfpm_ranges_t data;   /* payloads of DATA records without a sum */
    sfpm_ranges_t used;   /* what extents of pages and pieces name */
    sfpm_ranges_t packed; /* payloads of DATA records with a sum */
    sfpm_ranges_t chunks; /* what extents of chunks name */
    sfpm_meter_t meter;
    bool unbound;     /* the commit after the present one does not name it */
    sfpm_seen_t seen; /* leaves and chunks checked already */
} sfpm_check_t;

/* Reports the thread's last error as a fault; false when checking should stop. */
bool sfpm_check_fault(sfpm_check_t *check);

#endif
