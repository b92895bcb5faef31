/* SPDX-License-Identifier: MIT */
/*
 * facts [-k KEYFILE | -p PASSPHRASE] [-v | -f N] IMAGE...
 *
 * The same facts as sfpm_decode.py, in the same words, by way of the library: they
 * must agree. -v leaves the facts out and says only whether an image is accepted. -f
 * counts how many images that differ in one bit, every Nth, are rejected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/sfpm.h>

#include "sha256.h"

static sfpm_secret_t secret = {.struct_size = sizeof secret};
static sfpm_image_options_t options = {.struct_size = sizeof options};

/* ---- facts ---- */

static void show(const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x21 && byte <= 0x7e && byte != '\\')
            putchar(byte);
        else
            printf("\\x%02x", byte);
    }
    putchar('\n');
}

static void show_bytes(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static void show_flags(uint32_t flags)
{
    static const char *const names[] = {"dynamic", "portable", "pointers", "volatile",
                                        "secret"};
    const char *before = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (flags >> i & 1) {
            printf("%s%s", before, names[i]);
            before = ",";
        }
    putchar('\n');
}

static bool show_contents(const sfpm_image_t *image, size_t index, uint64_t size)
{
    static uint8_t bytes[1 << 20];
    sha256_t sum;
    sha256_start(&sum);
    for (uint64_t at = 0; at < size;) {
        size_t count = size - at < sizeof bytes ? (size_t)(size - at) : sizeof bytes;
        if (!sfpm_image_read(image, index, at, bytes, count))
            return false;
        sha256_add(&sum, bytes, count);
        at += count;
    }
    uint8_t result[32];
    sha256_end(&sum, result);
    show_bytes(result, sizeof result);
    return true;
}

static bool show_region(const sfpm_image_t *image, size_t index, const char *commit,
                        bool version1)
{
    const sfpm_region_info_t *info = sfpm_image_region(image, index);
    char where[80];
    snprintf(where, sizeof where, "%sregion %zu", commit, index);
    printf("%s name ", where);
    show(info->name);
    printf("%s size %llu\n", where, (unsigned long long)info->size);
    printf("%s flags ", where);
    show_flags(info->flags);
    if (!version1) {
        printf("%s digest ", where);
        show_bytes(info->digest, SFPM_DIGEST_BYTES);
    }
    printf("%s contents ", where);
    return show_contents(image, index, info->size);
}

static bool show_regions(const sfpm_image_t *image, const char *commit, bool version1)
{
    size_t count = sfpm_image_num_regions(image);
    for (size_t i = 0; i < count; i++)
        if (!show_region(image, i, commit, version1))
            return false;
    return true;
}

static void show_number(const char *where, const char *name, uint64_t number)
{
    printf("%s%s %llu\n", where, name, (unsigned long long)number);
}

static void show_text(const char *where, const char *name, const char *text)
{
    printf("%s%s ", where, name);
    show(text);
}

static void show_attributes(const sfpm_image_t *image, const char *where)
{
    const char *key, *value;
    for (size_t i = 0; sfpm_image_attribute(image, i, &key, &value); i++) {
        printf("%sattribute ", where);
        for (const char *c = key; *c; c++)
            printf(*c > 0x20 && *c < 0x7f && *c != '\\' ? "%c" : "\\x%02x",
                   (unsigned char)*c);
        putchar(' ');
        show(value);
    }
}

static bool show_commit(const sfpm_image_t *image)
{
    const sfpm_commit_info_t *info = sfpm_image_commit_info(image);
    char where[40];
    snprintf(where, sizeof where, "commit %llu ", (unsigned long long)info->number);
    show_number(where, "end", info->offset + info->size);
    printf("%sdigest ", where);
    show_bytes(info->digest, sizeof info->digest);
    show_number(where, "parent", info->parent);
    show_number(where, "state", info->state_of);
    printf("%sseconds %lld\n", where, (long long)info->seconds);
    show_number(where, "nanoseconds", info->nanoseconds);
    show_number(where, "bytecode", info->bytecode);
    show_number(where, "schema", info->schema);
    show_text(where, "description", info->description);
    show_text(where, "message", info->message);
    show_text(where, "creator", info->creator);
    show_text(where, "architecture", info->architecture);
    show_text(where, "build_id", info->build_id);
    show_attributes(image, where);
    return show_regions(image, where, false);
}

static bool show_version1(const sfpm_image_t *image)
{
    const sfpm_commit_info_t *info = sfpm_image_commit_info(image);
    printf("format 1\nseconds %lld\n", (long long)info->seconds);
    show_text("", "description", info->description);
    return show_regions(image, "", true);
}

static bool show_image(sfpm_image_t *image)
{
    const sfpm_image_info_t *info = sfpm_image_info(image);
    if (info->format == 1)
        return show_version1(image);
    printf("format 2\nid ");
    show_bytes(info->id, sizeof info->id);
    uint64_t last = info->commits;
    for (uint64_t number = info->first; number <= last; number++) {
        if (!sfpm_image_select(image, (int64_t)number) || !show_commit(image))
            return false;
    }
    return true;
}

/* ---- the ways to look at an image ---- */

static sfpm_image_t *open_image(const char *path)
{
    options.secret = secret.key || secret.passphrase ? &secret : NULL;
    return sfpm_image_open(path, &options);
}

static bool show_all(const char *path, bool verdict)
{
    sfpm_image_t *image = open_image(path);
    bool good =
        image && (verdict || show_image(image)) && sfpm_image_check(image, NULL, NULL);
    puts(good ? "accepted" : "rejected");
    if (!good)
        fprintf(stderr, "%s: %s\n", path, sfpm_last_error());
    sfpm_image_close(image);
    return good;
}

/* Whether it opens, and a check of every byte finds nothing. */
static bool is_accepted(const char *path)
{
    sfpm_image_t *image = open_image(path);
    bool good = image && sfpm_image_check(image, NULL, NULL);
    sfpm_image_close(image);
    return good;
}

static void flip(FILE *file, size_t bit)
{
    int byte;
    if (fseek(file, (long)(bit / 8), SEEK_SET) != 0 || (byte = getc(file)) == EOF ||
        fseek(file, -1, SEEK_CUR) != 0 || putc(byte ^ 1 << bit % 8, file) == EOF ||
        fflush(file) != 0)
        exit(99);
}

/* Changes the file in place, so that a delta finds its base beside it. */
static bool count_flips(const char *path, size_t step)
{
    FILE *file = fopen(path, "r+b");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        exit(99);
    size_t bits = (size_t)ftell(file) * 8, count = 0, rejected = 0;
    for (size_t bit = 0; bit < bits; bit += step, count++) {
        flip(file, bit);
        bool good = !is_accepted(path);
        rejected += good;
        if (!good)
            printf("bit %zu of byte %zu does not matter\n", bit % 8, bit / 8);
        flip(file, bit);
    }
    fclose(file);
    printf("flips %zu rejected %zu\n", count, rejected);
    return true;
}

static void read_key(const char *path)
{
    static uint8_t key[32];
    FILE *file = fopen(path, "rb");
    if (!file || fread(key, sizeof key, 1, file) != 1 || fclose(file) != 0)
        exit(99);
    secret.key = key;
}

int main(int argc, char **argv)
{
    bool verdict = false, good = true;
    size_t step = 0;
    int option;
    while ((option = getopt(argc, argv, "k:p:vf:")) != -1) {
        if (option == 'k')
            read_key(optarg);
        else if (option == 'p')
            secret.passphrase = optarg, secret.passphrase_size = strlen(optarg);
        else if (option == 'v')
            verdict = true;
        else if (option == 'f')
            step = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    for (; optind < argc; optind++) {
        printf("image %s\n", argv[optind]);
        good &= step ? count_flips(argv[optind], step) : show_all(argv[optind], verdict);
    }
    return good ? 0 : 1;
}
