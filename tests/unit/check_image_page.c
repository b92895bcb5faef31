/* SPDX-License-Identifier: MIT */
/* The worked example of sfpm-image(5) is what the library writes, byte by byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image_forge.h"

enum { LINE = 256, ROOM = 4096 };

static uint8_t written[ROOM], printed[ROOM];
static size_t num_written, num_printed;
static char digest_written[2 * SFPM_DIGEST_SIZE + 1], digest_printed[LINE];

static FILE *open_page(void)
{
    const char *top = getenv("top_srcdir");
    char name[1024];
    snprintf(name, sizeof name, "%s/man/sfpm-image.5", top ? top : ".");
    FILE *page = fopen(name, "r");
    ck_assert_msg(page != NULL, "%s cannot be read: set top_srcdir", name);
    return page;
}

static void write_example(void)
{
    static const char note[] = "Hello, image!\n";
    static const uint8_t zeros[SFPM_PAGE + 1];
    char path[] = "/tmp/sfpm-page-XXXXXX";
    close(mkstemp(path));
    ck_assert_int_eq(setenv("SOURCE_DATE_EPOCH", "1000000000", 1), 0);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(sfpm_edit_set_region(edit, "note", 0, note, sizeof note - 1,
                                      SFPM_REGION_PORTABLE));
    ck_assert_ok(sfpm_edit_set_region(edit, "free", 0, zeros, sizeof zeros,
                                      SFPM_REGION_PORTABLE | SFPM_REGION_DYNAMIC));
    ck_assert_ok(sfpm_edit_set_description(edit, "An example"));
    ck_assert_ok(sfpm_edit_set_attribute(edit, "colour", "red"));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    const uint8_t *digest = sfpm_image_commit_info(image)->digest;
    for (size_t i = 0; i < SFPM_DIGEST_SIZE; i++)
        snprintf(digest_written + 2 * i, 3, "%02x", digest[i]);
    sfpm_image_close(image);
    FILE *file = fopen(path, "rb");
    num_written = fread(written, 1, sizeof written, file);
    fclose(file);
    unlink(path);
}

/* The bytes of a line such as "0040  44 41 54 41   type": pairs that one space
 * separates, up to three spaces or the end. */
static void take_bytes(const char *line)
{
    unsigned offset, byte;
    int at = 0;
    if (sscanf(line, "%4x%n", &offset, &at) != 1 || at != 4 ||
        strncmp(line + 4, "  ", 2) != 0)
        return;
    ck_assert_msg(offset == num_printed, "the page goes on at %04x, not %04zx", offset,
                  num_printed);
    for (const char *from = line + 6; sscanf(from, "%2x", &byte) == 1; from += 3) {
        ck_assert_uint_lt(num_printed, sizeof printed);
        printed[num_printed++] = (uint8_t)byte;
        if (from[2] != ' ' || from[3] == ' ')
            break;
    }
}

static void read_page(void)
{
    char line[LINE];
    FILE *page = open_page();
    while (fgets(line, sizeof line, page)) {
        take_bytes(line);
        if (strncmp(line, ".Li ", 4) == 0 && strlen(line) > 32)
            snprintf(digest_printed, sizeof digest_printed, "%.32s", line + 4);
    }
    fclose(page);
}

/* For whoever changes the format: what the page should say. */
static void print_wanted(void)
{
    for (size_t at = 0; at < num_written; at++) {
        if (at % 8 == 0)
            fprintf(stderr, "\n# %04zx ", at);
        fprintf(stderr, " %02x", written[at]);
    }
    fprintf(stderr, "\n# state digest %s\n", digest_written);
}

START_TEST(the_example_is_what_is_written)
{
    write_example();
    read_page();
    size_t same = 0;
    while (same < num_written && same < num_printed && written[same] == printed[same])
        same++;
    if (same != num_written || same != num_printed)
        print_wanted();
    ck_assert_msg(same == num_written && same == num_printed,
                  "image of %zu bytes and page of %zu differ at %04zx", num_written,
                  num_printed, same);
    ck_assert_str_eq(digest_printed, digest_written);
}
END_TEST

/* The control: the comparison sees a page that says something else. */
START_TEST(bytes_are_taken_from_lines)
{
    static const uint8_t bytes[] = {0x44, 0x41, 0x0a, 0xff};
    num_printed = 0;
    take_bytes("no bytes here\n");
    take_bytes("0000  44 41   de ad, the meaning\n");
    take_bytes("0002  0a ff\n");
    ck_assert_uint_eq(num_printed, 4);
    ck_assert_mem_eq(printed, bytes, 4);
}
END_TEST

int main(void)
{
    const test_t core[] = {the_example_is_what_is_written, NULL};
    const test_t limits[] = {bytes_are_taken_from_lines, NULL};
    return run_cases("image_page", core, limits, enter_directory, leave_directory);
}
