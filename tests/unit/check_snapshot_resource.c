/* SPDX-License-Identifier: MIT */
/*
 * Open files across a save and a restore: place, policies, identity, cutting back, and
 * attributes that somebody forged.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scarce.h"
#include "snapshot_common.h"

static int value;
static int fd = -1;
static FILE *stream;
static sfpm_snapshot_t *snapshot;
static log_text_t told;

static void set_up(void)
{
    enter_directory();
    write_file("data", "0123456789", 10);
    snapshot = snapshot_of("value", &value, sizeof value);
    sfpm_snapshot_set_log(snapshot, keep_log, &told);
    value = 1;
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    leave_directory();
}

static sfpm_resource_t resource_of(int flags)
{
    return (sfpm_resource_t){.struct_size = sizeof(sfpm_resource_t),
                             .name = "data",
                             .path = "data",
                             .descriptor = &fd,
                             .flags = flags};
}

static void add_resource(sfpm_resource_t resource)
{
    ck_assert_works(sfpm_snapshot_add_resource(snapshot, &resource));
}

/* Opens the file, goes to an offset and saves; then memory is another. */
static void save_at(int flags, off_t offset)
{
    fd = open("data", flags);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(lseek(fd, offset, SEEK_SET), offset);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    value = 2;
}

/* As a process that has just been started. */
static void forget(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
}

static void restore(void)
{
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_int_eq(value, 1);
}

#define ck_assert_refused(status, text)                                                  \
    do {                                                                                 \
        ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), status, text);         \
        ck_assert_int_eq(value, 2);                                                      \
    } while (0)

