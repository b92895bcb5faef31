/* SPDX-License-Identifier: MIT */
/*
 * What Lua programs get in lua-live beside the standard library, and what of that is
 * another here: save(), revert() and history(); os.exit(), which lets the state be
 * committed; no C modules; and the chunk, which can yield to lua-live only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lua-live.h"

static const char files_key; /* in the registry: open files, in a table with weak keys */

/* ---- The image ---- */

/* Whether the chunk itself asks, and no C function is being run: so it can be saved. */
static bool can_wait(lua_State *lua)
{
    return lua == live.session->lua && lua_isyieldable(lua);
}

static int ask(lua_State *lua, request_t request)
{
    live.request = request;
    return lua_yield(lua, 0);
}

/* save([message]): "saved" when it was; "restored" when it returns once more, from the
 * image; "deferred" when it will be at the end of the chunk. */
static int lua_save(lua_State *lua)
{
    const char *message = luaL_optstring(lua, 1, "");
    snprintf(live.message, sizeof live.message, "%s", message);
    if (can_wait(lua))
        return ask(lua, SAVE);
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
    if (can_wait(lua))
        return ask(lua, REVERT);
    return luaL_error(lua, "revert() was called across a C function or in a "
                           "coroutine; call it from the chunk itself");
}

/* os.exit([status [, close]]): ends the chunk, and lua-live, which commits with -i. */
static int lua_exit(lua_State *lua)
{
    if (lua_isboolean(lua, 1))
        live.status = lua_toboolean(lua, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        live.status = (int)luaL_optinteger(lua, 1, EXIT_SUCCESS);
    live.closes = lua_toboolean(lua, 2);
    if (can_wait(lua))
        return ask(lua, EXIT);
    if (live.in_place || live.deferred)
        complain("os.exit() was called across a C function or in a coroutine: what was "
                 "done since the last commit is lost");
    exit(live.status);
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

/* ---- Coroutines: the chunk is none, as far as Lua programs can see ---- */

static int lua_coroutine_yield(lua_State *lua)
{
    if (lua != live.session->lua)
        return lua_yield(lua, lua_gettop(lua));
    lua_pushliteral(lua, "attempt to yield from outside a coroutine");
    return lua_error(lua);
}

static int lua_coroutine_isyieldable(lua_State *lua)
{
    lua_State *of = lua_isthread(lua, 1) ? lua_tothread(lua, 1) : lua;
    lua_pushboolean(lua, of != live.session->lua && lua_isyieldable(of));
    return 1;
}

/* ---- C modules: another process would not have them at their addresses ---- */

#define NO_MODULES                                                                       \
    "C modules cannot be loaded: the image would hold their addresses, which are "       \
    "others in each process"

static int lua_loadlib(lua_State *lua)
{
    luaL_pushfail(lua);
    lua_pushliteral(lua, NO_MODULES);
    lua_pushliteral(lua, "absent");
    return 3;
}

/* Instead of loading the C module that package.cpath leads to. */
static int lua_search_c(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    lua_getfield(lua, lua_upvalueindex(1), "searchpath");
    lua_pushstring(lua, name);
    lua_getfield(lua, lua_upvalueindex(1), "cpath");
    lua_call(lua, 2, 2);
    if (lua_isnil(lua, -2))
        return 1; /* says where it was looked for */
    return luaL_error(lua, "error loading module '%s' from file '%s':\n\t%s", name,
                      lua_tostring(lua, -2), NO_MODULES);
}

/* ---- Files ---- */

void library_each_file(lua_State *lua, void (*act)(luaL_Stream *stream))
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

/* ---- All of it ---- */

static void replace(lua_State *lua, const char *library, const luaL_Reg *functions)
{
    lua_getglobal(lua, library);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
}

void library_open(lua_State *lua)
{
    static const luaL_Reg of_globals[] = {
        {"save", lua_save}, {"revert", lua_revert}, {"history", lua_history}, {0}};
    static const luaL_Reg of_os[] = {{"exit", lua_exit}, {0}};
    static const luaL_Reg of_package[] = {{"loadlib", lua_loadlib}, {0}};
    static const luaL_Reg of_coroutine[] = {
        {"yield", lua_coroutine_yield}, {"isyieldable", lua_coroutine_isyieldable}, {0}};
    luaL_openlibs(lua);
    watch_files(lua);
    replace(lua, LUA_GNAME, of_globals);
    replace(lua, LUA_OSLIBNAME, of_os);
    replace(lua, LUA_LOADLIBNAME, of_package);
    replace(lua, LUA_COLIBNAME, of_coroutine);
    lua_getglobal(lua, LUA_LOADLIBNAME);
    lua_getfield(lua, -1, "searchers");
    lua_pushvalue(lua, -2);
    lua_pushcclosure(lua, lua_search_c, 1); /* instead of both that load C modules */
    lua_rawseti(lua, -2, 3);
    lua_pushnil(lua);
    lua_rawseti(lua, -2, 4);
    lua_pop(lua, 2);
}
