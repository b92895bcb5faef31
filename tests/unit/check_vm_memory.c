/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every allocation of making, running and saving a machine,
 * once and for ever: each time the call fails and says so, the machine is what it
 * was, and nothing leaks.
 */
#include <stdlib.h>
#include <string.h>

#include "../wasm/build.h"
#include "scarce.h"
#include "vm/v1_machine.h"
#include "vm_common.h"

static const char source[] =
    ".global g 7\n.func main\ni64.const 300\ncall f\nprint\n"
    "drop\nglobal.get g\nprint\nhalt\n.func f i64 -> i64\n"
    ".local i64\nlocal.get 0\nbr_if more\npush 0\nreturn\n"
    "more: local.get 0\npush 1\nsub\ncall f\npush 1\nadd\nreturn\n";

/* All directives, and operands of every kind; the places that grow do so. */
static const char complete[] =
    ".version 2\n.type i32 -> i32\n.import \"env\" \"told\" told i32 -> i32\n"
    ".import \"env\" \"more\" _ f32 f64 i64 -> f64 i32\n.memory 1 2\n.table 6\n"
    ".elem 1 main, _, told\n.global g const f64 0.1\n.global _ f32 nan:0x1\n"
    ".data 16 \"text\", i16 1, 2, f64 0.25\n.data passive 1, 2\n.export mem memory\n"
    ".export t table\n.export \"a b\" func main\n.export g global g\n"
    ".export twice func twice\n.export again func twice\n"
    ".func main\ni32.const 3\ncall told\ni32.const 0\nbr_table one, two, one\n"
    "one: i32.const 1\ncall_indirect i32 -> i32\ndrop\nhalt\n"
    "two: drop\nf64.const 1e300\ndrop\nhalt\n"
    ".func twice i32 -> i32\n.local f32 f64\nlocal.get 0\nlocal.get 0\ni32.add\n"
    "return\n";

static sfpm_vm_t *vm; /* the machine that every action is tried on */
static sfpm_regions_t regions;
static sfpm_buffer_t module;

static bool assemble(void)
{
    return sfpm_vm_assemble(vm, source, sizeof source - 1, "s.s", NULL, NULL);
}

static bool assemble_faults(void)
{
    const char text[] = "frob\npush\nbr nowhere\na: nop\na: nop\n";
    return !sfpm_vm_assemble(vm, text, sizeof text - 1, "s.s", NULL, NULL) &&
           sfpm_last_status() == SFPM_ERR_SYNTAX;
}

static bool assemble_complete(void)
{
    sfpm_vm_t *made = sfpm_vm_create();
    bool good =
        made && sfpm_vm_assemble(made, complete, sizeof complete - 1, "c.s", NULL, NULL);
    sfpm_vm_destroy(made);
    return good;
}

/* A module with everything that takes memory while it is loaded. */
static void make_module(void)
{
    WASM_FUNCTION(&module, "i", "i", 1, 3, 0x7C, 0x02, 0x7F, 0x41, 1, 0x41, 2, 0x20, 0,
                  0x0E, 2, 0, 1, 0, 0x0B, 0x41, 0, 0x41, 0, 0x41, 0, 0xFC, 8, 0, 0, 0x0B);
}

static bool load_module(void)
{
    sfpm_vm_t *made = sfpm_vm_create();
    bool good = made && sfpm_vm_load_code(made, module.data, module.size);
    sfpm_vm_destroy(made);
    return good;
}

static bool encode(void)
{
    size_t size;
    void *bytes = sfpm_vm_encode(vm, 0, "i64.const 7; call f; print", &size);
    free(bytes);
    return bytes != NULL;
}

static sfpm_native_result_t tell(void *context, sfpm_vm_t *machine,
                                 const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context, (void)machine;
    results[0].i32 = 2 * params[0].i32;
    return SFPM_NATIVE_DONE;
}

