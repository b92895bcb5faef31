/* SPDX-License-Identifier: MIT */
/* A program that tries to leave its directory, by each way there is. Prints what it got. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int got;

static void look(const char *path)
{
    char bytes[32] = "";
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    long count = read(fd, bytes, sizeof bytes - 1);
    printf("%s: %.*s\n", path, count > 0 ? (int)count : 0, bytes);
    got = 1;
    close(fd);
}

int main(void)
{
    struct stat status;
    static const char *const paths[] = {
        "/data/../secret", "/data/in/../../secret", "/secret", "/data/out", "/data/abs",
        "/data/up/secret", "/data/in/up/../secret", "/data/./in/.././../secret",
        "/data/pipe",      "/data/loop",            "/proc/self/environ"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        look(paths[i]);
        if (strcmp(paths[i], "/data/pipe") != 0 && stat(paths[i], &status) == 0) {
            printf("stat %s\n", paths[i]);
            got = 1;
        }
    }
    got |= symlink("/secret", "/data/made") == 0;
    got |= symlink("../secret", "/data/made") == 0;
    got |= symlink("in/../../secret", "/data/made") == 0;
    got |= symlink("../../secret", "/data/in/made") == 0;
    got |= rename("/data/../secret", "/data/made") == 0;
    got |= rename("/data/table", "/data/../made") == 0;
    got |= link("/data/../secret", "/data/made") == 0;
    got |= rename("/data/in/up1", "/data/up1") == 0;
    got |= unlink("/data/../secret") == 0;
    got |= mkdir("/data/../made", 0777) == 0;
    got |= open("/data/../made", O_CREAT | O_WRONLY, 0666) >= 0;
    got |= open("/data/out", O_CREAT | O_WRONLY | O_TRUNC, 0666) >= 0;
    if (symlink("../table", "/data/in/inside") != 0)
        got = 1;
    look("/data/in/inside");
    printf("%s\n", got == 1 ? "done" : "?");
    return 0;
}