static void append(const char *text)
{
    FILE *file = fopen("data", "a");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

#define ck_assert_content(path, text)                                                    \
    do {                                                                                 \
        size_t found_size;                                                               \
        uint8_t *found = read_file(path, &found_size);                                   \
        ck_assert_uint_eq(found_size, strlen(text));                                     \
        ck_assert_mem_eq(found, text, found_size);                                       \
        free(found);                                                                     \
    } while (0)

/* How many descriptors are open. */
static int count_open(void)
{
    int count = 0;
    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

/* The attribute that the image records. */
static const char *recorded(sfpm_image_t *image)
{
    const char *key;
    const char *text;
    for (size_t i = 0; sfpm_image_attribute(image, i, &key, &text); i++)
        if (strcmp(key, "sfpm.file.data") == 0)
            return text;
    return NULL;
}

/* Writes an image that holds `text` instead. */
static void forge(const char *text)
{
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_works(sfpm_edit_set_attribute(edit, "sfpm.file.data", text));
    ck_assert_works(sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
}

/* ---- Core ------------------------------------------------------------------ */

START_TEST(a_descriptor_is_back_at_its_place)
{
    char byte;
    add_resource(resource_of(O_RDONLY));
    save_at(O_RDONLY, 4);
    forget();
    restore();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    ck_assert_int_eq(byte, '4');
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    /* What the program has open is closed: none is left over. */
    int before = count_open();
    restore();
    restore();
    ck_assert_int_eq(count_open(), before);
    forget();
}
END_TEST

START_TEST(a_stream_is_flushed_and_back_at_its_place)
{
    sfpm_resource_t resource = resource_of(O_RDWR);
    resource.descriptor = NULL;
    resource.stream = &stream;
    add_resource(resource);
    stream = fopen("data", "r+");
    ck_assert_ptr_nonnull(stream);
    fputs("abc", stream);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_content("data", "abc3456789");
    fclose(stream);
    stream = NULL;
    restore();
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_eq(ftello(stream), 3);
    ck_assert_int_eq(fgetc(stream), '3');
    int before = count_open();
    restore();
    ck_assert_int_eq(count_open(), before);
    ck_assert_int_eq(fgetc(stream), '3');
    fclose(stream);
    stream = NULL;
}
END_TEST

START_TEST(a_log_goes_on_and_may_be_cut_back)
{
    sfpm_resource_t resource = resource_of(O_WRONLY | O_APPEND);
    resource.descriptor = NULL;
    resource.stream = &stream;
    resource.cut = _i;
    add_resource(resource);
    stream = fopen("data", "a");
    ck_assert_ptr_nonnull(stream);
    fputs("saved\n", stream);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    /* The second text is still in the stream when the restore closes it. */
    append("lost\n");
    fputs("also\n", stream);
    restore();
    fputs("later\n", stream);
    ck_assert_int_eq(fclose(stream), 0);
    stream = NULL;
    ck_assert_content("data", _i ? "0123456789saved\nlater\n"
                                 : "0123456789saved\nlost\nalso\nlater\n");
}
END_TEST

/* The variable is in the memory that is restored: what it held when the image was
 * saved is a number of another process. */
START_TEST(the_variable_may_be_part_of_the_state)
{
    add(snapshot, "fd", &fd, sizeof fd);
    add_resource(resource_of(O_RDONLY));
    save_at(O_RDONLY, 6);
    int others[3];
    ck_assert_int_eq(pipe(others), 0);
    others[2] = dup2(others[0], fd); /* the number is in use */
    int moved = open("data", O_RDONLY);
    fd = moved;
    restore();
    ck_assert_int_ne(fd, others[2]);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 6);
    ck_assert_int_ge(fcntl(others[2], F_GETFD), 0);
    ck_assert_int_lt(fcntl(moved, F_GETFD), 0);
    /* Without anything in the image what is open stays, whatever memory says. */
    sfpm_snapshot_t *other = snapshot_of("value", &value, sizeof value);
    add(other, "fd", &fd, sizeof fd);
    ck_assert_works(sfpm_snapshot_save(other, "b.img"));
    sfpm_snapshot_destroy(other);
    int kept = fd = dup(fd);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_int_eq(fd, kept);
    ck_assert(strstr(told.text, "Resource 'data' is not in the image") != NULL);
    forget();
}
END_TEST

START_TEST(policies_do_what_they_say)
{
    sfpm_resource_t resource = resource_of(O_RDONLY);
    resource.policy = (sfpm_resource_policy_t)_i;
    add_resource(resource);
    if (_i == SFPM_RESOURCE_FAIL) {
        fd = open("data", O_RDONLY);
        ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_REFUSED,
                        "nothing was saved: resource 'data': it is open");
        forget();
        ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
        value = 2;
        restore();
        return;
    }
    save_at(O_RDONLY, 7);
    ck_assert_int_eq(lseek(fd, 1, SEEK_SET), 1);
    int before = fd;
    restore();
    if (_i == SFPM_RESOURCE_CLOSE) {
        ck_assert_int_eq(fd, -1);
        ck_assert_int_lt(fcntl(before, F_GETFD), 0);
        return;
    }
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 7);
    if (_i == SFPM_RESOURCE_INHERIT) {
        ck_assert_int_eq(fd, before);
        forget();
        value = 2;
        ck_assert_refused(SFPM_ERR_MISMATCH, "open it before restoring");
    }
    forget();
}
END_TEST

START_TEST(what_was_closed_is_closed)
{
    add_resource(resource_of(O_RDONLY));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    fd = open("data", O_RDONLY);
    int before = fd;
    restore();
    ck_assert_int_eq(fd, -1);
    ck_assert_int_lt(fcntl(before, F_GETFD), 0);
}
END_TEST

START_TEST(standard_streams_are_not_closed)
{
    sfpm_resource_t resource = resource_of(O_RDONLY);
    resource.policy = SFPM_RESOURCE_CLOSE;
    add_resource(resource);
    fd = 0;
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    bool was_open = fcntl(0, F_GETFD) >= 0;
    restore();
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(fcntl(0, F_GETFD) >= 0, was_open);
}
END_TEST

START_TEST(a_pipe_may_be_inherited_but_not_reopened)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fd = ends[0];
    sfpm_resource_t resource = resource_of(O_RDONLY);
    resource.policy = (sfpm_resource_policy_t)_i;
    add_resource(resource);
    if (_i == SFPM_RESOURCE_REOPEN) {
        ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_MISMATCH,
                        "is not a regular file");
    } else {
        ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
        restore();
        ck_assert_int_eq(fd, ends[0]);
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
    }
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static const char *new_place;

