/* SPDX-License-Identifier: MIT */
/* Header, record, trailer and DEAD payload: encoders against decoders. */
#include <string.h>

#include "base/bytes.h"
#include "image_forge.h"

enum { ROUNDS = 2000 };

static void fill_random(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_number() >> 32);
}

/* ---- header ---- */

static void make_header(uint8_t bytes[SFPM_HEADER_SIZE])
{
    sfpm_header_t header = {.compatible = next_number()};
    sfpm_header_encode(&header, bytes);
}

/* Puts the right checksum over what was changed. */
static void seal_header(uint8_t bytes[SFPM_HEADER_SIZE])
{
    sfpm_put_u64(bytes + 56, sfpm_checksum(bytes, 56, 0));
}

START_TEST(headers_come_back)
{
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        uint8_t bytes[SFPM_HEADER_SIZE];
        sfpm_header_t back,
            header = {.compatible = next_number(),
                      .incompatible = next_number() & SFPM_INCOMPATIBLE_KNOWN};
        sfpm_header_encode(&header, bytes);
        ck_assert_ok(sfpm_header_decode(bytes, &back));
        ck_assert_uint_eq(back.compatible, header.compatible);
        ck_assert_uint_eq(back.incompatible, header.incompatible);
    }
}
END_TEST

/* A flipped bit: in the magic it is another file, elsewhere a damaged one. */
START_TEST(no_bit_of_a_header_may_flip)
{
    for (unsigned bit = 0; bit < SFPM_HEADER_SIZE * 8; bit++) {
        uint8_t bytes[SFPM_HEADER_SIZE];
        sfpm_header_t header;
        make_header(bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!sfpm_header_decode(bytes, &header));
        if (bit < SFPM_MAGIC_SIZE * 8)
            expect_fault(SFPM_ERR_NOT_IMAGE, "bad magic");
        else
            expect_fault(SFPM_ERR_CHECKSUM, "header is damaged");
    }
}
END_TEST

/* Every byte behind the feature bits is fixed: sizes and reserved ones. */
START_TEST(headers_that_make_no_sense_are_refused)
{
    for (size_t at = 8; at < 56; at++) {
        uint8_t bytes[SFPM_HEADER_SIZE];
        sfpm_header_t header;
        make_header(bytes);
        bytes[at] ^= 0x80;
        seal_header(bytes);
        bool good = sfpm_header_decode(bytes, &header);
        if (at >= 16 && at < 24)
            ck_assert(good); /* an unknown compatible feature */
        else if (at < 12)
            expect_fault(SFPM_ERR_UNSUPPORTED, "format version");
        else if (at >= 24 && at < 32)
            expect_fault(SFPM_ERR_UNSUPPORTED, "incompatible feature");
        else
            expect_fault(SFPM_ERR_CORRUPT, "invalid sizes or reserved bytes");
        ck_assert(good == (at >= 16 && at < 24));
    }
}
END_TEST

START_TEST(unknown_features_are_named)
{
    uint8_t bytes[SFPM_HEADER_SIZE];
    sfpm_header_t header;
    make_header(bytes);
    bytes[31] |= 0x40;
    seal_header(bytes);
    ck_assert(!sfpm_header_decode(bytes, &header));
    expect_fault(SFPM_ERR_UNSUPPORTED, "feature 62");
    bytes[8] = 3; /* a newer version is told first */
    seal_header(bytes);
    ck_assert(!sfpm_header_decode(bytes, &header));
    expect_fault(SFPM_ERR_UNSUPPORTED, "format version 3");
}
END_TEST

/* ---- records ---- */

static const uint32_t types[] = {SFPM_RECORD_DATA, SFPM_RECORD_LEAF, SFPM_RECORD_INDEX,
                                 SFPM_RECORD_TRAILER, SFPM_RECORD_DEAD};

static sfpm_record_t random_record(void)
{
    sfpm_record_t record = {.type = types[next_number() % 5], .length = next_number()};
    if (record.type == SFPM_RECORD_DATA)
        record.lead = (uint32_t)(next_number() % SFPM_PAGE);
    else
        record.sum = next_number();
    return record;
}

static uint64_t random_offset(void)
{
    return next_number() & ~UINT64_C(7);
}

