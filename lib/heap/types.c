/* SPDX-License-Identifier: MIT */
/*
 * Types: where the pointers of a block are. The heap holds a record of each, so that an
 * image tells what it was saved with; the handle holds what the program registered.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/options.h"
#include "heap/guard.h"

static bool check_offsets(const char *name, const size_t *offsets, size_t count,
                          size_t size)
{
    if (count > MAX_OFFSETS || count > size / sizeof(void *) || (count && !offsets))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "type '%s': too many pointers (%zu), or no offsets for them",
                         name, count);
    for (size_t i = 0; i < count; i++)
        if (!sfpm_in_range(offsets[i], sizeof(void *), size))
            return sfpm_fail(
                SFPM_ERR_ARGUMENT,
                "type '%s': a pointer at offset %zu lies outside its %zu bytes", name,
                offsets[i], size);
    return true;
}

static bool check_type(const sfpm_heap_type_t *type)
{
    size_t length = type->name ? strlen(type->name) : 0;
    if (length == 0 || length >= NAME_SIZE)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "a type's name must have 1 to %d bytes",
                         NAME_SIZE - 1);
    if (type->size == 0 || type->size > INT32_MAX)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "type '%s': invalid size of %zu bytes",
                         type->name, type->size);
    if (type->visit && type->num_pointers)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "type '%s': its pointers are given by offsets or by a callback, not by both",
            type->name);
    if (type->visit && type->num_hosts)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "type '%s': a type with a callback cannot have host addresses",
                         type->name);
    return check_offsets(type->name, type->pointers, type->num_pointers, type->size) &&
           check_offsets(type->name, type->hosts, type->num_hosts, type->size);
}

static uint32_t flags_of(const sfpm_heap_type_t *type)
{
    if (type->visit)
        return TYPE_VISITED;
    return type->num_pointers || type->num_hosts ? 0 : TYPE_PLAIN;
}

/* ---- Records ---- */

static bool same_offsets(const uint32_t *stored, const size_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (stored[i] != offsets[i])
            return false;
    return true;
}

static uint32_t find_record(const header_t *header, const char *name)
{
    for (uint32_t i = 0; i < header->num_types; i++)
        if (strncmp(header->types[i].name, name, NAME_SIZE) == 0)
            return i;
    return MAX_TYPES;
}

/* Whether the record describes the same type. */
static bool compare(const header_t *header, const type_record_t *record,
                    const sfpm_heap_type_t *type)
{
    if (!sfpm_in_range(record->first_offset,
                       (uint64_t)record->num_pointers + record->num_hosts, MAX_OFFSETS))
        return sfpm_fail(SFPM_ERR_CORRUPT, "type '%s': invalid pointer table",
                         type->name);
    if (record->size != type->size)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "type '%s' has %zu bytes in this program, but %u in the heap",
                         type->name, type->size, record->size);
    if (record->flags != flags_of(type) || record->num_pointers != type->num_pointers ||
        record->num_hosts != type->num_hosts ||
        !same_offsets(header->offsets + record->first_offset + record->num_pointers,
                      type->hosts, type->num_hosts) ||
        !same_offsets(header->offsets + record->first_offset, type->pointers,
                      type->num_pointers))
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "type '%s' has its pointers at other offsets in this program "
                         "than in the heap",
                         type->name);
    return true;
}

static bool add_record(header_t *header, const sfpm_heap_type_t *type)
{
    size_t count = type->num_pointers + type->num_hosts;
    if (header->num_types == MAX_TYPES || count > MAX_OFFSETS - header->num_offsets)
        return sfpm_fail(
            SFPM_ERR_LIMIT,
            "type '%s': a heap holds at most %d types with %d pointers in all",
            type->name, MAX_TYPES, MAX_OFFSETS);
    type_record_t *record = &header->types[header->num_types];
    memset(record, 0, sizeof *record);
    memcpy(record->name, type->name, strlen(type->name));
    record->size = (uint32_t)type->size;
    record->flags = flags_of(type);
    record->first_offset = header->num_offsets;
    record->num_pointers = (uint32_t)type->num_pointers;
    record->num_hosts = (uint32_t)type->num_hosts;
    for (size_t i = 0; i < type->num_pointers; i++)
        header->offsets[header->num_offsets++] = (uint32_t)type->pointers[i];
    for (size_t i = 0; i < type->num_hosts; i++)
        header->offsets[header->num_offsets++] = (uint32_t)type->hosts[i];
    header->num_types++;
    return true;
}

/* The heap's record of a type, made when there is none; MAX_TYPES on failure. */
static uint32_t record_for(header_t *header, const sfpm_heap_type_t *type)
{
    uint32_t found = find_record(header, type->name);
    if (found < MAX_TYPES)
        return compare(header, &header->types[found], type) ? found : MAX_TYPES;
    return add_record(header, type) ? header->num_types - 1 : MAX_TYPES;
}

