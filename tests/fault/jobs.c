/* SPDX-License-Identifier: MIT */
#include "jobs.h"
#include "image/opened.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/snapshot.h>
#include <sfpm/vm.h>


enum { STACK = 3000, HEAP = 70000, OLD = 1, NEW = 2, JUNK = 3 };

static char home[40], path[60], other[60];
static uint8_t stack[STACK], heap[HEAP];
static uint8_t old_file[65536], now_file[65536];
static size_t old_size;
sample_t job_sample;
static sfpm_image_t *image;

/* A broken test. Check's own functions allocate memory, and so are no use here. */
static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s\n", what, sfpm_last_error());
    exit(99);
}

/* ---- memory and files ---- */

/* A few pages differ from one kind to the next. */
static void fill(unsigned kind)
{
    memset(stack, (int)kind, sizeof stack);
    memset(heap, 0, sizeof heap);
    memset(heap + 100, 9, 5000);
    memset(heap + (size_t)kind * 16384, (int)kind, 300);
}

static bool filled(unsigned kind)
{
    static uint8_t kept_stack[STACK], kept_heap[HEAP];
    memcpy(kept_stack, stack, STACK);
    memcpy(kept_heap, heap, HEAP);
    fill(kind);
    bool same =
        memcmp(kept_stack, stack, STACK) == 0 && memcmp(kept_heap, heap, HEAP) == 0;
    memcpy(stack, kept_stack, STACK);
    memcpy(heap, kept_heap, HEAP);
    return same;
}

static size_t read_file(const char *name, uint8_t *bytes)
{
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(bytes, 1, sizeof old_file, file) : 0;
    if (file)
        fclose(file);
    return size;
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    need(file != NULL, name);
    need(fwrite(bytes, 1, size, file) == size && fclose(file) == 0, name);
}

static int count_files(void)
{
    int count = 0;
    DIR *directory = opendir(home);
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count - 2;
}

/* ---- operations on snapshots ---- */

static sfpm_snapshot_t *new_snapshot(void)
{
    const sfpm_memory_region_t regions[] = {{stack, STACK, "stack", false},
                                            {heap, HEAP, "heap", true}};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    if (snapshot && sfpm_snapshot_add_region(snapshot, &regions[0]) &&
        sfpm_snapshot_add_region(snapshot, &regions[1]) &&
        sfpm_snapshot_set_attribute(snapshot, "colour", "blue"))
        return snapshot;
    sfpm_snapshot_destroy(snapshot);
    return NULL;
}

static void prepare_old(void)
{
    write_file(path, old_file, old_size);
    unlink(other);
    fill(NEW);
}

static bool run_save(void)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    bool good = snapshot != NULL;
    if (good) {
        sfpm_snapshot_set_description(snapshot, "a description");
        good = sfpm_snapshot_save(snapshot, path);
    }
    sfpm_snapshot_destroy(snapshot);
    return good;
}

static bool run_commit(void)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    bool good = snapshot && sfpm_snapshot_restore(path, snapshot);
    fill(NEW);
    good = good && sfpm_snapshot_commit(snapshot, path, NULL);
    sfpm_snapshot_destroy(snapshot);
    return good;
}

static bool run_delta(void)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    bool good = snapshot && sfpm_snapshot_save_delta(snapshot, path, other);
    sfpm_snapshot_destroy(snapshot);
    return good;
}

static void prepare_restore(void)
{
    prepare_old();
    fill(JUNK);
}

static bool run_restore(void)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    bool good = snapshot && sfpm_snapshot_restore(path, snapshot);
    sfpm_snapshot_destroy(snapshot);
    return good;
}

static const char *judge_restore(bool good)
{
    return filled(good ? OLD : JUNK) ? NULL : "memory holds something else";
}

/* ---- what is in a file afterwards ---- */

static const char *judge_file(const char *name, unsigned kind)
{
    fill(JUNK);
    sfpm_snapshot_t *snapshot = new_snapshot();
    const char *fault = NULL;
    if (!sfpm_snapshot_restore(name, snapshot))
        fault = "what was written cannot be restored";
    else if (!filled(kind))
        fault = "what was written is something else";
    sfpm_snapshot_destroy(snapshot);
    sfpm_image_t *written = sfpm_image_open(name, NULL);
    if (!fault && !(written && check_fully(written)))
        fault = "what was written does not check";
    sfpm_image_close(written);
    return fault;
}

static const char *judge_unchanged(void)
{
    if (count_files() != 1)
        return "a file was left behind";
    return read_file(path, now_file) == old_size &&
                   memcmp(now_file, old_file, old_size) == 0
               ? NULL
               : "the old file has changed";
}

static const char *judge_new(bool good)
{
    return good ? judge_file(path, NEW) : judge_unchanged();
}

