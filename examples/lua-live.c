/* SPDX-License-Identifier: MIT */
/*
 * Lua as a live image: the distribution's interpreter, unchanged, with all of its state
 * in a heap that survives.
 *
 *     lua-live [-it] [--keep N] IMAGE[@N] [SCRIPT [ARGUMENT…]]
 *
 * goes on with the state in IMAGE, or in its commit N, runs the script, or without one
 * what is typed at the prompt. With -i the image is made when missing, and committed to
 * when all has been run; otherwise only save() writes. With -t the contents of IMAGE are
 * trusted, not verified: it is then mapped, and read where it is used. A template for
 * other interpreters; what they need:
 *
 * 1. The interpreter takes its memory from a function of ours, and that from the heap.
 * 2. A root in the heap leads to what is to be found again.
 * 3. The heap holds addresses of functions and static data: the program is linked -static
 *    -no-pie, so that these do not change, and other builds are refused (`same_build`),
 *    as is a process in which they lie elsewhere.
 * 4. It is saved when no C function of the interpreter is being run. Here the main state
 *    runs chunks by lua_resume(), and save() yields: so a chunk can be saved in its
 *    midst. lua-library.c hides this from Lua programs.
 * 5. After a restore, what led out of the heap is put right: the allocator's context,
 *    and open files, which are closed for Lua.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "lua-live.h"
#include "lua-prompt.h"

#define ROOT "session"

enum { REVERTS_MAX = 10000 /* in a row, without anything saved */ };

live_t live;
static FILE **files; /* open in this process, while it goes back */
static size_t num_files;

bool complain(const char *text)
{
    fflush(stdout);
    fprintf(stderr, "lua-live: %s\n", text);
    return false;
}

/* ---- The heap ---- */

static void *lua_memory(void *heap, void *block, size_t old_size, size_t size)
{
    (void)old_size;
    if (size)
        return sfpm_heap_realloc(heap, block, size);
    sfpm_heap_free(heap, block);
    return NULL;
}

static bool make_heap(void)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .same_build = true};
    live.snapshot = sfpm_snapshot_create();
    live.heap = sfpm_heap_create("lua", &options);
    return live.snapshot && live.heap &&
           sfpm_heap_add_to_snapshot(live.heap, live.snapshot);
}

/* FILEs lie in the C library's memory, and those of another process are no more. */
static void forget_file(luaL_Stream *stream)
{
    stream->closef = NULL; /* closed, as far as Lua knows */
}

static void note_file(luaL_Stream *stream)
{
    FILE **larger = realloc(files, (num_files + 1) * sizeof *files);
    if (!larger)
        return;
    files = larger;
    files[num_files++] = stream->f;
}

static bool find_session(void)
{
    live.session = sfpm_heap_root(live.heap, ROOT);
    if (!live.session)
        return sfpm_refuse("%s: the image holds no session of lua-live", live.file);
    lua_setallocf(live.session->lua, lua_memory, live.heap);
    library_each_file(live.session->aside, forget_file);
    return true;
}

static bool restore(bool trust)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .commit = live.number,
                                            .mode = trust ? SFPM_RESTORE_LAZY_UNVERIFIED
                                                          : SFPM_RESTORE_AUTO};
    return sfpm_heap_restore(live.heap, live.file, &options) && find_session();
}

/* Back to what this process last restored or committed. Files that Lua knows of no more
 * are closed when that has succeeded. */
static bool revert(void)
{
    library_each_file(live.session->aside, note_file);
    bool ok = sfpm_snapshot_revert(live.snapshot) && find_session();
    while (num_files > 0) {
        FILE *file = files[--num_files];
        if (ok)
            fclose(file);
    }
    free(files);
    files = NULL;
    return ok;
}

/* The generational collector leaves old objects as they are. After much allocation Lua
 * collects incrementally for a while, each time with other marks in all objects, and so
 * on all pages; asked for it, it is generational again. */
static void settle_marks(void)
{
    if (lua_gc(live.session->aside, LUA_GCGEN, 0, 0) == LUA_GCINC)
        lua_gc(live.session->aside, LUA_GCINC, 0, 0, 0); /* as the program wanted it */
}

static bool commit(const char *message)
{
    const sfpm_commit_options_t options = {.struct_size = sizeof options,
                                           .message = message,
                                           .keep = live.keep,
                                           .on_top = live.number != 0};
    settle_marks();
    fflush(NULL);
    return sfpm_snapshot_commit(live.snapshot, live.file, &options) ||
           complain(sfpm_last_error());
}

/* ---- A new session ---- */

