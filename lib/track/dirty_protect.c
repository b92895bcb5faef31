/* SPDX-License-Identifier: MIT */
/*
 * Finds changed pages as those that are no longer write-protected: userfaultfd in
 * asynchronous mode removes the protection in the kernel at the first write, whatever
 * writes, and a scan of the page tables finds such pages. Needs Linux 6.7.
 */
#include "track/dirty.h"

#if SFPM_LINUX_PATHS
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/page.h"

/* Headers are often older than the kernel. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

static const sfpm_page_query_t absent = {.mask = SFPM_PAGE_PRESENT | SFPM_PAGE_SWAPPED,
                                         .inverted =
                                             SFPM_PAGE_PRESENT | SFPM_PAGE_SWAPPED,
                                         .flags = SFPM_SCAN_ASYNC};
static const sfpm_page_query_t written = {.mask = SFPM_PAGE_WRITTEN,
                                          .flags = SFPM_SCAN_ASYNC | SFPM_SCAN_PROTECT};

/* Whether one page is what the query asks for. */
static bool find_one(sfpm_tracker_t *tracker, uintptr_t at, size_t page,
                     const sfpm_page_query_t *query, bool *found)
{
    uint64_t bits = 0;
    sfpm_watched_t one = {.base = (uint8_t *)at, .size = page, .changed = &bits};
    bool known = sfpm_dirty_scan(tracker, &one, at, at + page, query);
    *found = bits != 0;
    return known;
}

/* Looks for the first page, which is given back while the second stays protected, and
 * for one whose page table is given back, if tables are as large as elsewhere. */
static bool find_absent(sfpm_tracker_t *tracker, uint8_t *memory, size_t page,
                        size_t table)
{
    struct uffdio_register how = {.range = {(uintptr_t)memory, 2 * table},
                                  .mode = UFFDIO_REGISTER_MODE_WP};
    struct uffdio_writeprotect protect = {.range = {(uintptr_t)memory, 2 * page},
                                          .mode = UFFDIO_WRITEPROTECT_MODE_WP};
    uintptr_t hole = ((uintptr_t)memory / table + 1) * table;
    bool first = false, second = true, third = false;
    memset(memory, 1, 2 * page);
    return ioctl(tracker->faults, UFFDIO_REGISTER, &how) == 0 &&
           ioctl(tracker->faults, UFFDIO_WRITEPROTECT, &protect) == 0 &&
           madvise(memory, page, MADV_DONTNEED) == 0 &&
           find_one(tracker, (uintptr_t)memory + page, page, &written, &second) &&
           find_one(tracker, (uintptr_t)memory, page, &written, &first) &&
           find_one(tracker, hole, page, &written, &third) && first && !second && third;
}

/* Whether the scan for written pages finds those that were given back, too: it does, but
 * nobody promised it. Says no when in doubt. */
static bool probe_absent(sfpm_tracker_t *tracker)
{
    size_t page = sfpm_system_page();
    size_t table = page / sizeof(uint64_t) * page;
    void *memory = mmap(NULL, 2 * table, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    bool found = find_absent(tracker, memory, page, table);
    munmap(memory, 2 * table);
    return found;
}

static bool open_faults(sfpm_tracker_t *tracker)
{
    struct uffdio_api api = {
        .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED};
    if (tracker->faults >= 0)
        return true;
    if (tracker->no_faults)
        return false;
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0) {
        tracker->faults = fd;
        tracker->written_or_absent = probe_absent(tracker);
        return true;
    }
    if (fd >= 0)
        close(fd);
    tracker->no_faults = true;
    return false;
}

/* The whole pages of the region; false when there are none. */
static bool inner_pages(const sfpm_watched_t *watched, struct uffdio_range *range)
{
    uintptr_t page = sfpm_system_page();
    uintptr_t from = ((uintptr_t)watched->base + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)watched->base + watched->size) & ~(page - 1);
    if (to <= from)
        return false;
    *range = (struct uffdio_range){.start = from, .len = to - from};
    return true;
}

/* Pages that the region shares with others are always looked at. */
static void mark_ends(sfpm_watched_t *watched, const struct uffdio_range *range)
{
    uintptr_t base = (uintptr_t)watched->base;
    sfpm_dirty_mark(watched, base, (uintptr_t)range->start);
    sfpm_dirty_mark(watched, (uintptr_t)(range->start + range->len),
                    base + watched->size);
}

static bool collect(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    struct uffdio_range range;
    if (!inner_pages(watched, &range))
        return false;
    uintptr_t from = (uintptr_t)range.start, to = (uintptr_t)(range.start + range.len);
    mark_ends(watched, &range);
    /* What was given back, as by MADV_DONTNEED, is neither present nor marked as
     * protected. */
    return (tracker->written_or_absent ||
            sfpm_dirty_scan(tracker, watched, from, to, &absent)) &&
           sfpm_dirty_scan(tracker, watched, from, to, &written);
}

static bool arm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    struct uffdio_register how = {.mode = UFFDIO_REGISTER_MODE_WP};
    struct uffdio_writeprotect protect = {.mode = UFFDIO_WRITEPROTECT_MODE_WP};
    static const sfpm_page_query_t none = {.mask = SFPM_PAGE_WRITTEN,
                                           .flags = SFPM_SCAN_ASYNC};
    if (!inner_pages(watched, &how.range))
        return false;
    uintptr_t from = (uintptr_t)how.range.start;
    uintptr_t to = (uintptr_t)(how.range.start + how.range.len);
    /* Shared memory is written to by other processes as well, unseen here, and a page of
     * a file that is given back looks as if it were still what it was. */
    sfpm_span_t span = {from, to, 0};
    if (!sfpm_dirty_are_private(&span, 1) || !open_faults(tracker) ||
        ioctl(tracker->faults, UFFDIO_REGISTER, &how) != 0)
        return false;
    protect.range = how.range;
    if (ioctl(tracker->faults, UFFDIO_WRITEPROTECT, &protect) == 0 &&
        sfpm_dirty_scan(tracker, watched, from, from + sfpm_system_page(), &none))
        return true;
    ioctl(tracker->faults, UFFDIO_UNREGISTER, &how.range);
    return false;
}

static void disarm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    struct uffdio_range range;
    if (tracker->faults >= 0 && inner_pages(watched, &range))
        ioctl(tracker->faults, UFFDIO_UNREGISTER, &range);
}

const sfpm_dirty_method_t sfpm_dirty_protect = {
    .arm = arm, .collect = collect, .disarm = disarm};

#endif
