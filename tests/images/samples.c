/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/image.h>

#include "commit/commit.h"
#include "../fault/mutate.h"
#include "base/bytes.h"
#include "codec/checksum.h"
#include "format/format.h"
#include "forks.h"
#include "maker.h"

/* ---- the good ones ---- */

static void good_nothing(maker_t *maker)
{
    commit(maker);
}

static void good_piece(maker_t *maker)
{
    fill(region(maker, "data", 100), 0, 60, 1);
    commit(maker);
}

/* More pieces in one chunk than a chunk has whole pages to spare. */
static void good_pieces(maker_t *maker)
{
    sample_region_t *data = region(maker, "data", 40 * 4096);
    for (size_t page = 0; page < 40; page++)
        fill(data, page * 4096, 9 + page, (unsigned)page);
    commit(maker);
}

static void good_page(maker_t *maker)
{
    sample_region_t *data = region(maker, "data", 3 * 4096 + 77);
    fill(data, 4096, 4096, 1);
    fill(data, 3 * 4096, 77, 2);
    commit(maker);
}

static void good_commits(maker_t *maker)
{
    fill(region(maker, "data", 70000), 4096, 6, 1);
    fill(region(maker, "more", 300), 0, 300, 2);
    commit(maker);
    for (unsigned i = 0; i < 4; i++) {
        fill(region(maker, "data", 70000), i * 16384, 20, 3 + i);
        commit(maker);
    }
}

static void good_undo(maker_t *maker)
{
    for (unsigned i = 1; i <= 3; i++) {
        fill(region(maker, "data", 5000), 0, 200, i);
        commit(maker);
    }
    undo(maker, 2);
    undo(maker, 1);
    fill(region(maker, "data", 5000), 4500, 200, 9);
    commit(maker);
}

static void good_torn(maker_t *maker)
{
    fill(region(maker, "data", 5000), 0, 200, 1);
    commit(maker);
    fill(region(maker, "data", 5000), 0, 200, 2);
    commit(maker);
    fill(region(maker, "data", 5000), 0, 200, 3);
    interrupted_commit(maker, 200);
}

/* The dead bytes begin with whole records. */
static void good_passed_over(maker_t *maker)
{
    fill(region(maker, "data", 5000), 0, 200, 1);
    commit(maker);
    fill(region(maker, "data", 5000), 0, 200, 2);
    interrupted_commit(maker, 60);
    fill(region(maker, "data", 5000), 0, 200, 3);
    commit(maker);
    fill(region(maker, "data", 5000), 4100, 200, 4);
    commit(maker);
}

static void good_torn_again(maker_t *maker)
{
    fill(region(maker, "data", 500), 0, 200, 1);
    commit(maker);
    fill(region(maker, "data", 500), 0, 200, 2);
    interrupted_commit(maker, 330);
    fill(region(maker, "data", 500), 0, 200, 3);
    commit(maker);
    fill(region(maker, "data", 500), 0, 200, 4);
    interrupted_commit(maker, 1);
}

static void good_zero(maker_t *maker)
{
    region(maker, "zero", 100000);
    region(maker, "empty", 0);
    commit(maker);
    region(maker, "empty", 1);
    commit(maker);
}

static void good_leaves(maker_t *maker)
{
    enum { MIB = 1 << 20 };
    sample_region_t *data = region(maker, "data", 33 * MIB + 5);
    fill(data, 100, 50, 1);
    fill(data, 32 * MIB + 4096, 20, 2);
    commit(maker);
    fill(data, 33 * MIB, 5, 3);
    commit(maker);
}

static void add_texts(sfpm_edit_t *edit)
{
    sfpm_edit_set_description(edit, "a sample with every text");
    sfpm_edit_set_message(edit, "the first commit");
    sfpm_edit_set_creator(edit, "make_samples");
    sfpm_edit_set_origin(edit, "x86_64-64-little-sysv", "00112233445566778899");
    sfpm_edit_set_attribute(edit, "owner", "nobody");
    sfpm_edit_set_attribute(edit, "empty", "");
    sfpm_edit_set_attribute(edit, "", "of the empty key");
    sfpm_edit_set_schema(edit, UINT64_C(0x123456789));
    sfpm_edit_set_bytecode(edit, 1);
}