static const char *locate(void *context, const char *name, const char *path)
{
    ck_assert_str_eq(name, "data");
    ck_assert_str_eq(path, "data");
    ck_assert_ptr_eq(context, &value);
    ck_assert(!sfpm_snapshot_save(snapshot, "c.img"));
    return new_place;
}

START_TEST(a_moved_file_is_found_by_the_program)
{
    sfpm_resource_t resource = resource_of(O_RDONLY);
    resource.locate = locate;
    resource.context = &value;
    add_resource(resource);
    save_at(O_RDONLY, 3);
    forget();
    ck_assert_int_eq(rename("data", "moved"), 0);
    ck_assert_refused(SFPM_ERR_REFUSED, "a.img: not restored: resource 'data'");
    new_place = "moved";
    restore();
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 3);
    /* From now on it lies there. */
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert(file_contains("a.img", "path=moved", 10));
    forget();
}
END_TEST

static char calls[16];

static bool read_after(void *context, const sfpm_restore_event_t *event)
{
    char byte = '-';
    if (event->restored)
        ck_assert_int_eq(read(*(int *)context, &byte, 1), 1);
    calls[strlen(calls)] = byte;
    return true;
}

static void add_reader(void)
{
    const sfpm_hooks_t hooks = {
        .struct_size = sizeof hooks, .after_restore = read_after, .context = &fd};
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
}

START_TEST(hooks_see_the_files_open)
{
    add_reader();
    add_resource(resource_of(O_RDONLY));
    save_at(O_RDONLY, 8);
    forget();
    restore();
    ck_assert_str_eq(calls, "8");
    forget();
    /* Nothing is opened for hooks that are told that nothing was restored. */
    value = 2;
    ck_assert_int_eq(remove("data"), 0);
    ck_assert_refused(SFPM_ERR_MISMATCH, "cannot open data");
    ck_assert_str_eq(calls, "8-");
}
END_TEST

/* ---- Identity -------------------------------------------------------------- */

static void replace_copy(void) /* another inode */
{
    ck_assert_int_eq(rename("data", "older"), 0);
    write_file("data", "0123456789", 10);
}

static void rewrite(void) /* other contents */
{
    write_file("data", "0123x56789", 10);
}

static void shorten(void)
{
    ck_assert_int_eq(truncate("data", 2), 0);
}

static void lengthen(void) /* as a log grows */
{
    append("more");
}

static void touch(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, "data", times, 0), 0);
}

static const struct {
    void (*change)(void);
    uint32_t found; /* by which identities */
    const char *text;
} changes[] = {
    {replace_copy, SFPM_SAME_FILE | SFPM_SAME_TIME, "it "},
    {rewrite, SFPM_SAME_CONTENT | SFPM_SAME_TIME, "it"},
    {shorten, SFPM_SAME_CONTENT | SFPM_SAME_TIME, "it "},
    {lengthen, SFPM_SAME_TIME, "it was modified since"},
    {touch, SFPM_SAME_TIME, "it was modified since"},
};
enum { NUM_CHANGES = sizeof changes / sizeof changes[0] };

/* Every change, looked at in every way. */
START_TEST(another_file_is_found)
{
    uint32_t identity = (uint32_t)_i % 8;
    uint32_t effective = identity ? identity : SFPM_SAME_CONTENT;
    sfpm_resource_check_t check = (sfpm_resource_check_t)(_i / 8 % 3);
    sfpm_resource_t resource = resource_of(O_RDONLY);
    resource.identity = identity;
    resource.check = check;
    add_resource(resource);
    save_at(O_RDONLY, 5);
    forget();
    restore(); /* the control: unchanged it is the same */
    forget();
    value = 2;
    changes[_i / 24].change();
    bool found = changes[_i / 24].found & effective;
    told = (log_text_t){0};
    if (found && check == SFPM_CHECK_STRICT) {
        ck_assert_refused(SFPM_ERR_MISMATCH, changes[_i / 24].text);
        ck_assert_int_eq(fd, -1);
        return;
    }
    restore();
    ck_assert_uint_eq(told.warnings, found && check == SFPM_CHECK_WARN);
    /* Not beyond the end of what became shorter. */
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), changes[_i / 24].change == shorten ? 2 : 5);
    forget();
}
END_TEST

