/* SPDX-License-Identifier: MIT */
/* What is typed at lua-live's prompt. */
#ifndef LUA_PROMPT_H
#define LUA_PROMPT_H

#include <stdbool.h>

#include <lua.h>

/* Reads lines until they can be compiled: as an expression, whose values are returned, or
 * as statements. Leaves only the function or the error on the stack, and what
 * luaL_loadbuffer() returned in `status`. On a terminal there is a prompt, where names are
 * completed and lines of earlier runs can be recalled, if libedit is there. False at the
 * end of input; it may be false after a signal. */
bool prompt_read(lua_State *lua, bool on_terminal, int *status);

#endif
