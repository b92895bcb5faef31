/* SPDX-License-Identifier: MIT */
/*
 * Tier against tier: random programs are run by both engines, stopped at random places,
 * and must come to the same state there, with the same output and the same calls of
 * native functions. SFPM_TEST_PROGRAMS says how many, make check-long runs ten million;
 * SFPM_TEST_SERIES chooses others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../long.h"
#include "../sanitized.h"
#include "base/bytes.h"
#include "engine/fast_rules.h"
#include "vm/machine.h"
#include "vm_common.h"
#include "vm_natives.h"
#include "vm_random.h"
#include "vm_typed.h"

enum {
    PARTS = 4, /* a test each, so that none takes long */
    PROGRAMS = SANITIZED ? 20000 : 100000,
    LONG_PROGRAMS = SANITIZED ? 1000000 : 10000000,
    MOST_STEPS = 2000
};

static uint64_t given(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t num_programs(void)
{
    return given("SFPM_TEST_PROGRAMS", long_run() ? LONG_PROGRAMS : PROGRAMS);
}

/* A machine and what is seen of it. It gets one program after the other. */
typedef struct side {
    sfpm_vm_t *vm;
    host_t host;
    sfpm_buffer_t output;
    char error[300]; /* of the last piece */
} side_t;

/* Whether the machine can go on; what happened is in the error. */
static bool run_piece(side_t *side, sfpm_vm_engine_t engine, uint64_t steps)
{
    sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                     .max_steps = steps,
                                     .max_stack = 1024,
                                     .output = collect,
                                     .output_context = &side->output,
                                     .engine = engine};
    bool ran = sfpm_vm_run(side->vm, &options);
    snprintf(side->error, sizeof side->error, "%s", ran ? "" : sfpm_last_error());
    return ran && info_of(side->vm).status == SFPM_VM_SUSPENDED;
}

static void open_side(side_t *side)
{
    *side = (side_t){.vm = sfpm_vm_create()};
    ck_assert_ptr_nonnull(side->vm);
    offer_natives(side->vm, &side->host);
}

static void close_side(side_t *side)
{
    sfpm_vm_destroy(side->vm);
    sfpm_buffer_free(&side->output);
}

/* Begins a program. On one side all of it is proved now, on the other each function when
 * it is needed. */
static void start(side_t *side, const sfpm_regions_t *regions, bool verify)
{
    if (!load_regions(side->vm, regions) || (verify && !sfpm_vm_verify(side->vm)))
        ck_abort_msg("%s", sfpm_last_error());
    side->host = (host_t){0};
    side->output.size = 0;
}

/* Goes on in another machine. */
static void move(side_t *side)
{
    sfpm_regions_t regions;
    copy_regions(side->vm, &regions);
    sfpm_vm_destroy(side->vm);
    side->vm = sfpm_vm_create();
    offer_natives(side->vm, &side->host);
    if (!load_regions(side->vm, &regions))
        ck_abort_msg("%s", sfpm_last_error());
    sfpm_regions_free(&regions);
}

/* Where bytes differ first; -1 when they do not. */
static long difference(const void *a, size_t a_size, const void *b, size_t b_size)
{
    const uint8_t *first = a, *second = b;
    size_t size = a_size < b_size ? a_size : b_size;
    if (a_size == b_size && (size == 0 || memcmp(a, b, size) == 0))
        return -1;
    for (size_t i = 0; i < size; i++)
        if (first[i] != second[i])
            return (long)i;
    return (long)size;
}

static sfpm_vm_region_t region_of(const side_t *side, size_t index)
{
    sfpm_vm_region_t region;
    if (!sfpm_vm_region(side->vm, index, &region, sizeof region))
        ck_abort_msg("%s", sfpm_last_error());
    return region;
}

/* What two sides differ in, "" when in nothing. */
static const char *compare(const side_t *a, const side_t *b)
{
    static char text[900];
    if (strcmp(a->error, b->error) != 0) {
        snprintf(text, sizeof text, "'%s' and '%s'", a->error, b->error);
        return text;
    }
    if (difference(a->output.data, a->output.size, b->output.data, b->output.size) >= 0)
        return "output";
    if (a->host.seen != b->host.seen || a->host.retried != b->host.retried)
        return "calls of native functions";
    for (size_t i = 0; i < sfpm_vm_num_regions(a->vm); i++) {
        sfpm_vm_region_t first = region_of(a, i), second = region_of(b, i);
        long at = difference(first.bytes, first.size, second.bytes, second.size);
        if (at < 0 && strcmp(first.name, second.name) == 0)
            continue;
        snprintf(text, sizeof text, "region %s at byte %ld; pc %u and %u", first.name, at,
                 (unsigned)info_of(a->vm).pc, (unsigned)info_of(b->vm).pc);
        return text;
    }
    return "";
}

/* Lengths of pieces: all at once, a few instructions, or any. */
static uint64_t longest_piece(uint64_t steps)
{
    switch (random_below(4)) {
    case 0:
        return 20;
    case 1:
        return MOST_STEPS;
    default:
        return steps;
    }
}

