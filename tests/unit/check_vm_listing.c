/* SPDX-License-Identifier: MIT */
/* The text of the complete program form, there and back. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/float_text.h"
#include "bytecode/instruction.h"
#include "bytecode/program.h"
#include "vm_tables.h"

/* ---- There and back --------------------------------------------------------- */

static bool same_places(const sfpm_program_t *a, const sfpm_program_t *b)
{
    bool same = a->num_labels == b->num_labels && a->num_names == b->num_names;
    for (size_t i = 0; same && i < a->num_names; i++)
        same = a->labels[i].offset == b->labels[i].offset &&
               a->labels[i].is_function == b->labels[i].is_function &&
               strcmp(a->labels[i].name, b->labels[i].name) == 0;
    return same;
}

static bool same_name(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Symbols are compared by what they say: source lines are not in a listing. */
static bool same_symbols(const sfpm_regions_t *before, const sfpm_regions_t *after)
{
    sfpm_program_t a, b;
    ck_assert(sfpm_program_decode(&a, before) && sfpm_program_decode(&b, after));
    bool same = same_places(&a, &b);
    for (uint32_t i = 0; same && i < a.num_functions; i++)
        same = same_name(a.functions[i].name, b.functions[i].name);
    for (uint32_t i = 0; same && i < a.num_globals; i++)
        same = same_name(a.global_names[i], b.global_names[i]);
    sfpm_program_free(&a);
    sfpm_program_free(&b);
    return same;
}

static void compare_regions(const sfpm_regions_t *before, const sfpm_regions_t *after,
                            const char *text)
{
    for (int id = 0; id < SFPM_SYMBOLS; id++) {
        const sfpm_buffer_t *a = &before->region[id];
        const sfpm_buffer_t *b = &after->region[id];
        if (a->size != b->size || (a->size && memcmp(a->data, b->data, a->size) != 0))
            ck_abort_msg("region %s differs after:\n%s", sfpm_region_names[id], text);
    }
    if (!same_symbols(before, after))
        ck_abort_msg("names differ after:\n%s", text);
}

/* A machine that has not begun, and its listing assembled: the same regions. */
static void expect_round_trip(sfpm_vm_t *vm)
{
    sfpm_regions_t before, after;
    char *text = sfpm_copy_string(listing_of(vm));
    sfpm_vm_t *again = assembled(text);
    copy_regions(vm, &before);
    copy_regions(again, &after);
    compare_regions(&before, &after, text);
    if (strcmp(text, listing_of(again)) != 0)
        ck_abort_msg("another listing than:\n%s", text);
    free(text);
    sfpm_regions_free(&before);
    sfpm_regions_free(&after);
    sfpm_vm_destroy(again);
}

START_TEST(random_tables_are_the_same_after_a_listing)
{
    bool seen[256] = {false};
    for (int i = 0; i < 3000; i++) {
        note_input("program", (uint64_t)i);
        sfpm_regions_t regions;
        sfpm_vm_t *vm = sfpm_vm_create();
        random_tables(&regions);
        if (!load_regions(vm, &regions) || !sfpm_vm_verify(vm))
            ck_abort_msg("%s", sfpm_last_error());
        expect_round_trip(vm);
        for (size_t at = 0; at < regions.region[SFPM_CODE].size;) {
            char text[8];
            seen[regions.region[SFPM_CODE].data[at]] = true;
            at += sfpm_vm_instruction(vm, at, text, sizeof text);
        }
        sfpm_regions_free(&regions);
        sfpm_vm_destroy(vm);
    }
    for (int i = 0; i < 256; i++)
        ck_assert_msg(seen[i] == (sfpm_opcode_info((uint8_t)i) != NULL), "0x%02X", i);
}
END_TEST

/* The listing of a text. */
static const char *listed(const char *text)
{
    sfpm_vm_t *vm = assembled(text);
    const char *listing = listing_of(vm);
    sfpm_vm_destroy(vm);
    return listing;
}

START_TEST(the_complete_form_is_listed)
{
    const char *text = ".import env \"say \\\"it\\\\\\xC3\" say f64 -> i32\n"
                       ".memory 1 4\n.table 5\n.elem 0 f, say\n.elem 3 1\n"
                       ".global pi const f64 3.5\n.global n i32 -5\n.global _ 7\n"
                       ".data 16 \"hello\\n\", 1, i16 -1, \"text\"\n"
                       ".data passive i32 1, f64 1.5, i8 2\n.data 0\n"
                       ".export \"\" table\n.export g global 2\n.export main func main\n"
                       ".func f i32 -> i32\nlocal.get 0\nreturn\n"
                       ".func main -> i32\n.local f64 i32\nunreachable\n"
                       "f32.const nan:0x200000\nbr_table a, main, ; or\n 4\n"
                       "a: i32.load\ni64.store8 4\ncall_indirect i32 -> i32\n"
                       "call_indirect\nunwind 1 2\nmemory.init 1\n";
    const char *expected =
        ".version 2\n"
        ".type f64 -> i32 ; 0\n.type i32 -> i32 ; 1\n.type -> i32 ; 2\n.type ; 3\n"
        ".import \"env\" \"say \\\"it\\\\\\xc3\" say f64 -> i32\n"
        ".memory 1 4\n"
        ".global pi const f64 3.5\n.global n i32 -5\n.global _ 7\n"
        ".table 5\n.elem 0 f, say\n.elem 3 f\n"
        ".data 16 \"hello\\n\", 1, 255, 255, \"text\"\n"
        ".data passive 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 248, 63, 2\n"
        ".data 0\n"
        ".export \"\" table\n.export \"g\" global 2\n.export \"main\" func main\n"
        ".func f i32 -> i32\n"
        "        local.get 0              ; 0: 20 00 00\n"
        "        return                   ; 3: 0F\n"
        "\n"
        ".func main -> i32\n"
        ".local f64 i32\n"
        "        unreachable              ; 4: 07\n"
        "        f32.const nan:0x200000   ; 5: 43 00 00 A0 7F\n"
        "        br_table a, main, main   ; 10: 0E 02 00 00 00 1B 00 00 00 ...\n"
        "a:\n"
        "        i32.load                 ; 27: 28 00 00 00 00\n"
        "        i64.store8 4             ; 32: 3C 04 00 00 00\n"
        "        call_indirect i32 -> i32 ; 37: 11 01 00 00 00\n"
        "        call_indirect            ; 42: 11 03 00 00 00\n"
        "        unwind 1 2               ; 47: 0B 01 00 02 00\n"
        "        memory.init 1            ; 52: E8 01 00 00 00\n";
    ck_assert_str_eq(listed(text), expected);
    ck_assert_str_eq(listed(expected), expected);
}
END_TEST

/* ---- Versions --------------------------------------------------------------- */

static uint32_t version_of(const char *text)
{
    sfpm_vm_t *vm = assembled(text);
    uint32_t version = info_of(vm).bytecode;
    sfpm_vm_destroy(vm);
    return version;
}

START_TEST(version_follows_from_what_is_used)
{
    static const char *const second[] = {
        ".memory 1\nhalt\n",           ".table 0\nhalt\n",
        ".type i64\nhalt\n",           ".func m -> i32\nhalt\n",
        "i32.const 1\nhalt\n",         ".global g f32\nhalt\n",
        ".global g const 1\nhalt\n",   ".version 2\nhalt\n",
        ".export m func main\nhalt\n", ".import a b c\nhalt\n",
        ".data passive\nhalt\n",       ".func m\n.local f64\nhalt\n"};
    ck_assert_uint_eq(version_of("halt\n"), 1);
    ck_assert_uint_eq(version_of(".version 1\nhalt\n"), 1);
    ck_assert_uint_eq(version_of(".global g 1\n.func m -> i64\n.local i64\nhalt\n"), 1);
    for (size_t i = 0; i < sizeof second / sizeof second[0]; i++)
        ck_assert_msg(version_of(second[i]) == 2, "%s", second[i]);
}
END_TEST

/* ---- Floating-point numbers ------------------------------------------------- */

static const struct {
    const char *text;
    int bytes;
    uint64_t bits;
    const char *back; /* NULL: the same */
} numbers[] = {
    {"0", 8, 0, NULL},
    {"-0", 8, 0x8000000000000000, NULL},
    {"1", 8, 0x3FF0000000000000, NULL},
    {"+1.0", 8, 0x3FF0000000000000, "1"},
    {"0.1", 8, 0x3FB999999999999A, NULL},
    {"0.1", 4, 0x3DCCCCCD, NULL},
    {".5", 4, 0x3F000000, "0.5"},
    {"5.", 4, 0x40A00000, "5"},
    {"1e23", 8, 0x44B52D02C7E14AF6, "1e+23"},
    {"9007199254740993", 8, 0x4340000000000000, "9007199254740992"},
    {"5e-324", 8, 1, NULL},
    {"1e-46", 4, 0, "0"},
    {"1.401298464e-45", 4, 1, "1e-45"},
    {"3.40282347e+38", 4, 0x7F7FFFFF, "3.4028235e+38"},
    {"1.7976931348623157e+308", 8, 0x7FEFFFFFFFFFFFFF, NULL},
    {"0x1.8p3", 8, 0x4028000000000000, "12"},
    {"-0x1p-1074", 8, 0x8000000000000001, "-5e-324"},
    {"0xFF", 4, 0x437F0000, "255"},
    {"inf", 4, 0x7F800000, NULL},
    {"-inf", 8, 0xFFF0000000000000, NULL},
    {"nan", 4, 0x7FC00000, NULL},
    {"-nan", 8, 0xFFF8000000000000, NULL},
    {"nan:0x1", 8, 0x7FF0000000000001, NULL},
    {"-nan:0x7fffff", 4, 0xFFFFFFFF, "-nan:0x7FFFFF"},
    /* rounded once: by way of a double it would be 0x3F800000 */
    {"1.00000005960464477539063", 4, 0x3F800001, "1.0000001"},
};

static void check_numbers(void)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        note_input("case", i);
        char text[SFPM_FLOAT_TEXT];
        uint64_t bits = 0;
        const char *problem = sfpm_float_parse(numbers[i].text, strlen(numbers[i].text),
                                               numbers[i].bytes, &bits);
        ck_assert_msg(!problem, "%s: %s", numbers[i].text, problem);
        ck_assert_msg(bits == numbers[i].bits, "%s: %llx", numbers[i].text,
                      (unsigned long long)bits);
        sfpm_float_format(bits, numbers[i].bytes, text);
        ck_assert_str_eq(text, numbers[i].back ? numbers[i].back : numbers[i].text);
    }
}

