/* SPDX-License-Identifier: MIT */
/* What lua-live's parts ask of each other. */
#ifndef LUA_LIVE_H
#define LUA_LIVE_H

#include <stdbool.h>

#include <lua.h>
#include <sfpm/sfpm.h>

/* What a chunk asks for by yielding. */
typedef enum request { NOTHING, SAVE, REVERT, EXIT } request_t;

/* Lies in the heap: what a new process needs to go on. */
typedef struct session {
    lua_State *lua;   /* the main state, which runs the chunks */
    lua_State *aside; /* for what is done while a chunk waits or has failed */
} session_t;

typedef struct live {
    const char *file;
    int64_t number; /* of the commit shown, counted as in FILE@N; 0: the last one */
    uint64_t keep;  /* commits; 0: all */
    bool in_place;
    sfpm_snapshot_t *snapshot;
    sfpm_heap_t *heap;
    session_t *session;
    request_t request;
    char message[256];
    bool deferred; /* a commit is due when the chunk has ended */
    bool over;     /* os.exit() was called … */
    int status;    /* … with this status … */
    bool closes;   /* … and is to close variables */
} live_t;
extern live_t live;

/* Prints a message. Returns false. */
bool complain(const char *text);

/* Puts into a new state what Lua programs get here, beside the standard library. */
void library_open(lua_State *lua);

/* Does something to each open file of Lua but standard input, output and error, which are
 * static in the C library, and so in every process where they were. */
struct luaL_Stream;
void library_each_file(lua_State *lua, void (*act)(struct luaL_Stream *stream));

#endif