/* Runs a program on both sides; what they differ in, "" when in nothing. */
static const char *run_both(side_t *simple, side_t *fast, uint64_t steps)
{
    uint64_t left = steps, longest = longest_piece(steps);
    bool goes_on = true;
    for (int stops = 0; goes_on && left > 0; stops++) {
        uint64_t piece =
            longest == steps || stops > 20 ? left : 1 + random_below(longest);
        bool is_fast = longest == steps || random_below(8) > 0;
        piece = piece < left ? piece : left;
        left -= piece;
        goes_on = run_piece(simple, SFPM_VM_ENGINE_SIMPLE, piece);
        run_piece(fast, is_fast ? SFPM_VM_ENGINE_FAST : SFPM_VM_ENGINE_SIMPLE, piece);
        const char *text = compare(simple, fast);
        if (*text)
            return text;
        if (random_below(64) == 0)
            move(fast);
    }
    return "";
}

static void random_regions(sfpm_regions_t *regions)
{
    build_t build;
    if (random_below(8) == 0) {
        random_program(regions);
        return;
    }
    random_typed_program(&build);
    build_regions(&build, regions);
}

/* Changes some of the code: functions that may not hold, and calls of others. Whether
 * there was any. */
static bool spoil_code(sfpm_regions_t *regions)
{
    sfpm_buffer_t *code = &regions->region[SFPM_CODE];
    for (uint64_t left = 1 + random_below(3); left > 0; left--) {
        uint8_t *byte = &code->data[random_below(code->size)];
        *byte = (uint8_t)(random_below(4) > 0 ? *byte + 1u : random_below(256));
    }
    return true;
}

static void run_part(uint64_t part)
{
    side_t simple, fast;
    uint64_t series = given("SFPM_TEST_SERIES", 0) * PARTS + part;
    random_start(series);
    open_side(&simple);
    open_side(&fast);
    for (uint64_t i = 0; i < num_programs() / PARTS; i++) {
        sfpm_regions_t regions;
        note_input("program", i);
        random_regions(&regions);
        bool is_hostile = random_below(8) == 0 && spoil_code(&regions);
        start(&simple, &regions, !is_hostile);
        start(&fast, &regions, false);
        sfpm_regions_free(&regions);
        const char *text = run_both(&simple, &fast, 1 + random_below(MOST_STEPS));
        if (*text)
            ck_abort_msg("series %llu: the engines differ: %s",
                         (unsigned long long)series, text);
    }
    close_side(&simple);
    close_side(&fast);
}

#define PART(number)                                                                     \
    START_TEST(engines_agree_on_random_programs_##number)                                \
    {                                                                                    \
        run_part(number);                                                                \
    }                                                                                    \
    END_TEST
PART(0)
PART(1)
PART(2)
PART(3)

/* Puts a subtraction in the place of each addition of i64 that is translated. */
static void plant(sfpm_vm_t *vm)
{
    const sfpm_stops_t none = {NULL, 0};
    sfpm_fast_prepare(&vm->fast, &vm->program, &none, SFPM_VM_DEFAULT_MEMORY);
    for (uint32_t i = vm->program.num_imports; i < vm->program.num_functions; i++) {
        if (!sfpm_fast_translate(&vm->fast, &vm->program, &vm->proof, i))
            continue;
        const sfpm_fast_function_t *function = &vm->fast.functions[i];
        for (uint32_t cell = 1; cell < function->num_cells; cell++)
            for (unsigned form = 0; form < SFPM_FORM_JUMP; form++)
                if (function->cells[cell].handler ==
                    sfpm_fast_handler(FAST_I64_ADD_SS + form))
                    function->cells[cell].handler =
                        sfpm_fast_handler(FAST_I64_SUB_SS + form);
    }
}

/* Whether programs are found to differ, with something wrong on the fast side. */
static bool is_found(void (*spoil)(side_t *fast))
{
    side_t simple, fast;
    bool found = false;
    open_side(&simple);
    open_side(&fast);
    for (int i = 0; i < 2000 && !found; i++) {
        note_input("program", (uint64_t)i);
        sfpm_regions_t regions;
        random_regions(&regions);
        start(&simple, &regions, true);
        start(&fast, &regions, true);
        sfpm_regions_free(&regions);
        spoil(&fast);
        run_piece(&simple, SFPM_VM_ENGINE_SIMPLE, MOST_STEPS);
        run_piece(&fast, SFPM_VM_ENGINE_FAST, MOST_STEPS);
        found = *compare(&simple, &fast) != 0;
    }
    close_side(&simple);
    close_side(&fast);
    return found;
}

static void spoil_nothing(side_t *fast)
{
    (void)fast;
}

static void spoil_additions(side_t *fast)
{
    plant(fast->vm);
}

/* Calls of native functions go elsewhere. */
static void spoil_calls(side_t *fast)
{
    static host_t other;
    offer_natives(fast->vm, &other);
}

/* The controls of the test above. */
START_TEST(what_is_wrong_is_found)
{
    ck_assert(!is_found(spoil_nothing));
    ck_assert(is_found(spoil_additions));
    ck_assert(is_found(spoil_calls));
}
END_TEST

int main(void)
{
    const test_t core[] = {
        engines_agree_on_random_programs_0,
        engines_agree_on_random_programs_1,
        engines_agree_on_random_programs_2,
        engines_agree_on_random_programs_3,
        what_is_wrong_is_found,
        NULL,
    };
    const test_t limits[] = {NULL};
    return run_suite("vm_tiers", core, limits);
}