bool sfpm_types_compare(const sfpm_heap_t *heap, const header_t *header)
{
    uint32_t types = header->num_types, offsets = header->num_offsets;
    for (size_t i = 0; i < heap->num_types; i++) {
        const sfpm_heap_type_t *type = &heap->types[i].type;
        uint32_t found = find_record(header, type->name);
        if (found < MAX_TYPES && !compare(header, &header->types[found], type))
            return false;
        types += found == MAX_TYPES;
        offsets +=
            found == MAX_TYPES ? (uint32_t)(type->num_pointers + type->num_hosts) : 0;
    }
    if (types > MAX_TYPES || offsets > MAX_OFFSETS)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "this program and the image together have too many types (%u) "
                         "or pointers in them",
                         types);
    return true;
}

bool sfpm_types_bind(sfpm_heap_t *heap)
{
    for (size_t i = 0; i < heap->num_types; i++) {
        heap->types[i].record = record_for(heap->header, &heap->types[i].type);
        if (heap->types[i].record == MAX_TYPES)
            return false;
    }
    return true;
}

const sfpm_heap_type_t *sfpm_types_find(const sfpm_heap_t *heap, const char *name)
{
    for (size_t i = 0; i < heap->num_types; i++)
        if (strncmp(heap->types[i].type.name, name, NAME_SIZE) == 0)
            return &heap->types[i].type;
    return NULL;
}

/* ---- What the program registers ---- */

static void free_type(sfpm_heap_type_t *type)
{
    free((char *)type->name);
    free((size_t *)type->pointers);
    free((size_t *)type->hosts);
}

void sfpm_types_free(sfpm_heap_t *heap)
{
    for (size_t i = 0; i < heap->num_types; i++)
        free_type(&heap->types[i].type);
    free(heap->types);
}

static bool copy_type(sfpm_heap_type_t *to, const sfpm_heap_type_t *from)
{
    *to = *from;
    to->name = sfpm_copy_string(from->name);
    to->pointers = NULL;
    if (from->num_pointers)
        to->pointers =
            sfpm_copy_bytes(from->pointers, from->num_pointers * sizeof(size_t));
    to->hosts = NULL;
    if (from->num_hosts)
        to->hosts = sfpm_copy_bytes(from->hosts, from->num_hosts * sizeof(size_t));
    return to->name && !from->num_pointers == !to->pointers &&
           !from->num_hosts == !to->hosts;
}

uint32_t sfpm_heap_register_type(sfpm_heap_t *heap, const sfpm_heap_type_t *type)
{
    sfpm_heap_type_t taken;
    void *types = heap ? heap->types : NULL;
    if (!heap || !type) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given", heap ? "type" : "heap");
        return 0;
    }
    if (!sfpm_take_options(&taken, sizeof taken, type) || !check_type(&taken) ||
        !sfpm_grow_array(&types, &heap->type_capacity, heap->num_types + 1,
                         sizeof *heap->types))
        return 0;
    heap->types = types;
    if (sfpm_types_find(heap, taken.name)) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "type '%s' is already registered", taken.name);
        return 0;
    }
    known_type_t *known = &heap->types[heap->num_types];
    bool ok = copy_type(&known->type, &taken);
    known->record = ok ? record_for(heap->header, &taken) : MAX_TYPES;
    if (known->record == MAX_TYPES) {
        free_type(&known->type);
        return 0;
    }
    return FIRST_TYPE + (uint32_t)heap->num_types++;
}

/* The record and the size of an element of a type that the program knows. */
static bool find_type(const sfpm_heap_t *heap, uint32_t type, uint32_t *record,
                      size_t *size)
{
    *record = type;
    *size = 1;
    if (!heap || type >= FIRST_TYPE + heap->num_types)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no type number %u", type);
    if (type >= FIRST_TYPE) {
        *record = heap->types[type - FIRST_TYPE].record;
        *size = heap->types[type - FIRST_TYPE].type.size;
    }
    return true;
}

void *sfpm_heap_alloc_type(sfpm_heap_t *heap, uint32_t type, size_t count)
{
    uint32_t record;
    size_t size;
    if (!find_type(heap, type, &record, &size))
        return NULL;
    if (!sfpm_mul_size(size, count, &size)) {
        sfpm_fail(SFPM_ERR_LIMIT, "%zu elements do not fit into any heap", count);
        return NULL;
    }
    size_t whole = guard_room(heap, size);
    heap_lock(heap);
    void *block = sfpm_block_alloc(heap, record, whole);
    whole = whole <= SMALL_MAX ? sfpm_heap_class_sizes[sfpm_heap_size_class(whole)]
                               : (whole + UNIT_SIZE - 1) / UNIT_SIZE * UNIT_SIZE;
    if (block) {
        guard_taken(heap, block, whole);
        memset(block, 0, whole);
        guard_close(heap, block, whole, size);
    }
    heap_unlock(heap);
    return block;
}
