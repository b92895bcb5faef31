/* SPDX-License-Identifier: MIT */
/* The assembler and the disassembler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode/instruction.h"
#include "vm_common.h"
#include "vm_random.h"

static void expect_code(const char *text, const void *code, size_t size)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = assembled(text);
    copy_regions(vm, &regions);
    ck_assert_uint_eq(regions.region[SFPM_CODE].size, size);
    ck_assert_mem_eq(regions.region[SFPM_CODE].data, code, size);
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}

START_TEST(sum_is_the_seven_original_bytes)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = example("sum.s");
    copy_regions(vm, &regions);
    ck_assert_uint_eq(regions.region[SFPM_CODE].size, 7);
    ck_assert_mem_eq(regions.region[SFPM_CODE].data, "\x00\x0A\x00\x05\x01\x04\x05", 7);
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Each instruction of the list, in code that nothing leads to. */
START_TEST(every_instruction_has_its_number_and_width)
{
    static const char *const operands[] = {
        [SFPM_OPERAND_NONE] = "",     [SFPM_OPERAND_U8] = "0",
        [SFPM_OPERAND_I64] = "0",     [SFPM_OPERAND_LOCAL] = "0",
        [SFPM_OPERAND_GLOBAL] = "g",  [SFPM_OPERAND_TARGET] = "main",
        [SFPM_OPERAND_FUNCTION] = "0"};
    char text[128];
    for (int i = 0; i < 256; i++) {
        const sfpm_opcode_info_t *info = sfpm_opcode_info((uint8_t)i);
        uint8_t code[10] = {SFPM_OP_HALT, (uint8_t)i};
        if (!info || !sfpm_is_version1((uint8_t)i))
            continue;
        snprintf(text, sizeof text, ".global g\n.func main\n.local i64\nhalt\n%s %s\n",
                 info->mnemonic, operands[info->operand]);
        expect_code(text, code, 2u + info->width);
    }
}
END_TEST

START_TEST(numbers_are_written_in_many_ways)
{
    expect_code("push 10\nhalt", "\x00\x0A\x05", 3);
    expect_code("push +255\nhalt", "\x00\xFF\x05", 3);
    expect_code("push 0xfF\nhalt", "\x00\xFF\x05", 3);
    expect_code("push 'A'\nhalt", "\x00\x41\x05", 3);
    expect_code("push '\\n'\nhalt", "\x00\x0A\x05", 3);
    expect_code("push '\\''\nhalt", "\x00\x27\x05", 3);
    expect_code("push '\\x7f'\nhalt", "\x00\x7F\x05", 3);
    expect_code("push ';' ; a comment\nhalt # another", "\x00\x3B\x05", 3);
    expect_code("i64.const -1\nhalt", "\x42\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x05", 10);
    expect_code("i64.const 0x8000000000000000\nhalt",
                "\x42\x00\x00\x00\x00\x00\x00\x00\x80\x05", 10);
    expect_code("i64.const -0x8000000000000000\nhalt",
                "\x42\x00\x00\x00\x00\x00\x00\x00\x80\x05", 10);
    expect_code(".byte 0, 10, 6\n.byte 5\n", "\x00\x0A\x06\x05", 4);
}
END_TEST

START_TEST(names_stand_for_their_places)
{
    /* forward, backward, to a function, to a number, two names at one place */
    expect_code("a: b: br c\nc: br a\n br b\n br main\n br 5\n",
                "\x0C\x05\0\0\0\x0C\0\0\0\0\x0C\0\0\0\0\x0C\0\0\0\0\x0C\x05\0\0\0", 25);
    expect_code(".func main\n call f\n call 1\n halt\n.func f\n return",
                "\x10\x01\0\0\0\x10\x01\0\0\0\x05\x0F", 12);
    expect_code(".global x 1\n.global y\n global.get y\n global.set x\n x: br x\n",
                "\x23\x01\0\0\0\x24\0\0\0\0\x0C\x0A\0\0\0", 15);
    expect_code("start: nop\r\n\tbr\tstart\r\n", "\x06\x0C\0\0\0\0", 6);
}
END_TEST

