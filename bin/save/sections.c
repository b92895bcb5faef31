/* SPDX-License-Identifier: MIT */
/* Custom sections as regions. The loader has checked where sections begin and end. */
#include "save/sections.h"

#include <stdlib.h>
#include <string.h>

#include "common/tool.h"

enum { HEADER = 8, PREFIX = 8, SECTIONS_MAX = 1000 };

typedef struct section {
    char *region; /* its name, to be freed */
    const uint8_t *bytes;
    size_t size;
} section_t;

/* A number in LEB128. */
static size_t take_number(const uint8_t **at)
{
    size_t value = 0;
    unsigned shift = 0;
    do
        value |= (size_t)(**at & 0x7F) << shift;
    while (shift += 7, *(*at)++ & 0x80);
    return value;
}

/* Goes behind the next section; what it is, if it is a custom one. */
static bool take_section(const uint8_t **at, section_t *section)
{
    bool custom = *(*at)++ == 0;
    size_t size = take_number(at);
    const uint8_t *name = *at, *end = *at + size;
    *at = end;
    if (!custom)
        return false;
    size_t length = take_number(&name);
    section->region = calloc(1, PREFIX + length + 1);
    if (!section->region)
        return true;
    memcpy(section->region, "section.", PREFIX);
    memcpy(section->region + PREFIX, name, length);
    section->bytes = name + length;
    section->size = (size_t)(end - section->bytes);
    return true;
}

/* Several sections may have the same name: their regions are numbered in order. */
static bool add_region(sfpm_edit_t *edit, const section_t *sections, size_t which)
{
    const section_t *section = &sections[which];
    size_t instance = 0;
    for (size_t i = 0; i < which; i++)
        instance += strcmp(sections[i].region, section->region) == 0;
    return sfpm_edit_set_region(edit, section->region, instance, section->bytes,
                                section->size, SFPM_REGION_PORTABLE);
}

static bool add_all(sfpm_edit_t *edit, const char *label, section_t *sections,
                    const uint8_t *at, const uint8_t *end)
{
    size_t count = 0;
    while (at < end) {
        section_t section = {.region = NULL};
        if (!take_section(&at, &section))
            continue;
        if (count == SECTIONS_MAX) {
            free(section.region);
            tool_fail(label, "has more custom sections than the %d that can be kept",
                      SECTIONS_MAX);
            return false;
        }
        sections[count] = section;
        if (!section.region) {
            tool_fail(label, "there is no memory for its sections");
            return false;
        }
        if (!add_region(edit, sections, count++)) {
            tool_fail_last(label);
            return false;
        }
    }
    return true;
}

bool sections_keep(sfpm_edit_t *edit, const char *label, const void *module, size_t size)
{
    static section_t sections[SECTIONS_MAX];
    const uint8_t *start = module;
    bool ok = add_all(edit, label, sections, start + HEADER, start + size);
    for (size_t i = 0; i < SECTIONS_MAX; i++)
        free(sections[i].region);
    return ok;
}
