/* SPDX-License-Identifier: MIT */
/*
 * A database in memory: SQLite without an operating system. Its file system here has no
 * files, its clock stands still, and its random numbers are the same in each run.
 */
#include <string.h>

#define SQLITE_OS_OTHER   1
#define SQLITE_THREADSAFE 0
#define SQLITE_TEMP_STORE 3
#define SQLITE_OMIT_LOAD_EXTENSION
#define SQLITE_OMIT_LOCALTIME
#define LONGDOUBLE_TYPE double /* whose size differs between machines */
#include <sqlite3.c>

#include "program.h"

/* ---- What SQLite asks of a system ---- */

static int open_nothing(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *out_flags)
{
    (void)vfs, (void)name, (void)flags, (void)out_flags;
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static int random_bytes(sqlite3_vfs *vfs, int size, char *bytes)
{
    (void)vfs;
    for (int i = 0; i < size; i++)
        bytes[i] = (char)next();
    return size;
}

static int standing_clock(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds)
{
    (void)vfs;
    *milliseconds = 0;
    return SQLITE_OK;
}

int sqlite3_os_init(void)
{
    static sqlite3_vfs vfs = {.iVersion = 2,
                              .szOsFile = sizeof(sqlite3_file),
                              .mxPathname = 8,
                              .zName = "nothing",
                              .xOpen = open_nothing,
                              .xRandomness = random_bytes,
                              .xCurrentTimeInt64 = standing_clock};
    return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}

/* ---- The program ---- */

static sqlite3 *database;

static void put_text(const char *text)
{
    put(text, (int)strlen(text));
}

static int print_row(void *context, int count, char **values, char **names)
{
    (void)context, (void)names;
    for (int i = 0; i < count; i++) {
        put_text(values[i] ? values[i] : "NULL");
        put_text(i + 1 < count ? "|" : "\n");
    }
    return 0;
}

static void run(const char *sql)
{
    char *error = NULL;
    sqlite3_exec(database, sql, print_row, NULL, &error);
    if (error) {
        put_text(error);
        put_text("\n");
    }
    sqlite3_free(error);
}

/* Items, each with a name and a number of a kind. */
static void fill(int rows)
{
    sqlite3_stmt *insert;
    sqlite3_prepare_v2(database, "INSERT INTO item VALUES (?, ?, ?, ?)", -1, &insert,
                       NULL);
    run("BEGIN");
    for (int i = 1; i <= rows; i++) {
        char name[32];
        sqlite3_snprintf(sizeof name, name, "item %u", (unsigned)(next() % 5000));
        sqlite3_bind_int(insert, 1, i);
        sqlite3_bind_text(insert, 2, name, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int(insert, 3, (int)(next() % 17));
        sqlite3_bind_double(insert, 4, next() / 256.0);
        if (sqlite3_step(insert) != SQLITE_DONE)
            put_text("an insert failed\n");
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run("COMMIT");
}

ENTRY
{
    if (sqlite3_open(":memory:", &database) != SQLITE_OK)
        put_text("no database\n");
    run("CREATE TABLE kind (id INTEGER PRIMARY KEY, word TEXT);"
        "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, price REAL);"
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 16)"
        " INSERT INTO kind SELECT i, printf('kind-%02x', i * i) FROM n;");
    fill(3000);
    run("CREATE INDEX item_name ON item (name, kind);"
        "SELECT count(*), count(DISTINCT name), sum(kind), round(sum(price), 2) FROM "
        "item;"
        "SELECT word, count(*), max(name), round(avg(price), 3) FROM item"
        " JOIN kind ON kind.id = item.kind GROUP BY word ORDER BY 2 DESC, word;"
        "SELECT a.name, count(*) FROM item AS a JOIN item AS b ON a.name = b.name"
        " AND a.id < b.id GROUP BY a.name ORDER BY 2 DESC, 1 LIMIT 10;");
    run("UPDATE item SET price = price * 1.5, name = name || '!' WHERE id % 7 = 3;"
        "DELETE FROM item WHERE kind IN (SELECT id FROM kind WHERE word LIKE '%9');"
        "BEGIN; DELETE FROM item WHERE id > 100; SELECT count(*) FROM item; ROLLBACK;"
        "SELECT count(*), group_concat(id, ',') FROM (SELECT id FROM item WHERE name"
        " GLOB 'item 1*!' ORDER BY price LIMIT 12);"
        "SELECT * FROM absent;");
    run("WITH RECURSIVE queen(row, places) AS (SELECT 0, '' UNION ALL"
        " SELECT row + 1, places || c FROM queen, (SELECT 1 AS c UNION SELECT 2 UNION"
        " SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6) WHERE row < 6 AND NOT"
        " EXISTS (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE"
        " i <= row) SELECT 1 FROM r WHERE i <= row AND (substr(places, i, 1) = '' || c"
        " OR abs(substr(places, i, 1) - c) = row + 1 - i)))"
        " SELECT places FROM queen WHERE row = 6 ORDER BY places;"
        "PRAGMA integrity_check;");
    sqlite3_close(database);
    LEAVE;
}
