/* SPDX-License-Identifier: MIT */
/* Heaps in images, looked at without a restore; and files that are open beside a heap. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/heap.h>
#include <sfpm/resource.h>

#include "common.h"
#include "heap/layout.h"
#include "snapshot/snapshot.h"

static const char path[] = "a.img";
static sfpm_heap_t *heap;
static sfpm_snapshot_t *snapshot;
static uint32_t node;

typedef struct node {
    long key;
    struct node *next;
} node_t;

static const size_t pointers[] = {offsetof(node_t, next)};
static const sfpm_heap_type_t node_type = {.struct_size = sizeof node_type,
                                           .name = "node",
                                           .size = sizeof(node_t),
                                           .pointers = pointers,
                                           .num_pointers = 1};

static void setup(void)
{
    enter_directory();
    heap = sfpm_heap_create("survey", NULL);
    snapshot = sfpm_snapshot_create();
    ck_assert(heap && snapshot && sfpm_heap_add_to_snapshot(heap, snapshot));
    node = sfpm_heap_register_type(heap, &node_type);
}

static void teardown(void)
{
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    leave_directory();
}

static sfpm_heap_survey_t *survey_of(uint64_t memory)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    const sfpm_heap_survey_options_t how = {.struct_size = sizeof how,
                                            .max_memory = memory};
    sfpm_heap_survey_t *survey = sfpm_heap_survey(image, 0, &how);
    sfpm_image_close(image);
    return survey;
}

static sfpm_heap_survey_t *saved_survey(uint64_t memory)
{
    ck_assert_msg(sfpm_snapshot_save(snapshot, path), "%s", sfpm_last_error());
    sfpm_heap_survey_t *survey = survey_of(memory);
    ck_assert_msg(survey != NULL, "%s", sfpm_last_error());
    return survey;
}

static node_t *chain(int count)
{
    node_t *list = NULL;
    for (int i = 0; i < count; i++) {
        node_t *one = sfpm_heap_alloc_type(heap, node, 1);
        ck_assert(one != NULL);
        one->next = list;
        list = one;
    }
    return list;
}

static uint64_t unreachable(void)
{
    sfpm_heap_survey_t *survey = saved_survey(0);
    ck_assert(sfpm_heap_survey_info(survey)->traced);
    uint64_t blocks = sfpm_heap_survey_info(survey)->unreachable_blocks;
    sfpm_heap_survey_free(survey);
    return blocks;
}

START_TEST(what_no_root_leads_to_is_found)
{
    node_t *kept = chain(5000), *lost = chain(7);
    ck_assert_uint_eq(unreachable(), 5007);
    ck_assert(sfpm_heap_set_root(heap, "kept", kept));
    ck_assert_uint_eq(unreachable(), 7);
    kept->key = (long)(intptr_t)lost; /* is no pointer of the type */
    ck_assert_uint_eq(unreachable(), 7);
    void **any = sfpm_heap_alloc(heap, sizeof *any);
    *any = (char *)lost + 3; /* may be one */
    ck_assert_uint_eq(unreachable(), 8);
    ck_assert(sfpm_heap_set_root(heap, "any", any));
    ck_assert_uint_eq(unreachable(), 0);
    kept->next = kept; /* a circle */
    ck_assert_uint_eq(unreachable(), 4999);
}
END_TEST

START_TEST(blocks_are_counted_by_type)
{
    node_t *list = chain(10);
    void *large = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 5000000);
    ck_assert(large && sfpm_heap_set_root(heap, "list", list));
    sfpm_heap_survey_t *survey = saved_survey(0);
    const sfpm_heap_survey_info_t *info = sfpm_heap_survey_info(survey);
    ck_assert_uint_eq(info->stats.blocks, 11);
    ck_assert_uint_eq(info->stats.largest, 5000000);
    ck_assert_uint_eq(info->unreachable_bytes, 5000000);
    ck_assert_uint_eq(info->num_types, 3);
    const sfpm_heap_survey_type_t *type = sfpm_heap_survey_type(survey, 2);
    ck_assert_str_eq(type->name, "node");
    ck_assert(type->blocks == 10 && type->bytes == 160 && type->unreachable_blocks == 0);
    type = sfpm_heap_survey_type(survey, 1);
    ck_assert(type->blocks == 1 && type->largest == 5000000);
    const sfpm_heap_survey_root_t *root = sfpm_heap_survey_root(survey, 0);
    ck_assert_str_eq(root->name, "list");
    ck_assert_str_eq(root->type, "node");
    ck_assert_uint_eq(root->address, (uintptr_t)list);
    ck_assert_ptr_null(sfpm_heap_survey_root(survey, 1));
    ck_assert_ptr_null(sfpm_heap_survey_type(survey, 3));
    sfpm_heap_survey_free(survey);
}
END_TEST