START_TEST(numbers_have_their_bits)
{
    check_numbers();
    /* where the point is a comma, too */
    if (setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "de_DE")) {
        check_numbers();
        setlocale(LC_ALL, "C");
    }
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const bad[] = {
        "",         "-",        "e5",     "1e",
        "1e+",      "0x",       "0x1p",   "1.2.3",
        "infinity", "nan:",     "nan:0x", "nan:1",
        "nan:0x0",  "1f",       " 1",     "nan:0x10000000000000",
        "1e400",    "0x1p2000", "0xg"};
    uint64_t bits;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(sfpm_float_parse(bad[i], strlen(bad[i]), 8, &bits) != NULL, "%s",
                      bad[i]);
    ck_assert_ptr_nonnull(sfpm_float_parse("1e39", 4, 4, &bits));
    ck_assert_ptr_nonnull(sfpm_float_parse("nan:0x800000", 12, 4, &bits));
}
END_TEST

START_TEST(all_bits_come_back)
{
    for (int i = 0; i < 50000; i++) {
        int bytes = i % 2 ? 4 : 8;
        char text[SFPM_FLOAT_TEXT];
        uint64_t back = 0;
        uint64_t bits = random_below(UINT64_MAX);
        if (bytes == 4)
            bits &= UINT32_MAX;
        sfpm_float_format(bits, bytes, text);
        ck_assert_ptr_null(sfpm_float_parse(text, strlen(text), bytes, &back));
        ck_assert_msg(back == bits, "%s: %llx", text, (unsigned long long)bits);
    }
}
END_TEST

