/* SPDX-License-Identifier: MIT */
/* Works with files in the directory that is its first argument, and prints what they
 * hold. It keeps a removed file open, reads a directory while it changes, and fills holes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[200];

static const char *in(const char *name)
{
    snprintf(path, sizeof path, "%s", name);
    return path;
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static unsigned sum_of(int fd)
{
    static unsigned char bytes[700];
    unsigned sum = 0;
    ssize_t got;
    lseek(fd, 0, SEEK_SET);
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got; i++)
            sum = sum * 31 + bytes[i];
    return sum;
}

static void write_many(void)
{
    for (int i = 0; i < 40; i++) {
        char name[40], to[40];
        snprintf(name, sizeof name, "dir/file%d", i);
        FILE *file = fopen(in(name), "w");
        check(file != NULL, "fopen");
        for (int line = 0; line < 20 * i; line++)
            fprintf(file, "line %d of file %d\n", line, i);
        check(fclose(file) == 0, "fclose");
        snprintf(to, sizeof to, "dir/renamed%d", i);
        if (i % 3 == 0)
            check(rename(name, to) == 0, "rename");
        if (i % 5 == 4)
            check(unlink(i % 3 == 0 ? to : name) == 0, "unlink");
    }
}

static void list(void)
{
    DIR *directory = opendir("dir");
    struct dirent *entry;
    struct stat facts;
    check(directory != NULL, "opendir");
    while ((entry = readdir(directory))) {
        char name[300];
        snprintf(name, sizeof name, "dir/%s", entry->d_name);
        check(stat(name, &facts) == 0, "stat");
        if (S_ISREG(facts.st_mode))
            printf("%s %lld\n", entry->d_name, (long long)facts.st_size);
        if (strcmp(entry->d_name, "file1") == 0)
            check(unlink(name) == 0, "unlink");
    }
    closedir(directory);
}

int main(int argc, char **argv)
{
    check(argc > 1 && chdir(argv[1]) == 0, "chdir");
    check(mkdir("dir", 0777) == 0, "mkdir");
    int removed = open("removed", O_CREAT | O_RDWR, 0666);
    check(removed >= 0 && unlink("removed") == 0, "removed");
    int holes = open("holes", O_CREAT | O_RDWR, 0666);
    write_many();
    for (int i = 0; i < 60; i++) {
        char text[30];
        int length = snprintf(text, sizeof text, "%d squared is %d\n", i, i * i);
        check(write(removed, text, (size_t)length) == length, "write");
        check(pwrite(holes, text, (size_t)length, (i * 37 % 60) * 5000) == length,
              "pwrite");
    }
    check(symlink("../holes", "dir/link") == 0, "symlink");
    check(link("holes", "dir/other") == 0, "link");
    check(ftruncate(holes, 200001) == 0, "ftruncate");
    list();
    int again = open("dir/link", O_RDONLY);
    check(again >= 0, "open");
    printf("%08x %08x\n", sum_of(removed), sum_of(again));
    return 0;
}
