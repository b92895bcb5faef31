/* SPDX-License-Identifier: MIT */
/*
 * Names and lines of compiled programs: region `symbols` in version 2, line tables of
 * DWARF that become it, and what is refused, or not believed, in both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../wasm/build.h"
#include "base/bytes.h"
#include "common.h"
#include "vm_common.h"

enum { CODE = 40000, ROWS = 3000, FILES = 5, HEADER = 32 };

static sfpm_buffer_t module;
static sfpm_vm_t *vm;

static void make(void)
{
    vm = sfpm_vm_create();
    ck_assert_ptr_nonnull(vm);
}

static void drop(void)
{
    sfpm_vm_destroy(vm);
    sfpm_buffer_free(&module);
}

/* ---- Region `symbols` -------------------------------------------------------- */

static const char *const files[FILES] = {"a.c", "inc/b.h", "lib/inc/b.h", "/x/c.c",
                                         "d e.c"};

/* Rows at random, in order. */
static size_t make_rows(sfpm_row_t *rows)
{
    uint32_t offset = (uint32_t)random_below(3);
    size_t count = 0;
    for (; count < ROWS && offset < CODE; count++) {
        uint32_t line = random_below(9) == 0 ? 0 : (uint32_t)random_below(200) + 1;
        if (random_below(50) == 0)
            line = UINT32_MAX - (uint32_t)random_below(2);
        rows[count] = (sfpm_row_t){offset, (uint32_t)random_below(FILES), line};
        offset += (uint32_t)random_below(random_below(20) == 0 ? 900 : 12) + 1;
    }
    return count;
}

/* A program of CODE bytes of `nop` in two functions of three locals, with these symbols.
 */
static bool load_symbols(const void *bytes, size_t size)
{
    static const uint8_t locals[] = {SFPM_TYPE_I32, SFPM_TYPE_I32, SFPM_TYPE_I32};
    sfpm_function_type_t type = {.types = locals};
    sfpm_function_t functions[] = {
        {.end = CODE / 2, .locals = 3, .local_types = locals},
        {.entry = CODE / 2, .end = CODE, .locals = 3, .local_types = locals}};
    sfpm_program_t program = {.types = &type,
                              .num_types = 1,
                              .functions = functions,
                              .num_functions = 2,
                              .max_pages = SFPM_NO_MEMORY};
    sfpm_regions_t regions = {0};
    uint8_t *code = sfpm_buffer_extend(&regions.region[SFPM_CODE], CODE);
    memset(code, SFPM_OP_NOP, CODE);
    code[CODE / 2 - 1] = code[CODE - 1] = SFPM_OP_HALT;
    sfpm_state_t state = {0};
    bool ok = sfpm_tables_encode(&regions, &program) &&
              sfpm_state_encode(&state, 0, &regions.region[SFPM_STATE]) &&
              sfpm_buffer_add(&regions.region[SFPM_SYMBOLS], bytes, size);
    ck_assert(ok);
    /* A frame with locals and record. */
    uint8_t *frame = sfpm_buffer_extend(&regions.region[SFPM_STACK], 40);
    memset(frame, 0, 40);
    sfpm_put_u64(frame + 24, UINT64_MAX);
    ok = load_regions(vm, &regions);
    sfpm_regions_free(&regions);
    return ok;
}

