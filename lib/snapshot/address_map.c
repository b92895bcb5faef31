/* SPDX-License-Identifier: MIT */
/*
 * The tree is that of tsearch(3). Its ranges are disjoint, so those that overlap count as
 * equal: a search for a range finds one that overlaps it.
 */
#include "snapshot/address_map.h"

#include <search.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

static int compare(const void *left, const void *right)
{
    const sfpm_reservation_t *a = left, *b = right;
    if (a->base + a->size <= b->base)
        return -1;
    return b->base + b->size <= a->base;
}

static bool fail_overlap(const sfpm_reservation_t *wanted,
                         const sfpm_reservation_t *taken)
{
    return sfpm_fail(SFPM_ERR_ARGUMENT,
                     "region '%s' (%zu bytes at 0x%llx) overlaps region '%s' (%zu bytes "
                     "at 0x%llx): a byte can belong to one region only",
                     wanted->name, wanted->size, (unsigned long long)wanted->base,
                     taken->name, taken->size, (unsigned long long)taken->base);
}

/* Whether no region has one of `wanted`'s addresses from `from` up to `to`. */
static bool check_free(sfpm_address_map_t *map, const sfpm_reservation_t *wanted,
                       uintptr_t from, uintptr_t to)
{
    const sfpm_reservation_t part = {from, to - from, wanted->name};
    sfpm_reservation_t **found = from < to ? tfind(&part, map, compare) : NULL;
    return !found || fail_overlap(wanted, *found);
}

static sfpm_reservation_t *insert(sfpm_address_map_t *map,
                                  const sfpm_reservation_t *wanted)
{
    sfpm_reservation_t *made = SFPM_NEW(sfpm_reservation_t);
    if (!made)
        return NULL;
    *made = *wanted;
    sfpm_reservation_t **found = tsearch(made, map, compare);
    if (found && *found == made)
        return made;
    if (found)
        fail_overlap(wanted, *found);
    else
        sfpm_fail_memory(sizeof *made);
    free(made);
    return NULL;
}

sfpm_reservation_t *sfpm_address_map_add(sfpm_address_map_t *map, const char *name,
                                         const void *base, size_t size)
{
    const sfpm_reservation_t wanted = {(uintptr_t)base, size, name};
    return insert(map, &wanted);
}

bool sfpm_address_map_move(sfpm_address_map_t *map, sfpm_reservation_t **reservation,
                           const void *base, size_t size)
{
    sfpm_reservation_t *old = *reservation;
    const sfpm_reservation_t wanted = {(uintptr_t)base, size, old->name};
    if (compare(&wanted, old) != 0) {
        sfpm_reservation_t *made = insert(map, &wanted);
        if (!made)
            return false;
        sfpm_address_map_remove(map, old);
        *reservation = made;
        return true;
    }
    /* Nothing else lies where both do, so the order stays. */
    if (!check_free(map, &wanted, wanted.base, old->base) ||
        !check_free(map, &wanted, old->base + old->size, wanted.base + size))
        return false;
    *old = wanted;
    return true;
}

void sfpm_address_map_remove(sfpm_address_map_t *map, sfpm_reservation_t *reservation)
{
    tdelete(reservation, map, compare);
    free(reservation);
}
