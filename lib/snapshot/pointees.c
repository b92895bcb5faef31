/* SPDX-License-Identifier: MIT */
/* The modules and registered regions of this process, by address, and their records. */
#include "snapshot/pointees.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/region_pairs.h"

/* ---- Collecting ------------------------------------------------------------ */

static sfpm_pointee_t *add(sfpm_pointees_t *pointees)
{
    void *list = pointees->list;
    if (!sfpm_grow_array(&list, &pointees->capacity, pointees->count + 1,
                         sizeof *pointees->list))
        return NULL;
    pointees->list = list;
    return &pointees->list[pointees->count++];
}

static bool add_module(void *context, const sfpm_module_t *module)
{
    sfpm_pointees_t *pointees = context;
    char *name = sfpm_copy_string(module->name);
    sfpm_pointee_t *added = name ? add(pointees) : NULL;
    pointees->failed = !added;
    if (!added) {
        free(name);
        return false;
    }
    *added = (sfpm_pointee_t){.is_module = true,
                              .name = name,
                              .start = module->start,
                              .end = module->end,
                              .base = module->base};
    memcpy(added->build_id, module->build_id, sizeof added->build_id);
    return true;
}

static int compare(const void *left, const void *right)
{
    const sfpm_pointee_t *a = left;
    const sfpm_pointee_t *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

static void sort(sfpm_pointees_t *pointees)
{
    if (pointees->count == 0)
        return;
    qsort(pointees->list, pointees->count, sizeof *pointees->list, compare);
    pointees->low = pointees->list[0].start;
    for (size_t i = 0; i < pointees->count; i++)
        if (pointees->list[i].end > pointees->high)
            pointees->high = pointees->list[i].end;
}

/* A region in a module lies where the module does. */
static bool add_regions(sfpm_pointees_t *pointees, const sfpm_snapshot_t *snapshot)
{
    const sfpm_pointees_t modules = *pointees;
    sfpm_pointees_t regions = {0};
    size_t *instances = sfpm_pairing_instances(snapshot);
    bool ok = instances != NULL;
    for (size_t i = 0; ok && i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        uintptr_t start = sfpm_region_address(region);
        sfpm_pointee_t *added = NULL;
        if (sfpm_pointees_find(&modules, start))
            continue;
        added = add(&regions);
        ok = added != NULL;
        if (ok)
            *added = (sfpm_pointee_t){.name = region->name,
                                      .start = start,
                                      .end = start + region->size,
                                      .base = start,
                                      .instance = instances[i]};
    }
    free(instances);
    for (size_t i = 0; ok && i < regions.count; i++) {
        sfpm_pointee_t *added = add(pointees);
        ok = added != NULL;
        if (ok)
            *added = regions.list[i];
    }
    sfpm_pointees_free(&regions);
    return ok;
}

/* ---- By name --------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_names(const sfpm_pointee_t *a, const sfpm_pointee_t *b)
{
    int order = compare_numbers(a->is_module, b->is_module);
    if (order == 0)
        order = strcmp(a->name, b->name);
    return order ? order : compare_numbers(a->instance, b->instance);
}

/* Modules of one name by their builds, and those of one build by their places. */
static int compare_identities(const sfpm_pointee_t *a, const sfpm_pointee_t *b)
{
    int order = compare_names(a, b);
    if (order == 0)
        order = strcmp(a->build_id, b->build_id);
    return order ? order : compare_numbers(a->base, b->base);
}

static int compare_places(const void *left, const void *right)
{
    sfpm_pointee_t *const *a = left, *const *b = right;
    return compare_identities(*a, *b);
}

static bool sort_by_name(sfpm_pointees_t *pointees)
{
    pointees->by_name = SFPM_NEW_N(sfpm_pointee_t *, pointees->count);
    for (size_t i = 0; pointees->by_name && i < pointees->count; i++)
        pointees->by_name[i] = &pointees->list[i];
    if (pointees->by_name && pointees->count > 0)
        qsort(pointees->by_name, pointees->count, sizeof *pointees->by_name,
              compare_places);
    return pointees->by_name != NULL;
}

/* The first that is not before `wanted`, if it has the same name; or NULL. */
static sfpm_pointee_t *find_identity(const sfpm_pointees_t *pointees,
                                     const sfpm_pointee_t *wanted)
{
    size_t low = 0;
    size_t high = pointees->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_identities(pointees->by_name[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < pointees->count && compare_names(pointees->by_name[low], wanted) == 0
               ? pointees->by_name[low]
               : NULL;
}

bool sfpm_pointees_collect(sfpm_pointees_t *pointees, const sfpm_snapshot_t *snapshot)
{
    *pointees = (sfpm_pointees_t){0};
    sfpm_modules_each(add_module, pointees);
    if (pointees->failed)
        return false;
    sort(pointees);
    if (!add_regions(pointees, snapshot))
        return false;
    sort(pointees);
    return sort_by_name(pointees);
}

void sfpm_pointees_free(sfpm_pointees_t *pointees)
{
    for (size_t i = 0; i < pointees->count; i++)
        if (pointees->list[i].is_module)
            free((char *)pointees->list[i].name);
    free(pointees->list);
    free(pointees->by_name);
    *pointees = (sfpm_pointees_t){0};
}

/* ---- Finding --------------------------------------------------------------- */

sfpm_pointee_t *sfpm_pointees_find(const sfpm_pointees_t *pointees, uintptr_t address)
{
    size_t low = 0;
    size_t high = pointees->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pointees->list[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < pointees->list[low - 1].end ? &pointees->list[low - 1]
                                                            : NULL;
}

/* An unknown build is never the same build. */
bool sfpm_pointee_is_same(const sfpm_pointee_t *here, const sfpm_pointee_t *record)
{
    if (compare_names(here, record) != 0 || (record->used && here->base != record->base))
        return false;
    return !here->is_module ||
           (*here->build_id && strcmp(here->build_id, record->build_id) == 0);
}

sfpm_pointee_t *sfpm_pointees_match(const sfpm_pointees_t *pointees,
                                    const sfpm_pointee_t *record)
{
    sfpm_pointee_t wanted = *record;
    if (!record->used)
        wanted.base = 0; /* anywhere */
    sfpm_pointee_t *found = find_identity(pointees, &wanted);
    if (found && sfpm_pointee_is_same(found, record))
        return found;
    *wanted.build_id = '\0';
    wanted.base = 0;
    return find_identity(pointees, &wanted);
}

/* ---- Records --------------------------------------------------------------- */

char *sfpm_pointee_encode(const sfpm_pointee_t *pointee)
{
    char base[2 + 16 + 1] = "any";
    size_t room = 128 + SFPM_BUILD_ID_SIZE + strlen(pointee->name);
    char *text = SFPM_NEW_N(char, room);
    if (!text)
        return NULL;
    if (pointee->used)
        snprintf(base, sizeof base, "0x%llx", (unsigned long long)pointee->base);
    if (pointee->is_module)
        snprintf(text, room, "module base=%s build-id=%s name=%s", base,
                 *pointee->build_id ? pointee->build_id : "unknown", pointee->name);
    else
        snprintf(text, room, "region base=%s instance=%zu name=%s", base,
                 pointee->instance, pointee->name);
    return text;
}

static bool take_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

/* A number in base 10 or 16, in lower case. */
static bool take_number(const char **at, unsigned radix, uint64_t limit, uint64_t *value)
{
    static const char digits[] = "0123456789abcdef";
    const char *start = *at;
    const char *digit;
    for (*value = 0; **at && (digit = strchr(digits, **at)) != NULL; ++*at) {
        uint64_t unit = (uint64_t)(digit - digits);
        if (unit >= radix || *value > (limit - unit) / radix)
            return false;
        *value = *value * radix + unit;
    }
    return *at > start;
}

static bool take_base(const char **at, sfpm_pointee_t *record)
{
    if (!take_word(at, " base="))
        return false;
    if (take_word(at, "any"))
        return true;
    record->used = true;
    return take_word(at, "0x") && take_number(at, 16, UINT64_MAX, &record->base);
}

static bool take_build_id(const char **at, sfpm_pointee_t *record)
{
    if (!take_word(at, " build-id="))
        return false;
    if (take_word(at, "unknown"))
        return true;
    size_t length = strspn(*at, "0123456789abcdef");
    if (length == 0 || length >= sizeof record->build_id)
        return false;
    memcpy(record->build_id, *at, length);
    *at += length;
    return true;
}

static bool take_instance(const char **at, sfpm_pointee_t *record)
{
    uint64_t instance = 0;
    bool ok = take_word(at, " instance=") && take_number(at, 10, SIZE_MAX, &instance);
    record->instance = (size_t)instance;
    return ok;
}

bool sfpm_pointee_decode(sfpm_pointee_t *record, const char *text)
{
    const char *at = text;
    *record = (sfpm_pointee_t){.is_module = take_word(&at, "module")};
    bool ok =
        (record->is_module || take_word(&at, "region")) && take_base(&at, record) &&
        (record->is_module ? take_build_id(&at, record) : take_instance(&at, record)) &&
        take_word(&at, " name=");
    record->name = at;
    return ok || sfpm_fail(SFPM_ERR_CORRUPT,
                           "'%.60s' is not the record of a module or a region", text);
}
