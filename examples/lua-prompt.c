/* SPDX-License-Identifier: MIT */
/* What is typed at lua-live's prompt. Nothing here knows of images. */
#include "lua-prompt.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <lauxlib.h>

#ifdef HAVE_LIBEDIT
#include <editline/readline.h>

enum { HISTORY_MAX = 1000 /* lines */ };

static lua_State *completing;
static char **matches;
static size_t num_matches;

static void add_match(const char *text, size_t length, const char *name)
{
    char **larger = realloc(matches, (num_matches + 1) * sizeof *matches);
    size_t size = length + strlen(name) + 1;
    char *match = larger ? malloc(size) : NULL;
    if (larger)
        matches = larger;
    if (!match)
        return;
    snprintf(match, size, "%.*s%s", (int)length, text, name);
    matches[num_matches++] = match;
}

/* Finds what begins as a path such as "io.wr" does. It calls nothing of the program. */
static int find_matches(lua_State *lua)
{
    const char *text = lua_touserdata(lua, 1);
    const char *name = text;
    lua_pushglobaltable(lua);
    for (size_t n; lua_istable(lua, -1) && name[n = strcspn(name, ".:")]; name += n + 1) {
        lua_pushlstring(lua, name, n);
        lua_rawget(lua, -2);
        if (!lua_istable(lua, -1)) /* the methods of a string or file */
            luaL_getmetafield(lua, -1, "__index");
    }
    if (!lua_istable(lua, -1))
        return 0;
    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
        if (lua_type(lua, -2) == LUA_TSTRING &&
            strncmp(lua_tostring(lua, -2), name, strlen(name)) == 0)
            add_match(text, (size_t)(name - text), lua_tostring(lua, -2));
    return 0;
}

static char *next_match(const char *text, int state)
{
    if (state == 0) {
        lua_pushcfunction(completing, find_matches);
        lua_pushlightuserdata(completing, (void *)(uintptr_t)text);
        if (lua_pcall(completing, 1, 0, 0) != LUA_OK)
            lua_pop(completing, 1);
    }
    if (num_matches > 0)
        return matches[--num_matches];
    free(matches);
    matches = NULL;
    return NULL;
}

static char **complete(const char *text, int start, int end)
{
    (void)start, (void)end;
    rl_attempted_completion_over = 1; /* no names of files */
    rl_completion_append_character = '\0';
    return rl_completion_matches(text, next_match);
}

/* The file of earlier lines; NULL when there is no place for it. */
static const char *history_file(void)
{
    static char path[4096];
    const char *home = getenv("HOME");
    if (!home ||
        snprintf(path, sizeof path, "%s/.lua_live_history", home) >= (int)sizeof path)
        return NULL;
    return path;
}

static char *edit_line(lua_State *lua, const char *prompt)
{
    const char *file = history_file();
    if (!completing) {
        using_history();
        stifle_history(HISTORY_MAX);
        if (file)
            read_history(file);
        rl_completer_word_break_characters = " \t\n\"\\'><=;{}()[],+-*/%^#~&|";
        rl_attempted_completion_function = complete;
    }
    completing = lua;
    char *line = readline(prompt);
    if (line && *line) {
        add_history(line);
        if (file)
            write_history(file);
    }
    return line;
}
#endif

/* The next line, to be freed; NULL at the end, and after a signal. */
static char *read_line(lua_State *lua, const char *prompt, bool on_terminal)
{
#ifdef HAVE_LIBEDIT
    if (on_terminal)
        return edit_line(lua, prompt);
#else
    (void)lua;
#endif
    if (on_terminal)
        fputs(prompt, stdout);
    fflush(stdout);
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length < 0) {
        clearerr(stdin);
        free(line);
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static bool is_incomplete(lua_State *lua, int status)
{
    size_t length;
    const char *text = lua_tolstring(lua, -1, &length);
    return status == LUA_ERRSYNTAX && length >= 5 &&
           strcmp(text + length - 5, "<eof>") == 0;
}

/* Compiles the text at index 1, as an expression if it is one; leaves function or error
 * on top. */
static int compile(lua_State *lua)
{
    size_t length;
    const char *expression = lua_pushfstring(lua, "return %s", lua_tostring(lua, 1));
    if (luaL_loadbuffer(lua, expression, strlen(expression), "=stdin") == LUA_OK)
        return LUA_OK;
    lua_settop(lua, 1);
    const char *text = lua_tolstring(lua, 1, &length);
    return luaL_loadbuffer(lua, text, length, "=stdin");
}

bool prompt_read(lua_State *lua, bool on_terminal, int *status)
{
    char *line = read_line(lua, "> ", on_terminal);
    if (!line)
        return false;
    lua_settop(lua, 0);
    lua_pushstring(lua, line);
    free(line);
    while (is_incomplete(lua, *status = compile(lua)) &&
           (line = read_line(lua, ">> ", on_terminal))) {
        lua_settop(lua, 1);
        lua_pushfstring(lua, "%s\n%s", lua_tostring(lua, 1), line);
        lua_replace(lua, 1);
        free(line);
    }
    lua_replace(lua, 1);
    lua_settop(lua, 1);
    return true;
}
