/* SPDX-License-Identifier: MIT */
/*
 * Cuts assembly text into tokens: names, numbers, strings, characters and punctuation,
 * each with its line and column.
 */
#include "asm/lexer.h"

#include <string.h>

#include "base/float_text.h"
#include "base/number.h"

void sfpm_lexer_start(sfpm_lexer_t *lexer, const char *text, size_t size)
{
    *lexer =
        (sfpm_lexer_t){.at = text, .end = text + size, .line_start = text, .line = 1};
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '.' || c == '$';
}

static void skip_blanks(sfpm_lexer_t *lexer)
{
    while (lexer->at < lexer->end && strchr(" \t\r\f\v", *lexer->at) && *lexer->at)
        lexer->at++;
    if (lexer->at < lexer->end && (*lexer->at == ';' || *lexer->at == '#'))
        while (lexer->at < lexer->end && *lexer->at != '\n')
            lexer->at++;
}

static const char bad_escape[] = "unknown escape in a character";

static void bad(sfpm_token_t *token, const char *problem)
{
    token->kind = SFPM_TOKEN_BAD;
    token->problem = problem;
}

/* Digits from `at` to the end of the token, after its sign. */
static void read_digits(const char *at, const char *end, sfpm_token_t *token)
{
    uint64_t value = 0;
    const char *problem = sfpm_parse_digits(at, (size_t)(end - at), &value);
    if (!problem && token->negative && value > (uint64_t)1 << 63)
        problem = "the number does not fit in 64 bits";
    if (problem)
        bad(token, problem);
    token->value = token->negative ? -value : value;
}

/* Up to where a number goes, which may hold the sign of an exponent and a NaN's colon. */
static const char *end_of_number(const char *at, const char *end)
{
    bool hexadecimal = end - at >= 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    bool nan = end - at >= 4 && memcmp(at, "nan:", 4) == 0;
    const char *from = at;
    at += nan ? 4 : 0;
    for (; at < end; at++) {
        bool exponent = at > from && (at[-1] | 0x20) == (hexadecimal ? 'p' : 'e');
        if (!is_name_char(*at) && !(exponent && (*at == '-' || *at == '+')))
            break;
    }
    return at;
}

static void read_number(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    const char *digits = lexer->at;
    token->kind = SFPM_TOKEN_NUMBER;
    token->negative = *digits == '-';
    if (*digits == '-' || *digits == '+')
        digits++;
    const char *end = end_of_number(digits, lexer->end);
    lexer->at = end;
    token->is_float = sfpm_is_float(token->text, (size_t)(end - token->text));
    read_digits(digits, end, token);
    if (token->kind == SFPM_TOKEN_BAD && token->is_float &&
        token->problem == sfpm_not_a_number)
        token->problem = "not a whole number";
}

/* The byte that a backslash and the characters at *at stand for; -1: none. */
static int read_escape(const char **at, const char *end)
{
    static const char names[] = "nrt0\\'\"e";
    static const char values[] = "\n\r\t\0\\'\"\033";
    char c = *(*at)++;
    const char *known = c ? strchr(names, c) : NULL;
    if (known)
        return (uint8_t)values[known - names];
    if (c != 'x' || end - *at < 2 || sfpm_digit_value((*at)[0]) > 15 ||
        sfpm_digit_value((*at)[1]) > 15)
        return -1;
    int value = (int)(sfpm_digit_value((*at)[0]) * 16 + sfpm_digit_value((*at)[1]));
    *at += 2;
    return value;
}

static void read_char(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    const char *line_end = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
    line_end = line_end ? line_end : lexer->end;
    token->kind = SFPM_TOKEN_NUMBER;
    lexer->at++;
    if (line_end - lexer->at < 2) {
        lexer->at = line_end;
        bad(token, "unterminated character");
        return;
    }
    if (*lexer->at == '\\') {
        lexer->at++;
        int value = read_escape(&lexer->at, line_end);
        token->value = (uint64_t)value;
        if (value < 0)
            bad(token, bad_escape);
    } else {
        token->value = (uint8_t)*lexer->at++;
    }
    if (token->kind != SFPM_TOKEN_BAD && (lexer->at >= line_end || *lexer->at != '\''))
        bad(token, "unterminated character");
    else if (token->kind != SFPM_TOKEN_BAD)
        lexer->at++;
    if (token->kind == SFPM_TOKEN_BAD)
        lexer->at = line_end;
}

/* What is in the quotes is looked at once more by sfpm_string_bytes(). */
static void read_string(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    token->kind = SFPM_TOKEN_STRING;
    for (lexer->at++; lexer->at < lexer->end && *lexer->at != '\n'; lexer->at++) {
        if (*lexer->at == '"') {
            lexer->at++;
            return;
        }
        if (*lexer->at != '\\')
            continue;
        const char *after = lexer->at + 1;
        if (after == lexer->end || read_escape(&after, lexer->end) < 0)
            bad(token, "unknown escape in a string");
        else
            lexer->at = after - 1;
    }
    bad(token, "unterminated string");
}

bool sfpm_string_bytes(const sfpm_token_t *token, sfpm_buffer_t *bytes)
{
    const char *at = token->text + 1;
    const char *end = token->text + token->length - 1;
    while (at < end) {
        uint8_t byte = (uint8_t)*at++;
        if (byte == '\\')
            byte = (uint8_t)read_escape(&at, end);
        if (!sfpm_buffer_add(bytes, &byte, 1))
            return false;
    }
    return true;
}

static void read_name(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    const char *end = end_of_number(lexer->at, lexer->end);
    token->is_float = sfpm_is_float(lexer->at, (size_t)(end - lexer->at));
    token->kind = SFPM_TOKEN_NAME;
    if (token->is_float && memchr(lexer->at, ':', (size_t)(end - lexer->at))) {
        bad(token, "not a whole number");
        lexer->at = end;
    }
    while (lexer->at < lexer->end && is_name_char(*lexer->at))
        lexer->at++;
}

static void read_mark(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    switch (*lexer->at++) {
    case '\n':
        token->kind = SFPM_TOKEN_LINE;
        lexer->line++;
        lexer->line_start = lexer->at;
        break;
    case ':':
        token->kind = SFPM_TOKEN_COLON;
        break;
    case ',':
        token->kind = SFPM_TOKEN_COMMA;
        break;
    default:
        bad(token, "unexpected character");
        break;
    }
}

void sfpm_lexer_next(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    skip_blanks(lexer);
    *token = (sfpm_token_t){.text = lexer->at,
                            .line = lexer->line,
                            .column = (uint32_t)(lexer->at - lexer->line_start) + 1};
    size_t left = (size_t)(lexer->end - lexer->at);
    char c = left ? *lexer->at : '\0';
    if (left == 0) {
        token->kind = SFPM_TOKEN_END;
    } else if (left >= 2 && c == '-' && lexer->at[1] == '>') {
        token->kind = SFPM_TOKEN_ARROW;
        lexer->at += 2;
    } else if ((c >= '0' && c <= '9') || c == '-' || c == '+') {
        read_number(lexer, token);
    } else if (c == '\'') {
        read_char(lexer, token);
    } else if (c == '"') {
        read_string(lexer, token);
    } else if (is_name_char(c)) {
        read_name(lexer, token);
    } else {
        read_mark(lexer, token);
    }
    token->length = (size_t)(lexer->at - token->text);
}
