/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sfpm/image.h>

#include "base/bytes.h"
#include "codec/checksum.h"
#include "image/format.h"

/* A sample in the making: its file, and what the next commit shall hold. */
typedef struct maker {
    sample_t *sample;
    sample_state_t now;
    const char *compression; /* of all commits, or NULL */
    bool sealed;             /* encrypted with sample_key */
    char directory[40];
    char path[60];
} maker_t;

const uint8_t sample_key[32] = "thirty-two bytes that are no key";

static void need(bool good, const maker_t *maker, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "sample %s: %s: %s\n", maker->sample->name, what, sfpm_last_error());
    exit(99);
}

/* ---- regions ---- */

static sample_region_t *region(maker_t *maker, const char *name, size_t size)
{
    size_t i = 0;
    while (i < maker->now.num_regions && strcmp(maker->now.regions[i].name, name) != 0)
        i++;
    need(i < SAMPLE_REGIONS && strlen(name) < sizeof maker->now.regions->name, maker,
         "too many regions, or a name too long");
    sample_region_t *found = &maker->now.regions[i];
    uint8_t *bytes = calloc(1, size + 1);
    need(bytes != NULL, maker, "no memory");
    if (i == maker->now.num_regions)
        *found = (sample_region_t){0};
    if (found->bytes)
        memcpy(bytes, found->bytes, found->size < size ? found->size : size);
    free(found->bytes);
    strcpy(found->name, name);
    found->bytes = bytes;
    found->size = size;
    maker->now.num_regions += i == maker->now.num_regions;
    return found;
}

/* `count` bytes at `offset`, none of them zero, different for each `kind`. */
static void fill(sample_region_t *to, size_t offset, size_t count, unsigned kind)
{
    uint32_t x = 2463534242U + kind;
    for (size_t i = 0; i < count && offset + i < to->size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        to->bytes[offset + i] = (uint8_t)(x >> 8 | 1);
    }
}

/* ---- commits ---- */

static sample_state_t copy_state(maker_t *maker, const sample_state_t *from)
{
    sample_state_t to = *from;
    for (size_t i = 0; i < from->num_regions; i++) {
        to.regions[i].bytes = malloc(from->regions[i].size + 1);
        need(to.regions[i].bytes != NULL, maker, "no memory");
        memcpy(to.regions[i].bytes, from->regions[i].bytes, from->regions[i].size);
    }
    return to;
}

static void free_state(sample_state_t *state)
{
    for (size_t i = 0; i < state->num_regions; i++)
        free(state->regions[i].bytes);
    *state = (sample_state_t){0};
}

static size_t file_size(const maker_t *maker)
{
    struct stat info;
    need(stat(maker->path, &info) == 0, maker, "stat");
    return (size_t)info.st_size;
}

/* Remembers the commit just written, which holds `state`. */
static void note_commit(maker_t *maker, const sample_state_t *state)
{
    sample_t *sample = maker->sample;
    need(sample->num_states < SAMPLE_COMMITS, maker, "too many commits");
    sample_state_t copy = copy_state(maker, state);
    copy.end = file_size(maker);
    sample->states[sample->num_states++] = copy;
}

static sfpm_image_t *reopen(const maker_t *maker)
{
    sfpm_image_t *image = NULL;
    if (maker->sample->num_states > 0) {
        sfpm_secret_t secret = {.struct_size = sizeof secret, .key = sample_key};
        sfpm_image_options_t options = {.struct_size = sizeof options};
        options.secret = maker->sealed ? &secret : NULL;
        image = sfpm_image_open(maker->path, &options);
        need(image != NULL, maker, "open");
    }
    return image;
}

/* Where a library is missing, the image is plain instead. */
static void set_codecs(maker_t *maker, sfpm_edit_t *edit)
{
    sfpm_secret_t secret = {.struct_size = sizeof secret, .key = sample_key};
    if (maker->compression)
        need(sfpm_edit_set_compression(edit, maker->compression, 0) ||
                 sfpm_last_status() == SFPM_ERR_UNSUPPORTED,
             maker, "set the compression");
    if (maker->sealed && maker->sample->num_states == 0) {
        maker->sealed = sfpm_edit_set_secret(edit, &secret);
        need(maker->sealed || sfpm_last_status() == SFPM_ERR_UNSUPPORTED, maker,
             "set the key");
    }
}

static void set_regions(maker_t *maker, sfpm_edit_t *edit)
{
    set_codecs(maker, edit);
    for (size_t i = 0; i < maker->now.num_regions; i++) {
        const sample_region_t *now = &maker->now.regions[i];
        need(sfpm_edit_set_region(edit, now->name, 0, now->bytes, now->size,
                                  i == 1 ? SFPM_REGION_DYNAMIC : 0),
             maker, "set a region");
    }
    if (maker->sample->version1)
        need(sfpm_edit_set_format(edit, 1), maker, "set the format");
}

static void write_edit(const maker_t *maker, sfpm_edit_t *edit, bool first)
{
    need(first ? sfpm_edit_save(edit, maker->path, NULL) : sfpm_edit_append(edit, NULL),
         maker, "write");
}

/* Writes the next commit; `prepare`, when given, adds texts to it. */
static void commit_with(maker_t *maker, void (*prepare)(sfpm_edit_t *))
{
    sfpm_image_t *image = reopen(maker);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    need(edit != NULL, maker, "edit");
    set_regions(maker, edit);
    if (prepare)
        prepare(edit);
    write_edit(maker, edit, image == NULL);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    note_commit(maker, &maker->now);
}

static void commit(maker_t *maker)
{
    commit_with(maker, NULL);
}

/* Goes back; `state` is the number of the commit whose state that must be. */
static void undo(maker_t *maker, size_t state)
{
    sfpm_image_t *image = reopen(maker);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    need(edit && sfpm_edit_undo(edit), maker, "undo");
    write_edit(maker, edit, false);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    note_commit(maker, &maker->sample->states[state - 1]);
}

/* A commit that was interrupted: its last `missing` bytes never reached the file. */
static void interrupted_commit(maker_t *maker, size_t missing)
{
    commit(maker);
    sample_state_t *lost = &maker->sample->states[--maker->sample->num_states];
    need(truncate(maker->path, (off_t)(lost->end - missing)) == 0, maker, "truncate");
    free_state(lost);
}

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

static void take_file(maker_t *maker)
{
    sample_t *sample = maker->sample;
    FILE *file = fopen(maker->path, "rb");
    sample->size = file_size(maker);
    sample->bytes = malloc(sample->size + 1);
    need(file && sample->bytes, maker, "read");
    need(fread(sample->bytes, 1, sample->size, file) == sample->size, maker, "read");
    fclose(file);
    unlink(maker->path);
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
    take_file(&maker);
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
    *sample = (sample_t){0};
}
