/* SPDX-License-Identifier: MIT */
/* make_more DIRECTORY: images for the comparison of decoders that tests/images does
 * not have: several encodings of the same data, and images that need a base. Those
 * named *-sealed* open with the key in key.bin, those named *-phrase* with the
 * passphrase "secret". What this build cannot write is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/sfpm.h>

#include "commit/commit.h"

static const uint8_t key[32] = "thirty-two bytes that are no key";

enum { TEXT = 150000, NUMBERS = 70001, NOISE = 9000, ALL = 300000 };
static uint8_t contents[ALL];
static uint8_t zeros[ALL];

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "make_more: %s: %s\n", what, sfpm_last_error());
    exit(99);
}

static uint32_t noise(void)
{
    static uint32_t x = 88172645;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

/* Words in a random order, small numbers, noise, zeros: each packs in its own way. */
static void make_contents(void)
{
    static const char *const words[] = {"image ", "commit ", "of ",   "the ",   "leaf\n",
                                        "chunk ", "page ",   "base ", "where ", "a "};
    size_t at = 0;
    while (at < TEXT) {
        const char *word = words[noise() % 10];
        size_t length = strlen(word);
        memcpy(contents + at, word, length);
        at += length;
    }
    for (at = TEXT; at < TEXT + NUMBERS; at++)
        contents[at] = (uint8_t)(at % 4 == 0 ? noise() % (at % 7 + 3) : 0);
    for (; at < TEXT + NUMBERS + NOISE; at++)
        contents[at] = (uint8_t)noise();
}

static void set_region(sfpm_edit_t *edit, const char *name, const void *base, size_t size,
                       uint32_t flags)
{
    need(sfpm_edit_set_region(edit, name, 0, base, size, flags), name);
}

static void set_regions(sfpm_edit_t *edit)
{
    set_region(edit, "all", contents, ALL, SFPM_REGION_PORTABLE);
    set_region(edit, "text", contents + 500, 2000, SFPM_REGION_DYNAMIC);
    set_region(edit, "noise", contents + TEXT + NUMBERS, 70000, 0);
    set_region(edit, "zero", zeros, ALL, SFPM_REGION_POINTERS);
    set_region(edit, "none", zeros, 0, SFPM_REGION_DYNAMIC);
}

static bool encode(sfpm_edit_t *edit, const char *compression,
                   const sfpm_secret_t *secret)
{
    bool good = (!compression || sfpm_edit_set_compression(edit, compression, 0)) &&
                (!secret || sfpm_edit_set_secret(edit, secret));
    need(good || sfpm_last_status() == SFPM_ERR_UNSUPPORTED, "choose an encoding");
    return good;
}

static sfpm_image_t *open_image(const char *name, const sfpm_secret_t *secret)
{
    sfpm_image_options_t options = {.struct_size = sizeof options, .secret = secret};
    sfpm_image_t *image = sfpm_image_open(name, &options);
    need(image != NULL, name);
    return image;
}

/* A second and a third commit; the third goes back. */
static void append(const char *name, const sfpm_secret_t *secret)
{
    for (int i = 0; i < 2; i++) {
        sfpm_image_t *image = open_image(name, secret);
        sfpm_edit_t *edit = sfpm_edit_create(image);
        need(edit != NULL, name);
        need(i == 1 ? sfpm_edit_undo(edit, 0)
                    : sfpm_edit_write(edit, 0, 66000, "changed", 7),
             "change");
        need(sfpm_edit_set_message(edit, "again") && sfpm_edit_append(edit, NULL), name);
        sfpm_edit_destroy(edit);
        sfpm_image_close(image);
    }
}

static void make(const char *name, const char *compression, const sfpm_secret_t *secret)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    need(edit != NULL, name);
    set_regions(edit);
    if (encode(edit, compression, secret)) {
        need(sfpm_edit_save(edit, name, NULL), name);
        append(name, secret);
    }
    sfpm_edit_destroy(edit);
}

/* What differs from the last commit of `base`: a page, a new size, another region. */
static void make_delta(const char *base, const char *name, size_t size,
                       const char *compression)
{
    if (access(base, F_OK) != 0)
        return;
    sfpm_image_t *image = open_image(base, NULL);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    need(edit && sfpm_edit_write(edit, 0, 140000 + size, "other", 5), name);
    set_region(edit, "text", contents + 500, size, SFPM_REGION_DYNAMIC);
    set_region(edit, name, contents + size, 5000, 0);
    set_region(edit, "none", zeros, size, 0);
    if (encode(edit, compression, NULL))
        need(sfpm_edit_save_delta(edit, name, NULL), name);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
}

static void make_sealed(void)
{
    sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    make("more-sealed.img", "none", &secret);
    make("more-sealed-lz4.img", "lz4", &secret);
    make("more-sealed-zstd.img", "zstd:5", &secret);
    secret = (sfpm_secret_t){.struct_size = sizeof secret,
                             .passphrase = "secret",
                             .passphrase_size = strlen("secret")};
    make("more-phrase.img", "lz4", &secret);
}

/* Images small enough to try every seventh bit of. */
static void make_small(const char *name, const char *compression,
                       const sfpm_secret_t *secret, sfpm_image_t *base)
{
    sfpm_edit_t *edit = sfpm_edit_create(base);
    need(edit != NULL, name);
    set_region(edit, "data", contents, base ? 4500 : 4400, SFPM_REGION_PORTABLE);
    if (!base)
        set_region(edit, "same", contents, 300, 0);
    if (encode(edit, compression, secret))
        need(base ? sfpm_edit_save_delta(edit, name, NULL)
                  : sfpm_edit_save(edit, name, NULL),
             name);
    sfpm_edit_destroy(edit);
}

static void make_all_small(void)
{
    sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    make_small("small.img", NULL, NULL, NULL);
    make_small("small-lz4.img", "lz4", NULL, NULL);
    make_small("small-zstd.img", "zstd", NULL, NULL);
    make_small("small-sealed.img", "zstd", &secret, NULL);
    sfpm_image_t *base = open_image("small.img", NULL);
    make_small("small-delta.img", NULL, NULL, base);
    sfpm_image_close(base);
}

static void write_key(void)
{
    FILE *file = fopen("key.bin", "wb");
    need(file && fwrite(key, sizeof key, 1, file) == 1 && fclose(file) == 0, "key.bin");
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1]) != 0) {
        fprintf(stderr, "usage: make_more DIRECTORY\n");
        return 2;
    }
    need(setenv("SOURCE_DATE_EPOCH", "1000000000", 1) == 0, "setenv");
    make_contents();
    write_key();
    make_all_small();
    make("more-plain.img", NULL, NULL);
    make("more-lz4.img", "lz4", NULL);
    make("more-zstd.img", "zstd", NULL);
    make("more-zstd-19.img", "zstd:19", NULL);
    make_sealed();
    make_delta("more-plain.img", "more-delta.img", 1900, NULL);
    make_delta("more-delta.img", "more-delta-2.img", 4096, "lz4");
    make_delta("more-zstd.img", "more-delta-packed.img", 2500, "zstd");
    append("more-delta.img", NULL);
    return 0;
}