/* Text that can be made smaller, in three chunks, and a change in the last. */
static void compressible(maker_t *maker)
{
    sample_region_t *data = region(maker, "data", 140000);
    for (size_t i = 0; i < 100000; i++)
        data->bytes[i] = (uint8_t) "compressible "[i % 13];
    fill(data, 70000, 40, 1);
    commit(maker);
    fill(data, 139000, 300, 2);
    commit(maker);
}

static void good_zstd(maker_t *maker)
{
    maker->compression = "zstd";
    compressible(maker);
}

static void good_lz4(maker_t *maker)
{
    maker->compression = "lz4";
    compressible(maker);
}

static void good_sealed(maker_t *maker)
{
    maker->compression = "zstd";
    maker->sealed = true;
    compressible(maker);
}

/* Boxes that hold what they hold uncompressed, those of commits without a trailer
 * among them. */
static void good_sealed_torn(maker_t *maker)
{
    maker->sealed = true;
    fill(region(maker, "data", 500), 0, 200, 1);
    commit(maker);
    fill(region(maker, "data", 500), 0, 200, 2);
    interrupted_commit(maker, SFPM_TRAILER_RECORD);
    fill(region(maker, "data", 500), 0, 200, 3);
    commit(maker);
    fill(region(maker, "data", 500), 0, 200, 4);
    interrupted_commit(maker, SFPM_TRAILER_RECORD);
}

/* Pages of the base, leaves of the base, pages and pieces of its own. */
static void delta(maker_t *maker)
{
    fill(region(maker, "data", 2 * 4096 + 100), 0, 8250, 1);
    fill(region(maker, "same", 300), 0, 300, 2);
    commit(maker);
    fill(region(maker, "data", 2 * 4096 + 100), 300, 40, 3);
    commit(maker);
    begin_delta(maker);
    fill(region(maker, "data", 2 * 4096 + 100), 8192, 30, 4);
    fill(region(maker, "new", 200), 0, 100, 5);
    commit(maker);
    fill(region(maker, "new", 4096 + 50), 10, 3, 6);
    commit(maker);
}

static void good_delta(maker_t *maker)
{
    delta(maker);
}

static void good_delta_lz4(maker_t *maker)
{
    maker->compression = "lz4";
    compressible(maker);
    begin_delta(maker);
    fill(region(maker, "data", 140000), 30, 40, 3);
    commit(maker);
}

static void good_delta_sealed(maker_t *maker)
{
    maker->sealed = true;
    delta(maker);
}

static void good_texts(maker_t *maker)
{
    fill(region(maker, "data", 64), 0, 64, 1);
    commit_with(maker, add_texts);
}

static void good_resized(maker_t *maker)
{
    fill(region(maker, "first", 10), 0, 10, 1);
    fill(region(maker, "data", 5000), 0, 5000, 2);
    commit(maker);
    fill(region(maker, "data", 4500), 4400, 100, 3);
    commit(maker);
    fill(region(maker, "data", 140000), 139264, 100, 4);
    fill(region(maker, "third", 8), 0, 8, 5);
    commit(maker);
}

static void good_version1(maker_t *maker)
{
    fill(region(maker, "stack", 64), 0, 64, 1);
    fill(region(maker, "heap", 300), 0, 200, 2);
    region(maker, "", 0);
    commit(maker);
}

static void good_version1_machine(maker_t *maker)
{
    static const uint8_t program[] = {0x00, 0x0A, 0x00, 0x05, 0x01, 0x04, 0x05};
    sample_region_t *machine = region(maker, "vm_state", 2080);
    sfpm_put_u32(machine->bytes + 1024, UINT32_MAX);        /* sp */
    memcpy(machine->bytes + 1028, program, sizeof program); /* program */
    sfpm_put_u64(machine->bytes + 2056, sizeof program);    /* program_size */
    commit(maker);
}

