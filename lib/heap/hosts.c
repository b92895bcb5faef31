/* SPDX-License-Identifier: MIT */
/*
 * Corrects addresses of functions and data of the program and its libraries in blocks of
 * the heap. They are saved as they are; the heap's tables record which symbol or module
 * was at which address. A restore compares these tables with this process, and corrects
 * only the addresses of what has moved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "heap/heap.h"

/* ---- What the program registers ---- */

/* In the tables of an image, a name need not end with a zero byte. */
static host_symbol_t *find_symbol(const sfpm_heap_t *heap, const char *name)
{
    char text[NAME_SIZE + 1] = "";
    size_t at;
    memcpy(text, name, strnlen(name, NAME_SIZE));
    return sfpm_name_map_find(&heap->symbol_names, text, 0, &at) ? &heap->symbols[at]
                                                                 : NULL;
}

bool sfpm_heap_register_symbol(sfpm_heap_t *heap, const char *name, const void *address)
{
    size_t length = name ? strlen(name) : 0;
    void *symbols = heap ? heap->symbols : NULL;
    if (!heap || !address || length == 0 || length >= NAME_SIZE)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "no heap, no address or no symbol name of 1 to %d bytes was given",
            NAME_SIZE - 1);
    if (find_symbol(heap, name))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "symbol '%s' is already registered", name);
    if (heap->num_symbols == MAX_SYMBOLS)
        return sfpm_fail(SFPM_ERR_LIMIT, "symbol '%s': a heap holds at most %d symbols",
                         name, MAX_SYMBOLS);
    if (!sfpm_grow_array(&symbols, &heap->symbol_capacity, heap->num_symbols + 1,
                         sizeof *heap->symbols))
        return false;
    heap->symbols = symbols;
    if (!sfpm_name_map_add(&heap->symbol_names, name, heap->num_symbols, NULL))
        return false;
    host_symbol_t *symbol = &heap->symbols[heap->num_symbols++];
    memset(symbol, 0, sizeof *symbol);
    memcpy(symbol->name, name, length);
    symbol->address = (uintptr_t)address;
    return true;
}

/* ---- The tables ---- */

static bool has_hosts(const header_t *header)
{
    for (uint32_t i = 0; i < header->num_types; i++)
        if (header->types[i].num_hosts)
            return true;
    return false;
}

/* The last bytes of a name, or of a build-id that no other has. */
static void copy_text(char *to, size_t room, const char *text)
{
    size_t length = strlen(text);
    memset(to, 0, room);
    if (length >= room)
        text += length - (room - 1);
    memcpy(to, text, length < room ? length : room - 1);
}

typedef struct module_table {
    module_t *modules;
    uint32_t count;
} module_table_t;

static bool add_module(void *context, const sfpm_module_t *module)
{
    module_table_t *table = context;
    module_t *record = &table->modules[table->count];
    copy_text(record->name, sizeof record->name, module->name);
    copy_text(record->build_id, sizeof record->build_id, module->build_id);
    record->start = module->start;
    record->end = module->end;
    record->base = module->base;
    return ++table->count < MAX_MODULES;
}

void sfpm_hosts_record(sfpm_heap_t *heap)
{
    header_t *header = heap->header;
    bool wanted = has_hosts(header);
    module_table_t table = {header->modules, 0};
    if (!wanted && !header->num_symbols && !header->num_modules)
        return;
    if (wanted)
        sfpm_modules_each(add_module, &table);
    header->num_modules = table.count;
    header->num_symbols = wanted ? (uint32_t)heap->num_symbols : 0;
    if (header->num_symbols)
        memcpy(header->symbols, heap->symbols,
               header->num_symbols * sizeof *header->symbols);
}

/* ---- Comparing them with this process ---- */

/* The module of that name, preferably of the same build, or NULL. */
static const module_t *find_module(const module_table_t *table, const module_t *saved)
{
    const module_t *found = NULL;
    for (uint32_t i = 0; i < table->count; i++) {
        const module_t *module = &table->modules[i];
        if (strncmp(module->name, saved->name, sizeof saved->name) != 0)
            continue;
        if (strncmp(module->build_id, saved->build_id, sizeof saved->build_id) == 0)
            return module;
        found = module;
    }
    return found;
}

