/* SPDX-License-Identifier: MIT */
/*
 * Ruby as a live image: mruby, unchanged, in a heap that survives.
 *
 *     mruby-live IMAGE [SCRIPT]
 *
 * goes on with the state in IMAGE, which is made when missing, runs the script or what
 * standard input holds, and commits. What is typed on a terminal is run and committed
 * when it is complete. Files are to be closed before: in another process those that Ruby
 * takes for open are not, except 0, 1 and 2.
 * examples/lua-live.c says more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* What is read, and how far it is: more lines can follow on a terminal. */
typedef struct input {
    FILE *file;
    bool on_terminal;
    char *text;
    size_t length;
} input_t;

static bool read_more(input_t *input)
{
    char *more = NULL;
    size_t room = 0;
    if (input->on_terminal) {
        fputs(input->length > 0 ? ">> " : "> ", stdout);
        fflush(stdout);
    }
    ssize_t length =
        getdelim(&more, &room, input->on_terminal ? '\n' : '\0', input->file);
    char *text = length > 0 ? realloc(input->text, input->length + (size_t)length) : NULL;
    if (text) {
        memcpy(text + input->length, more, (size_t)length);
        input->text = text;
        input->length += (size_t)length;
    }
    free(more);
    return text != NULL;
}

static struct mrb_parser_state *parse(const session_t *session, const input_t *input)
{
    struct mrb_parser_state *parser = mrb_parser_new(session->ruby);
    if (!parser)
        return NULL;
    session->context->capture_errors = true;
    parser->s = input->text;
    parser->send = input->text + input->length;
    mrb_parser_parse(parser, session->context);
    return parser;
}

/* Whether the text ends in the midst of a statement, a string or a here-document. */
static bool is_incomplete(const struct mrb_parser_state *parser)
{
    const char *error = parser->nerr > 0 ? parser->error_buffer[0].message : "";
    return parser->parsing_heredoc || parser->lex_strterm ||
           strstr(error, "unexpected $end") || strstr(error, "unexpected end of file");
}

/* Runs what is read next. False for an exception, which is printed. */
static bool run(session_t *session, input_t *input)
{
    mrb_state *ruby = session->ruby;
    int arena = mrb_gc_arena_save(ruby);
    struct mrb_parser_state *parser = parse(session, input);
    while (parser && input->on_terminal && is_incomplete(parser) && read_more(input)) {
        mrb_parser_free(parser);
        parser = parse(session, input);
    }
    input->length = 0;
    if (parser)
        mrb_load_exec(ruby, parser, session->context);
    bool ok = parser && !ruby->exc;
    if (ruby->exc)
        mrb_print_error(ruby);
    ruby->exc = NULL;
    mrb_gc_arena_restore(ruby, arena);
    fflush(stdout);
    return ok;
}

static bool work(session_t *session, sfpm_snapshot_t *snapshot, const char *file,
                 input_t *input)
{
    bool ok = true;
    while (ok && read_more(input)) {
        ok = run(session, input) || input->on_terminal;
        if (ok && !sfpm_snapshot_commit(snapshot, file, NULL)) {
            fprintf(stderr, "mruby-live: %s\n", sfpm_last_error());
            ok = false;
        }
    }
    if (input->on_terminal)
        putchar('\n');
    free(input->text);
    return ok;
}

int main(int argc, char **argv)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .same_build = true};
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
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
    input_t input = {.file = argc > 2 ? fopen(argv[2], "r") : stdin};
    input.on_terminal = argc == 2 && isatty(STDIN_FILENO);
    if (!input.file)
        perror(argv[2]);
    bool ok = session && input.file && work(session, snapshot, argv[1], &input);
    if (input.file)
        fclose(input.file);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
