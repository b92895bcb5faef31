/* SPDX-License-Identifier: MIT */
/*
 * Lua as a live image: the distribution's interpreter, unchanged, with all of its state
 * in a heap that survives.
 *
 *     lua-live [-it] IMAGE [SCRIPT [ARGUMENT…]]
 *
 * goes on with the state in IMAGE, runs the script, or without one what is typed at the
 * prompt. With -i the image is made when missing, and committed to when all has been run;
 * otherwise only save() writes. With -t the contents of IMAGE are trusted, not verified:
 * it is then mapped, and read where it is used. A template for other interpreters; what
 * they need:
 *
 * 1. The interpreter takes its memory from a function of ours, and that from the heap.
 * 2. A root in the heap leads to what is to be found again.
 * 3. The heap holds addresses of functions and static data: the program is linked -static
 *    -no-pie, so that these do not change, and other builds are refused (`same_build`),
 *    as is a process in which they lie elsewhere.
 * 4. It is saved when no C function of the interpreter is being run. Here chunks are run
 *    as coroutines, and save() yields: so a chunk can be saved in its midst.
 * 5. After a restore, what led out of the heap is put right: the allocator's context,
 *    and open files, which are closed for Lua.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <sfpm/sfpm.h>

#include "lua-prompt.h"

#define ROOT "session"

/* Lies in the heap: what a new process needs to go on. */
typedef struct session {
    lua_State *lua;
    lua_State *chunk; /* the coroutine of the chunk that is being run, or NULL */
} session_t;

/* What a chunk asks for by yielding. */
typedef enum request { NOTHING, SAVE, REVERT } request_t;

static struct {
    const char *file;
    sfpm_snapshot_t *snapshot;
    sfpm_heap_t *heap;
    session_t *session;
    FILE **files; /* open in this process, while it goes back */
    size_t num_files;
    request_t request;
    bool deferred; /* a commit is due when the chunk has ended */
    char message[256];
} live;

static const char files_key; /* in the registry: open files, in a table with weak keys */

static bool complain(const char *text)
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

/* Does something to each open file of Lua but standard input, output and error, which are
 * static in the C library, and so in every process where they were. */
static void each_file(lua_State *lua, void (*act)(luaL_Stream *stream))
{
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &files_key);
    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
        luaL_Stream *stream = lua_touserdata(lua, -2);
        if (stream->closef && stream->f != stdin && stream->f != stdout &&
            stream->f != stderr)
            act(stream);
    }
    lua_pop(lua, 1);
}

/* FILEs lie in the C library's memory, and those of another process are no more. */
static void forget_file(luaL_Stream *stream)
{
    stream->closef = NULL; /* closed, as far as Lua knows */
}

static void note_file(luaL_Stream *stream)
{
    FILE **files = realloc(live.files, (live.num_files + 1) * sizeof *files);
    if (!files)
        return;
    live.files = files;
    files[live.num_files++] = stream->f;
}

static bool find_session(void)
{
    live.session = sfpm_heap_root(live.heap, ROOT);
    if (!live.session)
        return sfpm_refuse("%s: the image holds no session of lua-live", live.file);
    lua_setallocf(live.session->lua, lua_memory, live.heap);
    each_file(live.session->lua, forget_file);
    return true;
}

static bool restore(bool trust)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .mode = trust ? SFPM_RESTORE_LAZY_UNVERIFIED
                                                          : SFPM_RESTORE_AUTO};
    return sfpm_heap_restore(live.heap, live.file, &options) && find_session();
}

/* Back to what this process last restored or committed. Files that Lua knows of no more
 * are closed when that has succeeded. */
static bool revert(void)
{
    each_file(live.session->lua, note_file);
    bool ok = sfpm_snapshot_revert(live.snapshot) && find_session();
    while (live.num_files > 0) {
        FILE *file = live.files[--live.num_files];
        if (ok)
            fclose(file);
    }
    free(live.files);
    live.files = NULL;
    return ok;
}

static bool commit(const char *message)
{
    const sfpm_commit_options_t options = {.struct_size = sizeof options,
                                           .message = message};
    fflush(NULL);
    return sfpm_snapshot_commit(live.snapshot, live.file, &options) ||
           complain(sfpm_last_error());
}

/* ---- What Lua programs get ---- */

