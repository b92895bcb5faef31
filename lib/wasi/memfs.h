/* SPDX-License-Identifier: MIT */
/*
 * Files inside the image: a tree of directories, files and links that is part of a
 * program's state. Everything is found by number: an inode is a file, a directory or a
 * link, an entry is a name in a directory. Contents lie in blocks of 4 KiB; the inode has
 * the runs of them, and a file may have holes, which read as zeros. The lowest free inode
 * and the lowest free block are taken first, and a free block is zero, so that the same
 * calls give the same state, and what is free needs no record.
 *
 * The state is two regions, `inodes` and `blocks`, which sfpm-bytecode(5) describes.
 * `blocks` is memory that is saved as it is. Each write notes which blocks it changes: a
 * commit looks at those only.
 *
 * No list is searched from its beginning: entries are found by a hash of directory and
 * name, runs by halving, what is free by a map of bits.
 */
#ifndef SFPM_WASI_MEMFS_H
#define SFPM_WASI_MEMFS_H

#include <sfpm/memfs.h>
#include <sfpm/wasi.h>

#include "commit/commit.h"
#include "wasi/filesystem.h"

#define SFPM_MEMFS_INODES          "inodes"
#define SFPM_MEMFS_BLOCKS          "blocks"
#define SFPM_MEMFS_INODES_MAX_SIZE ((uint64_t)64 << 20)

enum {
    SFPM_MEMFS_BLOCK = 4096,
    SFPM_MEMFS_MAX_INODES = 1000000,
    SFPM_MEMFS_MAX_NAME = 255,
    SFPM_MEMFS_ROOT = 1, /* the number of the root; 0 is no inode */
    /* Bytes in region `inodes` of its header, an inode, a run and an entry without its
     * name. */
    SFPM_MEMFS_HEADER = 24,
    SFPM_MEMFS_INODE = 48,
    SFPM_MEMFS_RUN = 12,
    SFPM_MEMFS_ENTRY = 12
};

/* Which numbers, from 0 on, are taken. */
typedef struct sfpm_number_map {
    uint64_t *words;
    size_t num_words;
    size_t full; /* words before this one have no free number */
} sfpm_number_map_t;

/* Blocks of a file that follow each other. */
typedef struct sfpm_memfs_run {
    uint32_t first; /* block of the file */
    uint32_t block; /* where it is */
    uint32_t count;
} sfpm_memfs_run_t;

typedef struct sfpm_memfs_inode {
    uint8_t type;         /* WASI_TYPE_…; WASI_TYPE_UNKNOWN: it is free */
    uint32_t links;       /* entries that lead to it */
    uint32_t opens;       /* descriptors of it */
    uint32_t parent;      /* of a directory: where it lies; 0: nowhere */
    uint32_t entries;     /* … its first entry; 0: it is empty */
    uint32_t directories; /* … in it */
    uint64_t size;
    uint64_t accessed;
    uint64_t modified;
    uint64_t changed;
    sfpm_memfs_run_t *runs; /* by `first` */
    size_t num_runs;
    size_t max_runs;
    char *target; /* of a link */
} sfpm_memfs_inode_t;

/* A name in a directory. */
typedef struct sfpm_memfs_entry {
    uint32_t directory;
    uint32_t inode;
    uint32_t next; /* entry of the directory; 0: none */
    uint32_t previous;
    uint32_t chain; /* the next entry of the same place in the hash table, or free one */
    char *name;
} sfpm_memfs_entry_t;

struct sfpm_memfs {
    sfpm_filesystem_t base;
    char *guest;
    uint64_t max_size; /* bytes of blocks */
    uint64_t (*clock)(void *context);
    void *clock_context;

    sfpm_memfs_inode_t *inodes; /* by number */
    size_t max_inodes;          /* elements of the array */
    uint32_t num_inodes;        /* that are taken */
    uint32_t last_inode;        /* the highest number that was ever taken */
    sfpm_number_map_t inode_map;
    sfpm_memfs_entry_t *entries; /* by number; 0 is none */
    size_t max_entries;
    uint32_t num_entries;
    uint32_t last_entry;
    uint32_t free_entry;
    uint32_t *table; /* of entries, by hash */
    size_t table_size;
    uint64_t record_size; /* of region `inodes` */

