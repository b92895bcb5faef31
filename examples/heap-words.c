/* SPDX-License-Identifier: MIT */
/*
 * heap-words IMAGE WORD...: counts words, and in every run those of the runs before. They
 * are in a hash table of uthash.h, and in a tree of BSD's sys/tree.h for their order.
 * Neither knows of sfpm: both have their memory in a heap, whose types say where the
 * pointers are, so that they go on after a restart at whatever address. With
 * HEAP_WORDS_TAKEN in the environment something else lies where the heap was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_include)
#if __has_include(<uthash.h>) && __has_include(<bsd/sys/tree.h>)
#define HAVE_HEADERS
#endif
#endif

#ifndef HAVE_HEADERS
int main(void)
{
    fputs("heap-words: built without uthash.h and bsd/sys/tree.h\n", stderr);
    return 77;
}
#else

#include <sfpm/sfpm.h>

static void *table_alloc(size_t size);
static void table_free(void *block);
#define uthash_malloc(size)      table_alloc(size)
#define uthash_free(block, size) table_free(block)
#include <bsd/sys/tree.h>
#include <uthash.h>

static sfpm_heap_t *heap;
static uint32_t type_table, type_buckets, type_word, type_book;

typedef struct word {
    UT_hash_handle hh;
    RB_ENTRY(word) tree;
    char *text;
    unsigned count;
} word_t;

RB_HEAD(words, word);

typedef struct book {
    word_t *table;
    struct words tree;
} book_t;

static int compare(const word_t *a, const word_t *b)
{
    return strcmp(a->text, b->text);
}

RB_PROTOTYPE(words, word, tree, compare)
RB_GENERATE(words, word, tree, compare)

/* uthash asks for a table, and for rows of buckets: at least 32. */
static void *table_alloc(size_t size)
{
    if (size == sizeof(UT_hash_table))
        return sfpm_heap_alloc_type(heap, type_table, 1);
    return sfpm_heap_alloc_type(heap, type_buckets, size / sizeof(UT_hash_bucket));
}

static void table_free(void *block)
{
    sfpm_heap_free(heap, block);
}

static uint32_t add_type(const char *name, size_t size, const size_t *pointers,
                         size_t count)
{
    const sfpm_heap_type_t type = {.struct_size = sizeof type,
                                   .name = name,
                                   .size = size,
                                   .pointers = pointers,
                                   .num_pointers = count};
    return sfpm_heap_register_type(heap, &type);
}

static bool add_types(void)
{
    static const size_t table[] = {offsetof(UT_hash_table, buckets),
                                   offsetof(UT_hash_table, tail)};
    static const size_t bucket[] = {offsetof(UT_hash_bucket, hh_head)};
    static const size_t word[] = {
        offsetof(word_t, hh.tbl),          offsetof(word_t, hh.prev),
        offsetof(word_t, hh.next),         offsetof(word_t, hh.hh_prev),
        offsetof(word_t, hh.hh_next),      offsetof(word_t, hh.key),
        offsetof(word_t, tree.rbe_left),   offsetof(word_t, tree.rbe_right),
        offsetof(word_t, tree.rbe_parent), offsetof(word_t, text)};
    static const size_t book[] = {offsetof(book_t, table), offsetof(book_t, tree)};
    type_table = add_type("table", sizeof(UT_hash_table), table, 2);
    type_buckets = add_type("buckets", sizeof(UT_hash_bucket), bucket, 1);
    type_word = add_type("word", sizeof(word_t), word, 10);
    type_book = add_type("book", sizeof(book_t), book, 2);
    return type_table && type_buckets && type_word && type_book;
}

static bool count_word(book_t *book, const char *text)
{
    word_t *word;
    HASH_FIND_STR(book->table, text, word);
    if (!word) {
        word = sfpm_heap_alloc_type(heap, type_word, 1);
        if (!word)
            return false;
        word->text = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, strlen(text) + 1);
        if (!word->text)
            return false;
        strcpy(word->text, text);
        HASH_ADD_KEYPTR(hh, book->table, word->text, strlen(text), word);
        RB_INSERT(words, &book->tree, word);
    }
    word->count++;
    return true;
}

/* The words in order; each is in the table as well, and neither has more. */
static bool print_words(book_t *book)
{
    word_t *word, *found;
    unsigned count = 0;
    RB_FOREACH(word, words, &book->tree)
    {
        HASH_FIND_STR(book->table, word->text, found);
        if (found != word)
            return false;
        printf("%u %s\n", word->count, word->text);
        count++;
    }
    return count == HASH_COUNT(book->table);
}

static bool work(sfpm_snapshot_t *snapshot, const char *image, char **words)
{
    if (!sfpm_heap_add_to_snapshot(heap, snapshot) || !add_types())
        return false;
    if (!sfpm_heap_restore(heap, image, NULL) && sfpm_last_status() != SFPM_ERR_NOT_FOUND)
        return false;
    book_t *book = sfpm_heap_root(heap, "book");
    if (!book) {
        book = sfpm_heap_alloc_type(heap, type_book, 1);
        if (!book || !sfpm_heap_set_root(heap, "book", book))
            return false;
    }
    fprintf(stderr, "heap at %p\n", (void *)book);
    for (; *words; words++)
        if (!count_word(book, *words))
            return false;
    return print_words(book) && sfpm_snapshot_commit(snapshot, image, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: heap-words IMAGE WORD...\n", stderr);
        return 2;
    }
    sfpm_heap_t *other =
        getenv("HEAP_WORDS_TAKEN") ? sfpm_heap_create("words", NULL) : NULL;
    heap = sfpm_heap_create("words", NULL);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = heap && snapshot && work(snapshot, argv[1], argv + 2);
    if (!ok)
        fprintf(stderr, "heap-words: %s\n", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    sfpm_heap_destroy(other);
    return ok ? 0 : 1;
}
#endif
