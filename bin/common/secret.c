/* SPDX-License-Identifier: MIT */
/*
 * Reads keys and passphrases from files, descriptors and the terminal, and wipes them
 * from memory after use.
 */
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "common/stream.h"
#include "common/terminal.h"
#include "common/tool.h"

enum { HEX_KEY = 2 * SECRET_KEY, KEY_FILE_MAX = HEX_KEY + 1 };

/* Through a volatile pointer, so that the compiler keeps it. */
static void wipe(void *bytes, size_t size)
{
    volatile uint8_t *at = bytes;
    while (size-- > 0)
        *at++ = 0;
}

void secret_wipe(secret_t *secret)
{
    wipe(secret, sizeof(*secret));
}

/* What is secret in memory from now on is not to be left in a core file. */
static void leave_no_core(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

static bool is_known(secret_t *secret, size_t passphrase_size)
{
    leave_no_core();
    secret->known = true;
    secret->secret = (sfpm_secret_t){.struct_size = sizeof secret->secret};
    if (passphrase_size == 0) {
        secret->secret.key = secret->key;
    } else {
        secret->secret.passphrase = secret->passphrase;
        secret->secret.passphrase_size = passphrase_size;
    }
    return true;
}

/* ---- key files ---- */

/* Reads up to `room` bytes; -1 and errno on failure. */
static ssize_t read_some(int fd, void *to, size_t room)
{
    size_t have = 0;
    while (have < room) {
        ssize_t got = stream_read(fd, (char *)to + have, room - have);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    int value = found ? (int)(found - digits) : -1;
    return value < 16 ? value : value - 6;
}

bool secret_parse_hex(const char *text, size_t digits, uint8_t *bytes)
{
    for (size_t i = 0; i < digits; i += 2) {
        int high = digit(text[i]), low = high < 0 ? -1 : digit(text[i + 1]);
        if (low < 0)
            return false;
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool parse_key(secret_t *secret, const char *bytes, size_t size)
{
    if (size == SECRET_KEY) {
        memcpy(secret->key, bytes, SECRET_KEY);
        return true;
    }
    return (size == HEX_KEY || (size == HEX_KEY + 1 && bytes[HEX_KEY] == '\n')) &&
           secret_parse_hex(bytes, HEX_KEY, secret->key);
}

static void warn_readable(int fd, const char *path)
{
    struct stat file;
    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
        (file.st_mode & (S_IRGRP | S_IROTH)) != 0)
        tool_warn(path, "other users can read this key file: use chmod 600");
}

bool secret_read_key(secret_t *secret, const char *path, int *status)
{
    char bytes[KEY_FILE_MAX + 1];
    int fd = tool_open(path, O_RDONLY, 0);
    ssize_t size = fd >= 0 ? read_some(fd, bytes, sizeof bytes) : -1;
    bool ok = false;
    files_read("the key file", path);
    if (size < 0)
        *status = tool_mistake(path, "cannot read the key: %s", strerror(errno));
    else if (!(ok = parse_key(secret, bytes, (size_t)size)))
        *status = tool_mistake(
            path, "not a key file: must contain 32 bytes or 64 hexadecimal digits");
    else
        warn_readable(fd, path);
    wipe(bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    return ok && is_known(secret, 0);
}

/* ---- passphrases ---- */

/* Byte by byte: what follows the newline is for others. Returns the number of bytes,
 * -1 and errno on failure. */
static ssize_t read_line(int fd, char *text, size_t room)
{
    for (size_t have = 0;;) {
        char c;
        ssize_t got = stream_read(fd, &c, 1);
        if (got < 0)
            return -1;
        if (got == 0 || c == '\n')
            return (ssize_t)have;
        if (have == room) {
            errno = EFBIG;
            return -1;
        }
        text[have++] = c;
    }
}

bool secret_read_passphrase(secret_t *secret, const char *option, int fd, int *status)
{
    ssize_t size = read_line(fd, secret->passphrase, SECRET_PASSPHRASE);
    files_read_fd("the file with the passphrase", fd);
    if (size > 0)
        return is_known(secret, (size_t)size);
    if (size == 0)
        *status = tool_mistake(NULL, "%s: no passphrase was given on descriptor %d",
                               option, fd);
    else
        *status =
            tool_mistake(NULL, "%s: descriptor %d: %s", option, fd,
                         errno == EFBIG ? "the passphrase is too long" : strerror(errno));
    return false;
}

bool secret_prompt(secret_t *secret, const char *name, bool fresh)
{
    char again[SECRET_PASSPHRASE];
    if (!isatty(STDIN_FILENO))
        return false;
    ssize_t size = terminal_ask(fresh ? "New passphrase for " : "Passphrase for ", name,
                                secret->passphrase, SECRET_PASSPHRASE);
    bool ok = size > 0;
    if (size < 0)
        tool_fail(name, "cannot read the passphrase: %s", strerror(errno));
    else if (!ok)
        tool_fail(name, "no passphrase was given");
    if (ok && fresh) {
        ok = terminal_ask("Repeat the passphrase for ", name, again, sizeof again) ==
                 size &&
             memcmp(again, secret->passphrase, (size_t)size) == 0;
        if (!ok)
            tool_fail(name, "the passphrases do not match");
        wipe(again, sizeof again);
    }
    return ok && is_known(secret, (size_t)size);
}
