/* SPDX-License-Identifier: MIT */
/* Assembly text, cut into tokens. */
#ifndef SFPM_ASM_LEXER_H
#define SFPM_ASM_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef enum sfpm_token_kind {
    SFPM_TOKEN_END,    /* of the text */
    SFPM_TOKEN_LINE,   /* the end of a line */
    SFPM_TOKEN_NAME,   /* instruction, directive, label, type */
    SFPM_TOKEN_NUMBER, /* an integer, decimal or hexadecimal, or a character */
    SFPM_TOKEN_STRING, /* in double quotes; its text has them */
    SFPM_TOKEN_COLON,
    SFPM_TOKEN_COMMA,
    SFPM_TOKEN_ARROW, /* -> */
    SFPM_TOKEN_BAD    /* see `problem` */
} sfpm_token_kind_t;

typedef struct sfpm_token {
    sfpm_token_kind_t kind;
    const char *text; /* in the source */
    size_t length;
    uint32_t line;
    uint32_t column; /* bytes from 1 */
    uint64_t value;  /* of a number; two's complement when negative */
    bool negative;
    bool is_float; /* the text can be a floating-point number, whatever the kind says */
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

/* Adds the bytes that a string token stands for. */
bool sfpm_string_bytes(const sfpm_token_t *token, sfpm_buffer_t *bytes);

#endif
