/* SPDX-License-Identifier: MIT */
/* Assembly text, cut into tokens. */
#ifndef SFPM_VM_LEXER_H
#define SFPM_VM_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sfpm_token_kind {
    SFPM_TOKEN_END,    /* of the text */
    SFPM_TOKEN_LINE,   /* the end of a line */
    SFPM_TOKEN_NAME,   /* instruction, directive, label, type */
    SFPM_TOKEN_NUMBER, /* decimal, hexadecimal or a character */
    SFPM_TOKEN_COLON,
    SFPM_TOKEN_COMMA,
    SFPM_TOKEN_ARROW, /* -> */
    SFPM_TOKEN_BAD    /* `problem` tells */
} sfpm_token_kind_t;

typedef struct sfpm_token {
    sfpm_token_kind_t kind;
    const char *text; /* in the source */
    size_t length;
    uint32_t line;
    uint32_t column; /* bytes from 1 */
    uint64_t value;  /* of a number; two's complement when negative */
    bool negative;
    const char *problem;
} sfpm_token_t;

typedef struct sfpm_lexer {
    const char *at;
    const char *end;
    const char *line_start;
    uint32_t line;
} sfpm_lexer_t;

void sfpm_lexer_start(sfpm_lexer_t *lexer, const char *text, size_t size);
void sfpm_lexer_next(sfpm_lexer_t *lexer, sfpm_token_t *token);

#endif
