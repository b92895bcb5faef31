/* SPDX-License-Identifier: MIT */
/* The file as a log: commits torn at every place, and files that no writer leaves. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image_forge.h"

static const char path[] = "a.img";

static off_t file_size(void)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    off_t size = (off_t)sfpm_image_info(image)->size;
    sfpm_image_close(image);
    return size;
}

static void set_up(void)
{
    uint8_t bytes[6000] = {1};
    memset(bytes + 4096, 7, 1000);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, bytes, sizeof bytes, 0));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
}

/* Writes one byte of the region as a commit of its own. */
static void append(uint8_t byte)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_write(edit, 0, 5999, &byte, 1));
    ck_assert_ok(sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
}

/* The image must be whole, or torn, and show a commit with that byte. */
static void expect(uint64_t number, uint8_t byte, bool torn)
{
    uint8_t read = 0;
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_commit_info(image)->number, number);
    ck_assert_ok(sfpm_image_read(image, 0, 5999, &read, 1));
    ck_assert_uint_eq(read, byte);
    ck_assert((sfpm_image_info(image)->warning != NULL) == torn);
    if (torn)
        ck_assert(!sfpm_image_check(image, NULL, NULL));
    else
        ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

/* A process that dies while appending leaves whole records and part of another; so
 * may the next one, which loses at least the last byte of its trailer. What comes after
 * must be found whole, with and without a tail that sends the reader forward through all
 * of it. */
START_TEST(two_torn_commits_in_a_row_are_passed_over)
{
    set_up();
    off_t whole = file_size(), torn, again;
    append(2);
    torn = file_size() - whole;
    for (off_t cut = 8; cut < torn; cut += 24) {
        ck_assert_int_eq(truncate(path, whole), 0);
        append(2);
        ck_assert_int_eq(truncate(path, whole + cut), 0);
        expect(1, 0, true);
        append(3);
        again = file_size();
        expect(2, 3, false);
        ck_assert_int_eq(truncate(path, again - 1 - cut / 24 % 130), 0);
        expect(1, 0, true);
        append(4);
        expect(2, 4, false);
        append(5);
        expect(3, 5, false);
        ck_assert_int_eq(truncate(path, file_size() - 1), 0);
        expect(2, 4, true);
    }
}
END_TEST

/* Records after torn ones that end exactly where a DEAD record then begins. */
START_TEST(torn_records_may_end_at_a_page)
{
    forge_t forge;
    uint8_t payload[SFPM_PAGE] = {0};
    char name[32];
    forge_start(&forge);
    forge_commit(&forge);
    size_t fill = SFPM_PAGE - (forge.bytes.size + SFPM_RECORD_SIZE) % SFPM_PAGE;
    forge_record(&forge, SFPM_RECORD_LEAF, payload, fill);
    forge_dead(&forge);
    forge_commit(&forge);
    for (int tail = 0; tail < 2; tail++) {
        sfpm_image_t *image = forge_open(&forge, name);
        ck_assert_msg(image != NULL, "%s", sfpm_last_error());
        ck_assert_uint_eq(sfpm_image_info(image)->commits, 2);
        ck_assert(sfpm_image_check(image, NULL, NULL) == (tail == 0));
        sfpm_image_close(image);
        unlink(name);
        forge_bytes(&forge, "torn", 4);
    }
    forge_end(&forge);
}
END_TEST

/* Recovery must not tire of many small records and step back silently. */
START_TEST(many_small_records_are_walked_over)
{
    forge_t forge;
    char name[32];
    forge_start(&forge);
    for (int commit = 0; commit < 2; commit++) {
        for (int i = 0; i < 100000; i++)
            forge_record(&forge, SFPM_RECORD_DATA, "", 0);
        forge_commit(&forge);
    }
    forge_bytes(&forge, "torn", 4);
    sfpm_image_t *image = forge_open(&forge, name);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->commits, 2);
    sfpm_image_close(image);
    unlink(name);
    forge_end(&forge);
}
END_TEST

/* ---- limits ---- */

/* Opens what was forged; the last error is the fault found, at opening or checking. */
static void expect_bad(forge_t *forge, bool opens, sfpm_status_t status, const char *part)
{
    char name[32];
    sfpm_image_t *image = forge_open(forge, name);
    ck_assert_msg((image != NULL) == opens, "%s", sfpm_last_error());
    if (image) {
        ck_assert(!sfpm_image_check(image, NULL, NULL));
        unlink(name);
    }
    expect_fault(status, part);
    sfpm_image_close(image);
    forge_end(forge);
}

