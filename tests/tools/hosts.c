/* SPDX-License-Identifier: MIT */
/*
 * Addresses of the program and its libraries in a heap, for heap-hosts.sh.
 *
 *     hosts save FILE      saves a heap with such addresses
 *     hosts restore FILE   restores it, and compares them with those of this process
 *     hosts move FILE      the same where the heap's own place is taken
 *
 * With "raw-" before the word the type does not tell that they are addresses. Prints the
 * addresses of this process, one a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/sfpm.h>

enum { SYMBOL, PROGRAM, LIBRARY, LIBC, ADDRESSES };

typedef struct object {
    struct object *self;
    uintptr_t addresses[ADDRESSES];
} object_t;

static int registered(void)
{
    return 42;
}

static int not_registered(void)
{
    return 43;
}

static const object_t here = {NULL,
                              {(uintptr_t)registered, (uintptr_t)not_registered,
                               (uintptr_t)sfpm_heap_create, (uintptr_t)qsort}};

static bool fail(const char *what)
{
    fprintf(stderr, "hosts: %s\n", what);
    return false;
}

static uint32_t set_up(sfpm_heap_t *heap, bool raw)
{
    enum { AT = offsetof(object_t, addresses), WORD = sizeof(uintptr_t) };
    static const size_t pointers[] = {offsetof(object_t, self)};
    static const size_t hosts[] = {AT, AT + WORD, AT + 2 * WORD, AT + 3 * WORD};
    const sfpm_heap_type_t type = {.struct_size = sizeof type,
                                   .name = "object",
                                   .size = sizeof(object_t),
                                   .pointers = pointers,
                                   .num_pointers = 1,
                                   .hosts = hosts,
                                   .num_hosts = raw ? 0 : ADDRESSES};
    const void *symbol;
    memcpy(&symbol, &here.addresses[SYMBOL], sizeof symbol);
    return sfpm_heap_register_symbol(heap, "registered", symbol)
               ? sfpm_heap_register_type(heap, &type)
               : 0;
}

static bool save(sfpm_heap_t *heap, sfpm_snapshot_t *snapshot, uint32_t type,
                 const char *file)
{
    object_t *object = sfpm_heap_alloc_type(heap, type, 1);
    if (!object || !sfpm_heap_set_root(heap, "object", object))
        return fail(sfpm_last_error());
    *object = here;
    object->self = object;
    return sfpm_snapshot_save(snapshot, file) || fail(sfpm_last_error());
}

static bool restore(sfpm_heap_t *heap, const char *file)
{
    int (*function)(void);
    if (!sfpm_heap_restore(heap, file, NULL))
        return fail(sfpm_last_error());
    const object_t *object = sfpm_heap_root(heap, "object");
    if (!object || object->self != object)
        return fail("the object is not whole");
    for (int i = 0; i < ADDRESSES; i++)
        if (object->addresses[i] != here.addresses[i])
            return fail("an address is not the one of this process");
    memcpy((void *)&function, &object->addresses[PROGRAM], sizeof function);
    return function() == 43 || fail("it is another function");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    bool raw = strncmp(argv[1], "raw-", 4) == 0;
    const char *what = raw ? argv[1] + 4 : argv[1];
    sfpm_heap_t *holder = strcmp(what, "move") ? NULL : sfpm_heap_create("h", NULL);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t *heap = sfpm_heap_create("h", NULL);
    uint32_t type = heap && snapshot && sfpm_heap_add_to_snapshot(heap, snapshot)
                        ? set_up(heap, raw)
                        : 0;
    bool ok = type ? strcmp(what, "save") ? restore(heap, argv[2])
                                          : save(heap, snapshot, type, argv[2])
                   : fail(sfpm_last_error());
    for (int i = 0; i < ADDRESSES; i++)
        printf("%#zx\n", (size_t)here.addresses[i]);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    sfpm_heap_destroy(holder);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