static int set_up(lua_State *lua)
{
    session_t *session = live.session;
    session->aside = lua_newthread(lua);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, session);
    lua_gc(lua, LUA_GCGEN, 0, 0);
    library_open(lua);
    return 0;
}

/* Out of memory where no chunk is being run. The image is as it was. */
static int panic(lua_State *lua)
{
    const char *text = lua_tostring(lua, -1);
    complain(text ? text : "an error that is no text");
    exit(EXIT_FAILURE);
}

static bool new_session(void)
{
    session_t *session = sfpm_heap_calloc(live.heap, 1, sizeof *session);
    if (!session || !sfpm_heap_set_root(live.heap, ROOT, session))
        return false;
    session->lua = lua_newstate(lua_memory, live.heap);
    if (!session->lua)
        return sfpm_refuse("no memory for Lua");
    lua_atpanic(session->lua, panic);
    live.session = session;
    lua_pushcfunction(session->lua, set_up);
    return lua_pcall(session->lua, 0, 0, 0) == LUA_OK ||
           sfpm_refuse("%s", lua_tostring(session->lua, -1));
}

/* ---- Ctrl-C, which ends the chunk, as in lua(1) ---- */

static lua_State *volatile running;
static volatile sig_atomic_t interrupted;

static void stop(lua_State *lua, lua_Debug *where)
{
    (void)where;
    lua_sethook(lua, NULL, 0, 0);
    interrupted = 0;
    luaL_error(lua, "interrupted!");
}

