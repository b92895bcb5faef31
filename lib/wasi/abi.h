/* SPDX-License-Identifier: MIT */
/* The numbers of WASI preview 1, as its specification has them. */
#ifndef SFPM_WASI_ABI_H
#define SFPM_WASI_ABI_H

#include <stdint.h>

/* The result of a call: 0, or why it failed. */
typedef uint16_t sfpm_wasi_errno_t;

enum {
    WASI_SUCCESS = 0,
    WASI_EACCES = 2,
    WASI_EAGAIN = 6,
    WASI_EBADF = 8,
    WASI_EBUSY = 10,
    WASI_EDQUOT = 19,
    WASI_EEXIST = 20,
    WASI_EFAULT = 21,
    WASI_EFBIG = 22,
    WASI_EINTR = 27,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_EISDIR = 31,
    WASI_ELOOP = 32,
    WASI_EMFILE = 33,
    WASI_EMLINK = 34,
    WASI_ENAMETOOLONG = 37,
    WASI_ENFILE = 41,
    WASI_ENODEV = 43,
    WASI_ENOENT = 44,
    WASI_ENOMEM = 48,
    WASI_ENOSPC = 51,
    WASI_ENOSYS = 52,
    WASI_ENOTDIR = 54,
    WASI_ENOTEMPTY = 55,
    WASI_ENOTSOCK = 57,
    WASI_ENOTSUP = 58,
    WASI_ENXIO = 60,
    WASI_EOVERFLOW = 61,
    WASI_EPERM = 63,
    WASI_EROFS = 69,
    WASI_ESPIPE = 70,
    WASI_ESTALE = 72,
    WASI_ETXTBSY = 74,
    WASI_EXDEV = 75,
    WASI_ENOTCAPABLE = 76,
    WASI_EILSEQ = 25
};

/* Kinds of files. */
enum {
    WASI_TYPE_UNKNOWN = 0,
    WASI_TYPE_CHARACTER = 2,
    WASI_TYPE_DIRECTORY = 3,
    WASI_TYPE_REGULAR = 4,
    WASI_TYPE_LINK = 7
};

/* Flags of descriptors. */
enum {
    WASI_APPEND = 1,
    WASI_DSYNC = 2,
    WASI_NONBLOCK = 4,
    WASI_RSYNC = 8,
    WASI_SYNC = 16,
    WASI_FLAGS = 31
};

/* How a file is opened, and how paths are followed. */
enum {
    WASI_CREATE = 1,
    WASI_IS_DIRECTORY = 2,
    WASI_EXCLUSIVE = 4,
    WASI_TRUNCATE = 8,
    WASI_OPEN_FLAGS = 15,
    WASI_FOLLOW = 1
};

/* Which times are set. */
enum {
    WASI_SET_ATIM = 1,
    WASI_SET_ATIM_NOW = 2,
    WASI_SET_MTIM = 4,
    WASI_SET_MTIM_NOW = 8,
    WASI_SET_TIMES = 15
};

/* What a wait is for. */
enum { WASI_EVENT_CLOCK = 0, WASI_EVENT_READ = 1, WASI_EVENT_WRITE = 2 };