    sfpm_buffer_t blocks; /* made by sfpm_memory_make() */
    sfpm_number_map_t block_map;
    uint64_t *changed; /* blocks that changed since `commit`, a bit each */
    size_t changed_words;
    sfpm_known_commit_t commit;

    sfpm_buffer_t record; /* region `inodes`, which an edit borrows */
    bool recorded;        /* it is as the tree is now */
};

/* ---- Numbers: memfs_blocks.c ------------------------------------------------------- */

/* Takes the lowest free number below `limit`; false when there is none, or no memory. */
bool sfpm_number_take(sfpm_number_map_t *map, uint32_t limit, uint32_t *number);
/* Takes that one; false when it is taken already, or there is no memory. */
bool sfpm_number_claim(sfpm_number_map_t *map, uint32_t number);
void sfpm_number_release(sfpm_number_map_t *map, uint32_t number);
bool sfpm_number_is_taken(const sfpm_number_map_t *map, uint32_t number);

/* ---- Contents: memfs_blocks.c ------------------------------------------------------- */

/* Makes room for so many blocks. */
bool sfpm_memfs_reserve_blocks(sfpm_memfs_t *memfs, uint64_t count);

/* One more than the highest block that is taken. */
uint32_t sfpm_memfs_end_of_blocks(const sfpm_memfs_t *memfs);

/* As much as there is; holes are zeros. */
size_t sfpm_memfs_read_file(const sfpm_memfs_t *memfs, const sfpm_memfs_inode_t *inode,
                            void *bytes, size_t size, uint64_t at);
/* As much as there is room for: an error only when that is nothing. */
sfpm_wasi_errno_t sfpm_memfs_write_file(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode,
                                        const void *bytes, size_t size, uint64_t at,
                                        size_t *count);
/* Gives blocks to a part of a file, which becomes as long. */
sfpm_wasi_errno_t sfpm_memfs_fill(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode,
                                  uint64_t offset, uint64_t length);
sfpm_wasi_errno_t sfpm_memfs_resize(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode,
                                    uint64_t size);
/* Frees what lies behind its first blocks. */
void sfpm_memfs_cut(sfpm_memfs_t *memfs, sfpm_memfs_inode_t *inode, uint32_t blocks);

/* ---- The tree: memfs_tree.c --------------------------------------------------------- */

/* Now, for times of files. */
uint64_t sfpm_memfs_now(const sfpm_memfs_t *memfs);

/* Room in region `inodes` for so many bytes more. */
bool sfpm_memfs_has_room(const sfpm_memfs_t *memfs, uint64_t more);

/* Room in the array for that number. */
bool sfpm_memfs_reserve_inode(sfpm_memfs_t *memfs, uint32_t number);

/* A new inode without a name. Its address, like that of all others, is good until the
 * next one is made. */
sfpm_wasi_errno_t sfpm_memfs_new_inode(sfpm_memfs_t *memfs, uint8_t type, uint64_t now,
                                       uint32_t *number);

/* Frees it when it has neither a name nor is open. */
void sfpm_memfs_drop_inode(sfpm_memfs_t *memfs, uint32_t number);

/* The number of the entry; 0: there is none. */
uint32_t sfpm_memfs_find(const sfpm_memfs_t *memfs, uint32_t directory, const char *name,
                         size_t length);
sfpm_wasi_errno_t sfpm_memfs_add_entry(sfpm_memfs_t *memfs, uint32_t directory,
                                       const char *name, size_t length, uint32_t inode);
/* Removes the name; its inode stays. */
void sfpm_memfs_remove_entry(sfpm_memfs_t *memfs, uint32_t entry);

/* The entries of a directory by name, to be freed; NULL without memory. */
uint32_t *sfpm_memfs_sorted(const sfpm_memfs_t *memfs, uint32_t directory, size_t *count);

/* Sets the time at which what a directory or an inode holds was changed. */
void sfpm_memfs_touch(sfpm_memfs_inode_t *inode, uint64_t now);

/* Empties the tree, and makes a root if `root`, whose times are 0: the same in each run.
 */