/* ---- Faults ----------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *fault; /* the first one */
} faulty[] = {
    {"f64.ad\nhalt\n", "1:1: unknown instruction 'f64.ad'; did you mean 'f64.add'?"},
    {"i32.const 4294967296\n", "1:11: number out of range (-2147483648 to 4294967295)"},
    {"i32.const -2147483649\n", "1:11: number out of range (-2147483648 to 4294967295)"},
    {"i64.const 1.5\n", "1:11: '1.5': not a whole number"},
    {"i64.const nan:0x1\n", "1:11: 'nan:0x1': not a whole number"},
    {"f32.const 1e39\n", "1:11: '1e39': the number is too large"},
    {"f64.const x\n", "1:11: a number expected, not 'x'"},
    {"br_table\n", "1:9: a name or a number expected"},
    {"br_table a\nhalt\n", "1:10: label 'a' is not defined"},
    {"call_indirect 1\n", "1:15: .type 1 is not defined yet"},
    {".version 4\nhalt\n",
     "1:10: unsupported bytecode version 4 (this release supports 1 to 3)"},
    {".version 1\nf64.const 1\nhalt\n", "2:1: bytecode version 1 has no 'f64.const'"},
    {"halt\n.import a b c\n", "2:9: .import must precede the first function"},
    {".import a \"b\nhalt\n", "1:11: '\"b': unterminated string"},
    {".import a \"\\q\" c\nhalt\n", "1:11: '\"\\q\"': unknown escape in a string"},
    {".import a \"\\n\" c\nhalt\n",
     "1:11: the name contains control characters"},
    {".import a b p\nbr p\n", "2:4: cannot jump to 'p': it is imported"},
    {".import a b p\n.start p\nhalt\n", "2:8: cannot start in 'p': it is imported"},
    {".import a b p\n.start 0\nhalt\n", "2:8: cannot start in '0': it is imported"},
    {".export x table\nhalt\n", "1:11: the program has no .table"},
    {".export x memory\nhalt\n", "1:11: no .memory precedes this"},
    {".export x thing\nhalt\n",
     "1:11: func, global, memory or table expected, not 'thing'"},
    {".export x func 1\nhalt\n", "1:16: there is no function 1"},
    {".export x global g\nhalt\n", "1:18: global 'g' is not defined"},
    {".elem 0 main\nhalt\n", "1:9: no element 0: the .table has 0"},
    {".table 1\n.elem 0 main, main\nhalt\n", "2:15: no element 1: the .table has 1"},
    {".table 1\n.elem 0 7\nhalt\n", "2:9: there is no function 7"},
    {".version 2\n.table 1\n.table 2\nhalt\n",
     "3:8: bytecode version 2 has no 'second .table'"},
    {".version 2\n.table 1 externref\nhalt\n",
     "2:8: bytecode version 2 has no 'maximum or type of a .table'"},
    {".version 2\n.elem passive 0\nhalt\n", "2:7: bytecode version 2 has no 'passive'"},
    {".version 2\n.global g funcref\nhalt\n", "2:11: bytecode version 2 has no 'funcref'"},
    {".version 2\nref.null funcref\nhalt\n", "2:1: bytecode version 2 has no 'ref.null'"},
    {".table 2 1\nhalt\n", "1:8: the initial number of elements exceeds the maximum"},
    {".table 1000000\n.table 1\nhalt\n", "2:8: number out of range (0 to 0)"},
    {".table 1 i32\nhalt\n", "1:10: the end of the line expected, not 'i32'"},
    {".elem table 1 0 main\nhalt\n", "1:17: no element 0: the .table has 0"},
    {".elem passive externref main\nhalt\n", "1:25: a number expected, not 'main'"},
    {".elem passive f\nhalt\n", "1:15: function 'f' is not defined"},
    {".global g funcref f\nhalt\n", "1:19: function 'f' is not defined"},
    {".global g funcref 1\nhalt\n", "1:19: there is no function 1"},
    {".table 1\n.export x table 1\nhalt\n", "2:17: no such .table precedes this"},
    {"ref.null i32\n", "1:10: funcref or externref expected, not 'i32'"},
    {"table.call\n", "1:11: a number expected"},
    {"table.copy 1\n", "1:13: a number expected"},
    {".memory 2 1\nhalt\n", "1:9: the initial number of pages exceeds the maximum"},
    {".memory 1\n.memory 1\nhalt\n", "2:9: duplicate .memory"},
    {".data 0 1\nhalt\n", "1:7: data of size 1 at address 0 is outside the initial .memory (pages: 0)"},
    {".memory 1\n.data 65535 \"ab\"\nhalt\n",
     "2:7: data of size 2 at address 65535 is outside the initial .memory (pages: 1)"},
    {".data passive 256\nhalt\n", "1:15: number out of range (0 to 255)"},
    {".data passive i16 -32769\nhalt\n", "1:19: number out of range (-32768 to 65535)"},
    {".data passive x\nhalt\n", "1:15: a number expected, not 'x'"},
    {".global g f64 x\nhalt\n", "1:15: a number expected, not 'x'"},
};

