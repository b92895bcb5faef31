/* SPDX-License-Identifier: MIT */
/* What an sfpm_wasi_t is made of, and what the files of this folder share. */
#ifndef SFPM_WASI_WASI_H
#define SFPM_WASI_WASI_H

#include <sfpm/wasi.h>

#include "wasi/filesystem.h"
#include "wasi/memfs.h"

/* Descriptors that a program can have open at once, and directories given to it. */
#define SFPM_WASI_MAX_DESCRIPTORS 4096
#define SFPM_WASI_MAX_MOUNTS      256

/* A directory that was given to the program. */
typedef struct sfpm_wasi_mount {
    char *guest;
    bool read_only;
    bool in_image; /* its files are an sfpm_memfs_t */
    sfpm_filesystem_t *files; /* NULL: it is recorded, but was not added again */
} sfpm_wasi_mount_t;

/* What a descriptor of the program is. The numbers are recorded in images. */
typedef enum sfpm_wasi_kind {
    SFPM_WASI_CLOSED = 0,
    SFPM_WASI_STREAM = 1,
    SFPM_WASI_FILE = 2,
    SFPM_WASI_DIRECTORY = 3,
    SFPM_WASI_LOST = 4 /* it was open, but cannot be used any more */
} sfpm_wasi_kind_t;

typedef struct sfpm_wasi_descriptor {
    sfpm_wasi_kind_t kind;
    bool preopened;   /* the program finds it open: the root of a mount */
    bool overwritten; /* not only appended to */
    bool warned;      /* that it will be lost */
    uint16_t flags;   /* WASI_APPEND, … */
    uint32_t source;  /* the number of the mount, or of the stream: 0 to 2 */
    uint64_t rights;
    uint64_t inheriting;
    uint64_t position;
    sfpm_wasi_handle_t handle;
    char *path;            /* in the mount; "." for its root; NULL for streams */
    sfpm_buffer_t listing; /* of a directory that the program reads */
} sfpm_wasi_descriptor_t;

/* A function of WASI as it is offered under one module name. */
typedef struct sfpm_wasi_binding {
    struct sfpm_wasi *wasi;
    const struct sfpm_wasi_function *function;
    bool unstable; /* wasi_unstable, with its own layouts */
} sfpm_wasi_binding_t;

struct sfpm_wasi {
    sfpm_wasi_options_t options; /* without the lists */
    char **arguments;
    uint32_t num_arguments;
    char **environment;
    uint32_t num_environment;
    sfpm_wasi_binding_t *bindings;

    sfpm_wasi_mount_t *mounts;
    uint32_t num_mounts;
    sfpm_wasi_descriptor_t *descriptors;
    uint32_t num_descriptors; /* open or closed */

    uint64_t passed;   /* monotonic time when this process began to run the program … */
    uint64_t since;    /* … and the system's at that moment */
    uint64_t latest;   /* monotonic time as the program saw it last */
    bool waits;        /* in a wait that was interrupted … */
    uint64_t waits_at; /* … and began at this monotonic time */
    bool exited;
    uint32_t status;

    sfpm_buffer_t record; /* the region, which an edit borrows */
};

/* ---- wasi.c --------------------------------------------------------------------- */

/* Opens what a program finds open: the streams and the directories given to it. */
bool sfpm_wasi_begin(sfpm_wasi_t *wasi);

/* What can be done in a mount, and with what is opened in it. */
uint64_t sfpm_wasi_mount_rights(const sfpm_wasi_mount_t *mount, uint64_t rights);

/* The files inside the image; NULL: the program has none. */
sfpm_memfs_t *sfpm_wasi_memfs(const sfpm_wasi_t *wasi);

/* Takes those of an image, if it has any, for the directory that was added, or one more.
 */
bool sfpm_wasi_take_memfs(sfpm_wasi_t *wasi, const sfpm_image_t *image);

/* ---- A call: call.c ------------------------------------------------------------- */

typedef struct sfpm_wasi_call {
    sfpm_wasi_t *wasi;
    sfpm_vm_t *vm;
    const sfpm_value_t *in;
    bool unstable;
    sfpm_native_result_t result; /* other than DONE: nothing was done */
} sfpm_wasi_call_t;

typedef struct sfpm_wasi_function {
    const char *name;
    const char *signature;
    sfpm_wasi_errno_t (*call)(sfpm_wasi_call_t *call);
} sfpm_wasi_function_t;