START_TEST(memory_is_bounded)
{
    for (int i = 0; i < 200; i++)
        ck_assert(sfpm_heap_alloc(heap, 30000) != NULL);
    sfpm_heap_survey_t *survey = saved_survey(3000000);
    ck_assert(!sfpm_heap_survey_info(survey)->traced);
    ck_assert_uint_eq(sfpm_heap_survey_info(survey)->stats.blocks, 200);
    sfpm_heap_survey_free(survey);
    ck_assert_ptr_null(survey_of(100000));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    survey = survey_of(100000000); /* the control */
    ck_assert(sfpm_heap_survey_info(survey)->traced);
    sfpm_heap_survey_free(survey);
}
END_TEST

START_TEST(damage_and_other_regions_are_refused)
{
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_set_root(heap, "list", chain(3)) &&
              sfpm_heap_stats(heap, &stats));
    header_t *header = (header_t *)(uintptr_t)(stats.base + HEADER_AT);
    uint64_t good = header->roots[0].offset;
    snapshot->regions[0].check = NULL; /* it would refuse to save the damage */
    header->roots[0].offset = UINT64_MAX;
    ck_assert(sfpm_snapshot_save(snapshot, path));
    ck_assert_ptr_null(survey_of(0));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CORRUPT);
    ck_assert_msg(strstr(sfpm_last_error(), "heap 'survey': root 'list'"), "%s",
                  sfpm_last_error());
    header->roots[0].offset = good;
    header->magic ^= 1;
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_ptr_null(sfpm_heap_survey(image, 0, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NOT_FOUND);
    ck_assert_ptr_null(sfpm_heap_survey(image, 1, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_image_close(image);
    header->magic ^= 1;
    sfpm_heap_survey_free(saved_survey(0)); /* the control */
}
END_TEST

/* A program whose state is a heap, the number of its open file in it included. */
/* A block by a byte in it: its extent, type and a root. */
START_TEST(blocks_are_named_by_type_and_root)
{
    node_t *first = chain(3);
    node_t *second = chain(2);
    void *text = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 100000);
    ck_assert(sfpm_heap_set_root(heap, "first", first) &&
              sfpm_heap_set_root(heap, "second", second) && text);
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_stats(heap, &stats));
    sfpm_heap_survey_t *survey = saved_survey(0);
    sfpm_heap_survey_block_t block = {.struct_size = sizeof block};
    uint64_t at = (uintptr_t)first->next - stats.base;
    ck_assert(sfpm_heap_survey_block(survey, at + 5, &block));
    ck_assert_uint_eq(block.offset, at);
    ck_assert_uint_eq(block.size, sizeof(node_t));
    ck_assert_str_eq(block.type, "node");
    ck_assert_str_eq(block.root, "first");
    at = (uintptr_t)second->next - stats.base;
    ck_assert(sfpm_heap_survey_block(survey, at, &block));
    ck_assert_str_eq(block.root, "second");
    at = (uintptr_t)text - stats.base;
    ck_assert(sfpm_heap_survey_block(survey, at + 99999, &block));
    ck_assert(block.offset == at && block.size >= 100000 && block.root == NULL);
    ck_assert(!sfpm_heap_survey_block(survey, 0, &block));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NOT_FOUND);
    ck_assert(!sfpm_heap_survey_block(survey, stats.size, &block));
    block.struct_size = 8;
    ck_assert(!sfpm_heap_survey_block(survey, at, &block));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_heap_survey_free(survey);
}
END_TEST

