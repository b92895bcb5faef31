/* SPDX-License-Identifier: MIT */
/*
 * Makes images that the tools themselves do not make, for the tests of the tools:
 *
 *     forge regions FILE   no machine: what a C program of this world would save
 *     forge big FILE       the same, of a big-endian machine
 *     forge other FILE     like regions: another order, size, flags; one more
 *     forge large FILE N   200,000 bytes; those of N = 0 all differ from those of 1
 *     forge names FILE N   regions that edits cannot name, with N in each
 *     forge hostile FILE   texts that would take over a terminal
 *     forge zeros FILE     a region of a tebibyte in which all is zero
 *     forge reused FILE N  a region of 16 GiB that has one leaf at every place; with
 *                          another N, every page of it differs
 *     forge spread FILE N  the same, but every other byte of its pages differs
 *     forge filled FILE N  the same, but all bytes of its pages differ
 *     forge heap FILE      a heap that is little but claims 100 GiB: one leaf of full
 *                          segments stands at all places but the first (64-bit only)
 *     forge feature FILE   changes FILE: its header asks for an unknown feature
 *     forge version FILE   changes FILE: its header has a newer version
 *     forge second FILE    changes FILE, of version 1: the same regions in version 2
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/image.h>

#include "commit/edit.h"
#include "base/bytes.h"
#include "format/format.h"
#include "heap/heap.h"

static bool save(const char *path, const char *architecture, const char *name,
                 const char *description)
{
    static const uint8_t sim[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t table[8] = {1};
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok =
        edit != NULL &&
        sfpm_edit_set_region(edit, name, 0, sim, sizeof(sim), SFPM_REGION_DYNAMIC) &&
        sfpm_edit_set_region(edit, "table", 0, table, sizeof(table),
                             SFPM_REGION_PORTABLE) &&
        sfpm_edit_set_origin(edit, architecture, NULL) &&
        sfpm_edit_set_description(edit, description) &&
        sfpm_edit_set_attribute(edit, "world", description) &&
        sfpm_edit_set_creator(edit, "simulator 2") && sfpm_edit_save(edit, path, NULL);
    sfpm_edit_destroy(edit);
    return ok;
}

static bool save_regions(sfpm_edit_t *edit, const char *path)
{
    bool ok = edit != NULL && sfpm_edit_save(edit, path, NULL);
    sfpm_edit_destroy(edit);
    return ok;
}

static bool other(const char *path)
{
    static const uint8_t sim[20] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t table[8] = {1};
    const char *description = "a small world";
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    return edit != NULL && sfpm_edit_set_region(edit, "table", 0, table, 8, 0) &&
           sfpm_edit_set_region(edit, "sim", 0, sim, 20, SFPM_REGION_DYNAMIC) &&
           sfpm_edit_set_region(edit, "more", 0, "12345", 5, 0) &&
           sfpm_edit_set_origin(edit, "x86_64-linux-gnu-64le", NULL) &&
           sfpm_edit_set_description(edit, description) &&
           sfpm_edit_set_attribute(edit, "world", description) &&
           sfpm_edit_set_schema(edit, 3) && save_regions(edit, path);
}

static bool large(const char *path, uint8_t number)
{
    static uint8_t bytes[200000];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24) ^ (uint8_t)(0 - number);
    }
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    return edit != NULL &&
           sfpm_edit_set_region(edit, "large", 0, bytes, sizeof(bytes), 0) &&
           save_regions(edit, path);
}

/* A volatile region takes no memory; that it is one is not said. */
static bool zeros(const char *path)
{
    const size_t size = SIZE_MAX >> 31 > 1 ? (size_t)UINT64_C(0x10000000000) : 1U << 30;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    if (!edit || !sfpm_edit_set_region(edit, "zero", 0, "", size, SFPM_REGION_VOLATILE))
        return false;
    edit->index.regions[0].flags = 0;
    return save_regions(edit, path);
}

/* The leaf `which` stands at all of `places` places from its own on. */
static bool reuse_leaf(const char *path, size_t which, size_t places)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = image != NULL ? sfpm_edit_create(image) : NULL;
    sfpm_leaf_ref_t *leaves = calloc(places, sizeof(*leaves));
    bool ok = edit != NULL && leaves != NULL;
    if (ok) {
        sfpm_region_t *region = &edit->index.regions[0];
        for (size_t i = 0; i < places; i++)
            leaves[i] = region->leaves[i < which ? i : which];
        free(region->leaves);
        region->leaves = leaves;
        region->num_leaves = places;
        region->size = (uint64_t)places * SFPM_LEAF_BYTES;
        ok = sfpm_edit_append(edit, NULL);
    } else {
        free(leaves);
    }
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    return ok;
}

static bool reused(const char *path, uint8_t number, size_t step)
{
    uint8_t *bytes = calloc(1, SFPM_LEAF_BYTES);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    for (size_t i = 0; bytes != NULL && i < SFPM_LEAF_BYTES; i += SFPM_PAGE)
        bytes[i] = (uint8_t)(i / SFPM_PAGE | 1);
    for (size_t i = 1; bytes != NULL && i < SFPM_LEAF_BYTES && step > 0; i += step)
        bytes[i] = number;
    bool ok = edit != NULL && bytes != NULL &&
              sfpm_edit_set_region(edit, "leaf", 0, bytes, SFPM_LEAF_BYTES, 0) &&
              sfpm_edit_save(edit, path, NULL) && reuse_leaf(path, 0, 1024);
    sfpm_edit_destroy(edit);
    free(bytes);
    return ok;
}