bool sfpm_memfs_clear(sfpm_memfs_t *memfs, bool root);

/* ---- Paths: memfs_paths.c ------------------------------------------------------------ */

/* Where a path leads. */
typedef struct sfpm_memfs_place {
    uint32_t directory;
    uint32_t inode; /* 0: the name is not there */
    uint32_t entry; /* 0: it is not there, or the path means the directory itself */
    bool slash;     /* the path ended with one: it means a directory */
    size_t depth;   /* of the directory below the one where the path began */
    size_t length;
    char name[SFPM_MEMFS_MAX_NAME + 1]; /* ".": the directory itself */
} sfpm_memfs_place_t;

/* Follows a path; a link at its end only with `follow`, or before a slash. */
sfpm_wasi_errno_t sfpm_memfs_walk(const sfpm_memfs_t *memfs, uint32_t directory,
                                  const char *path, bool follow,
                                  sfpm_memfs_place_t *place);

/* The same for a file that is made when it is not there: nothing with a slash behind it. */
sfpm_wasi_errno_t sfpm_memfs_walk_new(const sfpm_memfs_t *memfs, uint32_t directory,
                                      const char *path, bool follow,
                                      sfpm_memfs_place_t *place);

/* The same for what is to be made or removed: no slash makes a link be followed. */
sfpm_wasi_errno_t sfpm_memfs_walk_entry(const sfpm_memfs_t *memfs, uint32_t directory,
                                        const char *path, sfpm_memfs_place_t *place);

/* ---- Operations: memfs.c and memfs_names.c ---------------------------------------------- */

extern const sfpm_filesystem_operations_t sfpm_memfs_operations;

/* Makes a regular file at a place where nothing is. */
sfpm_wasi_errno_t sfpm_memfs_create_file(sfpm_memfs_t *memfs,
                                         const sfpm_memfs_place_t *place,
                                         uint32_t *number);

sfpm_wasi_errno_t sfpm_memfs_make_directory(sfpm_filesystem_t *files,
                                            sfpm_wasi_handle_t directory,
                                            const char *path);
sfpm_wasi_errno_t sfpm_memfs_remove_directory(sfpm_filesystem_t *files,
                                              sfpm_wasi_handle_t directory,
                                              const char *path);
sfpm_wasi_errno_t sfpm_memfs_unlink(sfpm_filesystem_t *files,
                                    sfpm_wasi_handle_t directory, const char *path);
sfpm_wasi_errno_t sfpm_memfs_rename(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                    const char *old, sfpm_wasi_handle_t to,
                                    const char *path);
sfpm_wasi_errno_t sfpm_memfs_link(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                  const char *old, sfpm_wasi_handle_t to,
                                  const char *path);
sfpm_wasi_errno_t sfpm_memfs_symlink(sfpm_filesystem_t *files, const char *target,
                                     sfpm_wasi_handle_t directory, const char *path);

/* ---- The regions: memfs_record.c, memfs_check.c and memfs_image.c -------------------------- */

/* Makes region `inodes`, unless it is made already. */
bool sfpm_memfs_encode(sfpm_memfs_t *memfs);

/* Takes region `inodes` apart, and checks it and the blocks, which are there already, as
 * hostile: SFPM_ERR_CORRUPT. The tree is empty before, and means nothing after a failure.
 */
bool sfpm_memfs_decode(sfpm_memfs_t *memfs, const uint8_t *bytes, size_t size,
                       uint64_t blocks);

/* Checks what no part of the region shows alone: names that lead in circles, counts, free
 * blocks with contents. */
bool sfpm_memfs_check(const sfpm_memfs_t *memfs, uint64_t blocks);

/* Frees what has no name and is not open: after descriptors are open again. */
void sfpm_memfs_drop_orphans(sfpm_memfs_t *memfs);

/* Whether an image has files. */
bool sfpm_memfs_is_in(const sfpm_image_t *image);

/* Replaces the tree by that of an image; false also without one, with SFPM_ERR_MISMATCH.
 */
bool sfpm_memfs_load(sfpm_memfs_t *memfs, const sfpm_image_t *image);

#endif
