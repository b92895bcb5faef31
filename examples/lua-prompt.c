/* SPDX-License-Identifier: MIT */
/* What is typed at lua-live's prompt. Nothing here knows of images. */
#include "lua-prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <lauxlib.h>

#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#endif

/* The next line, to be freed; NULL at the end. */
static char *read_line(const char *prompt, bool on_terminal)
{
#ifdef HAVE_LIBEDIT
    if (on_terminal) {
        char *line = readline(prompt);
        if (line && *line)
            add_history(line);
        return line;
    }
#endif
    if (on_terminal)
        fputs(prompt, stdout);
    fflush(stdout);
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length < 0) {
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
    char *line = read_line("> ", on_terminal);
    if (!line)
        return false;
    lua_settop(lua, 0);
    lua_pushstring(lua, line);
    free(line);
    while (is_incomplete(lua, *status = compile(lua)) &&
           (line = read_line(">> ", on_terminal))) {
        lua_settop(lua, 1);
        lua_pushfstring(lua, "%s\n%s", lua_tostring(lua, 1), line);
        lua_replace(lua, 1);
        free(line);
    }
    return true;
}
