/* SPDX-License-Identifier: MIT */
/*
 * Escapes text for terminals, JSON and HTML one UTF-8 character at a time, so that only invalid
 * and unprintable characters are replaced.
 */
#include "common/escape.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The length of a character of UTF-8 by its first byte; 0 if no character begins with it.
 */
static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC0 || first >= 0xF8)
        return 0;
    if (first < 0xE0)
        return 2;
    return first < 0xF0 ? 3 : 4;
}

/* Reads one character of UTF-8; returns its bytes, 0 when there is none. Overlong forms,
 * surrogates and numbers over U+10FFFF are invalid. */
static size_t decode(const unsigned char *text, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = length_of(text[0]);
    if (length < 2) {
        *character = text[0];
        return length;
    }
    uint32_t value = text[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3Fu);
    }
    *character = value;
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    return length;
}

/* Control characters, and those that reorder, break or hide what follows. */
static bool is_printable(uint32_t c)
{
    return !(c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C ||
             (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
             (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c >= 0xE0000);
}

static struct {
    bool output, error; /* shows ASCII alone */
} ascii;

static bool has_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value && *value != '\0')
            return strstr(value, "UTF-8") || strstr(value, "utf8") ||
                   strstr(value, "utf-8") || strstr(value, "UTF8");
    }
    return false;
}

void escape_start(void)
{
    bool utf8 = has_utf8();
    ascii.output = !utf8 && isatty(STDOUT_FILENO);
    ascii.error = !utf8 && isatty(STDERR_FILENO);
}

static bool is_ascii(const FILE *file)
{
    return (file == stdout && ascii.output) || (file == stderr && ascii.error);
}

/* The characters that have a meaning in the language printed, and what stands for them. */
typedef struct named {
    char character;
    const char *name;
} named_t;

static const char *name_of(const named_t *named, char character)
{
    for (; named->name; named++)
        if (named->character == character)
            return named->name;
    return NULL;
}

static void print(FILE *file, const char *text, const named_t *named)
{
    const unsigned char *p = (const unsigned char *)text;
    uint32_t limit = is_ascii(file) ? 0x7F : 0x110000;
    while (*p != '\0') {
        uint32_t character;
        size_t length = decode(p, &character);
        const char *name = name_of(named, (char)*p);
        if (name) {
            fputs(name, file);
            p++;
        } else if (length != 0 && character < limit && is_printable(character)) {
            fwrite(p, 1, length, file);
            p += length;
        } else {
            for (size_t i = 0; i < (length != 0 ? length : 1); i++)
                fprintf(file, "\\x%02x", *p++);
        }
    }
}

void escape_print(FILE *file, const char *text)
{
    static const named_t named[] = {{'\\', "\\\\"}, {0, NULL}};
    print(file, text, named);
}

void escape_message(FILE *file, const char *text)
{
    static const named_t none[] = {{0, NULL}};
    print(file, text, none);
}

void escape_html(FILE *file, const char *text)
{
    static const named_t named[] = {{'\\', "\\\\"}, {'&', "&amp;"}, {'<', "&lt;"},
                                    {'>', "&gt;"},  {'"', "&quot;"}, {'\'', "&#39;"},
                                    {0, NULL}};
    print(file, text, named);
}

bool escape_is_printable(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    uint32_t character;
    for (size_t length; *p != '\0'; p += length)
        if ((length = decode(p, &character)) == 0 || !is_printable(character))
            return false;
    return true;
}

static void json_character(FILE *file, const unsigned char *p, size_t length,
                           uint32_t character)
{
    if (length == 0)
        fprintf(file, "\\\\x%02x", *p);
    else if (character == '"' || character == '\\')
        fprintf(file, "\\%c", (char)character);
    else if (character < 0x10000 && !is_printable(character))
        fprintf(file, "\\u%04x", (unsigned)character);
    else
        fwrite(p, 1, length, file);
}

void escape_json(FILE *file, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    fputc('"', file);
    while (*p != '\0') {
        uint32_t character;
        size_t length = decode(p, &character);
        json_character(file, p, length, character);
        p += length != 0 ? length : 1;
    }
    fputc('"', file);
}
