/* SPDX-License-Identifier: MIT */
/*
 * A list of words, as it might come from anywhere: it knows nothing of sfpm. For
 * adopted.sh, which compiles it with -include sfpm/malloc.h. With PLAIN its static data
 * holds no address of itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void adopted_add(const char *text);
void adopted_print(void);
const void *adopted_here(void);

typedef struct word {
    struct word *next;
    char *text;
} word_t;

/* Names that are mapped are names of members and values, too. */
typedef struct allocator {
    void *(*malloc)(size_t size);
    void (*free)(void *block);
} allocator_t;

static word_t *first;
#ifndef PLAIN
static word_t **last = &first;
static allocator_t allocator = {malloc, free};
#endif
static unsigned long count = 1000; /* in .data … */
#ifndef PLAIN
static unsigned long *counter = &count; /* … an address of the module's own data … */
#endif
static size_t *lengths; /* … and in .bss */
static char longest[100];

/* An address in this module: outside, that of a function may be one in the program. */
const void *adopted_here(void)
{
    return &count;
}

void adopted_add(const char *text)
{
#ifdef PLAIN
    allocator_t allocator = {malloc, free};
    unsigned long *counter = &count;
    word_t **last = &first;
    while (*last)
        last = &(*last)->next;
#endif
    word_t *word = allocator.malloc(sizeof *word);
    char *scratch = calloc(2, strlen(text) + 1);
    lengths = realloc(lengths, (count - 999) * sizeof *lengths);
    if (!word || !scratch || !lengths)
        abort();
    strcpy(scratch, text);
    *word = (word_t){NULL, strdup(scratch)};
    allocator.free(scratch);
    *last = word;
#ifndef PLAIN
    last = &word->next;
#endif
    lengths[count - 1000] = strlen(text);
    if (strlen(text) > strlen(longest))
        strncpy(longest, text, sizeof longest - 1);
    ++*counter;
}

void adopted_print(void)
{
    size_t i = 0;
    for (const word_t *word = first; word; word = word->next)
        printf("%s/%zu ", word->text, lengths[i++]);
    printf("%lu %s\n", count - 1000, longest);
}
