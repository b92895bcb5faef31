/* SPDX-License-Identifier: MIT */
/*
 * Which addresses belong to which region of a snapshot: no two regions may share a byte.
 * A search tree by address, so that many thousand regions do not take quadratic time.
 */
#ifndef SFPM_SNAPSHOT_ADDRESS_MAP_H
#define SFPM_SNAPSHOT_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The addresses of one region. */
typedef struct sfpm_reservation {
    uintptr_t base;
    size_t size;      /* bytes, above 0; the end is not beyond the address space */
    const char *name; /* of the region, borrowed */
} sfpm_reservation_t;

/* The root of a tree; NULL is an empty one. */
typedef void *sfpm_address_map_t;

/* Adds a region's addresses; NULL with SFPM_ERR_ARGUMENT and both names when another has
 * one of them, or with SFPM_ERR_MEMORY. To be removed. */
sfpm_reservation_t *sfpm_address_map_add(sfpm_address_map_t *map, const char *name,
                                         const void *base, size_t size);

/* Exchanges a region's addresses for others; on failure, as above, nothing changed. */
bool sfpm_address_map_move(sfpm_address_map_t *map, sfpm_reservation_t **reservation,
                           const void *base, size_t size);

/* Removes a region's addresses. */
void sfpm_address_map_remove(sfpm_address_map_t *map, sfpm_reservation_t *reservation);

#endif