/* The heap as an edit will leave it, before anything is written. */
START_TEST(edits_are_looked_at)
{
    ck_assert(sfpm_heap_set_root(heap, "list", chain(3)));
    sfpm_heap_survey_free(saved_survey(0));
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    sfpm_heap_survey_options_t how = {
        .struct_size = sizeof how, .edit = edit, .tables_only = true};
    sfpm_heap_survey_t *survey = sfpm_heap_survey(image, 0, &how);
    ck_assert(survey && !sfpm_heap_survey_info(survey)->traced);
    ck_assert_uint_eq(sfpm_heap_survey_info(survey)->stats.blocks, 3);
    sfpm_heap_survey_free(survey);
    uint64_t wrong = UINT64_MAX;
    uint64_t at = HEADER_AT + offsetof(header_t, roots) + offsetof(root_t, offset);
    ck_assert(sfpm_edit_write(edit, 0, at, &wrong, sizeof wrong));
    ck_assert_ptr_null(sfpm_heap_survey(image, 0, &how));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CORRUPT);
    ck_assert(sfpm_edit_write(edit, 0, HEADER_AT, &wrong, sizeof wrong));
    ck_assert_ptr_null(sfpm_heap_survey(image, 0, &how));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NOT_FOUND);
    survey = sfpm_heap_survey(image, 0, NULL); /* the image is as it was */
    ck_assert(survey && sfpm_heap_survey_info(survey)->traced);
    sfpm_heap_survey_free(survey);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
}
END_TEST

START_TEST(open_files_serve_heaps)
{
    int fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert(fd >= 0 && write(fd, "0123456789", 10) == 10 &&
              lseek(fd, 4, SEEK_SET) == 4);
    const sfpm_resource_t resource = {.struct_size = sizeof resource,
                                      .name = "log",
                                      .path = "log",
                                      .descriptor = &fd,
                                      .flags = O_RDWR};
    ck_assert(sfpm_snapshot_add_resource(snapshot, &resource));
    node_t *list = chain(3);
    list->key = fd;
    ck_assert(sfpm_heap_set_root(heap, "list", list));
    ck_assert_msg(sfpm_snapshot_save(snapshot, path), "%s", sfpm_last_error());
    /* At the same address, and at another one while this heap lies there. */
    sfpm_heap_t *other = sfpm_heap_create("survey", NULL);
    sfpm_snapshot_t *again = sfpm_snapshot_create();
    ck_assert(other && sfpm_heap_register_type(other, &node_type) &&
              sfpm_heap_add_to_snapshot(other, again) &&
              sfpm_snapshot_add_resource(again, &resource));
    sfpm_heap_t *const heaps[] = {heap, other};
    for (int i = 0; i < 2; i++) {
        char byte = 0;
        close(fd);
        fd = -1;
        ck_assert_msg(sfpm_heap_restore(heaps[i], path, NULL), "%s", sfpm_last_error());
        ck_assert(fd >= 0 && read(fd, &byte, 1) == 1 && byte == '4');
        ck_assert(((node_t *)sfpm_heap_root(heaps[i], "list"))->next->next != NULL);
    }
    ck_assert_ptr_ne(sfpm_heap_root(heap, "list"), sfpm_heap_root(other, "list"));
    /* Without the file nothing is restored. */
    unlink("log");
    ((node_t *)sfpm_heap_root(other, "list"))->key = -7;
    ck_assert(!sfpm_heap_restore(other, path, NULL));
    ck_assert_int_eq(((node_t *)sfpm_heap_root(other, "list"))->key, -7);
    close(fd);
    sfpm_snapshot_destroy(again);
    sfpm_heap_destroy(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap_survey");
    TCase *core = add_case(suite, "Core", setup, teardown);
    tcase_add_test(core, what_no_root_leads_to_is_found);
    tcase_add_test(core, blocks_are_counted_by_type);
    tcase_add_test(core, memory_is_bounded);
    tcase_add_test(core, damage_and_other_regions_are_refused);
    tcase_add_test(core, blocks_are_named_by_type_and_root);
    tcase_add_test(core, edits_are_looked_at);
    tcase_add_test(core, open_files_serve_heaps);
    return run_all(suite);
}