START_TEST(a_file_that_is_not_the_same_is_not_cut)
{
    sfpm_resource_t resource = resource_of(O_RDWR);
    resource.cut = true;
    resource.check = SFPM_CHECK_WARN;
    add_resource(resource);
    save_at(O_RDWR, 10);
    forget();
    write_file("data", "another file's contents", 23);
    restore();
    ck_assert_content("data", "another file's contents");
    forget();
    /* Nor is anything cut by a restore that fails. */
    write_file("data", "0123456789 and more", 19);
    sfpm_resource_t second = resource_of(O_RDONLY);
    second.name = "second";
    second.path = "second";
    add_resource(second);
    write_file("second", "x", 1);
    forget();
    fd = open("second", O_RDONLY);
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("value", &value, sizeof value);
    value = 1;
    static int second_fd = -1;
    second_fd = fd;
    second.descriptor = &second_fd;
    resource.check = SFPM_CHECK_STRICT;
    ck_assert_int_eq(truncate("data", 10), 0);
    fd = open("data", O_RDWR);
    add_resource(resource);
    add_resource(second);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    append(" and more");
    ck_assert_int_eq(remove("second"), 0);
    value = 2;
    ck_assert_refused(SFPM_ERR_MISMATCH, "resource 'second': cannot open second");
    ck_assert_content("data", "0123456789 and more");
    forget();
}
END_TEST

/* ---- Limits ---------------------------------------------------------------- */

/* A missing file must not be taken for a missing image. */
START_TEST(a_missing_file_is_no_missing_image)
{
    add_resource(resource_of(O_RDONLY));
    save_at(O_RDONLY, 4);
    forget();
    ck_assert_int_eq(remove("data"), 0);
    int before = count_open();
    ck_assert_refused(SFPM_ERR_MISMATCH, "a.img: not restored: resource 'data': cannot "
                                         "open data: No such file");
    ck_assert_int_eq(count_open(), before);
    ck_assert_int_eq(mkfifo("data", 0600), 0);
    ck_assert_refused(SFPM_ERR_MISMATCH, "not a regular file");
    ck_assert_int_eq(count_open(), before);
}
END_TEST

/* What is left to do once memory is replaced: the program's own descriptor turns out
 * to be one that cannot be cut. */
START_TEST(what_fails_afterwards_does_not_hide_the_restore)
{
    sfpm_resource_t resource = resource_of(O_RDWR);
    resource.policy = SFPM_RESOURCE_INHERIT;
    resource.cut = true;
    add_reader();
    add_resource(resource);
    save_at(O_RDWR, 10);
    append(" and more");
    forget();
    fd = open("data", O_RDONLY);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_UNFINISHED,
                    "a.img: memory is restored (commit 1), but not all files are, and no "
                    "hook ran: resource 'data': cannot truncate to 10 bytes");
    ck_assert_int_eq(value, 1);
    ck_assert_str_eq(calls, "");
    ck_assert_content("data", "0123456789 and more");
    forget();
}
END_TEST

START_TEST(a_file_that_was_rotated_away_is_told_of_at_the_save)
{
    add_resource(resource_of(O_RDONLY));
    fd = open("data", O_RDONLY);
    ck_assert_int_eq(rename("data", "data.1"), 0);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_MISMATCH,
                    "data is no longer the open file");
    write_file("data", "0123456789", 10);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_MISMATCH,
                    "data is no longer the open file");
    close(fd);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_SYSTEM,
                    "nothing was saved: resource 'data': descriptor");
    fd = -1;
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
}
END_TEST

START_TEST(what_is_not_registered_is_not_opened)
{
    add_resource(resource_of(O_RDONLY));
    save_at(O_RDONLY, 4);
    forget();
    sfpm_snapshot_t *other = snapshot_of("value", &value, sizeof value);
    int before = count_open();
    ck_assert_works(sfpm_snapshot_restore("a.img", other));
    ck_assert_int_eq(count_open(), before);
    /* And what is committed then tells nothing of it. */
    ck_assert_works(sfpm_snapshot_commit(other, "a.img", NULL));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_null(recorded(image));
    sfpm_image_close(image);
    sfpm_snapshot_destroy(other);
}
END_TEST

