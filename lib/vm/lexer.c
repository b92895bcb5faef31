/* SPDX-License-Identifier: MIT */
#include "vm/lexer.h"

#include <string.h>

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

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

static void skip_blanks(sfpm_lexer_t *lexer)
{
    while (lexer->at < lexer->end && strchr(" \t\r\f\v", *lexer->at) && *lexer->at)
        lexer->at++;
    if (lexer->at < lexer->end && (*lexer->at == ';' || *lexer->at == '#'))
        while (lexer->at < lexer->end && *lexer->at != '\n')
            lexer->at++;
}

static void bad(sfpm_token_t *token, const char *problem)
{
    token->kind = SFPM_TOKEN_BAD;
    token->problem = problem;
}

/* Digits from `at` to the end of the token; fewer than one are an error. */
static void read_digits(const char *at, const char *end, uint64_t base,
                        sfpm_token_t *token)
{
    uint64_t value = 0;
    if (at == end)
        bad(token, "digits are missing");
    for (; at < end; at++) {
        uint64_t digit = (uint64_t)digit_value(*at);
        if (digit >= base) {
            bad(token, "not a number");
            return;
        }
        if (value > (UINT64_MAX - digit) / base) {
            bad(token, "the number does not fit 64 bits");
            return;
        }
        value = value * base + digit;
    }
    if (token->negative && value > (uint64_t)1 << 63)
        bad(token, "the number does not fit 64 bits");
    token->value = token->negative ? -value : value;
}

static void read_number(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    const char *at = lexer->at;
    token->kind = SFPM_TOKEN_NUMBER;
    token->negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    const char *digits = at;
    while (at < lexer->end && is_name_char(*at))
        at++;
    lexer->at = at;
    bool hexadecimal =
        at - digits >= 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    if (hexadecimal)
        read_digits(digits + 2, at, 16, token);
    else
        read_digits(digits, at, 10, token);
}

/* The character after a backslash, at lexer->at. */
static void read_escape(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    static const char names[] = "nrt0\\'\"e";
    static const char values[] = "\n\r\t\0\\'\"\033";
    char c = *lexer->at++;
    const char *known = c ? strchr(names, c) : NULL;
    if (known) {
        token->value = (uint8_t)values[known - names];
    } else if (c == 'x' && lexer->end - lexer->at >= 2 &&
               digit_value(lexer->at[0]) < 16 && digit_value(lexer->at[1]) < 16) {
        token->value =
            (uint64_t)(digit_value(lexer->at[0]) * 16 + digit_value(lexer->at[1]));
        lexer->at += 2;
    } else {
        bad(token, "unknown escape in a character");
    }
}

static void read_char(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    const char *line_end = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
    line_end = line_end ? line_end : lexer->end;
    token->kind = SFPM_TOKEN_NUMBER;
    lexer->at++;
    if (line_end - lexer->at < 2) {
        lexer->at = line_end;
        bad(token, "the character does not end");
        return;
    }
    if (*lexer->at == '\\') {
        lexer->at++;
        read_escape(lexer, token);
    } else {
        token->value = (uint8_t)*lexer->at++;
    }
    if (token->kind != SFPM_TOKEN_BAD && (lexer->at >= line_end || *lexer->at != '\''))
        bad(token, "the character does not end");
    else if (token->kind != SFPM_TOKEN_BAD)
        lexer->at++;
    if (token->kind == SFPM_TOKEN_BAD)
        lexer->at = line_end;
}

static void read_name(sfpm_lexer_t *lexer, sfpm_token_t *token)
{
    token->kind = SFPM_TOKEN_NAME;
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
    } else if (is_name_char(c)) {
        read_name(lexer, token);
    } else {
        read_mark(lexer, token);
    }
    token->length = (size_t)(lexer->at - token->text);
}