static void stop_soon(lua_State *lua)
{
    lua_sethook(lua, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void on_interrupt(int number)
{
    if (interrupted) { /* for the second time */
        signal(number, SIG_DFL);
        raise(number);
    }
    interrupted = 1;
    if (running)
        stop_soon(running);
}

static int resume(int count, int *results)
{
    lua_State *lua = live.session->lua;
    running = lua;
    if (interrupted) /* while it was saved */
        stop_soon(lua);
    int status = lua_resume(lua, NULL, count, results);
    running = NULL;
    if (lua_gethook(lua) == stop)
        lua_sethook(lua, NULL, 0, 0);
    return status;
}

/* ---- Running chunks ---- */

static bool failed; /* the chunk, with an error */

/* Whether a chunk waits for the answer to what it asked. */
static bool waits(void)
{
    return lua_status(live.session->lua) == LUA_YIELD;
}

/* Does what the chunk asks for; then it goes on, if there is one still. */
static bool answer(request_t request)
{
    static const char *const words[] = {"nothing", "saved", "restored"};
    bool ok = request == SAVE ? commit(live.message) : revert();
    if (request == REVERT && !ok)
        return complain(sfpm_last_error());
    if (waits())
        lua_pushstring(live.session->lua, ok ? words[request] : "failed");
    return true;
}

/* Adds to an error where it happened, as lua(1) does. */
static int add_traceback(lua_State *lua)
{
    const char *text = lua_tostring(lua, 1);
    if (!text && luaL_callmeta(lua, 1, "__tostring") && lua_isstring(lua, -1))
        return 1;
    if (!text)
        text =
            lua_pushfstring(lua, "(error object is a %s value)", luaL_typename(lua, 1));
    luaL_traceback(lua, lua, text, 1);
    return 1;
}

/* The chunk's call has ended, perhaps in another process than it began. */
static int end_call(lua_State *lua, int status, lua_KContext unused)
{
    (void)unused;
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(lua) - 1;
    failed = !complain(lua_tostring(lua, -1));
    return 0;
}

static int call(lua_State *lua)
{
    lua_pushcfunction(lua, add_traceback);
    lua_insert(lua, 1);
    int arguments = lua_gettop(lua) - 2;
    return end_call(lua, lua_pcallk(lua, arguments, LUA_MULTRET, 1, 0, end_call), 0);
}

/* Prints what the chunk returned, as the prompt does. */
static void print_results(int count)
{
    lua_State *lua = live.session->lua;
    lua_getglobal(lua, "print");
    lua_insert(lua, -count - 1);
    if (lua_pcall(lua, count, 0, 0) != LUA_OK)
        complain(lua_tostring(lua, -1));
}

static bool end_chunk(bool ok)
{
    lua_resetthread(live.session->lua); /* closes its variables */
    lua_settop(live.session->lua, 0);
    if (live.deferred) {
        live.deferred = false;
        ok = commit(live.message) && ok;
    }
    return ok;
}

/* Runs what waits to its end: the chunk, given an answer, or a new one. */
static bool run(int count, bool print)
{
    failed = false;
    for (int reverts = 0;; count = 1) {
        int results = 0;
        int status = resume(count, &results);
        if (status == LUA_OK && print && results > 0)
            print_results(results);
        if (status == LUA_OK)
            return end_chunk(!failed);
        if (status != LUA_YIELD)
            return end_chunk(complain("no memory for what has to be done"));
        live.over = live.request == EXIT;
        reverts = live.request == REVERT ? reverts + 1 : 0;
        if (reverts == REVERTS_MAX)
            return end_chunk(complain(
                "revert() went back to the same commit 10000 times, and it would do so "
                "for ever: when save() returns \"restored\", go on in another way"));
        if (live.over && !live.closes && !live.in_place && !live.deferred)
            return true; /* as in lua(1), what it leaves is not closed: nothing keeps it */
        if (live.over || !answer(live.request))
            return end_chunk(live.over);
        if (!waits())
            return true; /* the state gone back to was at rest */
    }
}

/* The function on the stack, and the `count` values above it, become the chunk. */
static bool run_chunk(int count, bool print)
{
    lua_pushcfunction(live.session->lua, call);
    lua_insert(live.session->lua, -count - 2);
    return run(count + 1, print);
}

static bool run_script(int count, char **arguments)
{
    lua_State *lua = live.session->lua;
    if (luaL_loadfile(lua, arguments[0]) != LUA_OK) {
        complain(lua_tostring(lua, -1));
        lua_settop(lua, 0);
        return false;
    }
    luaL_checkstack(lua, count + 3, "too many arguments");
    lua_createtable(lua, count, 1);
    for (int i = 0; i < count; i++) {
        lua_pushstring(lua, arguments[i]);
        lua_rawseti(lua, -2, i);
    }
    lua_setglobal(lua, "arg");
    for (int i = 1; i < count; i++)
        lua_pushstring(lua, arguments[i]);
    return run_chunk(count - 1, false);
}

/* ---- The prompt ---- */

static bool prompt(void)
{
    int status;
    bool ok = true;
    bool on_terminal = isatty(STDIN_FILENO);
    while (!live.over) {
        bool any = prompt_read(live.session->lua, on_terminal, &status);
        if (interrupted)
            ok = complain("interrupted!");
        else if (!any)
            break;
        else if (status == LUA_OK)
            ok = run_chunk(0, true);
        else
            ok = complain(lua_tostring(live.session->lua, -1));
        interrupted = 0;
    }
    if (on_terminal && !live.over)
        putchar('\n');
    lua_settop(live.session->lua, 0);
    return on_terminal || ok;
}

/* ---- The program ---- */

/* FILE@N; a file of exactly that name takes precedence. */
static void take_name(char *name)
{
    char *end;
    char *at = strrchr(name, '@');
    live.file = name;
    if (!at || at == name || access(name, F_OK) == 0)
        return;
    long long number = strtoll(at + 1, &end, 10);
    if (number == 0 || *end != '\0')
        return;
    *at = '\0';
    live.number = number;
}

static bool take_options(int argc, char **argv, bool *trust)
{
    static const struct option longer[] = {{"keep", required_argument, NULL, 'k'}, {0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+itk:", longer, NULL)) != -1)
        if (option == 'i')
            live.in_place = true;
        else if (option == 't')
            *trust = true;
        else if (option != 'k' ||
                 !sfpm_parse_number(optarg, strlen(optarg), "u64", &live.keep))
            return false;
    if (optind == argc)
        return false;
    take_name(argv[optind++]);
    return !live.number || !live.in_place;
}

static bool start(bool trust)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* reads end, too */
    sigaction(SIGINT, &action, NULL);
    if (!make_heap())
        return false;
    if (restore(trust))
        return true;
    return live.in_place && sfpm_last_status() == SFPM_ERR_NOT_FOUND && new_session();
}

/* A chunk that called save() returns from it again. */
static bool go_on(void)
{
    if (!waits())
        return true;
    lua_pushliteral(live.session->lua, "restored");
    return run(1, false);
}

int main(int argc, char **argv)
{
    bool trust = false;
    if (!take_options(argc, argv, &trust)) {
        fprintf(stderr, "usage: lua-live [-it] [--keep N] IMAGE [SCRIPT [ARGUMENT...]]\n"
                        "       IMAGE may be FILE@N, an earlier commit, without -i\n");
        return 2;
    }
    if (!start(trust)) {
        complain(sfpm_last_error());
        return EXIT_FAILURE;
    }
    bool at_prompt = optind == argc;
    bool ok = go_on();
    if (!live.over && at_prompt)
        ok = prompt();
    else if (!live.over)
        ok = ok && run_script(argc - optind, argv + optind);
    if (live.in_place && (ok || at_prompt || live.over))
        ok = commit("") && ok;
    if (fflush(stdout) != 0 || !ok)
        return EXIT_FAILURE;
    return live.status;
}
