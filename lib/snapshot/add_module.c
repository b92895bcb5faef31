/* SPDX-License-Identifier: MIT */
/* Registering the static data of a module as regions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/module_data.h"
#include "base/options.h"
#include "snapshot/snapshot.h"

static bool cut_exceptions(sfpm_module_data_t *data, const sfpm_module_options_t *options)
{
    if (options->num_except && !options->except)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no exceptions were given");
    for (size_t i = 0; i < options->num_except; i++) {
        const sfpm_memory_region_t *except = &options->except[i];
        uintptr_t start = (uintptr_t)except->base_address;
        if (!sfpm_module_data_holds(data, start, start + except->size))
            return sfpm_fail(SFPM_ERR_ARGUMENT,
                             "%s: exception %zu, 0x%llx, is not in the module's data",
                             *data->name ? data->name : "the program", i + 1,
                             (unsigned long long)start);
        if (!sfpm_module_data_cut(data, start, start + except->size))
            return false;
    }
    return sfpm_module_data_settle(data);
}

/* Forgets the regions of a name that were added last: all but the first `kept`. */
static void forget(sfpm_snapshot_t *snapshot, const char *name, size_t kept)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    for (size_t i = sfpm_name_map_count(&snapshot->names, name); i-- > kept;)
        sfpm_snapshot_remove_region(snapshot, name, i);
    sfpm_error_restore(&error);
}

static bool add_parts(sfpm_snapshot_t *snapshot, const sfpm_module_data_t *data,
                      uint32_t flags)
{
    const char *module = *data->name ? data->name : "the program";
    size_t room = sizeof "data of " + strlen(module);
    char *name = SFPM_NEW_N(char, room);
    bool ok = name != NULL;
    if (!ok)
        return false;
    snprintf(name, room, "data of %s", module);
    size_t before = sfpm_name_map_count(&snapshot->names, name);
    for (size_t i = 0; ok && i < data->count; i++) {
        sfpm_part_t part = data->parts[i];
        const sfpm_memory_region_t region = {(void *)part.start, part.end - part.start,
                                             name, false};
        ok = sfpm_snapshot_add_region_flags(snapshot, &region, flags);
    }
    if (!ok)
        forget(snapshot, name, before);
    free(name);
    return ok;
}

bool sfpm_snapshot_add_module(sfpm_snapshot_t *snapshot, const void *address,
                              const sfpm_module_options_t *options)
{
    sfpm_module_options_t chosen;
    sfpm_module_data_t data;
    if (!snapshot || !address)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "address" : "snapshot");
    if (!sfpm_take_options(&chosen, sizeof chosen, options))
        return false;
    if (chosen.flags & ~(uint32_t)(SFPM_REGION_POINTERS | SFPM_REGION_SECRET))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "invalid flags 0x%x for a module's data",
                         chosen.flags);
    bool ok = sfpm_module_data_find(&data, (uintptr_t)address) &&
              cut_exceptions(&data, &chosen) &&
              (data.count > 0 || sfpm_fail(SFPM_ERR_ARGUMENT, "%s has no data of its own",
                                           *data.name ? data.name : "the program")) &&
              add_parts(snapshot, &data, chosen.flags | SFPM_REGION_POINTERS);
    sfpm_module_data_free(&data);
    return ok;
}
