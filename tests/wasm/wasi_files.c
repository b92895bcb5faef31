/* SPDX-License-Identifier: MIT */
/*
 * A program for wasi-libc that keeps files open all its life: it reads a table, lists a
 * directory, appends to a log, and writes, renames and removes files. What it does depends
 * on its arguments, environment, clock and random numbers.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void expect(int holds, const char *what)
{
    if (holds)
        return;
    printf("wrong: %s\n", what);
    exit(3);
}

static unsigned sum_of(unsigned sum, const char *text)
{
    while (*text)
        sum = sum * 31 + (unsigned char)*text++;
    return sum;
}

/* Numbers one to a line. */
static unsigned read_table(FILE *table, FILE *log)
{
    char line[64];
    unsigned sum = 0;
    while (fgets(line, sizeof line, table)) {
        sum = sum_of(sum, line);
        fprintf(log, "%u %s", sum, line);
        fflush(log);
    }
    return sum;
}

static unsigned list(const char *path, FILE *log)
{
    DIR *directory = opendir(path);
    unsigned sum = 0;
    struct dirent *entry;
    expect(directory != NULL, "opendir");
    while ((entry = readdir(directory))) {
        fprintf(log, "entry %s\n", entry->d_name);
        if (strcmp(entry->d_name, "log") != 0)
            sum = sum_of(sum, entry->d_name);
    }
    closedir(directory);
    return sum;
}

static void change_files(const char *root)
{
    char one[200], other[200], bytes[16];
    struct stat status;
    snprintf(one, sizeof one, "%s/made", root);
    snprintf(other, sizeof other, "%s/renamed", root);
    int fd = open(one, O_CREAT | O_RDWR | O_TRUNC, 0666);
    expect(fd >= 0, "open");
    expect(write(fd, "0123456789", 10) == 10, "write");
    expect(rename(one, other) == 0, "rename");
    expect(pwrite(fd, "ab", 2, 4) == 2, "pwrite");
    expect(lseek(fd, -3, SEEK_END) == 7 && read(fd, bytes, 16) == 3, "seek and read");
    expect(memcmp(bytes, "789", 3) == 0, "bytes");
    expect(ftruncate(fd, 6) == 0 && fstat(fd, &status) == 0, "truncate");
    expect(status.st_size == 6, "size");
    close(fd);
    expect(stat(one, &status) != 0 && stat(other, &status) == 0, "names");
    snprintf(one, sizeof one, "%s/link", root);
    expect(symlink("renamed", one) == 0 && stat(one, &status) == 0, "link");
    expect(status.st_size == 6, "size through the link");
    expect(unlink(one) == 0 && unlink(other) == 0, "unlink");
    expect(mkdir(one, 0777) == 0 && rmdir(one) == 0, "directory");
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : "/data", *word = getenv("WORD");
    char path[200];
    snprintf(path, sizeof path, "%s/table", root);
    FILE *table = fopen(path, "r");
    snprintf(path, sizeof path, "%s/log", root);
    FILE *log = fopen(path, "a");
    expect(table && log, "files of the directory");
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    printf("%d %s %s\n", argc, argv[argc - 1], word ? word : "(none)");
    unsigned sum = 0;
    for (int round = 0; round < 3; round++) {
        rewind(table);
        sum = sum * 7 + read_table(table, log);
        sum = sum * 7 + list(root, log);
        change_files(root);
        unsigned char random[4];
        expect(getentropy(random, sizeof random) == 0, "getentropy");
        printf("round %d: %u\n", round, sum);
        fprintf(log, "random %d\n", random[0]);
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    expect(after.tv_sec > before.tv_sec ||
               (after.tv_sec == before.tv_sec && after.tv_nsec >= before.tv_nsec),
           "the clock goes on");
    fclose(log);
    fclose(table);
    printf("sum %u\n", sum);
    return argc > 2 ? atoi(argv[2]) : 0;
}