static const char *judge_other(bool good)
{
    return good ? judge_file(other, NEW) : judge_unchanged();
}

/* ---- operations on images ---- */

/* The second commit of the file brings NEW; going back from it brings OLD. */
static void prepare_two(void)
{
    prepare_old();
    need(run_commit(), "run_commit()");
}

static bool run_undo(void)
{
    sfpm_image_t *opened = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = opened ? sfpm_edit_create(opened) : NULL;
    bool good = edit && sfpm_edit_undo(edit, 0) && sfpm_edit_append(edit, NULL);
    sfpm_edit_destroy(edit);
    sfpm_image_close(opened);
    return good;
}

static const char *judge_undo(bool good)
{
    return judge_file(path, good ? OLD : NEW);
}

/* Two commits through one image: the second must stand on the first. */
static bool run_edits(void)
{
    static const uint8_t two[300] = {0};
    sfpm_image_t *opened = sfpm_image_open(path, NULL);
    bool good = opened != NULL;
    for (int i = 0; good && i < 2; i++) {
        sfpm_edit_t *edit = sfpm_edit_create(opened);
        good = edit && sfpm_edit_set_message(edit, "step") &&
               sfpm_edit_set_attribute(edit, "step", i ? "two" : "one") &&
               (i == 0 ? sfpm_edit_write(edit, 1, OLD * 16384, two, sizeof two)
                       : sfpm_edit_write(edit, 1, NEW * 16384, heap + NEW * 16384, 300) &&
                             sfpm_edit_write(edit, 0, 0, stack, STACK)) &&
               sfpm_edit_append(edit, NULL);
        sfpm_edit_destroy(edit);
    }
    sfpm_image_close(opened);
    return good;
}

/* The first of the two commits may be there when the second is not: also because
 * there was no memory to show the first (SFPM_ERR_CHANGED). */
static const char *judge_edits(bool good)
{
    if (good)
        return judge_file(path, NEW);
    size_t size = read_file(path, now_file);
    if (size < old_size || memcmp(now_file, old_file, old_size) != 0)
        return "the old bytes have changed";
    sfpm_image_t *written = sfpm_image_open(path, NULL);
    bool sound =
        written && sfpm_image_info(written)->commits <= 2 && check_fully(written);
    sfpm_image_close(written);
    return sound ? NULL : "the file is not sound";
}

static bool run_copy(void)
{
    sfpm_image_t *opened = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = opened ? sfpm_edit_create(opened) : NULL;
    bool good = edit && sfpm_edit_set_region(edit, "stack", 0, stack, STACK, 0) &&
                sfpm_edit_set_region(edit, "heap", 0, heap, HEAP, SFPM_REGION_DYNAMIC) &&
                sfpm_edit_save(edit, other, NULL);
    sfpm_edit_destroy(edit);
    sfpm_image_close(opened);
    return good;
}

/* ---- operations on machines ---- */

static bool run_machine(void)
{
    static const char text[] = "push 10\npush 5\nadd\nprint\nhalt\n";
    sfpm_vm_t *vm = sfpm_vm_create();
    bool good = vm && sfpm_vm_assemble(vm, text, sizeof text - 1, "sum.s", NULL, NULL) &&
                sfpm_vm_save(vm, other);
    sfpm_vm_destroy(vm);
    return good;
}

static bool run_load(void)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    bool good = vm && sfpm_vm_restore(vm, other) && sfpm_vm_verify(vm);
    sfpm_vm_destroy(vm);
    return good;
}

static void prepare_machine(void)
{
    prepare_old();
    need(run_machine(), "run_machine()");
}

static const char *judge_machine(bool good)
{
    if (!good)
        return judge_unchanged();
    return run_load() ? NULL : "what was written is no machine";
}

static const char *judge_nothing(bool good)
{
    (void)good;
    return NULL;
}

/* ---- operations on samples ---- */

static bool run_pipe(void)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    bool good = write(ends[1], job_sample.bytes, 500) == 500;
    close(ends[1]);
    image = good ? sfpm_image_open_fd(ends[0], "a pipe", NULL) : NULL;
    close(ends[0]);
    return image != NULL;
}

static const char *judge_pipe(bool good)
{
    const char *fault =
        good && sfpm_image_info(image)->commits != 1 ? "shows something else" : NULL;
    sfpm_image_close(image);
    image = NULL;
    return fault;
}

static void prepare_nothing(void)
{
}

static bool run_open(void)
{
    image = open_bytes(job_sample.bytes, job_sample.size);
    return image != NULL;
}

static const char *judge_open(bool good)
{
    const sample_state_t *last = &job_sample.states[job_sample.num_states - 1];
    const char *fault = NULL;
    if (good && (sfpm_image_commit_info(image)->number != job_sample.num_states ||
                 use_all(image, last) != AS_WRITTEN))
        fault = "shows something else";
    else if (good &&
             (sfpm_image_info(image)->warning != NULL) != (last->end != job_sample.size))
        fault = "warns of something else";
    sfpm_image_close(image);
    image = NULL;
    return fault;
}

