/* SPDX-License-Identifier: MIT */
/*
 * WASI against hostile programs, images and neighbours: parameters of all kinds, regions
 * with any byte changed, and another process that renames directories meanwhile. And a
 * wait that is interrupted and continued.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "vm_common.h"
#include "wasi/beneath.h"
#include "wasi/wasi.h"

/* ---- A world and its calls ------------------------------------------------------------- */

static bool swallow(void *context, int stream, const void *bytes, size_t size)
{
    (void)context, (void)stream, (void)bytes, (void)size;
    return true;
}

/* A clock that only waits move. */
static uint64_t tick(void *context, sfpm_wasi_clock_t clock, uint64_t wait)
{
    uint64_t *time = context;
    (void)clock;
    return *time += wait;
}

static uint64_t ticks;

static sfpm_wasi_t *world(bool own_clock)
{
    static const char *const arguments[] = {"name", "one", NULL};
    static const char *const environment[] = {"A=1", "BCD=", NULL};
    const sfpm_wasi_options_t options = {.struct_size = sizeof options,
                                         .arguments = arguments,
                                         .environment = environment,
                                         .input = -1,
                                         .context = &ticks,
                                         .clock = own_clock ? tick : NULL,
                                         .write = swallow};
    sfpm_wasi_t *wasi = sfpm_wasi_create(&options);
    ck_assert_ptr_nonnull(wasi);
    return wasi;
}

static const sfpm_wasi_function_t *function(const char *name)
{
    for (size_t i = 0; i < sfpm_wasi_num_functions; i++)
        if (strcmp(sfpm_wasi_functions[i].name, name) == 0)
            return &sfpm_wasi_functions[i];
    ck_abort_msg("no function %s", name);
    return NULL;
}

/* Calls a function with numbers for its parameters, in the types that it takes. */
static sfpm_wasi_errno_t call(sfpm_wasi_t *wasi, sfpm_vm_t *vm, bool unstable,
                              const sfpm_wasi_function_t *what, const uint64_t *numbers,
                              sfpm_native_result_t *result)
{
    sfpm_value_t in[10];
    unsigned count = 0;
    for (const char *at = what->signature; *at && *at != '-'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (*at != 'i')
            break;
        if (at[1] == '3')
            in[count] = (sfpm_value_t){.type = SFPM_TYPE_I32,
                                       .i32 = sfpm_to_i32((uint32_t)numbers[count])};
        else
            in[count] = (sfpm_value_t){.type = SFPM_TYPE_I64,
                                       .i64 = sfpm_to_i64(numbers[count])};
        count++;
    }
    sfpm_wasi_call_t made = {.wasi = wasi, .vm = vm, .in = in, .unstable = unstable};
    sfpm_wasi_errno_t error = what->call(&made);
    *result = made.result;
    return error;
}

static void make_files(void)
{
    ck_assert_int_eq(mkdir("data", 0777), 0);
    ck_assert_int_eq(mkdir("data/in", 0777), 0);
    put_file("data/file", "0123456789", 0644);
    put_file("data/in/file", "inside", 0644);
    ck_assert_int_eq(symlink("in/file", "data/link"), 0);
}

/* The end of a test leaves no directories. */
static void remove_files(void)
{
    ck_assert_int_eq(system("rm -rf data root outside deep"), 0);
}

/* ---- Hostile programs -------------------------------------------------------------------- */

/* Numbers that are descriptors, sizes, flags or addresses at the edges of memory. */
static uint64_t odd_number(void)
{
    static const uint64_t edges[] = {0,          1,          8,          65528, 65535,
                                     65536,      0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
                                     UINT64_MAX, INT64_MAX,  1u << 20};
    uint64_t kind = random_below(4);
    if (kind == 0)
        return edges[random_below(sizeof edges / sizeof *edges)];
    if (kind == 1)
        return random_below(8);
    return kind == 2 ? random_below(65536) : random_below(UINT64_MAX);
}