/* Rights: what can be done with a descriptor. */
#define WASI_RIGHT(bit)               (UINT64_C(1) << (bit))
#define WASI_FD_DATASYNC              WASI_RIGHT(0)
#define WASI_FD_READ                  WASI_RIGHT(1)
#define WASI_FD_SEEK                  WASI_RIGHT(2)
#define WASI_FD_FDSTAT_SET_FLAGS      WASI_RIGHT(3)
#define WASI_FD_SYNC                  WASI_RIGHT(4)
#define WASI_FD_TELL                  WASI_RIGHT(5)
#define WASI_FD_WRITE                 WASI_RIGHT(6)
#define WASI_FD_ADVISE                WASI_RIGHT(7)
#define WASI_FD_ALLOCATE              WASI_RIGHT(8)
#define WASI_PATH_CREATE_DIRECTORY    WASI_RIGHT(9)
#define WASI_PATH_CREATE_FILE         WASI_RIGHT(10)
#define WASI_PATH_LINK_SOURCE         WASI_RIGHT(11)
#define WASI_PATH_LINK_TARGET         WASI_RIGHT(12)
#define WASI_PATH_OPEN                WASI_RIGHT(13)
#define WASI_FD_READDIR               WASI_RIGHT(14)
#define WASI_PATH_READLINK            WASI_RIGHT(15)
#define WASI_PATH_RENAME_SOURCE       WASI_RIGHT(16)
#define WASI_PATH_RENAME_TARGET       WASI_RIGHT(17)
#define WASI_PATH_FILESTAT_GET        WASI_RIGHT(18)
#define WASI_PATH_FILESTAT_SET_SIZE   WASI_RIGHT(19)
#define WASI_PATH_FILESTAT_SET_TIMES  WASI_RIGHT(20)
#define WASI_FD_FILESTAT_GET          WASI_RIGHT(21)
#define WASI_FD_FILESTAT_SET_SIZE     WASI_RIGHT(22)
#define WASI_FD_FILESTAT_SET_TIMES    WASI_RIGHT(23)
#define WASI_PATH_SYMLINK             WASI_RIGHT(24)
#define WASI_PATH_REMOVE_DIRECTORY    WASI_RIGHT(25)
#define WASI_PATH_UNLINK_FILE         WASI_RIGHT(26)
#define WASI_POLL_FD_READWRITE        WASI_RIGHT(27)
#define WASI_SOCK_SHUTDOWN            WASI_RIGHT(28)
#define WASI_SOCK_ACCEPT              WASI_RIGHT(29)
#define WASI_ALL_RIGHTS               (WASI_RIGHT(30) - 1)

/* What streams, files and directories can have. */
#define WASI_STREAM_RIGHTS                                                               \
    (WASI_FD_READ | WASI_FD_WRITE | WASI_FD_FDSTAT_SET_FLAGS | WASI_FD_SYNC |            \
     WASI_FD_DATASYNC | WASI_FD_FILESTAT_GET | WASI_POLL_FD_READWRITE)
#define WASI_FILE_RIGHTS                                                                 \
    (WASI_STREAM_RIGHTS | WASI_FD_SEEK | WASI_FD_TELL | WASI_FD_ADVISE |                 \
     WASI_FD_ALLOCATE | WASI_FD_FILESTAT_SET_SIZE | WASI_FD_FILESTAT_SET_TIMES)
#define WASI_DIRECTORY_RIGHTS                                                            \
    (WASI_FD_FDSTAT_SET_FLAGS | WASI_FD_SYNC | WASI_FD_DATASYNC |                        \
     WASI_PATH_CREATE_DIRECTORY | WASI_PATH_CREATE_FILE | WASI_PATH_LINK_SOURCE |        \
     WASI_PATH_LINK_TARGET | WASI_PATH_OPEN | WASI_FD_READDIR | WASI_PATH_READLINK |     \
     WASI_PATH_RENAME_SOURCE | WASI_PATH_RENAME_TARGET | WASI_PATH_FILESTAT_GET |        \
     WASI_PATH_FILESTAT_SET_SIZE | WASI_PATH_FILESTAT_SET_TIMES | WASI_FD_FILESTAT_GET | \
     WASI_FD_FILESTAT_SET_TIMES | WASI_PATH_SYMLINK | WASI_PATH_REMOVE_DIRECTORY |       \
     WASI_PATH_UNLINK_FILE | WASI_POLL_FD_READWRITE)
/* What changes something: not in directories that can only be read. */
#define WASI_WRITE_RIGHTS                                                                \
    (WASI_FD_WRITE | WASI_FD_ALLOCATE | WASI_PATH_CREATE_DIRECTORY |                     \
     WASI_PATH_CREATE_FILE | WASI_PATH_LINK_SOURCE | WASI_PATH_LINK_TARGET |             \
     WASI_PATH_RENAME_SOURCE | WASI_PATH_RENAME_TARGET | WASI_PATH_FILESTAT_SET_SIZE |   \
     WASI_PATH_FILESTAT_SET_TIMES | WASI_FD_FILESTAT_SET_SIZE |                          \
     WASI_FD_FILESTAT_SET_TIMES | WASI_PATH_SYMLINK | WASI_PATH_REMOVE_DIRECTORY |       \
     WASI_PATH_UNLINK_FILE)
/* What needs a file of the host that is open for writing. */
#define WASI_NEEDS_WRITING (WASI_FD_WRITE | WASI_FD_ALLOCATE | WASI_FD_FILESTAT_SET_SIZE)

#endif