/* The path in the image is only what locate() is told. */
START_TEST(a_forged_path_is_not_opened)
{
    char byte;
    add_resource(resource_of(O_RDONLY));
    save_at(O_RDONLY, 4);
    forget();
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    char text[512];
    snprintf(text, sizeof text, "%s", recorded(image));
    sfpm_image_close(image);
    char *path = strstr(text, " path=data");
    ck_assert_ptr_nonnull(path);
    write_file("evil", "0123evil89", 10);
    strcpy(path, " path=evil");
    forge(text);
    restore();
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    ck_assert_int_eq(byte, '4');
    forget();
}
END_TEST

#define GOOD "file offset=1 size=2 device=3 inode=4 mtime=5.000000006 head=none path=data"

/* Every text that is cut, and some that say too much. */
START_TEST(forged_attributes_are_refused)
{
    static const char *const bad[] = {
        "",
        "Closed",
        "closed ",
        "other\n",
        "file",
        "file offset=-1 size=2 device=3 inode=4 mtime=5.6 head=none path=",
        "file offset=9223372036854775808 size=2 device=3 inode=4 mtime=5.6 head=none "
        "path=",
        "file offset=1 size=99999999999999999999 device=3 inode=4 mtime=5.6 head=none "
        "path=",
        "file offset=1 size=2 device=18446744073709551616 inode=4 mtime=5.6 head=none "
        "path=",
        "file offset=1 size=2 device=3 inode=4 mtime=5 head=none path=",
        "file offset=1 size=2 device=3 inode=4 mtime=5.1000000000 head=none path=",
        "file offset=1 size=2 device=3 inode=4 mtime=--5.6 head=none path=",
        "file offset=1 size=2 device=3 inode=4 mtime=5.6 head=0123 path=",
        "file offset=1 size=2 device=3 inode=4 mtime=5.6 "
        "head=0123456789ABCDEF0123456789ABCDEF path=",
        "file  offset=1 size=2 device=3 inode=4 mtime=5.6 head=none path=",
        "file offset= size=2 device=3 inode=4 mtime=5.6 head=none path=",
    };
    sfpm_resource_t resource = resource_of(O_RDONLY);
    resource.check = SFPM_CHECK_IGNORE;
    add_resource(resource);
    save_at(O_RDONLY, 4);
    forget();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        forge(bad[i]);
        ck_assert_refused(SFPM_ERR_CORRUPT,
                          "resource 'data': its record in the image is invalid");
    }
    /* Any path is one, so no cut after that is a fault. */
    const size_t length = strlen(GOOD) - strlen("data");
    for (size_t i = 0; i < length; i++) {
        char text[128] = GOOD;
        text[i] = '\0';
        forge(text);
        ck_assert_refused(SFPM_ERR_CORRUPT, "its record in the image is invalid");
    }
    forge(GOOD);
    restore();
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 1);
    forget();
}
END_TEST

START_TEST(bad_resources_are_refused)
{
    const struct {
        sfpm_resource_t resource;
        const char *text;
    } bad[] = {
        {{.path = "x", .descriptor = &fd}, "name must have 1 to"},
        {{.name = "", .path = "x", .descriptor = &fd}, "name must have 1 to"},
        {{.name = "a b", .path = "x", .descriptor = &fd}, "name must have 1 to"},
        {{.name = "x", .path = "x"}, "either a descriptor or a stream"},
        {{.name = "x", .path = "x", .descriptor = &fd, .stream = &stream}, "either"},
        {{.name = "x", .descriptor = &fd}, "needs a path"},
        {{.name = "x", .path = "x", .descriptor = &fd, .flags = O_CREAT}, "flags"},
        {{.name = "x", .path = "x", .descriptor = &fd, .flags = O_RDWR | O_TRUNC},
         "flags"},
        {{.name = "x", .path = "x", .descriptor = &fd, .flags = O_ACCMODE}, "flags"},
        {{.name = "x", .path = "x", .descriptor = &fd, .identity = 8}, "unknown"},
        {{.name = "x",
          .path = "x",
          .descriptor = &fd,
          .policy = (sfpm_resource_policy_t)4},
         "unknown"},
        {{.name = "x", .path = "x", .descriptor = &fd, .check = (sfpm_resource_check_t)3},
         "unknown"},
        {{.name = "x", .path = "x", .descriptor = &fd, .cut = true}, "opened read-only"},
        {{.name = "x",
          .path = "x",
          .descriptor = &fd,
          .flags = O_RDWR,
          .cut = true,
          .check = SFPM_CHECK_IGNORE},
         "if it is not checked"},
        {{.name = "data", .path = "x", .descriptor = &fd}, "already"},
    };
    add_resource(resource_of(O_RDONLY));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        sfpm_resource_t resource = bad[i].resource;
        resource.struct_size = sizeof resource;
        ck_assert_fails(sfpm_snapshot_add_resource(snapshot, &resource),
                        SFPM_ERR_ARGUMENT, bad[i].text);
    }
    ck_assert_fails(sfpm_snapshot_add_resource(NULL, &bad[0].resource), SFPM_ERR_ARGUMENT,
                    "snapshot");
    ck_assert_fails(sfpm_snapshot_add_resource(snapshot, NULL), SFPM_ERR_ARGUMENT,
                    "resource");
}
END_TEST

