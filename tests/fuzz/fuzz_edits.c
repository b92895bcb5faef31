/* SPDX-License-Identifier: MIT */
/*
 * Instructions as text for a machine with calls in progress. What is accepted fits in the
 * place of what it replaces, is proved or refused as a whole, and says the same when it
 * was taken apart again. The first byte of an input tells how far the machine has run,
 * the second one where the instructions go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/vm.h>

#include "base/memory.h"
#include "fuzz.h"

static const char source[] =
    ".import env told told i32 -> i32\n.memory 1\n.table 2\n.elem 0 twice, told\n"
    ".global g f64 0.5\n.global n 7\n.data passive 1, 2\n"
    ".func main\nagain: i64.const 300\ndrop\ni32.const 3\ncall twice\ndrop\ncall "
    "deep\ndrop\n"
    "i32.const 1\nbr_table again, out, again\nout: f64.const 0.1\nglobal.set g\n"
    "i32.const 0\ni32.const 5\ni32.store 4\nhalt\n"
    ".func twice i32 -> i32\n.local f32\nlocal.get 0\nlocal.get 0\ni32.add\nreturn\n"
    ".func deep -> i64\npush 1\npush 2\ni32.const 4\ni32.const 0\n"
    "call_indirect i32 -> i32\ndrop\nunwind 1 1\nreturn\n";

static void fail(const char *why, const char *text)
{
    fprintf(stderr, "%s: %s\n%s\n", why, sfpm_last_error(), text);
    abort();
}

static uint64_t code_size(const sfpm_vm_t *vm)
{
    sfpm_vm_info_t info;
    return sfpm_vm_info(vm, &info, sizeof info) ? info.code_size : 1;
}

/* Mostly where an instruction begins. */
static uint64_t choose_place(const sfpm_vm_t *vm, uint8_t choice)
{
    char text[256];
    uint64_t at = 0, size = code_size(vm);
    if (choice >= 0xF0)
        return choice % size;
    for (uint8_t i = 0; i < choice; i++) {
        at += sfpm_vm_instruction(vm, at, text, sizeof text);
        if (at >= size)
            at = 0;
    }
    return at;
}

static char *text_of(const sfpm_vm_t *vm, uint64_t from, size_t size)
{
    sfpm_buffer_t text = {0};
    char instruction[256];
    for (size_t at = 0; at < size;) {
        size_t length =
            sfpm_vm_instruction(vm, from + at, instruction, sizeof instruction);
        if (length == 0 || !sfpm_buffer_add(&text, at > 0 ? "; " : "", at > 0 ? 2 : 0) ||
            !sfpm_buffer_add(&text, instruction, strlen(instruction)))
            abort();
        at += length;
    }
    if (!sfpm_buffer_add(&text, "", 1))
        abort();
    return (char *)text.data;
}

/* The text of what is there now gives the bytes that are there. */
static void check_again(const sfpm_vm_t *vm, uint64_t offset, const uint8_t *bytes,
                        size_t size)
{
    size_t again_size = 0;
    char *text = text_of(vm, offset, size);
    uint8_t *again = sfpm_vm_encode(vm, offset, text, &again_size);
    if (!again || again_size != size || memcmp(again, bytes, size) != 0)
        fail("not the same again", text);
    free(again);
    free(text);
}

static void apply(sfpm_vm_t *vm, uint64_t offset, const uint8_t *bytes, size_t size,
                  const char *text)
{
    char *before = text_of(vm, 0, (size_t)code_size(vm));
    if (size == 0 || offset + size > code_size(vm))
        fail("it does not fit", text);
    if (sfpm_vm_patch(vm, offset, bytes, size)) {
        check_again(vm, offset, bytes, size);
        sfpm_vm_run_options_t options = {.struct_size = sizeof options, .max_steps = 100};
        sfpm_vm_run(vm, &options);
    } else {
        char *after = text_of(vm, 0, (size_t)code_size(vm));
        if (sfpm_last_status() != SFPM_ERR_BYTECODE || strcmp(before, after) != 0)
            fail("refused, and yet changed", text);
        free(after);
    }
    free(before);
}

static sfpm_native_result_t told(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    (void)context, (void)vm;
    results[0].i32 = params[0].i32;
    return SFPM_NATIVE_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    char *text = size >= 2 ? strndup((const char *)bytes + 2, size - 2) : NULL;
    sfpm_vm_run_options_t options = {.struct_size = sizeof options};
    if (!vm || !sfpm_vm_assemble(vm, source, sizeof source - 1, "f", NULL, NULL) ||
        !sfpm_vm_import(vm, "env", "told", "i32 -> i32", told, NULL))
        fail("the program", source);
    options.max_steps = size > 0 ? bytes[0] % 32 : 0;
    if (options.max_steps > 0 && !sfpm_vm_run(vm, &options))
        fail("the run", source);
    if (text) {
        size_t length = 0;
        uint64_t offset = choose_place(vm, bytes[1]);
        uint8_t *made = sfpm_vm_encode(vm, offset, text, &length);
        if (made)
            apply(vm, offset, made, length, text);
        free(made);
    }
    free(text);
    sfpm_vm_destroy(vm);
    return 0;
}