static bool same_module(const module_t *one, const module_t *other)
{
    return one && one->base == other->base && one->start == other->start &&
           one->end == other->end &&
           strncmp(one->build_id, other->build_id, sizeof one->build_id) == 0;
}

static bool all_same(const sfpm_heap_t *heap, const header_t *saved,
                     const module_table_t *here)
{
    for (uint32_t i = 0; i < saved->num_symbols; i++) {
        const host_symbol_t *symbol = find_symbol(heap, saved->symbols[i].name);
        if (!symbol || symbol->address != saved->symbols[i].address)
            return false;
    }
    for (uint32_t i = 0; i < saved->num_modules; i++)
        if (!same_module(find_module(here, &saved->modules[i]), &saved->modules[i]))
            return false;
    return true;
}

bool sfpm_hosts_same(const sfpm_heap_t *heap, const header_t *saved)
{
    module_table_t here = {0};
    if (!saved->num_symbols && !saved->num_modules)
        return true;
    here.modules = SFPM_NEW_N(module_t, MAX_MODULES);
    if (!here.modules)
        return false; /* the longer way tells the error */
    sfpm_modules_each(add_module, &here);
    bool same = all_same(heap, saved, &here);
    free(here.modules);
    return same;
}

/* ---- Correcting addresses ---- */

/* A symbol of the image and where it is now. */
typedef struct moved_symbol {
    uint64_t from;
    uint64_t to; /* 0: it is not registered */
    const char *name;
    bool used;
} moved_symbol_t;

struct hosts {
    moved_symbol_t *symbols; /* by `from` */
    size_t num_symbols;
    size_t num_missing; /* of those that are used */
    module_table_t saved;
    module_table_t here;
};

static int by_address(const void *one, const void *other)
{
    const moved_symbol_t *a = one, *b = other;
    return a->from < b->from ? -1 : a->from > b->from;
}

hosts_t *sfpm_hosts_open(const sfpm_heap_t *heap, const header_t *saved)
{
    hosts_t *hosts = SFPM_NEW(hosts_t);
    if (!hosts)
        return NULL;
    hosts->symbols = SFPM_NEW_N(moved_symbol_t, saved->num_symbols + 1);
    hosts->here.modules = SFPM_NEW_N(module_t, 2 * MAX_MODULES);
    if (!hosts->symbols || !hosts->here.modules) {
        sfpm_hosts_close(hosts);
        return NULL;
    }
    for (uint32_t i = 0; i < saved->num_symbols; i++) {
        const host_symbol_t *symbol = find_symbol(heap, saved->symbols[i].name);
        hosts->symbols[i] = (moved_symbol_t){.from = saved->symbols[i].address,
                                             .to = symbol ? symbol->address : 0,
                                             .name = saved->symbols[i].name};
    }
    hosts->num_symbols = saved->num_symbols;
    qsort(hosts->symbols, hosts->num_symbols, sizeof *hosts->symbols, by_address);
    sfpm_modules_each(add_module, &hosts->here);
    hosts->saved =
        (module_table_t){hosts->here.modules + MAX_MODULES, saved->num_modules};
    memcpy(hosts->saved.modules, saved->modules,
           saved->num_modules * sizeof *saved->modules);
    return hosts;
}

void sfpm_hosts_close(hosts_t *hosts)
{
    if (!hosts)
        return;
    free(hosts->symbols);
    free(hosts->here.modules);
    free(hosts);
}

/* An address in a module that need not have a name. */
static bool move_in_module(const hosts_t *hosts, const module_t *saved, uint64_t *address)
{
    const module_t *here = find_module(&hosts->here, saved);
    const char *name = saved->name[0] ? saved->name : "the program";
    if (!here)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "an address lies in %s, which is not loaded: load it, or "
                         "register a symbol for the address before saving",
                         name);
    if (!saved->build_id[0] || strcmp(here->build_id, saved->build_id) != 0)
        return sfpm_fail(
            SFPM_ERR_MISMATCH,
            "an address lies in %s, which is another build: build-id '%s' in the image, "
            "'%s' here; register a symbol for the address before saving",
            name, saved->build_id, here->build_id);
    uint64_t moved = *address - saved->base + here->base;
    if (moved < here->start || moved >= here->end)
        return sfpm_fail(SFPM_ERR_CORRUPT, "the address 0x%llx is not in %s",
                         (unsigned long long)*address, name);
    *address = moved;
    return true;
}