static void encode(sfpm_buffer_t *bytes, const sfpm_row_t *rows, size_t num_rows)
{
    sfpm_symbol_t symbols[] = {{SFPM_SYMBOL_FUNCTION, 0, "main"},
                               {SFPM_SYMBOL_FUNCTION, 1, "other"}};
    static const sfpm_local_name_t locals[] = {{0, 0, "i"}, {0, 2, "sum"}, {1, 1, "i"}};
    const sfpm_symbols_t all = {.symbols = symbols,
                                .count = 2,
                                .locals = locals,
                                .num_locals = 3,
                                .files = files,
                                .num_files = FILES,
                                .rows = rows,
                                .num_rows = num_rows};
    bytes->size = 0;
    ck_assert(sfpm_symbols_encode_all(bytes, &all));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The line of each offset is that of the last row before it. */
static void check_all_lines(const sfpm_row_t *rows, size_t count)
{
    size_t next = 0;
    for (uint32_t offset = 0; offset < CODE; offset++) {
        uint32_t line = 0;
        while (next < count && rows[next].offset <= offset)
            next++;
        const char *file = sfpm_vm_source(vm, offset, &line);
        if (next == 0 || rows[next - 1].line == 0) {
            ck_assert_ptr_null(file);
            continue;
        }
        ck_assert_str_eq(file, base_name(files[rows[next - 1].file]));
        ck_assert_uint_eq(line, rows[next - 1].line);
    }
}

/* `@FILE:LINE` is the first row that matches. */
static void check_places(const sfpm_row_t *rows, size_t count)
{
    char place[64];
    for (size_t i = 0; i < count; i += 7) {
        uint64_t found = 0;
        size_t first = 0;
        if (rows[i].line == 0)
            continue;
        while (rows[first].file != rows[i].file || rows[first].line != rows[i].line)
            first++;
        snprintf(place, sizeof place, "@%s:%u", files[rows[i].file], rows[i].line);
        ck_assert_works(sfpm_vm_resolve(vm, place, &found, NULL));
        /* inc/b.h is the end of another path, too. */
        ck_assert_uint_le(found, rows[first].offset);
        if (rows[i].file != 1)
            ck_assert_uint_eq(found, rows[first].offset);
    }
}

START_TEST(rows_are_found)
{
    sfpm_row_t *rows = calloc(ROWS, sizeof *rows);
    for (unsigned i = 0; i < 20; i++) {
        random_start(i);
        size_t count = make_rows(rows);
        encode(&module, rows, count);
        ck_assert_works(load_symbols(module.data, module.size));
        ck_assert_works(sfpm_vm_verify(vm));
        check_all_lines(rows, count);
        check_places(rows, count);
    }
    free(rows);
}
END_TEST

START_TEST(locals_have_names)
{
    encode(&module, NULL, 0);
    ck_assert_works(load_symbols(module.data, module.size));
    const sfpm_program_t *program = &vm->program;
    ck_assert_str_eq(sfpm_local_name(program, 0, 0), "i");
    ck_assert_ptr_null(sfpm_local_name(program, 0, 1));
    ck_assert_str_eq(sfpm_local_name(program, 0, 2), "sum");
    ck_assert_str_eq(sfpm_local_name(program, 1, 1), "i");
    ck_assert_ptr_null(sfpm_local_name(program, 1, 2));
}
END_TEST

/* Without names of locals and lines there is no need for version 2. */
START_TEST(version_1_is_kept)
{
    sfpm_symbol_t symbol = {SFPM_SYMBOL_FUNCTION, 0, "main"};
    const sfpm_symbols_t all = {.symbols = &symbol, .count = 1};
    sfpm_buffer_t old = {0};
    ck_assert(sfpm_symbols_encode_all(&module, &all));
    ck_assert(sfpm_symbols_encode(&old, &symbol, 1, NULL, 0, NULL));
    ck_assert_uint_eq(module.size, old.size);
    ck_assert_mem_eq(module.data, old.data, old.size);
    sfpm_buffer_free(&old);
}
END_TEST

/* Everything that looks at symbols. */
static void look_at_all(void)
{
    uint32_t line;
    uint64_t offset;
    for (uint32_t at = 0; at < CODE; at += 97)
        sfpm_vm_source(vm, at, &line);
    sfpm_vm_resolve(vm, "@a.c:1000000", &offset, NULL);
    for (uint32_t i = 0; i < 3; i++)
        sfpm_local_name(&vm->program, 0, i);
}

static void symbols_refused(size_t at, uint32_t value, const char *part)
{
    uint32_t old = sfpm_get_u32(module.data + at);
    sfpm_put_u32(module.data + at, value);
    ck_assert_msg(!load_symbols(module.data, module.size), "%s", part);
    ck_assert_msg(strstr(sfpm_last_error(), part), "%s\nwanted: %s", sfpm_last_error(),
                  part);
    sfpm_put_u32(module.data + at, old);
    ck_assert_works(load_symbols(module.data, module.size));
}

START_TEST(symbols_are_checked)
{
    enum {
        SYMBOLS = HEADER,
        LOCALS = SYMBOLS + 2 * 12,
        FILE_NAMES = LOCALS + 3 * 12,
        INDEX = FILE_NAMES + FILES * 4,
        BLOCKS = 3,
        TEXT = INDEX + BLOCKS * 8
    };
    sfpm_row_t rows[130];
    for (uint32_t i = 0; i < 130; i++)
        rows[i] = (sfpm_row_t){i * 5, 0, i + 1};
    encode(&module, rows, 130);
    ck_assert_works(load_symbols(module.data, module.size));
    symbols_refused(4, 3, "unsupported version 3 of region 'symbols'");
    symbols_refused(8, 3, "is not of the size");
    symbols_refused(12, UINT32_MAX, "is not of the size");
    symbols_refused(24, UINT32_MAX, "is not of the size");
    symbols_refused(LOCALS, 2, "local name 0 is of no local");
    symbols_refused(LOCALS + 4, 3, "local name 0 is of no local");
    symbols_refused(LOCALS + 4, 2, "local name 1 is out of order");
    symbols_refused(LOCALS + 8, UINT32_MAX, "local name 0 is invalid");
    symbols_refused(FILE_NAMES + 4, 10000, "name of source file 1 is invalid");
    symbols_refused(INDEX, CODE, "line entry 0 is out of order");
    symbols_refused(INDEX + 4, 1, "block 0 of lines is out of order");
    symbols_refused(INDEX + 8, 0, "line entry 64 is out of order");
    symbols_refused(INDEX + 12, 0, "block 0 of lines is out of order");
    symbols_refused(INDEX + 12, 127, "line entry 63 is malformed");
    symbols_refused(INDEX + 12, 130, "line entry 64 is malformed");
    symbols_refused(INDEX + 16, CODE, "line entry 128 is out of order");
    symbols_refused(TEXT, 0x02020202, "line entry 0 is malformed");
    symbols_refused(TEXT, 0x0A050201, "line entry 0 is out of order"); /* file 5 */
    symbols_refused(TEXT, 0x80808080, "line entry 0 is malformed");
    symbols_refused(TEXT + 2, 0x02000200, "line entry 1 is out of order");
    module.data[module.size - 2] = '\n';
    ck_assert(!load_symbols(module.data, module.size));
    expect_fault(SFPM_ERR_CORRUPT, "the name of source file 4 is invalid");
}
END_TEST

/* What is damaged is refused, or harmless. */
START_TEST(damaged_symbols_are_refused_or_sound)
{
    sfpm_row_t rows[70];
    unsigned refused = 0;
    for (uint32_t i = 0; i < 70; i++)
        rows[i] = (sfpm_row_t){i * 500, i / 9 % FILES, i * 7 % 60};
    encode(&module, rows, 70);
    for (size_t i = 0; i < module.size; i++) {
        note_input("byte", i);
        uint8_t old = module.data[i];
        for (unsigned k = 0; k < 3; k++) {
            module.data[i] = (uint8_t)next_number();
            if (load_symbols(module.data, module.size))
                look_at_all();
            else
                refused++;
        }
        module.data[i] = old;
        refused += !load_symbols(module.data, i);
    }
    ck_assert_uint_gt(refused, module.size);
}
END_TEST

/* ---- DWARF ------------------------------------------------------------------- */

static void load_lined(unsigned version, const void *program, size_t size)
{
    wasm_lined(&module, version, program, size);
    ck_assert_works(sfpm_vm_load_code(vm, module.data, module.size));
    ck_assert_works(sfpm_vm_verify(vm));
}

/* "a.c:5" for the code in [from, to), NULL: no line. */
static void lines_are(uint32_t from, uint32_t to, const char *wanted)
{
    for (; from < to; from++) {
        uint32_t line = 0;
        char text[64] = "none";
        const char *file = sfpm_vm_source(vm, from, &line);
        if (file)
            snprintf(text, sizeof text, "%s:%u", file, line);
        note_input("offset", from);
        ck_assert_str_eq(text, wanted);
    }
}

START_TEST(line_tables_become_lines)
{
    for (unsigned version = 2; version <= 5; version++) {
        note_input("version", version);
        load_lined(version, wasm_line_program, wasm_line_program_size);
        lines_are(0, 6, "a.c:5");
        lines_are(6, 13, "a.c:6");
        lines_are(13, 19, "a.c:10");
        lines_are(19, 24, "a.c:11");
        lines_are(24, 26, "b.h:3");
        lines_are(26, 39, "none");
    }
}
END_TEST

START_TEST(other_units_are_read)
{
    static const uint8_t program[] = {0, 5, 2, 2, 0, 0, 0, 20, 2, 30, 0, 1, 1};
    wasm_lined(&module, 6, program, sizeof program);
    ck_assert_works(sfpm_vm_load_code(vm, module.data, module.size));
    lines_are(0, 40, "none");
    load_lined(4, program, sizeof program); /* an end behind the code */
    lines_are(0, 40, "none");
    static const uint8_t again[] = {0, 5, 2, 2,  0, 0, 0, 20, 2, 9, 0, 1, 1,
                                    0, 5, 2, 11, 0, 0, 0, 20, 2, 9, 0, 1, 1};
    load_lined(4, again, sizeof again); /* the same line in two functions */
    lines_are(0, 26, "a.c:3");
    lines_are(26, 40, "none");
    uint32_t nearest = UINT32_MAX;
    sfpm_row_reader_t reader = {.lines = &vm->program.lines};
    const sfpm_line_place_t source = {"a.c", 3, 3};
    ck_assert(sfpm_row_find(&reader, &source, &nearest));
    ck_assert_uint_eq(reader.row.offset, 0);
    ck_assert(sfpm_row_find(&reader, &source, &nearest));
    ck_assert_uint_eq(reader.row.offset, 13);
    ck_assert(!sfpm_row_find(&reader, &source, &nearest));
}
END_TEST

START_TEST(source_places_are_understood)
{
    static const struct {
        const char *text;
        uint64_t offset, end;
    } places[] = {{"@a.c:5", 0, 13},
                  {"@a.c:10", 13, 26},
                  {"@b.h:3", 24, 26},
                  {"@inc/b.h:3", 24, 26},
                  {"@a.c:6+1", 7, 13}};
    static const struct {
        const char *text, *error;
    } bad[] = {{"@a.c:7", "line 7 of 'a.c' has no code; the next line that has is 10"},
               {"@a.c:12", "'@a.c:12': no code is from this line or after it"},
               {"@nc/b.h:3", "no code is from a file 'nc/b.h'"},
               {"@c:5", "no code is from a file 'c'"},
               {"@a.c", "'@a.c' is not a place: write @FILE:LINE, such as @main.c:12"},
               {"@a.c:", "is not a place"},
               {"@:5", "is not a place"},
               {"@a.c:0", "is not a place"},
               {"@a.c:4294967296", "is not a place"},
               {"@a.c:5+", "a number must follow the +"},
               {"@a.c:5+40", "is outside the code of 40 bytes"}};
    uint64_t offset, end;
    load_lined(5, wasm_line_program, wasm_line_program_size);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        note_input("case", i);
        ck_assert_works(sfpm_vm_resolve(vm, places[i].text, &offset, &end));
        ck_assert_uint_eq(offset, places[i].offset);
        ck_assert_uint_eq(end, places[i].end);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note_input("bad case", i);
        ck_assert(!sfpm_vm_resolve(vm, bad[i].text, &offset, &end));
        expect_fault(SFPM_ERR_SYNTAX, bad[i].error);
    }
    ck_assert(sfpm_vm_load_code(vm, "\x05", 1));
    ck_assert(!sfpm_vm_resolve(vm, "@a.c:5", &offset, &end));
    expect_fault(SFPM_ERR_SYNTAX, "the program has no lines of source");
}
END_TEST