START_TEST(no_parameters_do_harm)
{
    static const char *const texts[] = {"file", "in/file", "../out", "link", "in/..",
                                        "in/../../x", "/etc", "new", "in/new", "."};
    sfpm_vm_t *vm = assembled(".memory 1\n.func main\n halt\n");
    make_files();
    limit_file_size(1 << 24);
    for (uint64_t round = 0; round < 40; round++) {
        note_input("round", round);
        sfpm_wasi_t *wasi = world(true);
        ck_assert_works(sfpm_wasi_add_directory(wasi, "data", "/", 0));
        uint8_t *memory = sfpm_vm_memory(vm, 0, 65536);
        for (size_t i = 0; i < 65536; i++)
            memory[i] = random_below(3) ? 0 : (uint8_t)random_below(256);
        for (int i = 0; i < 1500; i++) {
            uint64_t numbers[10];
            sfpm_native_result_t result;
            const char *text = texts[random_below(sizeof texts / sizeof *texts)];
            for (size_t n = 0; n < 10; n++)
                numbers[n] = odd_number();
            /* Often a path, where paths are. */
            memcpy(memory + 4096, text, strlen(text));
            if (random_below(2)) {
                size_t at = random_below(4);
                numbers[at] = 4096;
                numbers[at + 1] = strlen(text);
            }
            const sfpm_wasi_function_t *what =
                &sfpm_wasi_functions[random_below(sfpm_wasi_num_functions)];
            sfpm_wasi_errno_t error =
                call(wasi, vm, random_below(2), what, numbers, &result);
            ck_assert_uint_le(error, WASI_ENOTCAPABLE);
        }
        sfpm_wasi_destroy(wasi);
    }
    ck_assert_int_eq(access("out", F_OK), -1);
    ck_assert_int_eq(access("x", F_OK), -1);
    sfpm_vm_destroy(vm);
    remove_files();
}
END_TEST

START_TEST(pointers_outside_the_memory_are_found_before_anything_is_done)
{
    sfpm_vm_t *vm = assembled(".memory 1\n.func main\n halt\n");
    sfpm_wasi_t *wasi = world(true);
    sfpm_native_result_t result;
    make_files();
    ck_assert_works(sfpm_wasi_add_directory(wasi, "data", "/", 0));
    uint8_t *memory = sfpm_vm_memory(vm, 0, 65536);
    memcpy(memory, "made", 4);
    const uint64_t all = WASI_FD_READ | WASI_FD_WRITE;
    const uint64_t open[] = {3, 0, 0, 4, WASI_CREATE, all, 0, 0, 65533};
    ck_assert_int_eq(call(wasi, vm, false, function("path_open"), open, &result),
                     WASI_EFAULT);
    ck_assert_int_eq(access("data/made", F_OK), -1);
    const uint64_t good[] = {3, 0, 0, 4, WASI_CREATE, all, 0, 0, 100};
    ck_assert_int_eq(call(wasi, vm, false, function("path_open"), good, &result), 0);
    ck_assert_uint_eq(sfpm_get_u32(memory + 100), 4);
    /* The second buffer ends a byte behind the memory. */
    sfpm_put_u32(memory + 200, 0);
    sfpm_put_u32(memory + 204, 4);
    sfpm_put_u32(memory + 208, 65530);
    sfpm_put_u32(memory + 212, 7);
    const uint64_t write[] = {4, 200, 2, 300};
    ck_assert_int_eq(call(wasi, vm, false, function("fd_write"), write, &result),
                     WASI_EFAULT);
    expect_file("data/made", "");
    sfpm_put_u32(memory + 212, 6);
    ck_assert_int_eq(call(wasi, vm, false, function("fd_write"), write, &result), 0);
    ck_assert_uint_eq(sfpm_get_u32(memory + 300), 10);
    sfpm_wasi_destroy(wasi);
    sfpm_vm_destroy(vm);
    remove_files();
}
END_TEST