/* ---- the others are good ones, spoilt ---- */

static void bad_empty(maker_t *maker)
{
    good_piece(maker);
    need(truncate(maker->path, 0) == 0, maker, "truncate");
}

static void bad_cut_header(maker_t *maker)
{
    good_piece(maker);
    need(truncate(maker->path, 40) == 0, maker, "truncate");
}

static void bad_unfinished(maker_t *maker)
{
    good_piece(maker);
    need(truncate(maker->path, (off_t)file_size(maker) - 1) == 0, maker, "truncate");
}

static void bad_cut_version1(maker_t *maker)
{
    good_version1(maker);
    need(truncate(maker->path, (off_t)file_size(maker) - 20) == 0, maker, "truncate");
}

/* Changes bytes of the finished file. */
typedef struct spoil {
    long offset; /* negative: from the end */
    uint8_t mask;
} spoil_t;

static void spoil(sample_t *sample, spoil_t how)
{
    size_t at = how.offset >= 0 ? (size_t)how.offset : sample->size - (size_t)-how.offset;
    if (how.mask && at < sample->size)
        sample->bytes[at] ^= how.mask;
}

/* Makes the header's checksum right again, so that what it says is looked at. */
static void seal_header(sample_t *sample)
{
    sfpm_put_u64(sample->bytes + 56, sfpm_checksum(sample->bytes, 56, 0));
}

/* ---- the list ---- */

static const struct kind {
    const char *name;
    void (*make)(maker_t *maker);
    sfpm_status_t expected;
    spoil_t spoil;
    bool version1;
    bool sealed; /* after spoiling */
} kinds[] = {
    {"good-nothing", good_nothing, SFPM_OK, {0, 0}, false, false},
    {"good-piece", good_piece, SFPM_OK, {0, 0}, false, false},
    {"good-pieces", good_pieces, SFPM_OK, {0, 0}, false, false},
    {"good-page", good_page, SFPM_OK, {0, 0}, false, false},
    {"good-commits", good_commits, SFPM_OK, {0, 0}, false, false},
    {"good-undo", good_undo, SFPM_OK, {0, 0}, false, false},
    {"good-torn", good_torn, SFPM_OK, {0, 0}, false, false},
    {"good-passed-over", good_passed_over, SFPM_OK, {0, 0}, false, false},
    {"good-torn-again", good_torn_again, SFPM_OK, {0, 0}, false, false},
    {"good-zero", good_zero, SFPM_OK, {0, 0}, false, false},
    {"good-leaves", good_leaves, SFPM_OK, {0, 0}, false, false},
    {"good-texts", good_texts, SFPM_OK, {0, 0}, false, false},
    {"good-zstd", good_zstd, SFPM_OK, {0, 0}, false, false},
    {"good-lz4", good_lz4, SFPM_OK, {0, 0}, false, false},
    {"good-sealed", good_sealed, SFPM_OK, {0, 0}, false, false},
    {"good-sealed-torn", good_sealed_torn, SFPM_OK, {0, 0}, false, false},
    {"good-delta", good_delta, SFPM_OK, {0, 0}, false, false},
    {"good-delta-lz4", good_delta_lz4, SFPM_OK, {0, 0}, false, false},
    {"good-delta-sealed", good_delta_sealed, SFPM_OK, {0, 0}, false, false},
    {"good-resized", good_resized, SFPM_OK, {0, 0}, false, false},
    {"good-version1", good_version1, SFPM_OK, {0, 0}, true, false},
    {"good-version1-machine", good_version1_machine, SFPM_OK, {0, 0}, true, false},
    {"bad-empty", bad_empty, SFPM_ERR_NOT_IMAGE, {0, 0}, false, false},
    {"bad-magic", good_piece, SFPM_ERR_NOT_IMAGE, {0, 0x80}, false, false},
    {"bad-cut-header", bad_cut_header, SFPM_ERR_TRUNCATED, {0, 0}, false, false},
    {"bad-unfinished", bad_unfinished, SFPM_ERR_TRUNCATED, {0, 0}, false, false},
    {"bad-header", good_piece, SFPM_ERR_CHECKSUM, {40, 1}, false, false},
    {"bad-header-sealed", good_piece, SFPM_ERR_CORRUPT, {40, 1}, false, true},
    {"bad-data", good_page, SFPM_ERR_CHECKSUM, {5000, 1}, false, false},
    {"bad-padding", good_page, SFPM_ERR_CORRUPT, {200, 1}, false, false},
    {"bad-index", good_commits, SFPM_ERR_CHECKSUM, {-140, 1}, false, false},
    {"bad-trailer", good_piece, SFPM_ERR_TRUNCATED, {-50, 1}, false, false},
    {"bad-splice-sealed", bad_splice, SFPM_ERR_CORRUPT, {0, 0}, false, false},
    {"bad-hidden-sealed", bad_hidden, SFPM_ERR_CORRUPT, {0, 0}, false, false},
    {"bad-unbound-sealed", bad_unbound, SFPM_ERR_CORRUPT, {0, 0}, false, false},
    {"bad-cut-version1", bad_cut_version1, SFPM_ERR_TRUNCATED, {0, 0}, true, false},
    {"bad-total-version1", good_version1, SFPM_ERR_CORRUPT, {20, 1}, true, false},
    {"unsupported-version", good_piece, SFPM_ERR_UNSUPPORTED, {8, 1}, false, true},
    {"unsupported-feature", good_piece, SFPM_ERR_UNSUPPORTED, {31, 0x40}, false, true},
    {"unsupported-version1", good_version1, SFPM_ERR_UNSUPPORTED, {4, 2}, true, false},
};