static bool may_yield(lua_State *lua)
{
    return lua == live.session->chunk && lua_isyieldable(lua);
}

/* save([message]): "saved" when it was; "restored" when it returns once more, from the
 * image; "deferred" when it will be at the end of the chunk. */
static int lua_save(lua_State *lua)
{
    const char *message = luaL_optstring(lua, 1, "");
    snprintf(live.message, sizeof live.message, "%s", message);
    if (may_yield(lua)) {
        live.request = SAVE;
        return lua_yield(lua, 0);
    }
    if (!live.deferred)
        complain("save() was called across a C function or in a coroutine; "
                 "it takes effect when the chunk has ended");
    live.deferred = true;
    lua_pushliteral(lua, "deferred");
    return 1;
}

/* revert(): goes back to the state that this process last restored or committed. What
 * called save() then goes on there. */
static int lua_revert(lua_State *lua)
{
    if (!may_yield(lua))
        return luaL_error(lua, "revert() was called across a C function or in a "
                               "coroutine; call it from the chunk itself");
    live.request = REVERT;
    return lua_yield(lua, 0);
}

static void add_line(luaL_Buffer *text, const sfpm_commit_info_t *info)
{
    char line[64];
    char when[32];
    time_t seconds = (time_t)info->seconds;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    snprintf(line, sizeof line, "%llu  %s  ", (unsigned long long)info->number, when);
    luaL_addstring(text, line);
    luaL_addstring(text, info->message);
    luaL_addchar(text, '\n');
}

/* history(): the commits of the image, a line for each, the newest first. */
static int lua_history(lua_State *lua)
{
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    sfpm_image_t *image = sfpm_image_open(live.file, NULL);
    if (!image && sfpm_last_status() != SFPM_ERR_NOT_FOUND)
        return luaL_error(lua, "%s", sfpm_last_error());
    uint64_t number = image ? sfpm_image_info(image)->commits : 0;
    uint64_t first = image ? sfpm_image_info(image)->first : 1;
    for (; number >= first && sfpm_image_select(image, (int64_t)number); number--)
        add_line(&text, sfpm_image_commit_info(image));
    sfpm_image_close(image);
    if (number >= first)
        return luaL_error(lua, "%s", sfpm_last_error());
    luaL_pushresult(&text);
    return 1;
}

/* Calls the function that it stands for, and notes the files among the results. */
static int note_files(lua_State *lua)
{
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    int results = lua_gettop(lua);
    luaL_checkstack(lua, 3, NULL);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &files_key);
    for (int i = 1; i <= results; i++)
        if (luaL_testudata(lua, i, LUA_FILEHANDLE)) {
            lua_pushvalue(lua, i);
            lua_pushboolean(lua, true);
            lua_rawset(lua, -3);
        }
    lua_settop(lua, results);
    return results;
}

static void watch_files(lua_State *lua)
{
    static const char *const openers[] = {"open",  "popen", "tmpfile",
                                          "lines", "input", "output"};
    lua_newtable(lua);
    lua_newtable(lua);
    lua_pushliteral(lua, "k");
    lua_setfield(lua, -2, "__mode");
    lua_setmetatable(lua, -2);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &files_key);
    lua_getglobal(lua, "io");
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        lua_getfield(lua, -1, openers[i]);
        lua_pushcclosure(lua, note_files, 1);
        lua_setfield(lua, -2, openers[i]);
    }
    lua_pop(lua, 1);
}

