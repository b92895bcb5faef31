/* SPDX-License-Identifier: MIT */
/*
 * Saving and reading memory of which most was never written to: what is absent stays
 * absent, as the page tables show, and what only looks absent is saved.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commit/sparse.h"
#include "snapshot_common.h"

#if SFPM_LINUX_PATHS
#include <linux/userfaultfd.h>

enum { PAGE = 4096, MIB = 1 << 20, LEAF = 16 * MIB };

static const size_t size = (size_t)512 * MIB;
static const char path[] = "a.img";

static uint8_t *map(size_t bytes, int flags, int fd)
{
    uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    /* A page that is read must not bring its neighbours. */
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    return memory;
}

static uint8_t *map_sparse(void)
{
    return map(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

/* The pages that are present, or -1 where the system does not tell. */
static long count_present(const uint8_t *memory, size_t bytes)
{
    uint64_t entry;
    long count = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; fd >= 0 && at < bytes; at += page) {
        off_t place = (off_t)((uintptr_t)(memory + at) / page * sizeof entry);
        if (pread(fd, &entry, sizeof entry, place) != sizeof entry)
            count = -1;
        count += count >= 0 && entry >> 62;
    }
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? count : -1;
}

static void touch(uint8_t *memory)
{
    static const size_t places[] = {0, 5 * PAGE + 7, LEAF - 1, 3 * LEAF + 9 * 65536,
                                    3 * LEAF + 12 * 65536 + 100};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        memory[places[i]] = (uint8_t)(i + 1);
    memory[size - 1] = 77;
}

/* Restores into other memory and compares, by leaves. */
static void expect_saved(const uint8_t *memory, size_t bytes)
{
    size_t index;
    uint8_t *read = malloc(LEAF);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_ptr_nonnull(read);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    ck_assert_works(sfpm_image_find_region(image, "sparse", &index));
    for (size_t at = 0; at < bytes; at += LEAF) {
        size_t now = bytes - at < LEAF ? bytes - at : LEAF;
        ck_assert_works(sfpm_image_read(image, index, at, read, now));
        ck_assert_msg(memcmp(read, memory + at, now) == 0, "leaf at %zu", at);
    }
    sfpm_image_close(image);
    free(read);
}

START_TEST(absent_pages_stay_absent)
{
    static const char *const methods[] = {"none", "zstd"};
    uint8_t *memory = map_sparse();
    sfpm_snapshot_t *snapshot = snapshot_of("sparse", memory, size);
    ck_assert_works(sfpm_snapshot_set_compression(snapshot, methods[_i], 1));
    /* To watch memory takes marks for all of it. */
    ck_assert_works(sfpm_snapshot_set_tracking(snapshot, SFPM_TRACKING_NONE));
    touch(memory);
    long before = count_present(memory, size);
    ck_assert_int_lt(before, 20);
    ck_assert_works(sfpm_snapshot_save(snapshot, path));
    long after = count_present(memory, size);
    if (before < 0)
        return; /* no page tables here */
    /* Chunks in which something is present are read. */
    ck_assert_int_le(after, 6 * 16);
    ck_assert_works(sfpm_snapshot_commit(snapshot, path, NULL));
    memory[7 * LEAF] = 9;
    memset(memory, 0, 8 * PAGE);
    madvise(memory + 3 * LEAF, LEAF, MADV_DONTNEED);
    ck_assert_works(sfpm_snapshot_commit(snapshot, path, NULL));
    ck_assert_int_le(count_present(memory, size), 8 * 16);
    expect_saved(memory, size);
    /* Control: comparing has read it all, and this test notices. */
    ck_assert_int_eq(count_present(memory, size),
                     (long)(size / (size_t)sysconf(_SC_PAGESIZE)));
    sfpm_snapshot_destroy(snapshot);
    munmap(memory, size);
}
END_TEST

/* Not aligned to anything, and in several mappings. */
START_TEST(any_part_of_memory_is_saved_right)
{
    uint8_t *memory = map_sparse();
    for (int round = 0; round < 12; round++) {
        size_t from = (size_t)random_below(3 * LEAF);
        size_t bytes = 2 * MIB + (size_t)random_below(3 * LEAF);
        for (int i = 0; i < 5; i++)
            memory[from + random_below(bytes)] = (uint8_t)next_number();
        mprotect(memory + LEAF + random_below(100) * PAGE, PAGE, PROT_READ);
        sfpm_snapshot_t *snapshot = snapshot_of("sparse", memory + from, bytes);
        ck_assert_works(sfpm_snapshot_save(snapshot, path));
        sfpm_snapshot_destroy(snapshot);
        expect_saved(memory + from, bytes);
        mprotect(memory, size, PROT_READ | PROT_WRITE);
        madvise(memory, size, MADV_DONTNEED);
    }
    munmap(memory, size);
}
END_TEST

/* ---- what only looks absent ---- */

START_TEST(a_mapped_file_is_not_zeros)
{
    const size_t bytes = 4 * MIB;
    uint8_t *wanted = malloc(bytes);
    ck_assert_ptr_nonnull(wanted);
    fill(wanted, bytes, 1);
    write_file("file", wanted, bytes);
    int fd = open("file", O_RDWR);
    uint8_t *memory = map(bytes, _i ? MAP_SHARED : MAP_PRIVATE, fd);
    close(fd);
    sfpm_snapshot_t *snapshot = snapshot_of("sparse", memory, bytes);
    ck_assert_works(sfpm_snapshot_save(snapshot, path));
    expect_saved(wanted, bytes);
    sfpm_snapshot_destroy(snapshot);
    munmap(memory, bytes);
    free(wanted);
}
END_TEST

/* Written through another mapping, so that it is absent in this one. */
START_TEST(shared_memory_is_not_zeros)
{
    const size_t bytes = 4 * MIB;
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        return;
    ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
    uint8_t *writer = map(bytes, MAP_SHARED, fd), *memory = map(bytes, MAP_SHARED, fd);
    close(fd);
    fill(writer, bytes, 2);
    sfpm_snapshot_t *snapshot = snapshot_of("sparse", memory, bytes);
    ck_assert_works(sfpm_snapshot_save(snapshot, path));
    expect_saved(writer, bytes);
    sfpm_snapshot_destroy(snapshot);
    munmap(memory, bytes);
    munmap(writer, bytes);
}
END_TEST

static int faults = -1;

/* Fills each page that is read for the first time, the one at `last` as its last. */
static void *serve(void *last)
{
    uint8_t page[PAGE];
    struct uffd_msg message;
    memset(page, 0x5a, sizeof page);
    uint64_t address = 0;
    while (address != (uintptr_t)last &&
           read(faults, &message, sizeof message) == sizeof message) {
        address = message.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
        struct uffdio_copy copy = {.dst = address, .src = (uintptr_t)page, .len = PAGE};
        ioctl(faults, UFFDIO_COPY, &copy);
    }
    return NULL;
}

START_TEST(memory_filled_on_demand_is_not_zeros)
{
    const size_t bytes = 2 * MIB;
    pthread_t thread;
    struct uffdio_api api = {.api = UFFD_API};
    uint8_t *memory = map(bytes + PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    volatile uint8_t *last = memory + bytes;
    uint8_t *wanted = malloc(bytes);
    ck_assert_ptr_nonnull(wanted);
    memset(wanted, 0x5a, bytes);
    faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_register range = {.range = {(uintptr_t)memory, bytes + PAGE},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (sysconf(_SC_PAGESIZE) != PAGE || faults < 0 || ioctl(faults, UFFDIO_API, &api) ||
        ioctl(faults, UFFDIO_REGISTER, &range))
        return; /* not allowed here */
    ck_assert_int_eq(pthread_create(&thread, NULL, serve, memory + bytes), 0);
    sfpm_snapshot_t *snapshot = snapshot_of("sparse", memory, bytes);
    ck_assert_works(sfpm_snapshot_save(snapshot, path));
    expect_saved(wanted, bytes);
    sfpm_snapshot_destroy(snapshot);
    ck_assert_uint_eq(*last, 0x5a);
    pthread_join(thread, NULL);
    close(faults);
    munmap(memory, bytes + PAGE);
    free(wanted);
}
END_TEST

/* Plain and compressed: no chunk is touched but those that hold something. */
START_TEST(reading_into_zeros_touches_what_is_stored)
{
    const sfpm_rewrite_options_t how = {.struct_size = sizeof how, .compression = "zstd"};
    uint8_t *memory = map_sparse(), *read = map_sparse(), *copy = map_sparse();
    touch(memory);
    memory[7 * LEAF + PAGE] = 1; /* a whole page */
    memory[7 * LEAF + 2 * PAGE - 1] = 1;
    sfpm_snapshot_t *snapshot = snapshot_of("sparse", memory, size);
    ck_assert_works(sfpm_snapshot_save(snapshot, path));
    sfpm_snapshot_destroy(snapshot);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    if (_i == 1) {
        if (!sfpm_image_rewrite(image, "packed.img", &how))
            ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED); /* no zstd */
        sfpm_image_close(image);
        image = sfpm_image_open(access("packed.img", F_OK) ? path : "packed.img", NULL);
    }
    ck_assert_works(sfpm_sparse_read(image, 0, 0, read, size));
    long present = count_present(read, size);
    ck_assert_msg(present <= 7 * 16, "%ld pages are present", present);
    sfpm_sparse_copy(copy, read, size);
    present = count_present(copy, size);
    ck_assert_msg(present <= 7 * 16, "%ld pages of the copy are present", present);
    for (size_t at = 0; at < size; at += LEAF) {
        ck_assert(memcmp(read + at, memory + at, LEAF) == 0);
        ck_assert(memcmp(copy + at, memory + at, LEAF) == 0);
    }
    sfpm_image_close(image);
    munmap(memory, size);
    munmap(read, size);
    munmap(copy, size);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sparse");
    TCase *core = add_case(suite, "core", enter_directory, leave_directory);
    TCase *limits = add_case(suite, "limits", enter_directory, leave_directory);
    tcase_add_loop_test(core, absent_pages_stay_absent, 0, 2);
    tcase_add_loop_test(core, reading_into_zeros_touches_what_is_stored, 0, 2);
    tcase_add_test(core, any_part_of_memory_is_saved_right);
    tcase_add_loop_test(limits, a_mapped_file_is_not_zeros, 0, 2);
    tcase_add_test(limits, shared_memory_is_not_zeros);
    tcase_add_test(limits, memory_filled_on_demand_is_not_zeros);
    return run_all(suite);
}

#else

int main(void)
{
    puts("1..0 # SKIP no page tables to look at");
    return 0;
}

#endif