static bool move(hosts_t *hosts, uint64_t *address)
{
    const moved_symbol_t key = {.from = *address};
    if (*address == 0)
        return true;
    moved_symbol_t *symbol = bsearch(&key, hosts->symbols, hosts->num_symbols,
                                     sizeof *hosts->symbols, by_address);
    if (symbol) {
        hosts->num_missing += !symbol->to && !symbol->used;
        symbol->used = true;
        *address = symbol->to;
        return true;
    }
    for (uint32_t i = 0; i < hosts->saved.count; i++) {
        const module_t *module = &hosts->saved.modules[i];
        if (*address >= module->start && *address < module->end)
            return move_in_module(hosts, module, address);
    }
    return sfpm_fail(
        SFPM_ERR_CORRUPT,
        "the address 0x%llx is neither a symbol nor in a module that the image records",
        (unsigned long long)*address);
}

bool sfpm_hosts_complete(const hosts_t *hosts)
{
    char names[360] = "";
    size_t length = 0, told = 0;
    for (size_t i = 0; hosts->num_missing && i < hosts->num_symbols; i++) {
        const moved_symbol_t *symbol = &hosts->symbols[i];
        if (symbol->to || !symbol->used ||
            length + strlen(symbol->name) + 3 > sizeof names)
            continue;
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                   told++ ? ", " : "", symbol->name);
    }
    return hosts->num_missing == 0 ||
           sfpm_fail(SFPM_ERR_MISMATCH, "%zu symbol%s not registered: %s%s",
                     hosts->num_missing, hosts->num_missing == 1 ? " is" : "s are", names,
                     told < hosts->num_missing ? ", and more" : "");
}

/* ---- Walks ---- */

typedef struct host_walk {
    hosts_t *hosts;
    bool store;
} host_walk_t;

static bool move_hosts(const walk_t *walk, const type_record_t *type, uint8_t *slot,
                       size_t stride, size_t count)
{
    const host_walk_t *how = walk->context;
    for (; count > 0; count--, slot += stride) {
        uintptr_t word;
        memcpy(&word, slot, sizeof word);
        uint64_t address = word;
        if (!move(how->hosts, &address))
            return sfpm_fail_prefix("type '%s'", type->name);
        word = (uintptr_t)address;
        if (how->store)
            memcpy(slot, &word, sizeof word);
    }
    return true;
}

bool sfpm_hosts_move_segment(hosts_t *hosts, const sfpm_heap_t *heap,
                             const sfpm_heap_t *known, uint32_t segment, bool store)
{
    const host_walk_t how = {hosts, store};
    const walk_t walk = {
        .heap = heap, .known = known, .hosts = move_hosts, .context = &how};
    return sfpm_walk_segment(&walk, segment);
}

bool sfpm_hosts_try(const sfpm_heap_t *known, const sfpm_heap_t *preview,
                    const sfpm_image_t *image, size_t region)
{
    if (!has_hosts(preview->header))
        return true;
    hosts_t *hosts = sfpm_hosts_open(known, preview->header);
    bool ok = hosts != NULL;
    for (uint32_t s = 0; ok && s < preview->header->num_segments; s++)
        ok = sfpm_read_segment(preview, image, region, s) &&
             sfpm_hosts_move_segment(hosts, preview, known, s, false);
    ok = ok && sfpm_hosts_complete(hosts);
    sfpm_hosts_close(hosts);
    return ok;
}

bool sfpm_hosts_bind(sfpm_heap_t *heap)
{
    const header_t *header = heap->header;
    if (!header->num_symbols && !header->num_modules)
        return true;
    if (!sfpm_check_header(header, heap->used) || !sfpm_check_names(header))
        return sfpm_fail_prefix("heap '%s'", heap->name);
    if (sfpm_hosts_same(heap, header))
        return true;
    if (!sfpm_heap_check(heap))
        return false;
    hosts_t *hosts = sfpm_hosts_open(heap, header);
    bool ok = hosts != NULL;
    for (uint32_t s = 0; ok && s < heap->header->num_segments; s++)
        ok = sfpm_hosts_move_segment(hosts, heap, heap, s, true);
    ok = ok && sfpm_hosts_complete(hosts);
    sfpm_hosts_close(hosts);
    if (ok)
        sfpm_hosts_record(heap);
    return ok || sfpm_fail_prefix("heap '%s'", heap->name);
}