size_t num_samples(void)
{
    return sizeof kinds / sizeof *kinds;
}

const char *sample_base;

void sample_put_base(const uint8_t *bytes, size_t size)
{
    static char path[40];
    static FILE *file;
    if (!file && !(file = tmpfile()))
        exit(99);
    snprintf(path, sizeof path, "/dev/fd/%d", fileno(file));
    if (ftruncate(fileno(file), (off_t)size) != 0 ||
        pwrite(fileno(file), bytes, size, 0) != (ssize_t)size)
        exit(99);
    sample_base = path;
}

static void take_files(maker_t *maker)
{
    sample_t *sample = maker->sample;
    sample->bytes = take_file(maker, maker->path, &sample->size);
    sample_base = NULL;
    if (maker->base_path[0]) {
        sample->base = take_file(maker, maker->base_path, &sample->base_size);
        if (maker->sealed)
            fix_salts(maker, sample->base, sample->base_size);
        sample_put_base(sample->base, sample->base_size);
    }
    if (maker->sealed)
        fix_salts(maker, sample->bytes, sample->size);
    rmdir(maker->directory);
}

void sample_make(size_t which, sample_t *sample)
{
    const struct kind *kind = &kinds[which];
    maker_t maker = {.sample = sample};
    *sample = (sample_t){
        .name = kind->name, .expected = kind->expected, .version1 = kind->version1};
    strcpy(maker.directory, "/tmp/sfpm-sample-XXXXXX");
    need(mkdtemp(maker.directory) && setenv("SOURCE_DATE_EPOCH", "1000000000", 1) == 0,
         &maker, "a temporary directory");
    snprintf(maker.path, sizeof maker.path, "%s/a.img", maker.directory);
    kind->make(&maker);
    take_files(&maker);
    spoil(sample, kind->spoil);
    if (kind->sealed)
        seal_header(sample);
    free_state(&maker.now);
}

void sample_free(sample_t *sample)
{
    for (size_t i = 0; i < sample->num_states; i++)
        free_state(&sample->states[i]);
    free(sample->bytes);
    free(sample->base);
    *sample = (sample_t){0};
}