/* Saves and restores with memory for so many allocations; returns whether that was too
 * little. */
static bool try_with(size_t after, bool every)
{
    sfpm_snapshot_t *other = snapshot_of("value", &value, sizeof value);
    sfpm_resource_t resource = resource_of(O_RDWR);
    resource.descriptor = NULL;
    resource.stream = &stream;
    value = 1;
    scarce_begin(after, every);
    bool added = sfpm_snapshot_add_resource(other, &resource);
    bool saved = added && sfpm_snapshot_save(other, "a.img");
    if (saved)
        value = 2;
    bool ok = saved && sfpm_snapshot_restore("a.img", other);
    size_t failures = scarce_end();
    if (!ok)
        ck_assert_msg(sfpm_last_status() == SFPM_ERR_MEMORY, "%s", sfpm_last_error());
    if (saved)
        ck_assert_int_eq(value, ok ? 1 : 2);
    ck_assert_int_eq(ftello(stream), 6);
    sfpm_snapshot_destroy(other);
    return failures > 0;
}

START_TEST(every_allocation_may_fail)
{
    stream = fopen("data", "r+");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_eq(fseeko(stream, 6, SEEK_SET), 0);
    int before = count_open();
    size_t after = 0;
    while (try_with(after, false) && try_with(after, true))
        after++;
    ck_assert_uint_gt(after, 20);
    ck_assert_int_eq(count_open(), before);
    fclose(stream);
    stream = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot resource");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_test(core, a_descriptor_is_back_at_its_place);
    tcase_add_test(core, a_stream_is_flushed_and_back_at_its_place);
    tcase_add_loop_test(core, a_log_goes_on_and_may_be_cut_back, 0, 2);
    tcase_add_test(core, the_variable_may_be_part_of_the_state);
    tcase_add_loop_test(core, policies_do_what_they_say, 0, 4);
    tcase_add_test(core, what_was_closed_is_closed);
    tcase_add_test(core, standard_streams_are_not_closed);
    tcase_add_test(core, a_pipe_may_be_inherited_but_not_reopened);
    tcase_add_test(core, a_moved_file_is_found_by_the_program);
    tcase_add_test(core, hooks_see_the_files_open);
    TCase *identity = add_case(suite, "Identity", set_up, tear_down);
    tcase_add_loop_test(identity, another_file_is_found, 0, NUM_CHANGES * 24);
    tcase_add_test(identity, a_file_that_is_not_the_same_is_not_cut);
    TCase *limits = add_case(suite, "Limits", set_up, tear_down);
    tcase_add_test(limits, a_missing_file_is_no_missing_image);
    tcase_add_test(limits, what_fails_afterwards_does_not_hide_the_restore);
    tcase_add_test(limits, a_file_that_was_rotated_away_is_told_of_at_the_save);
    tcase_add_test(limits, what_is_not_registered_is_not_opened);
    tcase_add_test(limits, a_forged_path_is_not_opened);
    tcase_add_test(limits, forged_attributes_are_refused);
    tcase_add_test(limits, bad_resources_are_refused);
    tcase_add_test(limits, every_allocation_may_fail);
    return run_all(suite);
}
