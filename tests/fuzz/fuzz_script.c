/* SPDX-License-Identifier: MIT */
/*
 * Edit scripts, a line of which is one edit, for the image of a machine in the middle of
 * calls. What sfpm-patch accepts is then in the commit, at its place, and can be
 * described; what it refuses has a reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/vm.h>

#include "fuzz.h"
#include "patch/edit.h"

static const char source[] =
    ".memory 1\n.data 8 \"text\"\n.global g f64 0.5\n.global n 7\n"
    ".func main\nagain: i64.const 300\ndrop\ni32.const 3\ncall twice\ndrop\n"
    "i32.const 1\nbr_if again\nhalt\n"
    ".func twice i32 -> i32\n.local f32\nlocal.get 0\nlocal.get 0\ni32.add\nreturn\n";

static sfpm_image_t *image;
static patch_target_t target;

static void fail(const char *why, const char *text)
{
    fprintf(stderr, "%s: %s\n%s\n", why, sfpm_last_error(), text);
    abort();
}

/* The image stays open to the end; its file has no name any more. */
static void build(void)
{
    char path[64];
    const char *directory = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.40s/fuzz-script.%d", directory ? directory : "/tmp",
             (int)getpid());
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_vm_run_options_t options = {.struct_size = sizeof options, .max_steps = 5};
    if (!vm || !sfpm_vm_assemble(vm, source, sizeof source - 1, "f", NULL, NULL) ||
        !sfpm_vm_run(vm, &options) || !sfpm_vm_save(vm, path))
        fail("the image", source);
    image = sfpm_image_open(path, NULL);
    unlink(path);
    if (!image)
        fail("the image", path);
    target = (patch_target_t){.image = image, .vm = vm};
    if (!patch_globals_collect(&target.globals, vm))
        fail("the names of globals", source);
}

static void describe(const patch_edit_t *edit, const char *line)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        abort();
    patch_edit_describe(edit, &target, file, "\n");
    if (fclose(file) != 0 || size == 0)
        fail("without a description", line);
    free(text);
}

static void check_applied(const patch_edit_t *edit, sfpm_edit_t *commit, const char *line)
{
    uint8_t *now = malloc(edit->size);
    if (!now || edit->size == 0 ||
        !sfpm_edit_read(commit, edit->region, edit->start + edit->offset, now,
                        edit->size) ||
        memcmp(now, edit->bytes, edit->size) != 0)
        fail("accepted, and not in the commit", line);
    free(now);
}

static void try_edit(const char *line, sfpm_edit_t *commit)
{
    char reason[PATCH_REASON] = "";
    patch_edit_t edit;
    bool accepted = patch_edit_parse(&edit, &target, line, reason);
    if (accepted && !patch_edit_apply(&edit, commit))
        fail("accepted, and not applied", line);
    if (accepted) {
        check_applied(&edit, commit, line);
        describe(&edit, line);
        accepted = patch_edit_matches(&edit, &target, reason);
    }
    if (!accepted && reason[0] == '\0')
        fail("refused without a reason", line);
    patch_edit_free(&edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!image)
        build();
    char *script = strndup((const char *)bytes, size);
    sfpm_edit_t *commit = sfpm_edit_create(image);
    if (!script || !commit)
        abort();
    char *rest = script;
    for (char *line; (line = strsep(&rest, "\n"));)
        try_edit(line, commit);
    sfpm_edit_destroy(commit);
    free(script);
    return 0;
}