START_TEST(records_come_back)
{
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        uint8_t bytes[SFPM_RECORD_SIZE];
        uint64_t offset = random_offset();
        sfpm_record_t back, record = random_record();
        sfpm_record_encode(&record, offset, bytes);
        ck_assert_ok(sfpm_record_decode(bytes, offset, &back));
        ck_assert_uint_eq(back.type, record.type);
        ck_assert_uint_eq(back.lead, record.lead);
        ck_assert_uint_eq(back.length, record.length);
        ck_assert_uint_eq(back.sum, record.sum);
    }
}
END_TEST

START_TEST(records_hold_where_they_were_written)
{
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        uint8_t bytes[SFPM_RECORD_SIZE];
        uint64_t offset = random_offset(), other = random_offset();
        sfpm_record_t back, record = random_record();
        sfpm_record_encode(&record, offset, bytes);
        ck_assert(!sfpm_record_decode(bytes, other, &back));
        expect_fault(SFPM_ERR_CHECKSUM, "is damaged");
        ck_assert_uint_eq(sfpm_last_failure()->offset, other);
        unsigned bit = (unsigned)(next_number() % (SFPM_RECORD_SIZE * 8));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!sfpm_record_decode(bytes, offset, &back));
        expect_fault(SFPM_ERR_CHECKSUM, "is damaged");
    }
}
END_TEST

static void expect_bad_record(sfpm_record_t record, uint64_t offset, sfpm_status_t status,
                              const char *part)
{
    uint8_t bytes[SFPM_RECORD_SIZE];
    sfpm_record_encode(&record, offset, bytes);
    ck_assert(!sfpm_record_decode(bytes, offset, &record));
    expect_fault(status, part);
}

START_TEST(records_that_make_no_sense_are_refused)
{
    sfpm_record_t data = {.type = SFPM_RECORD_DATA}, leaf = {.type = SFPM_RECORD_LEAF};
    expect_bad_record(leaf, 68, SFPM_ERR_CORRUPT, "must be a multiple of 8");
    sfpm_record_t unknown = {.type = SFPM_TYPE('N', 'E', 'W', '\n')};
    expect_bad_record(unknown, 64, SFPM_ERR_UNSUPPORTED, "record type 'NEW?'");
    data.lead = SFPM_PAGE;
    expect_bad_record(data, 64, SFPM_ERR_CORRUPT, "DATA record at offset 64");
    for (size_t i = 1; i < 5; i++) {
        leaf = (sfpm_record_t){.type = types[i], .lead = 1};
        expect_bad_record(leaf, 64, SFPM_ERR_CORRUPT, "invalid fields");
    }
}
END_TEST

START_TEST(records_end_without_overflow)
{
    sfpm_record_t record = {.type = SFPM_RECORD_DATA, .lead = 5, .length = 6};
    uint64_t end;
    ck_assert(sfpm_record_end(&record, 64, &end));
    ck_assert_uint_eq(end, 64 + 32 + 16);
    ck_assert(!sfpm_record_end(&record, UINT64_MAX - 31, &end));
    record.length = UINT64_MAX - 64 - 32 - 5;
    ck_assert(!sfpm_record_end(&record, 64, &end)); /* the padding does not fit */
    record.length = UINT64_MAX;
    ck_assert(!sfpm_record_end(&record, 64, &end));
    record.length = UINT64_MAX - 64 - 32 - 5 - 7;
    ck_assert(sfpm_record_end(&record, 64, &end));
    ck_assert_uint_eq(end, UINT64_MAX - 7);
}
END_TEST

/* ---- trailers ---- */

static sfpm_trailer_t random_trailer(bool oldest)
{
    sfpm_trailer_t trailer = {.first = next_number() % 1000 + 1};
    fill_random(trailer.id, sizeof trailer.id);
    fill_random(trailer.index_digest, sizeof trailer.index_digest);
    trailer.number = trailer.first + (oldest ? 0 : next_number() % 1000 + 1);
    trailer.begin = oldest ? 64 : 64 + (next_number() >> 20 & ~UINT64_C(7)) + 8;
    trailer.start = trailer.begin;
    if (!oldest && next_number() % 2)
        trailer.start = (trailer.begin / SFPM_PAGE + 1) * SFPM_PAGE;
    trailer.previous_sum = oldest ? 0 : next_number();
    trailer.index_offset = trailer.start + (next_number() >> 20 & ~UINT64_C(7));
    trailer.offset = trailer.index_offset + 128;
    return trailer;
}

