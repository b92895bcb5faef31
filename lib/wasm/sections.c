/* SPDX-License-Identifier: MIT */
/* Finds the sections of a WebAssembly module, and takes them in their order. */
#include <string.h>

#include "base/bytes.h"
#include "wasm/module.h"

/* ---- Finding ---------------------------------------------------------------- */

enum { HEADER = 8, TAG_SECTION = 13 };

static const char *const section_names[SFPM_WASM_NUM_SECTIONS] = {
    [SFPM_WASM_CUSTOM] = "custom section",
    [SFPM_WASM_TYPES] = "type section",
    [SFPM_WASM_IMPORTS] = "import section",
    [SFPM_WASM_FUNCTIONS] = "function section",
    [SFPM_WASM_TABLES] = "table section",
    [SFPM_WASM_MEMORIES] = "memory section",
    [SFPM_WASM_GLOBALS] = "global section",
    [SFPM_WASM_EXPORTS] = "export section",
    [SFPM_WASM_START] = "start section",
    [SFPM_WASM_ELEMENTS] = "element section",
    [SFPM_WASM_CODE] = "code section",
    [SFPM_WASM_DATA] = "data section",
    [SFPM_WASM_DATA_COUNT] = "data count section",
};

/* Where a section stands among the others: the data count comes before the code. */
static unsigned rank_of(uint8_t section)
{
    if (section == SFPM_WASM_DATA_COUNT)
        return 2 * SFPM_WASM_CODE - 1;
    return 2u * section;
}

static bool is_named(const sfpm_wasm_name_t *name, const char *text)
{
    return name->length == strlen(text) && memcmp(name->bytes, text, name->length) == 0;
}

static bool take_custom(sfpm_wasm_module_t *module, sfpm_wasm_reader_t section)
{
    sfpm_wasm_name_t name;
    if (!sfpm_wasm_take_name(&section, &name))
        return false;
    const struct {
        const char *name;
        sfpm_wasm_reader_t *section;
    } known[] = {{"name", &module->names},
                 {".debug_line", &module->debug.lines},
                 {".debug_line_str", &module->debug.line_strings},
                 {".debug_str", &module->debug.strings}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_named(&name, known[i].name) && !known[i].section->at)
            *known[i].section = section;
    if (is_named(&name, "linking"))
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "it is a WebAssembly object file, not yet a module: link it "
                         "first, with wasm-ld or the compiler");
    return true;
}

static bool check_header(const uint8_t *bytes, size_t size)
{
    uint32_t version = size < HEADER ? 0 : sfpm_get_u32(bytes + 4);
    if (size < HEADER)
        return sfpm_fail(SFPM_ERR_CORRUPT, "the WebAssembly module is truncated");
    if (version >> 16 != 0)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "it is a WebAssembly component, but sfpm takes modules: compile "
                         "for wasm32-wasip1, or extract its module with 'wasm-tools "
                         "component unbundle'");
    return version == 1 ||
           sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "unsupported version %u of WebAssembly modules (this release "
                     "supports 1)",
                     version);
}

static bool take_section(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *all,
                         unsigned *rank)
{
    uint64_t offset = sfpm_wasm_offset(all);
    uint8_t number;
    uint32_t size;
    sfpm_wasm_reader_t section = *all;
    if (!sfpm_wasm_byte(all, &number))
        return false;
    if (number == TAG_SECTION)
        return sfpm_wasm_lacks(
            all, offset,
            SFPM_WASM_NEVER("exceptions (section 13)") "; "
                                                       "compile without them "
                                                       "(-fno-exceptions, no setjmp)");
    if (number >= SFPM_WASM_NUM_SECTIONS)
        return sfpm_wasm_fail(all, SFPM_ERR_CORRUPT, offset, "unknown section %u",
                              number);
    if (!sfpm_wasm_u32(all, &size) || !sfpm_wasm_skip(all, size, &section.at))
        return false;
    section.end = section.at + size;
    section.what = section_names[number];
    if (number == SFPM_WASM_CUSTOM)
        return take_custom(module, section);
    if (rank_of(number) <= *rank)
        return sfpm_wasm_fail(all, SFPM_ERR_CORRUPT, offset,
                              "a %s out of order or for the second time",
                              section_names[number]);
    *rank = rank_of(number);
    module->sections[number] = section;
    return true;
}

bool sfpm_wasm_split(sfpm_wasm_module_t *module, const uint8_t *bytes, size_t size)
{
    unsigned rank = 0;
    if (!check_header(bytes, size))
        return false;
    sfpm_wasm_reader_t all = {.module = bytes,
                              .at = bytes + HEADER,
                              .end = bytes + size,
                              .what = "module",
                              .function = SFPM_NO_FUNCTION};
    for (int i = 0; i < SFPM_WASM_NUM_SECTIONS; i++) {
        module->sections[i] = all;
        module->sections[i].at = NULL;
        module->sections[i].what = section_names[i];
    }
    while (all.at < all.end)
        if (!take_section(module, &all, &rank))
            return false;
    return true;
}

/* ---- Taking ----------------------------------------------------------------- */

typedef bool (*sfpm_wasm_taker_t)(sfpm_wasm_module_t *, sfpm_wasm_reader_t *);

static bool take_known(sfpm_wasm_module_t *module, sfpm_wasm_section_t number,
                       sfpm_wasm_taker_t take)
{
    sfpm_wasm_reader_t *reader = &module->sections[number];
    return !reader->at || (take(module, reader) && sfpm_wasm_at_end(reader));
}

bool sfpm_wasm_take_sections(sfpm_wasm_module_t *module)
{
    static const struct {
        sfpm_wasm_section_t number;
        sfpm_wasm_taker_t take;
    } sections[] = {
        {SFPM_WASM_TYPES, sfpm_wasm_take_types},
        {SFPM_WASM_IMPORTS, sfpm_wasm_take_imports},
        {SFPM_WASM_FUNCTIONS, sfpm_wasm_take_functions},
        {SFPM_WASM_TABLES, sfpm_wasm_take_tables},
        {SFPM_WASM_MEMORIES, sfpm_wasm_take_memories},
        {SFPM_WASM_GLOBALS, sfpm_wasm_take_globals},
        {SFPM_WASM_EXPORTS, sfpm_wasm_take_exports},
        {SFPM_WASM_START, sfpm_wasm_take_start},
        {SFPM_WASM_ELEMENTS, sfpm_wasm_take_elements},
        {SFPM_WASM_DATA_COUNT, sfpm_wasm_take_data_count},
        {SFPM_WASM_DATA, sfpm_wasm_take_data},
        {SFPM_WASM_CODE, sfpm_wasm_take_code}, /* names data */
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (sections[i].number == SFPM_WASM_CODE &&
            (!sfpm_wasm_take_names(module) || !sfpm_wasm_take_lines(module)))
            return false;
        if (!take_known(module, sections[i].number, sections[i].take))
            return false;
    }
    if (module->num_bodies > 0 && !sfpm_wasm_has(module, SFPM_WASM_CODE))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "%u functions are declared, but there is no code section",
                         module->num_bodies);
    return module->data_count == module->program.num_segments ||
           !sfpm_wasm_has(module, SFPM_WASM_DATA_COUNT) ||
           sfpm_fail(SFPM_ERR_CORRUPT,
                     "the data count section declares %u data segments, but there are %u",
                     module->data_count, module->program.num_segments);
}