static int set_up(lua_State *lua)
{
    luaL_openlibs(lua);
    /* Old objects are not marked again and again: their pages need not be committed. */
    lua_gc(lua, LUA_GCGEN, 0, 0);
    watch_files(lua);
    lua_register(lua, "save", lua_save);
    lua_register(lua, "revert", lua_revert);
    lua_register(lua, "history", lua_history);
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

/* ---- Running chunks ---- */

/* Does what the chunk asks for; then it goes on, if there is one still. */
static bool answer(request_t request)
{
    static const char *const words[] = {"nothing", "saved", "restored"};
    bool ok = request == SAVE ? commit(live.message) : revert();
    if (request == REVERT && !ok)
        return complain(sfpm_last_error());
    if (live.session->chunk)
        lua_pushstring(live.session->chunk, ok ? words[request] : "failed");
    return true;
}

static bool report(lua_State *chunk)
{
    lua_State *lua = live.session->lua;
    const char *text = lua_tostring(chunk, -1);
    luaL_traceback(lua, chunk, text ? text : "an error that is no text", 0);
    complain(lua_tostring(lua, -1));
    lua_resetthread(chunk);
    return false;
}

/* Prints what a chunk returned, as the prompt does. */
static void print_results(lua_State *chunk, int count)
{
    lua_State *lua = live.session->lua;
    lua_checkstack(lua, count + 1);
    lua_getglobal(lua, "print");
    lua_xmove(chunk, lua, count);
    if (lua_pcall(lua, count, 0, 0) != LUA_OK)
        complain(lua_tostring(lua, -1));
}

static bool end_chunk(bool ok, int count, bool print)
{
    session_t *session = live.session;
    if (ok && print && count > 0)
        print_results(session->chunk, count);
    session->chunk = NULL;
    lua_settop(session->lua, 0);
    if (live.deferred) {
        live.deferred = false;
        ok = commit(live.message) && ok;
    }
    return ok;
}

/* Runs the session's chunk to its end; `count` values for it are on its stack. */
static bool run(int count, bool print)
{
    for (;;) {
        int results = 0;
        lua_State *chunk = live.session->chunk;
        int status = lua_resume(chunk, live.session->lua, count, &results);
        if (status != LUA_YIELD)
            return end_chunk(status == LUA_OK || report(chunk), results, print);
        request_t request = live.request;
        live.request = NOTHING;
        if (request == NOTHING) {
            lua_pushliteral(chunk, "attempt to yield from outside a coroutine");
            return end_chunk(report(chunk), 0, false);
        }
        if (!answer(request))
            return end_chunk(false, 0, false);
        if (!live.session->chunk)
            return true; /* the state gone back to was at rest */
        count = 1;
    }
}

/* The function on Lua's stack, and the `count` values above it, become the chunk. */
static void begin(int count)
{
    lua_State *lua = live.session->lua;
    lua_State *chunk = lua_newthread(lua);
    lua_insert(lua, 1); /* stays on this stack, and is no garbage */
    lua_xmove(lua, chunk, count + 1);
    live.session->chunk = chunk;
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
    begin(count - 1);
    return run(count - 1, false);
}

/* ---- The prompt ---- */

static bool prompt(void)
{
    int status;
    bool ok = true;
    bool on_terminal = isatty(STDIN_FILENO);
    while (prompt_read(live.session->lua, on_terminal, &status)) {
        lua_State *lua = live.session->lua;
        if (status == LUA_OK) {
            lua_replace(lua, 1);
            lua_settop(lua, 1);
            begin(0);
            ok = run(0, true);
        } else {
            ok = complain(lua_tostring(lua, -1));
        }
    }
    if (on_terminal)
        putchar('\n');
    lua_settop(live.session->lua, 0);
    return on_terminal || ok;
}

/* ---- The program ---- */

static bool start(bool may_make, bool trust)
{
    if (!make_heap())
        return false;
    if (restore(trust))
        return true;
    return may_make && sfpm_last_status() == SFPM_ERR_NOT_FOUND && new_session();
}

/* A chunk that called save() returns from it again. */
static bool go_on(void)
{
    if (!live.session->chunk)
        return true;
    lua_pushliteral(live.session->chunk, "restored");
    return run(1, false);
}

static int usage(void)
{
    fprintf(stderr, "usage: lua-live [-it] IMAGE [SCRIPT [ARGUMENT...]]\n");
    return 2;
}

int main(int argc, char **argv)
{
    bool in_place = false;
    bool trust = false;
    int option;
    opterr = 0;
    while ((option = getopt(argc, argv, "+it")) != -1)
        if (option == 'i')
            in_place = true;
        else if (option == 't')
            trust = true;
        else
            return usage();
    if (optind == argc)
        return usage();
    live.file = argv[optind++];
    if (!start(in_place, trust)) {
        complain(sfpm_last_error());
        return EXIT_FAILURE;
    }
    bool ok = go_on();
    if (optind == argc)
        ok = prompt();
    else
        ok = ok && run_script(argc - optind, argv + optind);
    if (in_place && (ok || optind == argc))
        ok = commit("") && ok;
    return fflush(stdout) == 0 && ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