/* Once more of the same name must leave the old one when it fails. */
static bool import(void)
{
    sfpm_vm_t *made = sfpm_vm_create();
    bool good = made && sfpm_vm_import(made, "env", "told", "i32 -> i32", tell, NULL) &&
                sfpm_vm_import(made, "env", "other", "", tell, NULL) &&
                sfpm_vm_import(made, "env", "told", "i32 -> i32", tell, NULL);
    sfpm_vm_destroy(made);
    return good;
}

/* Calls of an export that calls a native: nothing of it can be half done. */
static bool call(void)
{
    static const char text[] = ".import env told told i32 -> i32\n.export f func f\n"
                               ".func f i32 -> i32\nlocal.get 0\ncall told\nreturn\n"
                               ".func main\nhalt\n";
    sfpm_value_t param = {.type = SFPM_TYPE_I32, .i32 = 21}, result = {.i32 = 0};
    sfpm_vm_t *made = sfpm_vm_create();
    bool good = made &&
                sfpm_vm_assemble(made, text, sizeof text - 1, "c.s", NULL, NULL) &&
                sfpm_vm_import(made, "env", "told", "i32 -> i32", tell, NULL) &&
                sfpm_vm_call(made, "f", &param, 1, &result, 1, NULL) && result.i32 == 42;
    sfpm_vm_destroy(made);
    return good;
}

static bool load_code(void)
{
    return sfpm_vm_load_code(vm, "\x00\x0A\x00\x05\x01\x04\x05", 7);
}

static bool load_and_verify(void)
{
    sfpm_vm_t *made = sfpm_vm_create();
    bool good = made && load_regions(made, &regions) && sfpm_vm_verify(made);
    sfpm_vm_destroy(made);
    return good;
}

static bool give_original(void *context, const char *name, const void **bytes,
                          size_t *size)
{
    static uint8_t state[SFPM_ORIGINAL_SIZE];
    (void)context;
    memset(state + 1024, 0xFF, 4); /* sp */
    state[1028] = SFPM_OP_HALT;    /* program */
    state[2056] = 1;               /* program_size */
    *bytes = strcmp(name, SFPM_ORIGINAL_NAME) == 0 ? state : NULL;
    *size = sizeof state;
    return true;
}

static bool load_original(void)
{
    sfpm_vm_t *made = sfpm_vm_create();
    bool good =
        made && sfpm_vm_load(made, give_original, NULL) && sfpm_vm_run(made, NULL);
    sfpm_vm_destroy(made);
    return good;
}

static bool restore(void)
{
    return sfpm_vm_restore(vm, "a.img");
}

static bool save(void)
{
    return sfpm_vm_save(vm, "b.img");
}

static bool commit(void)
{
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    bool good = image && sfpm_vm_commit(vm, image, "message");
    sfpm_image_close(image);
    return good;
}

/* A machine that has run a little, an image of it, and its regions. */
static void prepare(void)
{
    sfpm_vm_destroy(vm);
    sfpm_regions_free(&regions);
    make_module();
    vm = assembled(source);
    run_steps(vm, 100, NULL);
    copy_regions(vm, &regions);
}

/* Tries the action with memory for `after` allocations; whether it met a failing one. */
static bool try_with(bool (*action)(void), size_t after, bool for_ever)
{
    prepare();
    note_input("allocation", after);
    scarce_begin(after, for_ever);
    bool good = action();
    size_t failures = scarce_end();
    if (!good) {
        ck_assert_uint_gt(failures, 0);
        ck_assert_msg(sfpm_last_status() == SFPM_ERR_MEMORY, "%s", sfpm_last_error());
        ck_assert_int_le(scarce_blocks(), 0);
        ck_assert_uint_eq(info_of(vm).instructions, 100);
        ck_assert_str_eq(output_of(vm), "300\n7\n");
    }
    return failures > 0;
}

