/* SPDX-License-Identifier: MIT */
/* Places at which a run stops, before it executes the instruction there. */
#ifndef SFPM_ENGINE_STOPS_H
#define SFPM_ENGINE_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sfpm_stops {
    const uint32_t *offsets; /* in the code, ascending */
    size_t count;
} sfpm_stops_t;

static inline bool sfpm_is_stop(const sfpm_stops_t *stops, uint32_t offset)
{
    size_t low = 0, high = stops->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stops->offsets[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < stops->count && stops->offsets[low] == offset;
}

#endif