/* A module is as valid as ever, whatever its line table says. */
static void load_damaged(unsigned version)
{
    load_lined(version, wasm_line_program, wasm_line_program_size);
    size_t first = module.size - wasm_line_program_size - 120;
    for (size_t i = first; i < module.size; i++) {
        note_input("byte", i);
        uint8_t old = module.data[i];
        for (unsigned k = 0; k < 8; k++) {
            module.data[i] = (uint8_t)next_number();
            if (sfpm_vm_load_code(vm, module.data, module.size)) {
                ck_assert_works(sfpm_vm_verify(vm));
                lines_are(39, 40, "none"); /* the start function is ours */
            }
        }
        module.data[i] = old;
    }
}

START_TEST(damaged_line_tables_are_harmless)
{
    for (unsigned version = 2; version <= 5; version++)
        load_damaged(version);
}
END_TEST

/* A table of entries without bytes, and texts that overlap: no time out of proportion. */
START_TEST(hostile_line_tables_take_no_time)
{
    enum { MANY = 1 << 20 };
    static const uint8_t header[] = {1, 1, 1, 0xFB, 14, 13, 0, 1, 1,
                                     1, 1, 0, 0,    0,  1,  0, 0, 1};
    static const uint8_t none[] = {0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
    static const uint8_t many[] = {0, 0, 1, 1, 0x1F, 0x80, 0x80, 0x40};
    for (int i = 0; i < 2; i++) {
        sfpm_buffer_t unit = {0};
        size_t entries = i == 0 ? 0 : MANY * 4;
        sfpm_buffer_add_u32(&unit, 0);
        sfpm_buffer_add(&unit, "\5\0\4\0\0\0\0", 8);
        sfpm_buffer_add(&unit, header, sizeof header);
        sfpm_buffer_add(&unit, i == 0 ? none : many, i == 0 ? sizeof none : sizeof many);
        if (entries > 0)
            memset(sfpm_buffer_extend(&unit, entries), 0, entries);
        sfpm_put_u32(unit.data, (uint32_t)unit.size - 4);
        sfpm_put_u32(unit.data + 8, (uint32_t)unit.size - 12);
        wasm_begin(&module);
        uint8_t *text = malloc(MANY);
        memset(text, 'x', MANY);
        wasm_custom(&module, ".debug_line_str", text, MANY);
        wasm_custom(&module, ".debug_line", unit.data, unit.size);
        WASM_SECTION(&module, 1, 1, 0x60, 0, 0);
        WASM_SECTION(&module, 3, 1, 0);
        WASM_SECTION(&module, 10, 1, 2, 0, 0x0B);
        ck_assert_works(sfpm_vm_load_code(vm, module.data, module.size));
        free(text);
        sfpm_buffer_free(&unit);
    }
}
END_TEST

int main(void)
{
    const test_t core[] = {rows_are_found,
                           locals_have_names,
                           version_1_is_kept,
                           line_tables_become_lines,
                           other_units_are_read,
                           source_places_are_understood,
                           NULL};
    const test_t limits[] = {symbols_are_checked, damaged_symbols_are_refused_or_sound,
                             damaged_line_tables_are_harmless,
                             hostile_line_tables_take_no_time, NULL};
    return run_cases("vm_lines", core, limits, make, drop);
}