static void keep_first(void *context, const char *file, uint32_t line, uint32_t column,
                       const char *text)
{
    char *first = context;
    (void)file;
    if (first[0] == '\0')
        snprintf(first, 200, "%u:%u: %s", line, column, text);
}

START_TEST(faults_of_the_complete_form)
{
    for (size_t i = 0; i < sizeof faulty / sizeof faulty[0]; i++) {
        note_input("case", i);
        char first[200] = "";
        sfpm_vm_t *vm = sfpm_vm_create();
        ck_assert(!sfpm_vm_assemble(vm, faulty[i].text, strlen(faulty[i].text), "f.s",
                                    keep_first, first));
        ck_assert_str_eq(first, faulty[i].fault);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* An import has a name, but no place in the code. */
/* Names of 64 KiB less one, and of a thousand bytes for the host, are the longest. */
START_TEST(names_have_a_longest_length)
{
    static const struct {
        const char *format;
        int most;
        const char *place;
    } uses[] = {
        {".func %s\nhalt\n", 65535, "1:7"},
        {"%s: halt\n", 65535, "1:1"},
        {".global %s\nhalt\n", 65535, "1:9"},
        {".import a b %s\nhalt\n", 65535, "1:13"},
        {".import %s b c\nhalt\n", 1000, "1:9"},
        {".export %s func main\nhalt\n", 1000, "1:9"},
    };
    static char name[65537], text[66000];
    char first[200], wanted[200];
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        note_input("case", i);
        memset(name, 'a', sizeof name);
        name[uses[i].most] = '\0';
        snprintf(text, sizeof text, uses[i].format, name);
        sfpm_vm_t *good = assembled(text);
        ck_assert_ptr_nonnull(strstr(listing_of(good), name));
        sfpm_vm_destroy(good);
        name[uses[i].most] = 'a';
        name[uses[i].most + 1] = '\0';
        snprintf(text, sizeof text, uses[i].format, name);
        first[0] = '\0';
        sfpm_vm_t *vm = sfpm_vm_create();
        ck_assert(!sfpm_vm_assemble(vm, text, strlen(text), "f.s", keep_first, first));
        snprintf(wanted, sizeof wanted,
                 "%s: the name is too long: %d bytes, at most %d are allowed",
                 uses[i].place, uses[i].most + 1, uses[i].most);
        ck_assert_str_eq(first, wanted);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(an_exported_table_may_be_empty)
{
    sfpm_vm_t *vm = assembled(".export t table\n.table 0\nhalt\n");
    ck_assert_uint_eq(vm->program.num_exports, 1);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(imports_are_no_places)
{
    sfpm_vm_t *vm = assembled(".import a b aaa\n.func main\nnop\ncall aaa\nhalt\n");
    char text[64];
    uint64_t offset;
    sfpm_vm_describe(vm, 0, text, sizeof text);
    ck_assert_str_eq(text, "main");
    ck_assert(!sfpm_vm_resolve(vm, "aaa", &offset, NULL));
    ck_assert_uint_eq(vm->program.num_labels, 1);
    ck_assert_uint_gt(sfpm_vm_instruction(vm, 1, text, sizeof text), 0);
    ck_assert_str_eq(text, "call aaa");
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        random_tables_are_the_same_after_a_listing,
        the_complete_form_is_listed,
        version_follows_from_what_is_used,
        numbers_have_their_bits,
        all_bits_come_back,
        imports_are_no_places,
        names_have_a_longest_length,
        an_exported_table_may_be_empty,
        NULL,
    };
    const test_t limits[] = {
        what_is_no_number_is_refused,
        faults_of_the_complete_form,
        NULL,
    };
    return run_suite("vm_listing", core, limits);
}