START_TEST(records_out_of_place_are_found)
{
    static const uint32_t types[] = {SFPM_RECORD_DEAD, SFPM_RECORD_TRAILER,
                                     SFPM_RECORD_INDEX};
    for (size_t i = 0; i < 3; i++) {
        forge_t forge;
        uint8_t payload[SFPM_TRAILER_SIZE] = {0};
        forge_start(&forge);
        forge_record(&forge, SFPM_RECORD_LEAF, "leaf", 4);
        forge_record(&forge, types[i], payload, i == 0 ? SFPM_DEAD_SIZE : sizeof payload);
        forge_commit(&forge);
        expect_bad(&forge, true, SFPM_ERR_CORRUPT, "out of place");
    }
}
END_TEST

/* Spoils one field of the DEAD record, or a byte that it covers. */
START_TEST(dead_bytes_are_those_of_their_record)
{
    for (size_t field = 0; field < 5; field++) {
        forge_t forge;
        forge_start(&forge);
        forge_commit(&forge);
        size_t torn = forge.bytes.size;
        forge_bytes(&forge, "torn", 4);
        forge_dead(&forge);
        size_t at = (size_t)forge.start;
        uint8_t *payload = forge.bytes.data + at + SFPM_RECORD_SIZE;
        sfpm_record_t record = {.type = SFPM_RECORD_DEAD, .length = SFPM_DEAD_SIZE};
        if (field < 4)
            payload[field * 8] ^= 1;
        else
            forge.bytes.data[torn + 2] ^= 1;
        record.sum = sfpm_checksum(payload, SFPM_DEAD_SIZE, 0);
        sfpm_record_encode(&record, at, forge.bytes.data + at);
        forge_commit(&forge);
        bool sum = field == 2 || field == 4;
        expect_bad(&forge, true, sum ? SFPM_ERR_CHECKSUM : SFPM_ERR_CORRUPT,
                   sum ? "dead bytes" : "does not match");
    }
}
END_TEST

/* Two regions of zeros whose tables say different things about the same nothing. */
START_TEST(every_zero_leaf_is_checked)
{
    forge_t forge;
    sfpm_index_t index;
    sfpm_leaf_t leaf;
    sfpm_leaf_ref_t refs[2] = {{0}};
    char name[] = "zeros";
    sfpm_region_t regions[2] = {{name, 100, 0, 0, {0}, 1, &refs[0], 0},
                                {name, 100, 0, 0, {0}, 1, &refs[1], 0}};
    forge_start(&forge);
    ck_assert_ok(sfpm_leaf_zero(100, sfpm_zero_sum(SFPM_CHUNK), &leaf));
    sfpm_leaf_digest(leaf.sums, 1, refs[0].digest);
    sfpm_leaf_free(&leaf);
    memset(refs[1].digest, 9, SFPM_DIGEST_SIZE);
    for (int i = 0; i < 2; i++)
        ck_assert_ok(sfpm_region_digest(&regions[i], regions[i].digest));
    sfpm_trailer_t trailer = forge_trailer(&forge);
    forge_index(&forge, &index);
    index.num_regions = 2;
    index.regions = regions;
    forge_finish(&forge, &index, &trailer);
    expect_bad(&forge, true, SFPM_ERR_CORRUPT, "the digest of the leaf");
}
END_TEST

START_TEST(a_commit_names_nothing_behind_it)
{
    forge_t forge;
    sfpm_index_t index;
    char name[] = "data";
    sfpm_leaf_ref_t ref = {.offset = 8000};
    sfpm_region_t region = {name, 100, 0, 0, {0}, 1, &ref, 0};
    forge_start(&forge);
    ck_assert_ok(sfpm_region_digest(&region, region.digest));
    sfpm_trailer_t trailer = forge_trailer(&forge);
    forge_index(&forge, &index);
    index.num_regions = 1;
    index.regions = &region;
    forge_finish(&forge, &index, &trailer);
    expect_bad(&forge, false, SFPM_ERR_CORRUPT, "a leaf after it");
}
END_TEST

/* A chain whose links do not fit: each field that binds a trailer to the one before. */
START_TEST(trailers_follow_each_other)
{
    for (int field = 0; field < 4; field++) {
        forge_t forge;
        sfpm_index_t index;
        forge_start(&forge);
        forge_commit(&forge);
        forge_commit(&forge);
        sfpm_trailer_t trailer = forge_trailer(&forge);
        forge_index(&forge, &index);
        if (field == 0)
            trailer.number = index.number = index.state_of = 2, index.parent = 0;
        if (field == 1)
            trailer.first = 2;
        if (field == 2)
            trailer.previous_sum ^= 1;
        if (field == 3)
            trailer.id[15] ^= 1;
        forge_finish(&forge, &index, &trailer);
        expect_bad(&forge, false, SFPM_ERR_CORRUPT, "does not follow");
    }
}
END_TEST

