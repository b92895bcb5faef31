/* SPDX-License-Identifier: MIT */
/*
 * Builds the new contents of a remappable region by mapping runs of the image and
 * reading the rest, and puts them into place or takes them back.
 */
#include "snapshot/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/maps.h"
#include "base/memory.h"
#include "base/page.h"
#include "snapshot/snapshot.h"

#define PAGE      ((size_t)SFPM_PAGE)
#define HUGE_PAGE ((size_t)2 << 20)
#define GIB       ((size_t)1 << 30)

/* Each mapping costs a few microseconds. Where more than MANY would be needed, runs
 * shorter than SHORT are read. If the widest run can be mapped with what deviates from
 * it, and reading that is cheaper than mapping each run, that is done instead; also where
 * more than MOST mappings would be needed, since a process may have some 65,000. */
enum { MANY = 256, MOST = 16384 };
#define SHORT (16 * PAGE)

static uint8_t *map(uintptr_t at, size_t size, int protection, int flags)
{
    void *memory = mmap((void *)at, size, protection,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

/* Memory to exchange for what lies at `base`: at a distance at which whole page tables
 * change places, if addresses are free there, and not each page by itself. */
static uint8_t *reserve(const uint8_t *base, size_t size, int protection)
{
    const size_t unit = size < GIB ? HUGE_PAGE : GIB;
    const size_t step = (size + unit - 1) & ~(unit - 1);
    uint8_t *memory = NULL;
#ifdef MAP_FIXED_NOREPLACE
    for (size_t i = 1; !memory && i <= 4 && (uintptr_t)base / i > step; i++)
        memory = map((uintptr_t)base - i * step, size, protection, MAP_FIXED_NOREPLACE);
#endif
    if (!memory && !(memory = map(0, size, protection, 0)))
        sfpm_fail_memory(size);
    return memory;
}

/* ---- Making the new pages -------------------------------------------------- */

/* Where they are made. */
static uint8_t *target(const sfpm_mapping_t *mapping)
{
    return mapping->staged ? mapping->staged : mapping->base;
}

/* Where a run that is read or mapped ends, in whole pages. */
static uint64_t end_of(const sfpm_run_t *run)
{
    return (run->position + run->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static bool add(sfpm_piece_t **pieces, size_t *count, size_t *room,
                const sfpm_piece_t *piece)
{
    void *array = *pieces;
    bool ok = sfpm_grow_array(&array, room, *count + 1, sizeof *piece);
    *pieces = array;
    if (ok)
        (*pieces)[(*count)++] = *piece;
    return ok;
}

static bool add_piece(sfpm_mapping_t *mapping, size_t position, size_t size, bool of_file)
{
    const sfpm_piece_t piece = {.position = position, .size = size, .of_file = of_file};
    return size == 0 ||
           add(&mapping->pieces, &mapping->num_pieces, &mapping->max_pieces, &piece);
}

static bool add_read(sfpm_mapping_t *mapping, uint64_t position, uint64_t size)
{
    const sfpm_piece_t piece = {.position = (size_t)position, .size = (size_t)size};
    return add(&mapping->reads, &mapping->num_reads, &mapping->max_reads, &piece);
}

static bool read_run(sfpm_mapping_t *mapping, const sfpm_image_t *image,
                     const sfpm_run_t *run)
{
    if (run->position >= mapping->size)
        return true;
    return add_read(mapping, run->position, run->size) &&
           sfpm_places_read(image, run->offset, target(mapping) + run->position,
                            (size_t)run->size);
}

/* Maps a run of whole pages that begins at or behind `*done`; what lies between stays
 * anonymous. */
static bool map_run(sfpm_mapping_t *mapping, const sfpm_image_t *image,
                    const sfpm_run_t *run, size_t *done)
{
    size_t position = (size_t)run->position;
    size_t size = (size_t)run->size;
    bool ok = add_piece(mapping, *done, position - *done, false) &&
              add_piece(mapping, position, size, true) &&
              sfpm_places_map(image, run->offset, target(mapping) + position, size);
    *done = position + size;
    return ok;
}

static bool is_mapped(const sfpm_run_t *run, size_t least)
{
    return run->size % PAGE == 0 && run->size >= least;
}

static size_t count_mapped(const sfpm_places_t *places, size_t least)
{
    size_t count = 0;
    for (size_t i = 0; i < places->count; i++)
        count += is_mapped(&places->runs[i], least);
    return count;
}

/* Maps runs of at least `least` bytes and reads the others. */
static bool fill_by_runs(sfpm_mapping_t *mapping, const sfpm_image_t *image, size_t least)
{
    const sfpm_places_t *places = &mapping->places;
    size_t done = 0;
    for (size_t i = 0; i < places->count; i++)
        if (is_mapped(&places->runs[i], least) &&
            !map_run(mapping, image, &places->runs[i], &done))
            return false;
    if (!add_piece(mapping, done, mapping->size - done, false))
        return false;
    for (size_t i = 0; i < places->count; i++)
        if (!is_mapped(&places->runs[i], least) &&
            !read_run(mapping, image, &places->runs[i]))
            return false;
    return true;
}

static uint64_t shift_of(const sfpm_run_t *run)
{
    return run->offset - run->position;
}

/* The run that joins all those that lie in the file as the longest one does. */
static sfpm_run_t widest_run(const sfpm_places_t *places)
{
    sfpm_run_t wide = {0};
    for (size_t i = 0; i < places->count; i++)
        if (is_mapped(&places->runs[i], wide.size + 1))
            wide = places->runs[i];
    uint64_t end = wide.position + wide.size;
    uint64_t shift = shift_of(&wide);
    for (size_t i = 0; i < places->count; i++) {
        const sfpm_run_t *run = &places->runs[i];
        if (!is_mapped(run, PAGE) || shift_of(run) != shift)
            continue;
        if (run->position < wide.position)
            wide.position = run->position;
        if (run->position + run->size > end)
            end = run->position + run->size;
    }
    wide.offset = wide.position + shift;
    wide.size = end - wide.position;
    return wide;
}

/* Zeroes what the wide run shows between `from` and `to`, where the region is zero. */
static bool zero_gap(sfpm_mapping_t *mapping, const sfpm_run_t *wide, uint64_t from,
                     uint64_t to)
{
    uint64_t start = from > wide->position ? from : wide->position;
    uint64_t end = to < wide->position + wide->size ? to : wide->position + wide->size;
    if (start >= end)
        return true;
    memset(target(mapping) + start, 0, (size_t)(end - start));
    return add_read(mapping, start, end - start);
}

/* Maps the widest run and lays over it what deviates. */
static bool fill_over_wide(sfpm_mapping_t *mapping, const sfpm_image_t *image)
{
    const sfpm_places_t *places = &mapping->places;
    sfpm_run_t wide = widest_run(places);
    uint64_t end = 0;
    size_t done = 0;
    if ((wide.size && !map_run(mapping, image, &wide, &done)) ||
        !add_piece(mapping, done, mapping->size - done, false))
        return false;
    for (size_t i = 0; i < places->count; i++) {
        const sfpm_run_t *run = &places->runs[i];
        if (!zero_gap(mapping, &wide, end, run->position))
            return false;
        end = end_of(run);
        if (is_mapped(run, PAGE) && shift_of(run) == shift_of(&wide))
            continue;
        if (!zero_gap(mapping, &wide, run->position + run->size, end) ||
            !read_run(mapping, image, run))
            return false;
    }
    return zero_gap(mapping, &wide, end, mapping->size);
}

/* Whether mapping each long run beats reading those that lie elsewhere than the widest:
 * a mapping costs less than reading SHORT. */
static bool runs_are_better(const sfpm_places_t *places)
{
    const sfpm_run_t wide = widest_run(places);
    size_t mappings = count_mapped(places, SHORT);
    uint64_t read = 0;
    for (size_t i = 0; i < places->count; i++)
        if (is_mapped(&places->runs[i], SHORT) &&
            shift_of(&places->runs[i]) != shift_of(&wide))
            read += places->runs[i].size;
    return mappings <= MANY || (mappings <= MOST && read / SHORT > mappings);
}

/* Makes all pages in anonymous memory that lies there already. */
static bool fill(sfpm_mapping_t *mapping, const sfpm_image_t *image)
{
    if (count_mapped(&mapping->places, PAGE) <= MANY)
        return fill_by_runs(mapping, image, PAGE);
    if (runs_are_better(&mapping->places))
        return fill_by_runs(mapping, image, SHORT);
    return fill_over_wide(mapping, image);
}

/* The bytes behind the last whole page belong to a page that is not all the region's. */
static bool load_tail(sfpm_mapping_t *mapping, const sfpm_image_t *image, size_t index,
                      size_t size)
{
    mapping->tail_size = size - mapping->size;
    if (mapping->tail_size == 0)
        return true;
    mapping->tail = SFPM_NEW_N(uint8_t, mapping->tail_size);
    return mapping->tail && sfpm_image_read(image, index, mapping->size, mapping->tail,
                                            mapping->tail_size);
}

bool sfpm_mapping_plan(sfpm_mapping_t *mapping, const sfpm_image_t *image, size_t index,
                       void *base, size_t size)
{
    *mapping = (sfpm_mapping_t){.base = base, .size = size & ~(PAGE - 1)};
    if (mapping->size == 0 || (uintptr_t)base % PAGE != 0)
        return true;
    return sfpm_places_find(image, index, mapping->size, &mapping->places,
                            &mapping->wanted) &&
           (!mapping->wanted || load_tail(mapping, image, index, size));
}

bool sfpm_mapping_verify(sfpm_mapping_t *mapping, const sfpm_image_t *image, size_t index)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    mapping->staged = reserve(mapping->base, mapping->size, PROT_READ | PROT_WRITE);
    if (!mapping->staged) {
        /* Reading needs no addresses beside those that there are. */
        sfpm_mapping_free(mapping);
        sfpm_error_restore(&error);
        return true;
    }
    return fill(mapping, image) &&
           sfpm_places_verify(image, index, mapping->staged, mapping->size);
}

/* ---- Exchanging ------------------------------------------------------------ */

static bool move(uint8_t *from, uint8_t *to, size_t size)
{
#if SFPM_LINUX_PATHS
    return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED;
#else
    (void)from, (void)to, (void)size;
    errno = ENOSYS;
    return false;
#endif
}

/* Moves pages away and, where the system can, leaves the addresses taken, so that no
 * other thread's mapping comes to lie there. */
static bool park(uint8_t *from, uint8_t *to, size_t size)
{
#if SFPM_LINUX_PATHS && defined(MREMAP_DONTUNMAP)
    if (mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) !=
        MAP_FAILED)
        return true;
#endif
    return move(from, to, size);
}

/* Exchanges the contents behind the last whole page. */
static void swap_tail(sfpm_mapping_t *mapping)
{
    uint8_t *here = mapping->base + mapping->size;
    for (size_t i = 0; i < mapping->tail_size; i++) {
        uint8_t byte = here[i];
        here[i] = mapping->tail[i];
        mapping->tail[i] = byte;
    }
}

void sfpm_mapping_undo(sfpm_mapping_t *mapping)
{
    if (!mapping->parked)
        return;
    if (mapping->replaced)
        swap_tail(mapping);
    /* The old pages were one mapping at that place before, and are again. */
    move(mapping->parked, mapping->base, mapping->size);
    mapping->parked = NULL;
}

static bool park_all(sfpm_mapping_t *mapping, bool *possible)
{
    uint8_t *place = reserve(mapping->base, mapping->size, PROT_NONE);
    *possible = place != NULL;
    if (!place)
        return false;
    if (park(mapping->base, place, mapping->size)) {
        mapping->parked = place;
        return true;
    }
    /* Before Linux 6.17 only what is one mapping could be moved at once. */
    *possible = errno != EFAULT && errno != EINVAL;
    sfpm_fail_errno(errno, "cannot move the old pages away");
    munmap(place, mapping->size);
    return false;
}

static bool move_staged(sfpm_mapping_t *mapping)
{
    while (mapping->moved < mapping->num_pieces) {
        const sfpm_piece_t *piece = &mapping->pieces[mapping->moved];
        if (!move(mapping->staged + piece->position, mapping->base + piece->position,
                  piece->size))
            return sfpm_fail_errno(errno, "cannot move the new pages into place");
        mapping->moved++;
    }
    return true;
}

static bool fill_in_place(sfpm_mapping_t *mapping, const sfpm_image_t *image)
{
    const sfpm_places_t *places = &mapping->places;
    bool covered = places->count == 1 && places->runs[0].size == mapping->size;
    return (covered ||
            map((uintptr_t)mapping->base, mapping->size, PROT_READ | PROT_WRITE,
                MAP_FIXED) ||
            sfpm_fail_memory(mapping->size)) &&
           fill(mapping, image);
}

bool sfpm_mapping_replace(sfpm_mapping_t *mapping, const sfpm_image_t *image,
                          bool *possible)
{
    *possible = true;
    if (!park_all(mapping, possible))
        return false;
    if (!(mapping->staged ? move_staged(mapping) : fill_in_place(mapping, image))) {
        sfpm_mapping_undo(mapping);
        return false;
    }
    swap_tail(mapping);
    mapping->replaced = true;
    return true;
}

void sfpm_mapping_free(sfpm_mapping_t *mapping)
{
    /* What was moved away is not ours any more: others may have got the addresses. */
    size_t gone = 0;
    if (mapping->moved > 0)
        gone = mapping->pieces[mapping->moved - 1].position +
               mapping->pieces[mapping->moved - 1].size;
    if (mapping->staged && gone < mapping->size)
        munmap(mapping->staged + gone, mapping->size - gone);
    sfpm_places_free(&mapping->places);
    free(mapping->tail);
    free(mapping->pieces);
    free(mapping->reads);
    mapping->wanted = false;
    mapping->staged = NULL;
    mapping->tail = NULL;
    mapping->pieces = NULL;
    mapping->reads = NULL;
}

bool sfpm_snapshot_can_park(sfpm_snapshot_t *snapshot, size_t more)
{
    void *parked = snapshot->parked;
    bool ok = sfpm_grow_array(&parked, &snapshot->parked_capacity,
                              snapshot->num_parked + more, sizeof *snapshot->parked);
    snapshot->parked = parked;
    return ok;
}

void sfpm_snapshot_free_parked(sfpm_snapshot_t *snapshot)
{
    for (size_t i = 0; i < snapshot->num_parked; i++)
        munmap(snapshot->parked[i].base, snapshot->parked[i].size);
    free(snapshot->parked);
    snapshot->parked = NULL;
    snapshot->num_parked = snapshot->parked_capacity = 0;
}
