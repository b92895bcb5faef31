/* SPDX-License-Identifier: MIT */
/*
 * sfpm: one command for all tools. 'sfpm run' executes the sfpm-run in the same
 * directory, and 'sfpm help run' shows the manual page of that tool.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suggest.h"

enum { FAILED = 1, USAGE = 2 };

static const struct {
    const char *name;
    const char *purpose;
} commands[] = {
    {"save", "make an image of a program that has not started yet"},
    {"run", "run or resume the program in an image"},
    {"patch", "change bytes and instructions in an image, and undo changes"},
    {"inspect", "show what is in images"},
    {"diff", "show the differences between two images or commits"},
    {"convert", "write an image in another form"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char *const topics[] = {"image", "bytecode", "wasm", "live", "git", "batch"};
enum { TOPICS = sizeof topics / sizeof topics[0] };

static int show(void)
{
    puts("Usage: sfpm COMMAND [ARGUMENT...]\n"
         "       sfpm help [COMMAND|TOPIC]\n"
         "\n"
         "Programs as images: stop them, save them, look into them, change them, go on.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].purpose);
    fputs("\nTopics of 'sfpm help':", stdout);
    for (size_t i = 0; i < TOPICS; i++)
        printf(" %s", topics[i]);
    puts("\n"
         "\n"
         "Options:\n"
         "  -h, --help     show this help\n"
         "      --version  print the version and exit\n"
         "\n"
         "Each command is a tool of its own, too: 'sfpm run' is sfpm-run.\n"
         "\n"
         "Examples:\n"
         "  sfpm save sum.s | sfpm run -\n"
         "  sfpm run --steps 1000 -o later.img app.img");
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    fprintf(stderr, "sfpm: standard output: %s\n", strerror(errno));
    return FAILED;
}

static bool is_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return true;
    return strcmp(name, "help") == 0;
}

static bool is_topic(const char *name)
{
    for (size_t i = 0; i < TOPICS; i++)
        if (strcmp(topics[i], name) == 0)
            return true;
    return false;
}

/* Control characters of the name do not get to a terminal. */
static int refuse(const char *name, bool is_help)
{
    suggestion_t suggestion = {.word = name};
    for (size_t i = 0; i < COMMANDS; i++)
        suggest(&suggestion, commands[i].name);
    for (size_t i = 0; i < TOPICS && is_help; i++)
        suggest(&suggestion, topics[i]);
    suggest(&suggestion, "help");
    fputs("sfpm: ", stderr);
    for (const char *at = name; *at != '\0'; at++)
        fputc((unsigned char)*at < ' ' || *at == 127 ? '?' : *at, stderr);
    fputs(is_help ? ": no such command or topic" : ": no such command", stderr);
    if (suggestion.nearest)
        fprintf(stderr, "; did you mean '%s'?\n", suggestion.nearest);
    else
        fputs("\nTry 'sfpm help'.\n", stderr);
    return USAGE;
}

/* Where this program lies, or else where it was to be installed. */
static const char *own_directory(void)
{
    static char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    path[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return SFPM_BINDIR;
    *slash = '\0';
    return path;
}

static int run(const char *name, char **arguments)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/sfpm-%s", own_directory(), name);
    arguments[0] = path;
    execv(path, arguments);
    fprintf(stderr, "sfpm: %s: %s\n", path, strerror(errno));
    return FAILED;
}

/* The pages may lie where man(1) does not look. */
static int help(const char *name)
{
    char page[32], pages[PATH_MAX];
    const char *others = getenv("MANPATH");
    snprintf(pages, sizeof pages, "%s:%s", SFPM_MANDIR, others ? others : "");
    setenv("MANPATH", pages, 1);
    snprintf(page, sizeof page, "sfpm-%s", name);
    if (strcmp(name, "help") == 0)
        page[strlen("sfpm")] = '\0';
    execlp("man", "man", page, (char *)NULL);
    fprintf(stderr, "sfpm: man: %s\n", strerror(errno));
    return FAILED;
}

/* For shells: what the first word may become, or what the tool says. */
static int complete(char **words)
{
    bool is_help = strcmp(words[0], "help") == 0 && words[1];
    const char *word = is_help ? words[1] : words[0];
    if (words[1] && !is_help && is_command(words[0])) {
        char *name = words[0];
        words[0] = "--complete";
        return run(name, words - 1);
    }
    for (size_t i = 0; i < COMMANDS && (is_help || !words[1]); i++)
        if (strncmp(commands[i].name, word, strlen(word)) == 0)
            printf("%s\t%s\n", commands[i].name, commands[i].purpose);
    for (size_t i = 0; i < TOPICS && is_help; i++)
        if (strncmp(topics[i], word, strlen(word)) == 0)
            printf("%s\tmanual page\n", topics[i]);
    if (!words[1] && strncmp("help", word, strlen(word)) == 0)
        puts("help\tshow a manual page");
    return fflush(stdout) == 0 ? EXIT_SUCCESS : FAILED;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--complete") == 0)
        return complete(argv + 2);
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        return puts("sfpm " PACKAGE_VERSION) < 0 || fflush(stdout) != 0 ? FAILED : 0;
    if (!is_command(name))
        return refuse(name, false);
    if (strcmp(name, "help") != 0)
        return run(name, argv + 1);
    if (argc < 3)
        return show();
    return is_command(argv[2]) || is_topic(argv[2]) ? help(argv[2])
                                                     : refuse(argv[2], true);
}