START_TEST(rights_only_shrink)
{
    sfpm_vm_t *vm = assembled(".memory 1\n.func main\n halt\n");
    sfpm_wasi_t *wasi = world(true);
    sfpm_native_result_t result;
    make_files();
    ck_assert_works(sfpm_wasi_add_directory(wasi, "data", "/", SFPM_WASI_READ_ONLY));
    memcpy(sfpm_vm_memory(vm, 0, 4), "file", 4);
    const uint64_t write[] = {3, 0, 0, 4, 0, WASI_FD_WRITE, 0, 0, 100};
    ck_assert_int_eq(call(wasi, vm, false, function("path_open"), write, &result),
                     WASI_ENOTCAPABLE);
    const uint64_t truncate[] = {3, 0, 0, 4, WASI_TRUNCATE, WASI_FD_READ, 0, 0, 100};
    ck_assert_int_eq(call(wasi, vm, false, function("path_open"), truncate, &result),
                     WASI_ENOTCAPABLE);
    const uint64_t unlink[] = {3, 0, 4};
    ck_assert_int_eq(call(wasi, vm, false, function("path_unlink_file"), unlink, &result),
                     WASI_ENOTCAPABLE);
    const uint64_t more[] = {3, WASI_ALL_RIGHTS, 0};
    ck_assert_int_eq(
        call(wasi, vm, false, function("fd_fdstat_set_rights"), more, &result),
        WASI_ENOTCAPABLE);
    const uint64_t none[] = {3, 0, 0};
    ck_assert_int_eq(
        call(wasi, vm, false, function("fd_fdstat_set_rights"), none, &result), 0);
    const uint64_t read[] = {3, 0, 0, 4, 0, WASI_FD_READ, 0, 0, 100};
    ck_assert_int_eq(call(wasi, vm, false, function("path_open"), read, &result),
                     WASI_ENOTCAPABLE);
    expect_file("data/file", "0123456789");
    sfpm_wasi_destroy(wasi);
    sfpm_vm_destroy(vm);
    remove_files();
}
END_TEST

/* ---- Both layouts -------------------------------------------------------------------------- */

START_TEST(the_earlier_module_has_its_own_layouts)
{
    sfpm_vm_t *vm = assembled(".memory 1\n.func main\n halt\n");
    sfpm_wasi_t *wasi = world(true);
    sfpm_native_result_t result;
    make_files();
    ck_assert_works(sfpm_wasi_add_directory(wasi, "data", "/", 0));
    uint8_t *memory = sfpm_vm_memory(vm, 0, 65536);
    memcpy(memory, "file", 4);
    const uint64_t stat[] = {3, 0, 0, 4, 1000};
    ck_assert_int_eq(call(wasi, vm, false, function("path_filestat_get"), stat, &result),
                     0);
    ck_assert_uint_eq(sfpm_get_u64(memory + 1024), 1); /* links */
    ck_assert_uint_eq(sfpm_get_u64(memory + 1032), 10);
    ck_assert_int_eq(call(wasi, vm, true, function("path_filestat_get"), stat, &result),
                     0);
    ck_assert_uint_eq(sfpm_get_u32(memory + 1020), 1);
    ck_assert_uint_eq(sfpm_get_u64(memory + 1024), 10);
    const uint64_t rights = WASI_FD_READ | WASI_FD_SEEK | WASI_FD_TELL;
    const uint64_t open[] = {3, 0, 0, 4, 0, rights, 0, 0, 100};
    ck_assert_int_eq(call(wasi, vm, true, function("path_open"), open, &result), 0);
    const uint64_t seek[] = {4, 0, 2, 200}; /* from the end, or from the start */
    ck_assert_int_eq(call(wasi, vm, false, function("fd_seek"), seek, &result), 0);
    ck_assert_uint_eq(sfpm_get_u64(memory + 200), 10);
    ck_assert_int_eq(call(wasi, vm, true, function("fd_seek"), seek, &result), 0);
    ck_assert_uint_eq(sfpm_get_u64(memory + 200), 0);
    ck_assert_ptr_null(sfpm_wasi_signature("wasi_unstable", "sock_accept"));
    ck_assert_str_eq(sfpm_wasi_signature("wasi_unstable", "fd_close"), "i32 -> i32");
    sfpm_wasi_destroy(wasi);
    sfpm_vm_destroy(vm);
    remove_files();
}
END_TEST

/* ---- A wait ---------------------------------------------------------------------------------- */

#define HOUR (UINT64_C(3600) * 1000000000)