START_TEST(places_are_understood_and_described)
{
    sfpm_vm_t *vm = assembled("nop\nnop\nhere: nop\nnop\nhalt\n.func f\nreturn\n");
    static const struct {
        const char *text;
        uint64_t offset;
        const char *described;
    } places[] = {{"main", 0, "main"}, {"main+1", 1, "main+1"},   {"1", 1, "main+1"},
                  {"0x2", 2, "here"},  {"here+0x1", 3, "here+1"}, {"main+5", 5, "f"},
                  {"f", 5, "f"}};
    char text[64];
    uint64_t offset;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        note_input("case", i);
        ck_assert(sfpm_vm_resolve(vm, places[i].text, &offset, NULL));
        ck_assert_uint_eq(offset, places[i].offset);
        sfpm_vm_describe(vm, offset, text, sizeof text);
        ck_assert_str_eq(text, places[i].described);
    }
    static const char *const bad[] = {"there",
                                      "main+",
                                      "main+x",
                                      "6",
                                      "f+1",
                                      "",
                                      "+1",
                                      "main+-1",
                                      "-1",
                                      "18446744073709551615",
                                      "main+18446744073709551615",
                                      "main + 1",
                                      "0x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        ck_assert(!sfpm_vm_resolve(vm, bad[i], &offset, NULL));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_SYNTAX);
    }
    sfpm_vm_describe(vm, 3, text, 4);
    ck_assert_str_eq(text, "her");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(symbols_and_lines_are_recorded)
{
    const char *text = "\nnop\npush 1\n\nhere: print\nhalt\n";
    sfpm_vm_t *vm = sfpm_vm_create();
    uint32_t line = 0;
    uint64_t offset = 99;
    ck_assert(sfpm_vm_assemble(vm, text, strlen(text), "some/where/a.s", NULL, NULL));
    ck_assert_uint_eq(vm->program.num_labels, 2);
    ck_assert(sfpm_vm_resolve(vm, "main", &offset, NULL));
    ck_assert_uint_eq(offset, 0);
    ck_assert(sfpm_vm_resolve(vm, "here", &offset, NULL));
    ck_assert_uint_eq(offset, 3);
    static const uint32_t lines[] = {2, 3, 3, 5, 6};
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_str_eq(sfpm_vm_source(vm, i, &line), "a.s");
        ck_assert_uint_eq(line, lines[i]);
    }
    ck_assert(sfpm_vm_load_code(vm, "\x05", 1));
    ck_assert_ptr_null(sfpm_vm_source(vm, 0, &line));
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(instructions_become_text)
{
    sfpm_vm_t *vm = assembled(".global g\n.func main\n.local i64\nagain: push 10\n"
                              "i64.const -7\nlocal.get 0\nglobal.get g\ndrop\ndrop\n"
                              "drop\ndrop\ncall f\nbr again\n.func f\nreturn\n");
    static const char *const texts[] = {
        "push 10", "i64.const -7", "local.get 0", "global.get g", "drop",  "drop",
        "drop",    "drop",         "call f",      "br again",     "return"};
    char text[64];
    uint64_t offset = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        note_input("case", i);
        size_t length = sfpm_vm_instruction(vm, offset, text, sizeof text);
        ck_assert_uint_gt(length, 0);
        ck_assert_str_eq(text, texts[i]);
        offset += length;
    }
    ck_assert_uint_eq(sfpm_vm_instruction(vm, offset, text, sizeof text), 0);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(listing_shows_a_range)
{
    sfpm_vm_t *vm =
        assembled(".func main\nnop\nhere: push 1\ndrop\nhalt\n.func f\nreturn\n");
    sfpm_buffer_t text = {0};
    ck_assert(sfpm_vm_disassemble(vm, 1, 4, collect, &text));
    ck_assert(sfpm_buffer_add(&text, "", 1));
    ck_assert_str_eq((char *)text.data,
                     "here:\n        push 1                   ; 1: 00 01\n"
                     "        drop                     ; 3: 1A\n");
    sfpm_buffer_free(&text);
    ck_assert(sfpm_vm_disassemble(vm, 100, 200, collect, &text));
    ck_assert_uint_eq(text.size, 0);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Whether the listing of `vm` assembles to the same program. */
static void expect_round_trip(sfpm_vm_t *vm)
{
    static const sfpm_region_id_t same[] = {SFPM_CODE, SFPM_FUNCTIONS, SFPM_GLOBALS};
    sfpm_regions_t before, after;
    char *text = sfpm_copy_string(listing_of(vm));
    sfpm_vm_t *again = assembled(text);
    copy_regions(vm, &before);
    copy_regions(again, &after);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        note_input("case", i);
        const sfpm_buffer_t *a = &before.region[same[i]];
        const sfpm_buffer_t *b = &after.region[same[i]];
        if (a->size != b->size || (a->size && memcmp(a->data, b->data, a->size) != 0))
            ck_abort_msg("region %s differs after:\n%s", sfpm_region_names[same[i]],
                         text);
    }
    if (strcmp(text, listing_of(again)) != 0)
        ck_abort_msg("another listing than:\n%s", text);
    free(text);
    sfpm_regions_free(&before);
    sfpm_regions_free(&after);
    sfpm_vm_destroy(again);
}