static void prepare_image(void)
{
    need(run_open(), "open a sample");
}

static bool run_check(void)
{
    return check_fully(image);
}

/* A torn tail is found first, whatever happens to memory later. */
static const char *judge_check(bool good)
{
    bool torn = job_sample.states[job_sample.num_states - 1].end != job_sample.size;
    sfpm_image_close(image);
    image = NULL;
    return good && torn ? "finds no fault" : NULL;
}

static bool run_read(void)
{
    bool good = true;
    for (size_t i = 0; good && i < sfpm_image_num_regions(image); i++)
        good = sfpm_image_check_region(image, i);
    return good && sfpm_image_select(image, -(int64_t)(job_sample.num_states / 2));
}

static const char *judge_read(bool good)
{
    size_t shown = job_sample.num_states - (good ? job_sample.num_states / 2 : 0);
    const char *fault = use_all(image, &job_sample.states[shown - 1]) == AS_WRITTEN
                            ? NULL
                            : "shows something else";
    sfpm_image_close(image);
    image = NULL;
    return fault;
}

static bool note_range(void *context, uint64_t offset, uint64_t length)
{
    uint64_t *bytes = context;
    (void)offset;
    *bytes += length;
    return true;
}

static sfpm_image_t *earlier;
static uint64_t differing;

static void prepare_earlier(void)
{
    prepare_image();
    earlier = image;
    need(run_open() && sfpm_image_select(earlier, 1), "show the first commit");
}

static bool run_compare(void)
{
    differing = 0;
    return sfpm_image_num_regions(image) == 0 || sfpm_image_num_regions(earlier) == 0 ||
           sfpm_image_compare(earlier, 0, image, 0, note_range, &differing);
}

/* Whether a failure before was harmless shows when memory is there again. */
static const char *judge_compare(bool good)
{
    uint64_t told = differing;
    bool again = run_compare();
    sfpm_image_close(earlier);
    sfpm_image_close(image);
    earlier = image = NULL;
    return !again || told > differing || (good && told != differing)
               ? "tells something else"
               : NULL;
}

const job_t file_jobs[NUM_FILE_JOBS] = {
    {"save", prepare_old, run_save, judge_new, SFPM_OK},
    {"commit", prepare_old, run_commit, judge_new, SFPM_OK},
    {"save a delta", prepare_old, run_delta, judge_other, SFPM_OK},
    {"restore", prepare_restore, run_restore, judge_restore, SFPM_OK},
    {"undo", prepare_two, run_undo, judge_undo, SFPM_OK},
    {"two edits", prepare_old, run_edits, judge_edits, SFPM_ERR_CHANGED},
    {"edit a copy", prepare_old, run_copy, judge_other, SFPM_OK},
    {"save a machine", prepare_old, run_machine, judge_machine, SFPM_OK},
    {"load a machine", prepare_machine, run_load, judge_nothing, SFPM_OK},
};

const job_t image_jobs[NUM_IMAGE_JOBS] = {
    {"open", prepare_nothing, run_open, judge_open, SFPM_OK},
    {"check", prepare_image, run_check, judge_check, SFPM_ERR_TRUNCATED},
    {"read", prepare_image, run_read, judge_read, SFPM_OK},
    {"compare", prepare_earlier, run_compare, judge_compare, SFPM_OK},
};

const job_t pipe_job = {"open a pipe", prepare_nothing, run_pipe, judge_pipe, SFPM_OK};

/* ---- for controls ---- */

/* Cuts the old file off before it has all it needs. */
static bool run_in_place(void)
{
    return truncate(path, (off_t)old_size / 2) == 0 && run_save();
}

/* Takes a failure for success. */
static bool run_boastful(void)
{
    run_save();
    return true;
}

const job_t in_place_job = {"in place", prepare_old, run_in_place, judge_new, SFPM_OK};
const job_t boastful_job = {"boastful", prepare_old, run_boastful, judge_new, SFPM_OK};

/* ---- the directory ---- */

void jobs_begin(void)
{
    strcpy(home, "/tmp/sfpm-memory-XXXXXX");
    need(mkdtemp(home) != NULL, "a temporary directory");
    snprintf(path, sizeof path, "%s/a.img", home);
    snprintf(other, sizeof other, "%s/b.img", home);
    fill(OLD);
    need(run_save(), "run_save()");
    old_size = read_file(path, old_file);
    need(old_size > 0 && old_size < sizeof old_file, "the old file");
}

void jobs_end(void)
{
    unlink(path);
    unlink(other);
    rmdir(home);
}