START_TEST(an_interrupted_wait_goes_on_where_it_was)
{
    sfpm_vm_t *vm = assembled(".memory 1\n.func main\n halt\n");
    sfpm_native_result_t result;
    uint8_t *memory = sfpm_vm_memory(vm, 0, 65536);
    const uint64_t wait[] = {0, 100, 1, 200};
    for (int unstable = 0; unstable < 2; unstable++) {
        sfpm_wasi_t *wasi = world(false);
        memset(memory, 0, 300);
        sfpm_put_u64(memory, 77);
        uint8_t *clock = memory + (unstable ? 24 : 16);
        sfpm_put_u32(clock, SFPM_WASI_MONOTONIC);
        sfpm_put_u64(clock + 8, HOUR);
        sfpm_vm_interrupt(vm);
        const sfpm_wasi_function_t *poll = function("poll_oneoff");
        call(wasi, vm, unstable, poll, wait, &result);
        ck_assert_int_eq(result, SFPM_NATIVE_RETRY);
        ck_assert(wasi->waits);
        uint64_t began = wasi->waits_at;
        /* Another process goes on after half an hour: not yet over, and not begun again. */
        sfpm_wasi_go_on(wasi, began + HOUR / 2);
        call(wasi, vm, unstable, poll, wait, &result);
        ck_assert_int_eq(result, SFPM_NATIVE_RETRY);
        ck_assert_uint_eq(wasi->waits_at, began);
        sfpm_wasi_go_on(wasi, began + HOUR);
        ck_assert_int_eq(call(wasi, vm, unstable, poll, wait, &result), 0);
        ck_assert_int_eq(result, SFPM_NATIVE_DONE);
        ck_assert_uint_eq(sfpm_get_u32(memory + 200), 1);
        ck_assert_uint_eq(sfpm_get_u64(memory + 100), 77);
        /* The next wait starts from the full time. */
        call(wasi, vm, unstable, poll, wait, &result);
        ck_assert_int_eq(result, SFPM_NATIVE_RETRY);
        sfpm_wasi_destroy(wasi);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(a_clock_of_the_host_skips_waits)
{
    sfpm_vm_t *vm = assembled(".memory 1\n.func main\n halt\n");
    sfpm_wasi_t *wasi = world(true);
    sfpm_native_result_t result;
    uint8_t *memory = sfpm_vm_memory(vm, 0, 65536);
    for (int i = 0; i < 2; i++) { /* the second takes longer */
        sfpm_put_u32(memory + 48 * i + 16, SFPM_WASI_MONOTONIC);
        sfpm_put_u64(memory + 48 * i + 24, HOUR + (uint64_t)i);
    }
    ticks = 5;
    const uint64_t wait[] = {0, 1000, 2, 200};
    ck_assert_int_eq(call(wasi, vm, false, function("poll_oneoff"), wait, &result), 0);
    ck_assert_uint_eq(sfpm_get_u32(memory + 200), 1);
    ck_assert_uint_eq(ticks, 5 + HOUR);
    sfpm_wasi_destroy(wasi);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Hostile regions --------------------------------------------------------------------------- */

static const sfpm_wasi_descriptor_t examples[] = {
    {.kind = SFPM_WASI_STREAM, .source = 1, .rights = WASI_FD_WRITE},
    {.kind = SFPM_WASI_DIRECTORY,
     .preopened = true,
     .rights = WASI_DIRECTORY_RIGHTS,
     .inheriting = WASI_ALL_RIGHTS,
     .path = (char[]){"."}},
    {.kind = SFPM_WASI_FILE,
     .overwritten = true,
     .flags = WASI_APPEND,
     .rights = WASI_FILE_RIGHTS,
     .position = 7,
     .path = (char[]){"in/file"}},
    {.kind = SFPM_WASI_LOST,
     .source = 1,
     .rights = WASI_FD_READ,
     .path = (char[]){"gone"}}};

/* A region with one of each kind. */
static void make_region(sfpm_buffer_t *region)
{
    sfpm_wasi_mount_t mounts[] = {{.guest = (char[]){"/"}},
                                  {.guest = (char[]){"/ro"}, .read_only = true}};
    sfpm_wasi_recorded_t list[4];
    sfpm_buffer_t listing = {0};
    ck_assert(sfpm_listing_add(&listing, 9, WASI_TYPE_REGULAR, "name", 4));
    for (uint32_t i = 0; i < 4; i++)
        list[i] = (sfpm_wasi_recorded_t){.number = 2 * i, .descriptor = examples[i]};
    list[1].descriptor.listing = listing;
    list[2].facts = (sfpm_facts_t){
        .size = 100, .device = 1, .inode = 2, .seconds = 3, .nanoseconds = 4,
        .has_head = true};
    const sfpm_wasi_record_t record = {.mounts = mounts,
                                       .num_mounts = 2,
                                       .list = list,
                                       .count = 4,
                                       .passed = 1000,
                                       .waits = true,
                                       .waits_at = 900};
    ck_assert(sfpm_wasi_encode(&record, region));
    sfpm_buffer_free(&listing);
}

/* What is accepted is the only form of what it says. */
static bool accepted(const uint8_t *bytes, size_t size)
{
    sfpm_wasi_record_t record;
    sfpm_buffer_t again = {0};
    uint8_t *exact = sfpm_copy_bytes(bytes, size); /* so that reading beyond is noticed */
    bool ok = sfpm_wasi_decode(&record, exact, size);
    if (ok) {
        ck_assert(sfpm_wasi_encode(&record, &again));
        ck_assert_uint_eq(again.size, size);
        ck_assert_mem_eq(again.data, bytes, size);
    }
    sfpm_buffer_free(&again);
    sfpm_wasi_record_free(&record);
    free(exact);
    return ok;
}

START_TEST(a_region_has_one_form)
{
    sfpm_buffer_t region = {0};
    make_region(&region);
    ck_assert(accepted(region.data, region.size));
    for (size_t i = 0; i < region.size; i++) {
        note_input("size", i);
        ck_assert(!accepted(region.data, i));
    }
    for (size_t i = 0; i < region.size; i++) {
        note_input("byte", i);
        for (int value = 0; value < 256; value++) {
            uint8_t old = region.data[i];
            region.data[i] = (uint8_t)value;
            accepted(region.data, region.size);
            region.data[i] = old;
        }
    }
    sfpm_buffer_free(&region);
}
END_TEST

/* A change of the region, and that it is refused. */
static void refused(size_t at, const void *bytes, size_t size)
{
    sfpm_buffer_t region = {0};
    make_region(&region);
    ck_assert_uint_le(at + size, region.size);
    memcpy(region.data + at, bytes, size);
    note_input("offset", at);
    ck_assert(!accepted(region.data, region.size));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CORRUPT);
    sfpm_buffer_free(&region);
}

START_TEST(regions_that_claim_too_much_are_refused)
{
    enum { FIRST = 40 + 8 + 1 + 8 + 3, SECOND = FIRST + 48 };
    enum { THIRD = SECOND + 48 + 1 + 15, PATH = THIRD + 48 + 56, FOURTH = PATH + 7 };
    static const uint8_t most[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    const uint8_t writes = WASI_FD_WRITE;
    refused(12, most, 4);          /* directories */
    refused(16, most, 4);          /* descriptors */
    refused(40 + 4, most, 4);      /* a name's length */
    refused(FIRST + 16, most, 8);  /* rights of a stream */
    refused(FIRST + 8, most, 4);   /* its number */
    refused(SECOND, "\0", 1);      /* a number that is there */
    refused(SECOND + 8, most, 4);  /* no such directory */
    refused(THIRD + 32, most, 8);  /* a position */
    refused(THIRD + 12, most, 4);  /* a path's length */
    refused(PATH, "/", 1);         /* an absolute path */
    refused(PATH + 1, "/", 1);     /* an empty name */
    refused(PATH + 3, "\0", 1);    /* a zero byte */
    refused(FOURTH + 16, &writes, 1); /* more than a read-only directory gives */
    refused(SECOND + 48 + 1 + 11, "/", 1); /* an entry's name */
}
END_TEST

/* ---- Hostile neighbours ------------------------------------------------------------------------- */

/* Puts a link to the outside into the place of a directory, and that back, for ever. */
static void rename_for_ever(void)
{
    for (;;) {
        rename("root/in", "root/kept");
        rename("root/trap", "root/in");
        rename("root/in", "root/trap");
        rename("root/kept", "root/in");
        rename("root/in/deep", "deep");
        rename("deep", "root/in/deep");
    }
}

static bool is_secret(int fd, const struct stat *secret)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == secret->st_ino;
}

/* Whether the kernel, asked without care, is led to the secret. */
static bool leads_out(int root, const struct stat *secret)
{
    int fd = openat(root, "in/secret", O_RDONLY);
    bool found = is_secret(fd, secret);
    if (fd >= 0)
        close(fd);
    return found;
}

/* What lies beneath is found, sometimes; what lies outside never. */
static unsigned look(int root, const char *path, bool by_hand, const struct stat *secret)
{
    sfpm_beneath_t place;
    int fd;
    sfpm_wasi_errno_t error =
        sfpm_beneath_open(root, path, true, O_RDONLY, 0, &by_hand, &fd);
    ck_assert(!is_secret(fd, secret));
    if (fd >= 0)
        close(fd);
    struct stat status;
    if (sfpm_beneath_find(root, path, true, &place) == WASI_SUCCESS &&
        fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        ck_assert(status.st_ino != secret->st_ino);
    sfpm_beneath_free(&place);
    return error == WASI_SUCCESS;
}

START_TEST(renames_by_another_process_lead_nowhere)
{
    struct stat secret;
    ck_assert_int_eq(mkdir("root", 0777), 0);
    ck_assert_int_eq(mkdir("root/in", 0777), 0);
    ck_assert_int_eq(mkdir("root/in/deep", 0777), 0);
    ck_assert_int_eq(mkdir("outside", 0777), 0);
    put_file("root/in/file", "inside", 0644);
    put_file("outside/secret", "secret", 0644);
    put_file("secret", "secret", 0644);
    ck_assert_int_eq(link("outside/secret", "other"), 0);
    ck_assert_int_eq(rename("other", "secret"), 0); /* one inode, at both places */
    ck_assert_int_eq(symlink("../outside", "root/trap"), 0);
    ck_assert_int_eq(stat("secret", &secret), 0);
    int root = open("root", O_RDONLY | O_DIRECTORY);
    pid_t child = fork();
    if (child == 0)
        rename_for_ever();
    ck_assert_int_gt(child, 0);
    unsigned led_out = 0, found = 0;
    for (unsigned i = 0; i < 20000 || !led_out || !found; i++) {
        led_out += leads_out(root, &secret);
        found += look(root, "in/file", i % 2, &secret);
        look(root, "in/secret", i % 2, &secret);
        look(root, "in/deep/../../secret", i % 2, &secret);
        look(root, "in/deep/../../../secret", i % 2, &secret);
    }
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(root);
    remove_files();
}
END_TEST

START_TEST(links_stay_beneath_their_directory)
{
    static const struct {
        const char *target;
        size_t depth;
        bool stays;
    } links[] = {{"file", 0, true},    {"a/b/c", 0, true},    {"/", 0, false},
                 {"..", 0, false},     {"..", 1, true},       {"../..", 1, false},
                 {"a/..", 0, false},   {"a/../..", 2, true},  {"a/../../..", 2, false},
                 {"..a/...", 0, true}, {"./../x", 1, true},   {"", 0, true}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        note_input("link", i);
        ck_assert_int_eq(sfpm_beneath_stays(links[i].target, strlen(links[i].target),
                                            links[i].depth),
                         links[i].stays);
    }
}
END_TEST

int main(void)
{
    const test_t core[] = {
        the_earlier_module_has_its_own_layouts,
        an_interrupted_wait_goes_on_where_it_was,
        a_clock_of_the_host_skips_waits,
        links_stay_beneath_their_directory,
        NULL,
    };
    const test_t limits[] = {
        no_parameters_do_harm,
        pointers_outside_the_memory_are_found_before_anything_is_done,
        rights_only_shrink,
        a_region_has_one_form,
        regions_that_claim_too_much_are_refused,
        renames_by_another_process_lead_nowhere,
        NULL,
    };
    return run_suite("wasi", core, limits);
}