START_TEST(listings_of_examples_assemble_to_the_same)
{
    static const char *const names[] = {"sum.s", "factorial.s", "primes.s",
                                        "fibonacci.s"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = example(names[i]);
        expect_round_trip(vm);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(listings_of_random_programs_assemble_to_the_same)
{
    size_t code = 0;
    for (int i = 0; i < 2000; i++) {
        note_input("program", (uint64_t)i);
        sfpm_regions_t regions;
        sfpm_vm_t *vm = sfpm_vm_create();
        random_program(&regions);
        if (!load_regions(vm, &regions) || !sfpm_vm_verify(vm))
            ck_abort_msg("%s", sfpm_last_error());
        expect_round_trip(vm);
        code += regions.region[SFPM_CODE].size;
        sfpm_regions_free(&regions);
        sfpm_vm_destroy(vm);
    }
    ck_assert_uint_gt(code, 2000 * 50); /* they are not trivial */
}
END_TEST

static bool refuse_at(void *context, const void *bytes, size_t size)
{
    (void)bytes, (void)size;
    return --*(int *)context > 0;
}

START_TEST(listing_that_cannot_be_written_ends)
{
    sfpm_vm_t *vm = example("primes.s");
    int calls = 0;
    for (int allowed = 1; calls <= 0; allowed++) {
        calls = allowed;
        bool written = sfpm_vm_disassemble(vm, 0, UINT64_MAX, refuse_at, &calls);
        ck_assert(written == (calls > 0));
        if (!written) {
            ck_assert_int_eq(calls, 0); /* not called again */
            expect_error(SFPM_ERR_SYSTEM, 0, "cannot write the listing");
        }
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* Code that is none can be listed, and the listing assembled but for the verifier. */
START_TEST(damaged_code_can_be_listed)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = assembled("push 1\nhere: br here\n");
    copy_regions(vm, &regions);
    regions.region[SFPM_CODE].data[0] = 0xFE;
    ck_assert(load_regions(vm, &regions));
    ck_assert_str_eq(listing_of(vm),
                     ".func main\n"
                     "        .byte 0xFE               ; 0: FE\n"
                     "        add                      ; 1: 01\n"
                     "here:\n"
                     "        br 2                     ; 2: 0C 02 00 00 00\n");
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Faults ----------------------------------------------------------------- */

static void note_fault(void *context, const char *file, uint32_t line, uint32_t column,
                       const char *text)
{
    char place[64];
    snprintf(place, sizeof place, "%u:%u: ", line, column);
    ck_assert_str_eq(file, "dir/f.s");
    if (!collect(context, place, strlen(place)) ||
        !collect(context, text, strlen(text)) || !collect(context, "\n", 1))
        ck_abort();
}

/* The faults of a text that is in order but for them. */
static const char *faults_of(const char *text, size_t size)
{
    static sfpm_buffer_t faults;
    sfpm_vm_t *vm = sfpm_vm_create();
    faults.size = 0;
    ck_assert(sfpm_vm_load_code(vm, "\x05", 1));
    ck_assert(!sfpm_vm_assemble(vm, text, size, "dir/f.s", note_fault, &faults));
    ck_assert(sfpm_buffer_add(&faults, "", 1));
    /* The machine is what it was. */
    ck_assert_uint_eq(info_of(vm).code_size, 1);
    sfpm_vm_destroy(vm);
    return (const char *)faults.data;
}

static const struct {
    const char *text;
    const char *faults;
} faulty[] = {
    {"", "1:1: the program has no instructions\n"},
    {"; nothing\n\n", "3:1: the program has no instructions\n"},
    {"halt\nfrob 1\n push\n",
     "2:1: unknown instruction 'frob'\n3:6: a number expected\n"},
    {"PUSH 1\nhalt\n", "1:1: unknown instruction 'PUSH'\n"},
    {"push 256\nhalt\n", "1:6: number out of range (0 to 255)\n"},
    {"push -1\nhalt\n", "1:6: number out of range (0 to 255)\n"},
    {"local.get 65536\n", "1:11: number out of range (0 to 65535)\n"},
    {"br 4294967296\n", "1:4: number out of range (0 to 4294967295)\n"},
    {"i64.const 18446744073709551616\n",
     "1:11: '18446744073709551616': the number does not fit in 64 bits\n"},
    {"i64.const -9223372036854775809\n",
     "1:11: '-9223372036854775809': the number does not fit in 64 bits\n"},
    {"push 12ab\n", "1:6: '12ab': not a number\n"},
    {"push 0x\n", "1:6: '0x': digits expected\n"},
    {"push 'ab'\n", "1:6: ''ab'': unterminated character\n"},
    {"push '\n", "1:6: ''': unterminated character\n"},
    {"push '\\q'\n", "1:6: ''\\q'': unknown escape in a character\n"},
    {"push 1 2\n", "1:8: the end of the line expected, not '2'\n"},
    {"add 1\n", "1:5: the end of the line expected, not '1'\n"},
    {"push a\n", "1:6: a number expected, not 'a'\n"},
    {"br\n", "1:3: a name or a number expected\n"},
    {"br nowhere\ncall f\nglobal.get g\n",
     "1:4: label 'nowhere' is not defined\n2:6: function 'f' is not defined\n"
     "3:12: global 'g' is not defined\n"},
    {"a: nop\ncall a\nhalt\n", "2:6: 'a' is a label, not a function\n"},
    {"a: nop\na: halt\n.func a\nhalt\n",
     "2:1: 'a' is already defined on line 1\n3:7: 'a' is already defined on line 1\n"},
    {".global a\n.global a\nhalt\n", "2:9: 'a' is already defined on line 1\n"},
    {"main: halt\n", "1:1: 'main' is already defined on line 1\n"},
    {"i64.x: halt\n_: halt\n.x: halt\n",
     "2:1: '_' cannot be a label\n3:1: '.x' cannot be a label\n"},
    {".func\nhalt\n", "1:6: a name expected\n"},
    {".func 7\nhalt\n", "1:7: a name expected, not '7'\n"},
    {".func f f65 -> i46\nhalt\n", "1:9: unknown type 'f65'\n1:16: unknown type 'i46'\n"},
    {".func f\n.func g\nhalt\n.func h\n",
     "1:7: the function has no instructions\n4:7: the function has no instructions\n"},
    {".local i64\nhalt\n", "1:8: .local must precede the function's first instruction\n"},
    {"halt\n.local i64\n", "2:8: .local must precede the function's first instruction\n"},
    {".start nobody\nhalt\n", "1:8: function 'nobody' is not defined\n"},
    {".start main\n.start 0\nhalt\n", "2:8: duplicate .start: already given on line 1\n"},
    {".export \"a\" func main\n.export a func main\n.export \"\\x61\" func main\nhalt\n",
     "2:9: 'a' is already defined on line 1\n3:9: 'a' is already defined on line 1\n"},
    {".start 1\nhalt\n", "1:8: there is no function 1\n"},
    {".start here\nhere: halt\n", "1:8: 'here' is a label, not a function\n"},
    {".frob 1\nhalt\n", "1:1: unknown directive '.frob'\n"},
    {".byte\n.byte 1,\n.byte 256\n.byte x\nhalt\n",
     "1:6: a byte expected\n2:9: a byte expected\n"
     "3:7: number out of range (0 to 255)\n"
     "4:7: a byte expected, not 'x'\n"},
    {"@ halt\n: halt\n, halt\n-> halt\n5\n",
     "1:1: '@': unexpected character\n2:1: an instruction expected, not ':'\n"
     "3:1: an instruction expected, not ','\n4:1: an instruction expected, not '->'\n"
     "5:1: an instruction expected, not '5'\n"},
    {"halt\n\x01\x1b[0m\n", "2:1: '?': unexpected character\n"},
    {"averyveryveryveryveryveryveryveryveryverylongname\n",
     "1:1: unknown instruction 'averyveryveryveryveryveryveryveryveryverylon...'\n"},
    /* what only the verifier sees has its line, too */
    {"push 1\nhere: add\nhalt\n",
     "2:7: code[2] (here): stack underflow: add takes 2 values, the stack has 1\n"},
    {"nop\n.byte 0xFE\n", "2:7: code[1] (main+1): unknown opcode 0xFE\n"},
    {"nop\n  nop\n", "2:3: code[1] (main+1): code runs off the end of the function\n"},
};

START_TEST(all_faults_are_reported_with_their_place)
{
    for (size_t i = 0; i < sizeof faulty / sizeof faulty[0]; i++) {
        note_input("case", i);
        ck_assert_str_eq(faults_of(faulty[i].text, strlen(faulty[i].text)),
                         faulty[i].faults);
        ck_assert_msg(strncmp(sfpm_last_error(), "dir/f.s:", 8) == 0, "%s",
                      sfpm_last_error());
    }
    ck_assert_str_eq(faults_of("halt\0halt", 9), "1:5: '?': unexpected character\n");
}
END_TEST

START_TEST(faults_end_at_a_hundred)
{
    char text[2000] = "";
    for (int i = 0; i < 150; i++)
        strcat(text, "frob\n");
    const char *faults = faults_of(text, strlen(text));
    int count = 0;
    for (const char *at = faults; (at = strstr(at, "frob")); at++)
        count++;
    ck_assert_int_eq(count, 100);
}
END_TEST

START_TEST(statuses_tell_text_from_program)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(!sfpm_vm_assemble(vm, "frob", 4, "f.s", NULL, NULL));
    expect_error(SFPM_ERR_SYNTAX, 0, "f.s:1:1: unknown instruction 'frob'");
    ck_assert(!sfpm_vm_assemble(vm, "add", 3, "f.s", NULL, NULL));
    expect_error(SFPM_ERR_BYTECODE, 0, "f.s:1:1: code[0] (main): stack underflow");
    ck_assert(!sfpm_vm_assemble(vm, NULL, 3, "f.s", NULL, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Text put together from pieces of the language, some of them cut in two. */
START_TEST(random_text_is_assembled_or_refused)
{
    static const char *const pieces[] = {
        "push ",  "10",      "add",  "\n",         "\n",         "\n",       ".func ",
        "f",      "main",    " i64", " -> ",       ".local",     ".global ", "g",
        ":",      ",",       "'",    "\\",         "x",          "br ",      "call ",
        "0x",     "-",       "halt", "i64.const ", "local.get ", ";",        "#",
        ".byte ", ".start ", "_",    "\xFF"};
    char text[600];
    int good = 0;
    sfpm_vm_t *vm = sfpm_vm_create();
    for (int i = 0; i < 20000; i++) {
        note_input("text", (uint64_t)i);
        size_t size = 0;
        for (uint64_t left = random_below(30); left > 0; left--) {
            const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
            size_t length = strlen(piece);
            length = random_below(20) ? length : random_below(length + 1);
            memcpy(text + size, piece, length);
            size += length;
        }
        good += sfpm_vm_assemble(vm, text, size, "random", NULL, NULL);
    }
    ck_assert_int_gt(good, 0);
    ck_assert_int_lt(good, 20000);
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        sum_is_the_seven_original_bytes,
        every_instruction_has_its_number_and_width,
        numbers_are_written_in_many_ways,
        names_stand_for_their_places,
        places_are_understood_and_described,
        symbols_and_lines_are_recorded,
        instructions_become_text,
        listing_shows_a_range,
        listings_of_examples_assemble_to_the_same,
        listings_of_random_programs_assemble_to_the_same,
        damaged_code_can_be_listed,
        NULL,
    };
    const test_t limits[] = {
        all_faults_are_reported_with_their_place, faults_end_at_a_hundred,
        listing_that_cannot_be_written_ends,      statuses_tell_text_from_program,
        random_text_is_assembled_or_refused,      NULL,
    };
    return run_suite("vm_text", core, limits);
}
