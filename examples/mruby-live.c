/* SPDX-License-Identifier: MIT */
/*
 * Ruby as a live image: mruby, unchanged, in a heap that survives.
 *
 *     mruby-live IMAGE [SCRIPT]
 *
 * goes on with the state in IMAGE, which is made when missing, and runs the script, or
 * each line of standard input. After each it commits. Files are to be closed before: in
 * another process those that Ruby takes for open are not, but for 0, 1 and 2.
 * examples/lua-live.c says more.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mruby.h>
#include <mruby/compile.h>

#include <sfpm/sfpm.h>

/* Lies in the heap: what a new process needs to go on. */
typedef struct session {
    mrb_state *ruby;
    mrbc_context *context; /* local variables of the outermost level */
} session_t;

static void *ruby_memory(mrb_state *ruby, void *block, size_t size, void *heap)
{
    (void)ruby;
    if (size)
        return sfpm_heap_realloc(heap, block, size);
    sfpm_heap_free(heap, block);
    return NULL;
}

static session_t *new_session(sfpm_heap_t *heap)
{
    session_t *session = sfpm_heap_calloc(heap, 1, sizeof *session);
    if (!session || !sfpm_heap_set_root(heap, "session", session))
        return NULL;
    session->ruby = mrb_open_allocf(ruby_memory, heap);
    if (session->ruby)
        session->context = mrbc_context_new(session->ruby);
    return session->context ? session : NULL;
}

static session_t *start(sfpm_heap_t *heap, const char *file)
{
    if (sfpm_heap_restore(heap, file, NULL)) {
        session_t *session = sfpm_heap_root(heap, "session");
        if (session)
            session->ruby->allocf_ud = heap;
        return session;
    }
    return sfpm_last_status() == SFPM_ERR_NOT_FOUND ? new_session(heap) : NULL;
}

/* Runs one piece; whether it raised an exception, which is printed. */
static bool run(session_t *session, const char *text, size_t length)
{
    mrb_state *ruby = session->ruby;
    int arena = mrb_gc_arena_save(ruby);
    mrb_load_nstring_cxt(ruby, text, length, session->context);
    bool ok = !ruby->exc;
    if (!ok)
        mrb_print_error(ruby);
    ruby->exc = NULL;
    mrb_gc_arena_restore(ruby, arena);
    return ok;
}

/* The whole script, or one line after the other. */
static bool work(session_t *session, sfpm_snapshot_t *snapshot, const char *file,
                 const char *script)
{
    FILE *input = script ? fopen(script, "r") : stdin;
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    bool ok = input;
    while (ok && (length = getdelim(&text, &room, script ? '\0' : '\n', input)) > 0) {
        ok = run(session, text, (size_t)length) || !script;
        fflush(stdout);
        if (ok && !sfpm_snapshot_commit(snapshot, file, NULL)) {
            fprintf(stderr, "mruby-live: %s\n", sfpm_last_error());
            ok = false;
        }
    }
    free(text);
    if (input && script)
        fclose(input);
    return ok;
}

int main(int argc, char **argv)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .same_build = true};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: mruby-live IMAGE [SCRIPT]\n");
        return 2;
    }
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t *heap = sfpm_heap_create("mruby", &options);
    session_t *session = NULL;
    if (heap && snapshot && sfpm_heap_add_to_snapshot(heap, snapshot))
        session = start(heap, argv[1]);
    if (!session)
        fprintf(stderr, "mruby-live: %s: %s\n", argv[1], sfpm_last_error());
    bool ok = session && work(session, snapshot, argv[1], argv[2]);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