/* Parameters, which are unsigned. */
uint32_t sfpm_wasi_u32(const sfpm_wasi_call_t *call, unsigned index);
uint64_t sfpm_wasi_u64(const sfpm_wasi_call_t *call, unsigned index);

/* `size` bytes at the address that is parameter `index`; NULL when they are not in the
 * program's memory. */
void *sfpm_wasi_room(const sfpm_wasi_call_t *call, unsigned index, uint64_t size);

/* A copy of the path of parameters `index` and `index` + 1, to be freed. */
sfpm_wasi_errno_t sfpm_wasi_path(const sfpm_wasi_call_t *call, unsigned index,
                                 char **path);

/* The open directory of parameter `descriptor` if it has all these rights, and a copy of
 * the path of parameters `index` and `index` + 1, to be freed also after a failure. */
sfpm_wasi_errno_t sfpm_wasi_find_path(const sfpm_wasi_call_t *call, unsigned descriptor,
                                      unsigned index, uint64_t rights,
                                      sfpm_wasi_descriptor_t **directory, char **path);

/* Buffers that a program reads to or writes from. */
typedef struct sfpm_wasi_buffers {
    const sfpm_wasi_call_t *call;
    const uint8_t *list; /* u32 address and u32 size each */
    uint32_t count;
} sfpm_wasi_buffers_t;

/* Those of parameters `index` and `index` + 1, all of which are in memory. */
sfpm_wasi_errno_t sfpm_wasi_buffers(const sfpm_wasi_call_t *call, unsigned index,
                                    sfpm_wasi_buffers_t *buffers);

/* One of them. */
uint8_t *sfpm_wasi_buffer(const sfpm_wasi_buffers_t *buffers, uint32_t index,
                          uint32_t *size);

/* WASI's number of a value of errno. */
sfpm_wasi_errno_t sfpm_wasi_errno(int error);

/* ---- Descriptors: table.c ------------------------------------------------------- */

/* The descriptor of parameter `index` if it has all these rights. */
sfpm_wasi_errno_t sfpm_wasi_find(const sfpm_wasi_call_t *call, unsigned index,
                                 uint64_t rights, sfpm_wasi_descriptor_t **found);

/* The lowest number that is closed, made the descriptor; it takes over all of it. */
sfpm_wasi_errno_t sfpm_wasi_put(sfpm_wasi_t *wasi, const sfpm_wasi_descriptor_t *open,
                                uint32_t *number);

/* Room for that many descriptors. */
bool sfpm_wasi_reserve(sfpm_wasi_t *wasi, uint32_t count);

void sfpm_wasi_close(sfpm_wasi_t *wasi, sfpm_wasi_descriptor_t *descriptor);

/* The files in which a file or directory lies. */
sfpm_filesystem_t *sfpm_wasi_files(const sfpm_wasi_t *wasi,
                                   const sfpm_wasi_descriptor_t *descriptor);

/* ---- Time: process.c ------------------------------------------------------------- */

uint64_t sfpm_wasi_now(sfpm_wasi_t *wasi, sfpm_wasi_clock_t clock);

/* The monotonic clock goes on from here. */
void sfpm_wasi_go_on(sfpm_wasi_t *wasi, uint64_t passed);

/* Whether the machine is to stop. */
bool sfpm_wasi_is_interrupted(const sfpm_wasi_call_t *call);

/* ---- The region: record.c and restore.c -------------------------------------------- */

#define SFPM_WASI_REGION          "files"
#define SFPM_WASI_REGION_MAX_SIZE ((uint64_t)64 << 20)

/* What the region says of a file. */
typedef struct sfpm_wasi_recorded {
    uint32_t number;
    sfpm_wasi_descriptor_t descriptor; /* without a handle; owns its path and listing */
    sfpm_facts_t facts;                /* of files */
} sfpm_wasi_recorded_t;

/* The region taken apart. */
typedef struct sfpm_wasi_record {
    sfpm_wasi_mount_t *mounts;
    uint32_t num_mounts;
    sfpm_wasi_recorded_t *list;
    uint32_t count;
    uint64_t passed;
    bool waits;
    uint64_t waits_at;
    bool exited;
    uint32_t status;
} sfpm_wasi_record_t;

/* Adds its bytes to a buffer. */
bool sfpm_wasi_encode(const sfpm_wasi_record_t *record, sfpm_buffer_t *to);

/* Takes it apart and checks it as hostile: SFPM_ERR_CORRUPT. To be freed, also after a
 * failure. */
bool sfpm_wasi_decode(sfpm_wasi_record_t *record, const uint8_t *bytes, size_t size);
void sfpm_wasi_record_free(sfpm_wasi_record_t *record);