START_TEST(trailers_come_back)
{
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        uint8_t bytes[SFPM_TRAILER_RECORD];
        sfpm_trailer_t back, trailer = random_trailer(i % 2);
        sfpm_trailer_encode(&trailer, bytes);
        ck_assert_ok(sfpm_trailer_decode(bytes, trailer.offset, &back));
        ck_assert_mem_eq(&back, &trailer, sizeof back);
        unsigned bit = (unsigned)(next_number() % (sizeof bytes * 8));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!sfpm_trailer_decode(bytes, trailer.offset, &back));
        expect_fault(SFPM_ERR_CHECKSUM, "is damaged");
    }
}
END_TEST

static void expect_contradiction(const sfpm_trailer_t *made, uint64_t offset)
{
    uint8_t bytes[SFPM_TRAILER_RECORD];
    sfpm_trailer_t back, trailer = *made;
    sfpm_record_t record = {.type = SFPM_RECORD_TRAILER, .length = SFPM_TRAILER_SIZE};
    sfpm_trailer_encode(&trailer, bytes);
    record.sum = trailer.sum;
    sfpm_record_encode(&record, offset, bytes); /* for where it is said to be found */
    ck_assert(!sfpm_trailer_decode(bytes, offset, &back));
    expect_fault(SFPM_ERR_CORRUPT, "is inconsistent");
}

/* One field after the other of a good trailer is set to what it may not be. */
START_TEST(trailers_that_make_no_sense_are_refused)
{
    for (int oldest = 0; oldest < 2; oldest++) {
        const sfpm_trailer_t good = random_trailer(oldest);
        sfpm_trailer_t bad = good;
#define TRY(field, value)                                                                \
    do {                                                                                 \
        bad.field = (value);                                                             \
        expect_contradiction(&bad, good.offset);                                         \
        bad = good;                                                                      \
    } while (0)
        TRY(offset, good.offset + 8);
        TRY(first, 0);
        TRY(first, good.number + 1);
        TRY(number, SFPM_COMMIT_MAX + 1);
        TRY(number, 0);
        TRY(begin, 56);
        TRY(begin, good.index_offset + 8);
        TRY(start, good.begin - 8);
        TRY(start, good.begin + 8);
        TRY(start, (good.index_offset / SFPM_PAGE + 1) * SFPM_PAGE);
        TRY(index_offset, good.begin - 8);
        TRY(index_offset, good.offset);
        if (oldest) {
            TRY(number, good.number + 1);
            TRY(previous_sum, 1);
            TRY(start, SFPM_PAGE);
        } else {
            TRY(number, good.first);
        }
#undef TRY
    }
}
END_TEST

START_TEST(other_records_are_no_trailers)
{
    for (size_t i = 0; i < 5; i++) {
        uint8_t bytes[SFPM_TRAILER_RECORD];
        sfpm_trailer_t trailer = random_trailer(false);
        sfpm_trailer_encode(&trailer, bytes);
        sfpm_record_t record = {.type = types[i], .length = SFPM_TRAILER_SIZE};
        if (types[i] == SFPM_RECORD_TRAILER)
            record.length++;
        sfpm_record_encode(&record, trailer.offset, bytes);
        ck_assert(!sfpm_trailer_decode(bytes, trailer.offset, &trailer));
        expect_fault(SFPM_ERR_CORRUPT, "no trailer at offset");
    }
}
END_TEST

START_TEST(dead_payloads_come_back)
{
    uint8_t bytes[SFPM_DEAD_SIZE], again[SFPM_DEAD_SIZE];
    sfpm_dead_t dead;
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        fill_random(bytes, sizeof bytes);
        sfpm_dead_decode(bytes, &dead);
        sfpm_dead_encode(&dead, again);
        ck_assert_mem_eq(bytes, again, sizeof bytes);
    }
    ck_assert_uint_eq(dead.begin, sfpm_get_u64(bytes));
    ck_assert_uint_eq(dead.length, sfpm_get_u64(bytes + 8));
    ck_assert_uint_eq(dead.sum, sfpm_get_u64(bytes + 16));
    ck_assert_uint_eq(dead.previous_sum, sfpm_get_u64(bytes + 24));
}
END_TEST

int main(void)
{
    const test_t core[] = {headers_come_back, records_come_back, trailers_come_back,
                           dead_payloads_come_back, NULL};
    const test_t limits[] = {no_bit_of_a_header_may_flip,
                             headers_that_make_no_sense_are_refused,
                             unknown_features_are_named,
                             records_hold_where_they_were_written,
                             records_that_make_no_sense_are_refused,
                             records_end_without_overflow,
                             trailers_that_make_no_sense_are_refused,
                             other_records_are_no_trailers,
                             NULL};
    return run_cases("image_record", core, limits, enter_directory, leave_directory);
}
