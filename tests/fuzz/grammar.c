/* SPDX-License-Identifier: MIT */
/*
 * Lines of assembly text. Half of them are statements that leave the stack as it was, so
 * that they are right wherever a statement may stand: constants, an instruction that
 * takes them, a drop for each of its results. The others are instructions with any
 * operand, and directives, most of which are wrong where they come to stand.
 */
#include "grammar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault/mutate.h"
#include "bytecode/instruction.h"

typedef struct writer {
    mutant_t random; /* of which only the generator is used */
    char text[512];
    size_t size;
} writer_t;

static const char *const types[] = {"i32", "i64", "f32",
                                    "f64", "funcref", "externref"};
static const char *const names[] = {"main", "a", "b", "twice", "\"a b\"", "main"};
static const char *const numbers[] = {
    "0",  "1",      "-1",         "2",
    "31", "0x7fff", "4294967295", "-9223372036854775808",
    "64", "'x'",    "65535",      "18446744073709551615"};
static const char *const reals[] = {"0.0",     "-0.0", "1.5", "nan",
                                    "nan:0x1", "-inf", "1e39"};

/* What a capital letter stands for is in expand(). */
static const char *const directives[] = {".func N",
                                         ".func N T -> T",
                                         ".func N T T -> T T",
                                         ".local T",
                                         ".global N T V",
                                         ".global N V",
                                         ".global N const T V",
                                         ".import env N N T -> T",
                                         ".export N func N",
                                         ".memory D",
                                         ".memory D D",
                                         ".table D",
                                         ".table D D T",
                                         ".table D T",
                                         ".elem D N",
                                         ".elem table D D N, _",
                                         ".elem passive T N, D, _",
                                         ".data D V, V",
                                         ".data passive \"N\"",
                                         ".type T -> T",
                                         ".start N",
                                         ".byte D, D",
                                         ".version D",
                                         "N:",
                                         ".func N\nhalt",
                                         ".export N memory",
                                         "N: br N",
                                         ".export t table",
                                         ".export N table D"};

#define PICK(writer, list)                                                               \
    (list)[mutant_random(&(writer)->random, sizeof(list) / sizeof *(list))]

__attribute__((format(printf, 2, 3))) static void put(writer_t *writer,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof writer->text - writer->size;
    int written = vsnprintf(writer->text + writer->size, room, format, arguments);
    va_end(arguments);
    writer->size += (size_t)written < room ? (size_t)written : room - 1;
}

static void expand(writer_t *writer, const char *pattern)
{
    for (; *pattern; pattern++) {
        switch (*pattern) {
        case 'N':
            put(writer, "%s", PICK(writer, names));
            break;
        case 'T':
            put(writer, "%s", PICK(writer, types));
            break;
        case 'V':
            put(writer, "%s",
                mutant_random(&writer->random, 3) ? PICK(writer, numbers)
                                                  : PICK(writer, reals));
            break;
        case 'D':
            put(writer, "%d", (int)mutant_random(&writer->random, 4));
            break;
        default:
            put(writer, "%c", *pattern);
        }
    }
}

static const sfpm_opcode_info_t *any_opcode(writer_t *writer)
{
    for (;;) {
        const sfpm_opcode_info_t *info =
            sfpm_opcode_info((uint8_t)mutant_random(&writer->random, 256));
        if (info)
            return info;
    }
}

static void put_operand(writer_t *writer, uint8_t operand)
{
    switch (operand) {
    case SFPM_OPERAND_NONE:
        break;
    case SFPM_OPERAND_U8:
    case SFPM_OPERAND_LOCAL:
    case SFPM_OPERAND_OFFSET:
    case SFPM_OPERAND_SEGMENT:
    case SFPM_OPERAND_TABLE:
    case SFPM_OPERAND_ELEMENTS:
        expand(writer, " D");
        break;
    case SFPM_OPERAND_REFERENCE:
        expand(writer, " T");
        break;
    case SFPM_OPERAND_INDIRECT:
        expand(writer, " D T -> T");
        break;
    case SFPM_OPERAND_TARGETS:
        expand(writer, " N, N, N");
        break;
    case SFPM_OPERAND_TYPE:
        expand(writer, " T -> T");
        break;
    case SFPM_OPERAND_UNWIND:
    case SFPM_OPERAND_TABLES:
    case SFPM_OPERAND_INIT:
        expand(writer, " D D");
        break;
    case SFPM_OPERAND_FUNCTION:
    case SFPM_OPERAND_GLOBAL:
    case SFPM_OPERAND_TARGET:
        expand(writer, " N");
        break;
    default:
        expand(writer, " V");
    }
}

static void put_constant(writer_t *writer, char letter)
{
    uint8_t type = sfpm_type_of_letter(letter);
    if (letter == 'p' || letter == 'r') {
        put(writer, "ref.null funcref\n");
        return;
    }
    put(writer, "%s.const %s\n", type ? sfpm_type_name(type) : "i64",
        strchr("fF", letter) ? PICK(writer, reals) : PICK(writer, numbers));
}

/* Constants, the instruction, and a drop for each result. */
static void put_statement(writer_t *writer)
{
    const sfpm_opcode_info_t *info = any_opcode(writer);
    const char *results = strchr(info->signature, ':');
    if (!results || info->flow != SFPM_FLOW_NEXT || strchr(info->signature, '*')) {
        put(writer, "nop\n");
        return;
    }
    for (const char *popped = info->signature; popped < results; popped++)
        put_constant(writer, *popped);
    put(writer, "%s", info->mnemonic);
    put_operand(writer, info->operand);
    for (const char *pushed = results + 1; *pushed; pushed++)
        put(writer, "\ndrop");
    put(writer, "\n");
}

static void put_lines(writer_t *writer)
{
    uint64_t choice = mutant_random(&writer->random, 6);
    if (choice < 3) {
        put_statement(writer);
    } else if (choice < 5) {
        expand(writer, PICK(writer, directives));
        put(writer, "\n");
    } else {
        const sfpm_opcode_info_t *info = any_opcode(writer);
        put(writer, "%s", info->mnemonic);
        put_operand(writer, info->operand);
        put(writer, "\n");
    }
}

/* Where a line begins, or the end. */
static size_t any_line(writer_t *writer, const char *text, size_t size)
{
    size_t at = (size_t)mutant_random(&writer->random, size + 1);
    while (at > 0 && at < size && text[at - 1] != '\n')
        at++;
    return at;
}

static size_t line_end(const char *text, size_t size, size_t at)
{
    const char *end = at < size ? memchr(text + at, '\n', size - at) : NULL;
    return end ? (size_t)(end - text) + 1 : size;
}

size_t grammar_mutate(char *text, size_t size, size_t room, unsigned seed)
{
    writer_t writer = {.random = {.random = seed}};
    uint64_t how = mutant_random(&writer.random, 4);
    size_t at = any_line(&writer, text, size), end = at;
    if (how == 0)
        end = line_end(text, size, at); /* goes, and what is made takes its place */
    if (how == 1 && line_end(text, size, at) - at < sizeof writer.text)
        put(&writer, "%.*s", (int)(line_end(text, size, at) - at), text + at);
    else if (how > 1 || mutant_random(&writer.random, 2))
        put_lines(&writer);
    if (size - (end - at) + writer.size > room)
        return size;
    memmove(text + at + writer.size, text + end, size - end);
    memcpy(text + at, writer.text, writer.size);
    return size - (end - at) + writer.size;
}