static void exhaust(bool (*action)(void))
{
    size_t after = 0;
    prepare();
    ck_assert(sfpm_vm_save(vm, "a.img"));
    while (try_with(action, after, false) && try_with(action, after, true))
        after++;
    /* The control: allocations were met, and with enough memory it works. */
    ck_assert_uint_gt(after, 3);
    prepare();
    ck_assert(action());
    sfpm_vm_destroy(vm);
    sfpm_regions_free(&regions);
    sfpm_buffer_free(&module);
    vm = NULL;
}

#define EXHAUST(name, action)                                                            \
    START_TEST(name)                                                                     \
    {                                                                                    \
        exhaust(action);                                                                 \
    }                                                                                    \
    END_TEST

EXHAUST(assembling_without_memory, assemble)
EXHAUST(reporting_faults_without_memory, assemble_faults)
EXHAUST(assembling_all_directives_without_memory, assemble_complete)
EXHAUST(loading_a_module_without_memory, load_module)
EXHAUST(encoding_without_memory, encode)
EXHAUST(importing_without_memory, import)
EXHAUST(calling_without_memory, call)
EXHAUST(loading_code_without_memory, load_code)
EXHAUST(loading_regions_without_memory, load_and_verify)
EXHAUST(loading_the_original_without_memory, load_original)
EXHAUST(restoring_without_memory, restore)
EXHAUST(saving_without_memory, save)
EXHAUST(committing_without_memory, commit)

/* A stack that cannot grow leaves the machine before the call, to go on later. */
START_TEST(run_that_lacks_memory_goes_on_later)
{
    sfpm_buffer_t output = {0};
    size_t stops = 0;
    sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                     .output = collect,
                                     .output_context = &output,
                                     .engine = SFPM_VM_ENGINE_SIMPLE};
    vm = assembled(source);
    ck_assert_ptr_nonnull(sfpm_buffer_extend(&output, 100));
    output.size = 0;
    for (;;) {
        /* The first allocation of a run may be the stack's, the next the frames'. */
        scarce_begin(stops % 2, false);
        bool ran = sfpm_vm_run(vm, &options);
        size_t failures = scarce_end();
        if (ran && failures == 0)
            break;
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MEMORY);
        stops++;
    }
    ck_assert_uint_gt(stops, 3);
    ck_assert_uint_eq(output.size, 6);
    ck_assert_mem_eq(output.data, "300\n7\n", 6);
    sfpm_buffer_free(&output);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Tier 1 translates what it can, and leaves the rest to tier 0. */
START_TEST(run_that_lacks_memory_for_translations_goes_on)
{
    for (size_t after = 0; after < 20; after++) {
        sfpm_buffer_t output = {0};
        sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                         .output = collect,
                                         .output_context = &output,
                                         .engine = SFPM_VM_ENGINE_FAST};
        vm = assembled(source);
        ck_assert_ptr_nonnull(sfpm_buffer_extend(&output, 100));
        output.size = 0;
        scarce_begin(after, after % 3 == 0);
        bool ran = sfpm_vm_run(vm, &options);
        ck_assert(scarce_end() > 0 || ran);
        ck_assert(ran || sfpm_last_status() == SFPM_ERR_MEMORY);
        ck_assert(sfpm_vm_run(vm, &options));
        ck_assert_uint_eq(output.size, 6);
        ck_assert_mem_eq(output.data, "300\n7\n", 6);
        sfpm_buffer_free(&output);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

int main(void)
{
    const test_t core[] = {NULL};
    const test_t limits[] = {
        assembling_without_memory,
        reporting_faults_without_memory,
        assembling_all_directives_without_memory,
        loading_a_module_without_memory,
        encoding_without_memory,
        importing_without_memory,
        calling_without_memory,
        loading_code_without_memory,
        loading_regions_without_memory,
        loading_the_original_without_memory,
        restoring_without_memory,
        saving_without_memory,
        committing_without_memory,
        run_that_lacks_memory_goes_on_later,
        run_that_lacks_memory_for_translations_goes_on,
        NULL,
    };
    return run_suite("vm_memory", core, limits);
}
