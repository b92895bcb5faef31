/* SPDX-License-Identifier: MIT */
/*
 * Records of which file was open and what it held, as text in an attribute of the image:
 * a restore must notice a file that was replaced or changed.
 */
#include "files/file_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/resource.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"

/* ---- Looking at files ------------------------------------------------------ */

/* The seconds and nanoseconds of a modification, where systems call it differently. */
#if defined(__APPLE__)
#define MODIFIED(status) ((status)->st_mtimespec)
#else
#define MODIFIED(status) ((status)->st_mtim)
#endif

static bool read_all(int fd, uint8_t *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, to + done, size - done, (off_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* The digest of the first `size` bytes. */
static bool digest_head(int fd, const struct stat *status, const char *path, size_t size,
                        uint8_t digest[SFPM_DIGEST_SIZE])
{
    uint8_t bytes[SFPM_HEAD_SIZE];
    struct stat found;
    bool ok = read_all(fd, bytes, size);
    if (!ok && path) {
        int other = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        ok = other >= 0 && fstat(other, &found) == 0 && is_same(&found, status) &&
             read_all(other, bytes, size);
        if (other >= 0)
            close(other);
    }
    if (ok)
        sfpm_digest(bytes, size, digest);
    return ok;
}

static size_t head_size(uint64_t size)
{
    return size < SFPM_HEAD_SIZE ? (size_t)size : SFPM_HEAD_SIZE;
}

void sfpm_facts_of_file(sfpm_facts_t *facts, int fd, const struct stat *status,
                        const char *path)
{
    facts->kind = SFPM_FACTS_FILE;
    facts->size = (uint64_t)status->st_size;
    facts->device = (uint64_t)status->st_dev;
    facts->inode = (uint64_t)status->st_ino;
    facts->seconds = (int64_t)MODIFIED(status).tv_sec;
    facts->nanoseconds = (uint32_t)MODIFIED(status).tv_nsec;
    facts->has_head = digest_head(fd, status, path, head_size(facts->size), facts->head);
}

bool sfpm_facts_match(const sfpm_facts_t *facts, uint32_t identity, int fd,
                      const struct stat *status, const char *path, char *why, size_t room)
{
    uint8_t head[SFPM_DIGEST_SIZE];
    uint64_t size = (uint64_t)status->st_size;
    if ((identity & SFPM_SAME_FILE) && ((uint64_t)status->st_dev != facts->device ||
                                        (uint64_t)status->st_ino != facts->inode))
        snprintf(why, room, "it is a different file (device or inode)");
    else if ((identity & SFPM_SAME_TIME) &&
             (size != facts->size || (int64_t)MODIFIED(status).tv_sec != facts->seconds ||
              (uint32_t)MODIFIED(status).tv_nsec != facts->nanoseconds))
        snprintf(why, room, "it was modified since (size or modification time)");
    else if ((identity & SFPM_SAME_CONTENT) && size < facts->size)
        snprintf(why, room, "it has %llu bytes, but had %llu", (unsigned long long)size,
                 (unsigned long long)facts->size);
    else if ((identity & SFPM_SAME_CONTENT) && !facts->has_head)
        snprintf(why, room, "it could not be read when the image was saved");
    else if ((identity & SFPM_SAME_CONTENT) &&
             !digest_head(fd, status, path, head_size(facts->size), head))
        snprintf(why, room, "it cannot be read");
    else if ((identity & SFPM_SAME_CONTENT) &&
             memcmp(head, facts->head, sizeof head) != 0)
        snprintf(why, room, "its first %zu bytes differ", head_size(facts->size));
    else
        return true;
    return false;
}

/* ---- As text --------------------------------------------------------------- */

static void encode_head(const sfpm_facts_t *facts, char *text)
{
    if (facts->has_head)
        sfpm_hex(text, facts->head, sizeof facts->head);
    else
        strcpy(text, "none");
}

char *sfpm_facts_encode(const sfpm_facts_t *facts)
{
    char head[2 * SFPM_DIGEST_SIZE + 1];
    if (facts->kind != SFPM_FACTS_FILE)
        return sfpm_copy_string(facts->kind == SFPM_FACTS_CLOSED ? "closed" : "other");
    const char *path = facts->path ? facts->path : "";
    size_t room = 256 + strlen(path);
    char *text = SFPM_NEW_N(char, room);
    if (!text)
        return NULL;
    encode_head(facts, head);
    snprintf(text, room,
             "file offset=%llu size=%llu device=%llu inode=%llu mtime=%lld.%09lu head=%s "
             "path=%s",
             (unsigned long long)facts->offset, (unsigned long long)facts->size,
             (unsigned long long)facts->device, (unsigned long long)facts->inode,
             (long long)facts->seconds, (unsigned long)facts->nanoseconds, head, path);
    return text;
}

static bool take_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

/* A decimal number of at most `limit`, which is above 9. */
static bool take_number(const char **at, uint64_t limit, uint64_t *value)
{
    const char *start = *at;
    for (*value = 0; **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (*value > (limit - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return *at > start;
}

static bool take_time(const char **at, sfpm_facts_t *facts)
{
    uint64_t seconds;
    uint64_t nanoseconds;
    bool negative = take_word(at, "-");
    if (!take_number(at, INT64_MAX, &seconds) || !take_word(at, ".") ||
        !take_number(at, 999999999, &nanoseconds))
        return false;
    facts->seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
    facts->nanoseconds = (uint32_t)nanoseconds;
    return true;
}

static int digit_of(char letter)
{
    const char *digits = "0123456789abcdef";
    const char *found = letter ? strchr(digits, letter) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool take_head(const char **at, sfpm_facts_t *facts)
{
    facts->has_head = !take_word(at, "none");
    for (size_t i = 0; facts->has_head && i < sizeof facts->head; i++) {
        int high = digit_of((*at)[0]);
        int low = high < 0 ? -1 : digit_of((*at)[1]);
        if (low < 0)
            return false;
        facts->head[i] = (uint8_t)(high << 4 | low);
        *at += 2;
    }
    return true;
}

static bool decode_file(sfpm_facts_t *facts, const char *at)
{
    facts->kind = SFPM_FACTS_FILE;
    if (!take_word(&at, "file offset=") || !take_number(&at, INT64_MAX, &facts->offset) ||
        !take_word(&at, " size=") || !take_number(&at, INT64_MAX, &facts->size) ||
        !take_word(&at, " device=") || !take_number(&at, UINT64_MAX, &facts->device) ||
        !take_word(&at, " inode=") || !take_number(&at, UINT64_MAX, &facts->inode) ||
        !take_word(&at, " mtime=") || !take_time(&at, facts) ||
        !take_word(&at, " head=") || !take_head(&at, facts) || !take_word(&at, " path="))
        return false;
    facts->path = at;
    return true;
}

bool sfpm_facts_decode(sfpm_facts_t *facts, const char *text)
{
    *facts = (sfpm_facts_t){.kind = SFPM_FACTS_CLOSED};
    if (strcmp(text, "closed") == 0)
        return true;
    facts->kind = SFPM_FACTS_OTHER;
    if (strcmp(text, "other") == 0 || decode_file(facts, text))
        return true;
    return sfpm_fail(SFPM_ERR_CORRUPT, "its record in the image is invalid");
}