static bool names(const char *path, uint8_t number)
{
    static const char *const list[] = {"a=b", "#x", " y", "e\x1b[2J", "dup", "dup"};
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit != NULL;
    for (size_t i = 0; ok && i < sizeof(list) / sizeof(list[0]); i++)
        ok = sfpm_edit_set_region(edit, list[i], i == 5, &number, 1, 0);
    return ok && save_regions(edit, path);
}

/* The numbers of a heap's header and its table of segments in the saved memory. */
static void claim(uint8_t *memory, uint32_t segments)
{
    header_t *header = (header_t *)(void *)(memory + HEADER_AT);
    segment_entry_t *entries = (segment_entry_t *)(void *)(memory + SEGMENTS_AT);
    header->num_segments = segments;
    header->max_size = (uint64_t)segments << SEGMENT_SHIFT;
    for (uint32_t i = 1; i < segments; i++)
        entries[i] = (segment_entry_t){.kind = SEGMENT_UNITS};
    header->segment_hint = segments;
}

/* Two leaves: the first is that of a heap with the claims, the second has four segments,
 * each of one large block. */
static uint8_t *heap_leaves(uint32_t segments)
{
    sfpm_heap_t *heap = sfpm_heap_create("heap", NULL);
    uint8_t *memory = malloc((size_t)2 * SFPM_LEAF_BYTES);
    bool ok = heap != NULL && memory != NULL;
    for (int i = 0; ok && i < 8; i++)
        ok = sfpm_heap_alloc(heap, i == 0 ? 1 << 20 : 63 << UNIT_SHIFT) != NULL;
    if (ok) {
        memcpy(memory, heap->base, (size_t)2 * SFPM_LEAF_BYTES);
        claim(memory, segments);
    }
    sfpm_heap_destroy(heap);
    return memory;
}

static bool huge_heap(const char *path)
{
    enum { SEGMENTS = 100 << 8 };
    uint8_t *memory = sizeof(void *) < 8 ? NULL : heap_leaves(SEGMENTS);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = memory != NULL && edit != NULL &&
              sfpm_edit_set_region(edit, "heap", 0, memory, 2 * SFPM_LEAF_BYTES, 0) &&
              sfpm_edit_save(edit, path, NULL) && reuse_leaf(path, 1, SEGMENTS / 4);
    sfpm_edit_destroy(edit);
    free(memory);
    return ok;
}

/* Changes a header and makes its checksum right again. */
static bool change_header(const char *path, size_t offset, uint8_t value)
{
    uint8_t header[SFPM_HEADER_SIZE];
    FILE *file = fopen(path, "r+b");
    if (file == NULL)
        return false;
    bool ok = fread(header, 1, sizeof(header), file) == sizeof(header);
    header[offset] = value;
    sfpm_put_u64(header + 56, sfpm_checksum(header, 56, 0));
    ok = ok && fseek(file, 0, SEEK_SET) == 0 &&
         fwrite(header, 1, sizeof(header), file) == sizeof(header);
    return fclose(file) == 0 && ok;
}

/* One region, of at most a page. */
static bool rewrite(const char *path)
{
    uint8_t bytes[4096];
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    const sfpm_region_info_t *region = image != NULL ? sfpm_image_region(image, 0) : NULL;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok =
        edit != NULL && region != NULL && region->size <= sizeof(bytes) &&
        sfpm_image_read(image, 0, 0, bytes, (size_t)region->size) &&
        sfpm_edit_set_region(edit, region->name, 0, bytes, (size_t)region->size, 0) &&
        sfpm_edit_save(edit, path, NULL);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    return ok;
}

int main(int argc, char **argv)
{
    const char *kind = argc == 3 || argc == 4 ? argv[1] : "";
    uint8_t number = argc == 4 && argv[3][0] == '1';
    bool ok = false;
    if (strcmp(kind, "regions") == 0)
        ok = save(argv[2], "x86_64-linux-gnu-64le", "sim", "a small world");
    else if (strcmp(kind, "big") == 0)
        ok = save(argv[2], "s390-linux-gnu-64be", "sim", "a small world");
    else if (strcmp(kind, "other") == 0)
        ok = other(argv[2]);
    else if (strcmp(kind, "large") == 0)
        ok = large(argv[2], number);
    else if (strcmp(kind, "zeros") == 0)
        ok = zeros(argv[2]);
    else if (strcmp(kind, "names") == 0)
        ok = names(argv[2], number);
    else if (strcmp(kind, "hostile") == 0)
        ok = save(argv[2], "x86_64-linux-gnu-64le", "a\x1b[31m\xff\"\\b",
                  "one\ntwo\r\x1b]0;title\x07\xe2\x80\xae\xc3\xa9");
    else if (strcmp(kind, "reused") == 0)
        ok = reused(argv[2], number, number * SFPM_PAGE);
    else if (strcmp(kind, "heap") == 0)
        ok = huge_heap(argv[2]);
    else if (strcmp(kind, "spread") == 0)
        ok = reused(argv[2], number, 2);
    else if (strcmp(kind, "filled") == 0)
        ok = reused(argv[2], number, 1);
    else if (strcmp(kind, "feature") == 0)
        ok = change_header(argv[2], 24 + 5, 0x10);
    else if (strcmp(kind, "version") == 0)
        ok = change_header(argv[2], 8, SFPM_FORMAT_VERSION + 1);
    else if (strcmp(kind, "second") == 0)
        ok = rewrite(argv[2]);
    if (!ok)
        fprintf(stderr, "forge: failed: %s\n", sfpm_last_error());
    return ok ? 0 : 1;
}
