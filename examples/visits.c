/* SPDX-License-Identifier: MIT */
/*
 * A program that outlives its own data layouts: it counts visits and writes each to a
 * log, and every release of it goes on with what the earlier ones have saved.
 *
 *     visits IMAGE LOG VISITOR [RELEASE]
 *
 * Release 1 counted in 16 bits. Release 2 counts in 64. Release 3, the default, also
 * knows the last visitor. The log is open across restores: it goes on where the image
 * was saved, and a line that was written but not saved is cut off again.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sfpm/sfpm.h>

enum { NEWEST = 3 };

/* The state of release 3; the others use what they know of it. */
static uint64_t visits;
static char last_visitor[32] = "nobody";

static uint16_t visits_1; /* as release 1 had them */

static FILE *log_file;

/* ---- From release to release ----------------------------------------------- */

static bool count_in_64_bits(void *context, sfpm_migration_t *migration)
{
    (void)context;
    size_t size;
    const uint16_t *from = sfpm_migration_old(migration, "visits", 0, &size);
    uint64_t *to = sfpm_migration_new(migration, "visits", 0, sizeof *to);
    if (!from || !to)
        return false;
    if (size != sizeof *from)
        return sfpm_refuse("visits have %zu bytes, and had 2 in release 1", size);
    *to = *from;
    return true;
}

static bool add_last_visitor(void *context, sfpm_migration_t *migration)
{
    (void)context;
    char *to = sfpm_migration_new(migration, "last visitor", 0, sizeof last_visitor);
    if (to)
        snprintf(to, sizeof last_visitor, "somebody");
    return to;
}

/* ---- The program ----------------------------------------------------------- */

static bool add_regions(sfpm_snapshot_t *snapshot, int release)
{
    const sfpm_memory_region_t narrow = {&visits_1, sizeof visits_1, "visits", false};
    const sfpm_memory_region_t wide = {&visits, sizeof visits, "visits", false};
    const sfpm_memory_region_t last = {last_visitor, sizeof last_visitor, "last visitor",
                                       false};
    sfpm_snapshot_set_schema(snapshot, (uint64_t)release);
    return sfpm_snapshot_add_region(snapshot, release == 1 ? &narrow : &wide) &&
           (release < 3 || sfpm_snapshot_add_region(snapshot, &last)) &&
           sfpm_snapshot_add_migration(snapshot, 1, 2, count_in_64_bits, NULL) &&
           sfpm_snapshot_add_migration(snapshot, 2, 3, add_last_visitor, NULL);
}

static bool add_log(sfpm_snapshot_t *snapshot, const char *path)
{
    const sfpm_resource_t resource = {.struct_size = sizeof resource,
                                      .name = "log",
                                      .path = path,
                                      .stream = &log_file,
                                      .flags = O_WRONLY | O_APPEND,
                                      .cut = true};
    return sfpm_snapshot_add_resource(snapshot, &resource);
}

/* The first start finds no image, and no log either: it must not add to another's. */
static bool start(sfpm_snapshot_t *snapshot, const char *image, const char *log_path)
{
    if (sfpm_snapshot_restore(image, snapshot))
        return true;
    if (sfpm_last_status() != SFPM_ERR_NOT_FOUND)
        return false;
    log_file = fopen(log_path, "wx");
    return log_file || sfpm_refuse("%s cannot be made", log_path);
}

static bool count_visit(const char *visitor, int release)
{
    uint64_t count = release == 1 ? ++visits_1 : ++visits;
    printf("visit %llu", (unsigned long long)count);
    if (release >= 3) {
        printf(", the last visitor was %s", last_visitor);
        snprintf(last_visitor, sizeof last_visitor, "%s", visitor);
    }
    putchar('\n');
    return fprintf(log_file, "%llu: %s\n", (unsigned long long)count, visitor) > 0 ||
           sfpm_refuse("the log cannot be written");
}

static bool work(sfpm_snapshot_t *snapshot, char **arguments, int release)
{
    return add_regions(snapshot, release) && add_log(snapshot, arguments[2]) &&
           start(snapshot, arguments[1], arguments[2]) &&
           count_visit(arguments[3], release) &&
           sfpm_snapshot_commit(snapshot, arguments[1], NULL);
}

int main(int argc, char **argv)
{
    int release = argc == 5 ? atoi(argv[4]) : NEWEST;
    if (argc < 4 || argc > 5 || release < 1 || release > NEWEST) {
        fprintf(stderr, "usage: visits IMAGE LOG VISITOR [RELEASE]\n");
        return 2;
    }
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = snapshot && work(snapshot, argv, release);
    if (!ok)
        fprintf(stderr, "visits: %s\n", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    if (log_file && fclose(log_file) != 0)
        ok = false;
    return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