/* paths.c: whether a path has no name that changes nothing. */
bool sfpm_wasi_is_plain(const char *path);

/* listing.c: whether a list consists of entries. */
bool sfpm_listing_is_whole(const sfpm_buffer_t *listing);

/* ---- The functions: functions.c has the list -------------------------------------- */

extern const sfpm_wasi_function_t sfpm_wasi_functions[];
extern const size_t sfpm_wasi_num_functions;

/* X(name, signature): the functions of preview 1. */
#define SFPM_WASI_FUNCTIONS(X)                                                           \
    X(args_get, "i32 i32 -> i32")                                                        \
    X(args_sizes_get, "i32 i32 -> i32")                                                  \
    X(clock_res_get, "i32 i32 -> i32")                                                   \
    X(clock_time_get, "i32 i64 i32 -> i32")                                              \
    X(environ_get, "i32 i32 -> i32")                                                     \
    X(environ_sizes_get, "i32 i32 -> i32")                                               \
    X(fd_advise, "i32 i64 i64 i32 -> i32")                                               \
    X(fd_allocate, "i32 i64 i64 -> i32")                                                 \
    X(fd_close, "i32 -> i32")                                                            \
    X(fd_datasync, "i32 -> i32")                                                         \
    X(fd_fdstat_get, "i32 i32 -> i32")                                                   \
    X(fd_fdstat_set_flags, "i32 i32 -> i32")                                             \
    X(fd_fdstat_set_rights, "i32 i64 i64 -> i32")                                        \
    X(fd_filestat_get, "i32 i32 -> i32")                                                 \
    X(fd_filestat_set_size, "i32 i64 -> i32")                                            \
    X(fd_filestat_set_times, "i32 i64 i64 i32 -> i32")                                   \
    X(fd_pread, "i32 i32 i32 i64 i32 -> i32")                                            \
    X(fd_prestat_dir_name, "i32 i32 i32 -> i32")                                         \
    X(fd_prestat_get, "i32 i32 -> i32")                                                  \
    X(fd_pwrite, "i32 i32 i32 i64 i32 -> i32")                                           \
    X(fd_read, "i32 i32 i32 i32 -> i32")                                                 \
    X(fd_readdir, "i32 i32 i32 i64 i32 -> i32")                                          \
    X(fd_renumber, "i32 i32 -> i32")                                                     \
    X(fd_seek, "i32 i64 i32 i32 -> i32")                                                 \
    X(fd_sync, "i32 -> i32")                                                             \
    X(fd_tell, "i32 i32 -> i32")                                                         \
    X(fd_write, "i32 i32 i32 i32 -> i32")                                                \
    X(path_create_directory, "i32 i32 i32 -> i32")                                       \
    X(path_filestat_get, "i32 i32 i32 i32 i32 -> i32")                                   \
    X(path_filestat_set_times, "i32 i32 i32 i32 i64 i64 i32 -> i32")                     \
    X(path_link, "i32 i32 i32 i32 i32 i32 i32 -> i32")                                   \
    X(path_open, "i32 i32 i32 i32 i32 i64 i64 i32 i32 -> i32")                           \
    X(path_readlink, "i32 i32 i32 i32 i32 i32 -> i32")                                   \
    X(path_remove_directory, "i32 i32 i32 -> i32")                                       \
    X(path_rename, "i32 i32 i32 i32 i32 i32 -> i32")                                     \
    X(path_symlink, "i32 i32 i32 i32 i32 -> i32")                                        \
    X(path_unlink_file, "i32 i32 i32 -> i32")                                            \
    X(poll_oneoff, "i32 i32 i32 i32 -> i32")                                             \
    X(proc_exit, "i32")                                                                  \
    X(proc_raise, "i32 -> i32")                                                          \
    X(random_get, "i32 i32 -> i32")                                                      \
    X(sched_yield, "-> i32")                                                             \
    X(sock_accept, "i32 i32 i32 -> i32")                                                 \
    X(sock_recv, "i32 i32 i32 i32 i32 i32 -> i32")                                       \
    X(sock_send, "i32 i32 i32 i32 i32 -> i32")                                           \
    X(sock_shutdown, "i32 i32 -> i32")

#define SFPM_WASI_DECLARE(name, signature)                                               \
    sfpm_wasi_errno_t sfpm_wasi_##name(sfpm_wasi_call_t *call);
SFPM_WASI_FUNCTIONS(SFPM_WASI_DECLARE)
#undef SFPM_WASI_DECLARE

#endif