START_TEST(index_and_trailer_agree)
{
    forge_t forge;
    sfpm_index_t index;
    forge_start(&forge);
    sfpm_trailer_t trailer = forge_trailer(&forge);
    forge_index(&forge, &index);
    index.number = 2;
    forge_finish(&forge, &index, &trailer);
    expect_bad(&forge, false, SFPM_ERR_CORRUPT, "different commit numbers");
    forge_start(&forge);
    trailer = forge_trailer(&forge);
    forge_index(&forge, &index);
    forge_finish(&forge, &index, &trailer);
    trailer.index_digest[0] ^= 1;
    sfpm_trailer_encode(&trailer, forge.bytes.data + trailer.offset);
    expect_bad(&forge, false, SFPM_ERR_CORRUPT, "does not match its trailer");
}
END_TEST

START_TEST(the_highest_number_takes_no_commit_after_it)
{
    forge_t forge;
    sfpm_index_t index;
    char name[32];
    forge_start(&forge);
    sfpm_trailer_t trailer = forge_trailer(&forge);
    forge_index(&forge, &index);
    trailer.number = trailer.first = SFPM_COMMIT_MAX;
    index.number = index.state_of = SFPM_COMMIT_MAX;
    forge_finish(&forge, &index, &trailer);
    sfpm_image_t *image = forge_open(&forge, name);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert(!sfpm_edit_append(edit, NULL));
    expect_fault(SFPM_ERR_LIMIT, "the last possible");
    sfpm_edit_destroy(edit);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
    unlink(name);
    forge_end(&forge);
}
END_TEST

/* A thousand DEAD records, each with a record behind it that leads to the same long
 * row of records: walked over again and again, they would take minutes. */
START_TEST(hostile_records_cost_no_more_than_the_file)
{
    enum { DEADS = 1024, ROW = 130000 };
    forge_t forge;
    uint8_t bytes[SFPM_RECORD_SIZE];
    char name[32];
    forge_start(&forge);
    forge_commit(&forge);
    forge_bytes(&forge, "torn", 4);
    uint64_t row = (uint64_t)(DEADS + 1) * SFPM_PAGE;
    for (int i = 0; i < DEADS; i++) {
        forge_dead(&forge);
        uint64_t at = forge.bytes.size;
        sfpm_record_t record = {.type = SFPM_RECORD_DATA, .length = row - at - 32};
        sfpm_record_encode(&record, at, bytes);
        forge_bytes(&forge, bytes, sizeof bytes);
    }
    while (forge.bytes.size < row)
        forge_bytes(&forge, "", 1);
    for (int i = 0; i < ROW; i++)
        forge_record(&forge, SFPM_RECORD_DATA, "", 0);
    forge_bytes(&forge, "torn", 4);
    sfpm_image_t *image = forge_open(&forge, name);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->commits, 1);
    sfpm_image_close(image);
    unlink(name);
    forge_end(&forge);
}
END_TEST

START_TEST(files_without_a_commit_are_cut_off)
{
    forge_t forge;
    char name[32];
    forge_start(&forge);
    ck_assert_ptr_null(forge_open(&forge, name));
    expect_fault(SFPM_ERR_TRUNCATED, "before its first commit");
    forge_record(&forge, SFPM_RECORD_LEAF, "leaf", 4);
    expect_bad(&forge, false, SFPM_ERR_TRUNCATED, "before its first commit");
}
END_TEST

int main(void)
{
    const test_t core[] = {two_torn_commits_in_a_row_are_passed_over,
                           torn_records_may_end_at_a_page,
                           many_small_records_are_walked_over, NULL};
    const test_t limits[] = {records_out_of_place_are_found,
                             dead_bytes_are_those_of_their_record,
                             every_zero_leaf_is_checked,
                             a_commit_names_nothing_behind_it,
                             trailers_follow_each_other,
                             index_and_trailer_agree,
                             the_highest_number_takes_no_commit_after_it,
                             hostile_records_cost_no_more_than_the_file,
                             files_without_a_commit_are_cut_off,
                             NULL};
    return run_cases("image_log", core, limits, enter_directory, leave_directory);
}
