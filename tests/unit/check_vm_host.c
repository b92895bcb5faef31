/* SPDX-License-Identifier: MIT */
/*
 * What of its host's thread and process does not reach a machine's results: the
 * floating-point environment, the locale, errno, signal masks, a small C stack, and the
 * environment variables. And a host that leaves by longjmp().
 */
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/float_env.h"
#include "../sanitized.h"
#include "vm_common.h"

#if defined SFPM_FLOAT_ENV_X86
#include <xmmintrin.h>
#endif

/* Each result is different in one of the environments below, if that reaches it. */
static const char program[] =
    ".export third func third\n.func third -> i64\n"
    " f64.const 1\n f64.const 3\n f64.div\n i64.reinterpret_f64\n return\n"
    ".export minus func minus\n.func minus -> i64\n"
    " f64.const -1\n f64.const 3\n f64.div\n i64.reinterpret_f64\n return\n"
    ".export tiny func tiny\n.func tiny -> i64\n"
    " f64.const 2.2250738585072014e-308\n f64.const 0.5\n f64.mul\n"
    " i64.reinterpret_f64\n return\n"
    ".export less func less\n.func less -> i64\n"
    " f64.const 0\n f64.const 5e-324\n f64.lt\n i64.extend_i32_u\n return\n"
    ".export conv func conv\n.func conv -> i64\n"
    " i64.const 16777217\n f32.convert_i64_s\n i32.reinterpret_f32\n"
    " i64.extend_i32_u\n return\n"
    ".export near func near\n.func near -> i64\n"
    " f64.const 0.4\n f64.nearest\n i64.reinterpret_f64\n return\n"
    ".export demote func demote\n.func demote -> i64\n"
    " f64.const 1.00000001\n f32.demote_f64\n i32.reinterpret_f32\n"
    " i64.extend_i32_u\n return\n"
    ".export promote func promote\n.func promote -> i64\n"
    " f32.const 1e-45\n f64.promote_f32\n i64.reinterpret_f64\n return\n"
    ".export root func root\n.func root -> i64\n"
    " f64.const 2\n f64.sqrt\n i64.reinterpret_f64\n return\n"
    ".export by_zero func by_zero\n.func by_zero -> i64\n"
    " f64.const 1\n f64.const 0\n f64.div\n i64.reinterpret_f64\n return\n"
    ".export low func low\n.func low -> i64\n"
    " f64.const 0.3\n i64.reinterpret_f64\n return\n"
    ".export high func high\n.func high -> i64\n"
    " f64.const 0.1\n i64.reinterpret_f64\n return\n"
    ".export small func small\n.func small -> i64\n"
    " f32.const 1e-45\n i32.reinterpret_f32\n i64.extend_i32_u\n return\n"
    ".global g f64 5e-324\n"
    ".func main\n halt\n";

static const char *const functions[] = {"third", "minus",  "tiny",    "less", "conv",
                                        "near",  "demote", "promote", "root", "by_zero",
                                        "low",   "high",   "small"};
enum { NUM_FUNCTIONS = sizeof functions / sizeof functions[0] };

/* All that is compared: numbers computed, and the text of the whole program. */
typedef struct results {
    int64_t values[2][NUM_FUNCTIONS];
    char listing[8192];
    char global[40];
} results_t;

static void compute(results_t *results)
{
    sfpm_vm_run_options_t how = {.struct_size = sizeof how};
    memset(results, 0, sizeof *results);
    for (int engine = 0; engine < 2; engine++) {
        sfpm_vm_t *vm = assembled(program);
        how.engine = engine ? SFPM_VM_ENGINE_SIMPLE : SFPM_VM_ENGINE_FAST;
        for (size_t i = 0; i < NUM_FUNCTIONS; i++) {
            sfpm_value_t result = {.type = SFPM_TYPE_I64};
            ck_assert_msg(sfpm_vm_call(vm, functions[i], NULL, 0, &result, 1, &how), "%s",
                          sfpm_last_error());
            results->values[engine][i] = result.i64;
        }
        snprintf(results->listing, sizeof results->listing, "%s", listing_of(vm));
        ck_assert(sfpm_vm_global_text(vm, 0, results->global, sizeof results->global));
        sfpm_vm_destroy(vm);
    }
}

static void check_same(const results_t *now, const results_t *usual, const char *where)
{
    for (int engine = 0; engine < 2; engine++)
        for (size_t i = 0; i < NUM_FUNCTIONS; i++)
            ck_assert_msg(now->values[engine][i] == usual->values[engine][i],
                          "%s: %s, engine %d: %llx instead of %llx", where, functions[i],
                          engine, (unsigned long long)now->values[engine][i],
                          (unsigned long long)usual->values[engine][i]);
    ck_assert_str_eq(now->listing, usual->listing);
    ck_assert_str_eq(now->global, usual->global);
}

/* ---- Floating-point environments ---------------------------------------------- */

static void round_upward(void)
{
    fesetround(FE_UPWARD);
}

static void round_downward(void)
{
    fesetround(FE_DOWNWARD);
}

static void round_to_zero(void)
{
    fesetround(FE_TOWARDZERO);
}

#if defined SFPM_FLOAT_ENV_X86
static void flush_to_zero(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8000);
}

static void subnormals_are_zero(void)
{
    _mm_setcsr(_mm_getcsr() | 0x0040);
}

static void enable_traps(void)
{
    _mm_setcsr(_mm_getcsr() & ~0x1F80U);
}

/* glibc rounds text as the x87 unit rounds, whatever that does with numbers. */
static void x87_upward(void)
{
    const unsigned short control = 0x0B7F;
    __asm__ volatile("fldcw %0" : : "m"(control));
}
#endif

static const struct {
    const char *name;
    void (*set)(void);
} environments[] = {
    {"upward", round_upward},         {"downward", round_downward},
    {"toward zero", round_to_zero},
#if defined SFPM_FLOAT_ENV_X86
    {"flush to zero", flush_to_zero}, {"subnormals are zero", subnormals_are_zero},
    {"traps enabled", enable_traps},  {"x87 upward", x87_upward},
#endif
};
enum { NUM_ENVIRONMENTS = sizeof environments / sizeof environments[0] };

/* What of the environment can be compared. */
static unsigned long environment(void)
{
#if defined SFPM_FLOAT_ENV_X86
    unsigned short control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return (unsigned long)(_mm_getcsr() & 0xFFC0U) << 16 | control;
#else
    return (unsigned long)fegetround();
#endif
}

START_TEST(results_do_not_depend_on_the_floating_point_environment)
{
    results_t usual, now;
    compute(&usual);
    ck_assert_str_eq(usual.global, "5e-324");
    for (size_t i = 0; i < NUM_ENVIRONMENTS; i++) {
        environments[i].set();
        unsigned long before = environment();
        compute(&now);
        unsigned long after = environment();
        fesetenv(FE_DFL_ENV);
        check_same(&now, &usual, environments[i].name);
        ck_assert_uint_eq(before, after);
    }
}
END_TEST

/* What the host's functions found. */
typedef struct seen {
    unsigned long native, output;
    void (*change)(void); /* done by the native; or NULL */
} seen_t;

static sfpm_native_result_t look(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    seen_t *seen = context;
    (void)vm;
    (void)params;
    (void)results;
    seen->native = environment();
    if (seen->change)
        seen->change();
    return SFPM_NATIVE_DONE;
}

static bool look_at_output(void *context, const void *bytes, size_t size)
{
    seen_t *seen = context;
    (void)bytes;
    (void)size;
    seen->output = environment();
    return true;
}

/* The third of one, after a native and after output. */
static const char looking[] = ".import host look look\n.export f func f\n"
                              ".func f -> i64\n call look\n push 1\n print\n drop\n"
                              " f64.const 1\n f64.const 3\n f64.div\n"
                              " i64.reinterpret_f64\n return\n"
                              ".func main\n halt\n";

static int64_t run_looking(seen_t *seen, bool simple)
{
    sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                 .engine =
                                     simple ? SFPM_VM_ENGINE_SIMPLE : SFPM_VM_ENGINE_FAST,
                                 .output = look_at_output,
                                 .output_context = seen};
    sfpm_value_t result = {.type = SFPM_TYPE_I64};
    sfpm_vm_t *vm = assembled(looking);
    ck_assert(sfpm_vm_import(vm, "host", "look", "", look, seen));
    ck_assert(sfpm_vm_call(vm, "f", NULL, 0, &result, 1, &how));
    sfpm_vm_destroy(vm);
    return result.i64;
}

START_TEST(natives_and_output_run_in_the_callers_environment)
{
    for (size_t i = 0; i < 2 * NUM_ENVIRONMENTS; i++) {
        seen_t seen = {0};
        environments[i / 2].set();
        unsigned long callers = environment();
        int64_t result = run_looking(&seen, i % 2);
        unsigned long after = environment();
        fesetenv(FE_DFL_ENV);
        ck_assert_uint_eq(seen.native, callers);
        ck_assert_uint_eq(seen.output, callers);
        ck_assert_uint_eq(after, callers);
        ck_assert_int_eq(result, 0x3FD5555555555555);
    }
}
END_TEST

/* A native may set the thread's mode for good, but not the machine's. */
START_TEST(what_a_native_sets_is_the_callers)
{
    for (size_t i = 0; i < 2 * NUM_ENVIRONMENTS; i++) {
        seen_t seen = {.change = environments[i / 2].set};
        seen.change();
        unsigned long set = environment();
        fesetenv(FE_DFL_ENV);
        int64_t result = run_looking(&seen, i % 2);
        unsigned long after = environment();
        fesetenv(FE_DFL_ENV);
        ck_assert_uint_eq(seen.output, set);
        ck_assert_uint_eq(after, set);
        ck_assert_int_eq(result, 0x3FD5555555555555);
    }
}
END_TEST

/* ---- The rest of the thread and the process ------------------------------------- */

/* Makes a locale with a decimal comma, if the system can, and sets it. */
static bool set_comma_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE",
                                        "fr_FR.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]))
            return true;
    return system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >/dev/null 2>&1") == 0 &&
           setenv("LOCPATH", ".", 1) == 0 && setlocale(LC_ALL, "de_DE.UTF-8");
}

START_TEST(results_do_not_depend_on_the_locale)
{
    results_t usual, now;
    char text[16];
    compute(&usual);
    if (!set_comma_locale()) {
        fprintf(stderr, "no locale with a decimal comma: not tested\n");
        return;
    }
    snprintf(text, sizeof text, "%g", 0.5);
    ck_assert_str_eq(text, "0,5");
    compute(&now);
    snprintf(text, sizeof text, "%g", 0.5);
    ck_assert_str_eq(text, "0,5");
    setlocale(LC_ALL, "C");
    ck_assert_int_eq(system("rm -rf de_DE.UTF-8"), 0);
    check_same(&now, &usual, "decimal comma");
}
END_TEST

START_TEST(results_do_not_depend_on_errno_signals_and_variables)
{
    results_t usual, now;
    sigset_t all, old;
    compute(&usual);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ck_assert(setenv("TZ", "Asia/Kathmandu", 1) == 0 && setenv("LANG", "tr_TR", 1) == 0);
    errno = ERANGE;
    compute(&now);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    check_same(&now, &usual, "errno, signals, variables");
}
END_TEST

/* 100,000 calls in progress, and operands of each. */
static const char deep[] = ".export f func f\n"
                           ".func f i64 -> i64\n local.get 0\n i64.eqz\n br_if end\n"
                           " local.get 0\n local.get 0\n i64.const 1\n i64.sub\n call f\n"
                           " i64.add\n return\nend:\n i64.const 0\n return\n"
                           ".func main\n halt\n";

/* What sfpm_vm(3) promises to be enough; without optimisation, as with the sanitizers, the
 * function of all handlers alone takes more. Calls on the C stack would still not fit. */
#if defined(__OPTIMIZE__) && !SANITIZED
enum { SMALL_STACK = 1 << 17 };
#else
enum { SMALL_STACK = 1 << 20 };
#endif

static void *run_deep(void *engine)
{
    static sfpm_value_t result;
    const sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                       .engine = *(sfpm_vm_engine_t *)engine,
                                       .max_stack = SFPM_VM_MAX_STACK};
    const sfpm_value_t levels = {.type = SFPM_TYPE_I64, .i64 = 100000};
    sfpm_vm_t *vm = sfpm_vm_create();
    bool ran = vm && sfpm_vm_assemble(vm, deep, strlen(deep), "deep.s", NULL, NULL) &&
               sfpm_vm_call(vm, "f", &levels, 1, &result, 1, &how);
    sfpm_vm_destroy(vm);
    return ran ? &result : NULL;
}

static int64_t run_in_small_thread(sfpm_vm_engine_t engine)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *result = NULL;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, run_deep, &engine), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    pthread_attr_destroy(&attributes);
    ck_assert_ptr_nonnull(result);
    return ((sfpm_value_t *)result)->i64;
}

START_TEST(a_small_c_stack_is_enough)
{
    ck_assert_int_eq(run_in_small_thread(SFPM_VM_ENGINE_FAST), 5000050000);
    ck_assert_int_eq(run_in_small_thread(SFPM_VM_ENGINE_SIMPLE), 5000050000);
}
END_TEST

/* ---- A host that does not return -------------------------------------------------- */

static jmp_buf outside;

static sfpm_native_result_t leap(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    bool *leaps = context;
    (void)params;
    (void)results;
    if (*leaps)
        longjmp(outside, 1);
    /* Nor does it destroy, save or read what it stands on. */
    sfpm_vm_region_t region;
    sfpm_vm_destroy(vm);
    expect_error(SFPM_ERR_ARGUMENT, 0, "the machine is running");
    ck_assert(!sfpm_vm_region(vm, 0, &region, sizeof region));
    ck_assert(!sfpm_vm_save(vm, "running.img"));
    return SFPM_NATIVE_DONE;
}

static bool leap_at_output(void *context, const void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    if (*(bool *)context)
        longjmp(outside, 1);
    return true;
}

/* Leaves from a call in a call, with values on the stack; counts its starts in a global
 * and in memory that has grown. */
static const char leaping[] =
    ".memory 1 20\n.global starts i64 0\n.import host leap leap\n"
    ".export f func f\n.func f i64 -> i64\n"
    " global.get starts\n i64.const 1\n i64.add\n global.set starts\n"
    " i32.const 1\n memory.grow\n drop\n"
    " f64.const 1\n f64.const 3\n f64.div\n i64.reinterpret_f64\n"
    " local.get 0\n call inner\n i64.add\n return\n"
    ".func inner i64 -> i64\n local.get 0\n br_if second\n call leap\n"
    " i64.const 0\n return\n"
    "second:\n push 1\n print\n return\n"
    ".func main\n halt\n";

static void leave_and_use_again(sfpm_vm_t *vm, sfpm_vm_run_options_t *how, bool *leaps,
                                int64_t where)
{
    const sfpm_value_t param = {.type = SFPM_TYPE_I64, .i64 = where};
    sfpm_value_t result = {.type = SFPM_TYPE_I64}, starts;
    ck_assert(sfpm_vm_call(vm, "f", &param, 1, &result, 1, how));
    int64_t usual = result.i64;
    *leaps = true;
    if (setjmp(outside) == 0) {
        sfpm_vm_call(vm, "f", &param, 1, &result, 1, how);
        ck_abort_msg("the native has returned");
    }
    *leaps = false;
    ck_assert(!sfpm_vm_save(vm, "left.img"));
    expect_error(SFPM_ERR_ARGUMENT, 0, "the machine is running");
    ck_assert(!sfpm_vm_call(vm, "f", &param, 1, &result, 1, how));
    sfpm_vm_destroy(vm);
    ck_assert(sfpm_vm_abandon(vm));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
    ck_assert(info_of(vm).verified);
    ck_assert_uint_eq(info_of(vm).frames, 1);
    ck_assert(sfpm_vm_save(vm, "left.img"));
    ck_assert(sfpm_vm_restore(vm, "left.img"));
    ck_assert(sfpm_vm_call(vm, "f", &param, 1, &result, 1, how));
    ck_assert_int_eq(result.i64, usual);
    ck_assert(sfpm_vm_get_global(vm, "starts", &starts));
    ck_assert_int_eq(starts.i64, 3);
    ck_assert_uint_eq(sfpm_vm_memory_size(vm), 4 << 16);
    ck_assert_int_eq(unlink("left.img"), 0);
}

START_TEST(a_run_that_was_left_by_longjmp_is_abandoned)
{
    for (size_t i = 0; i < 4 * NUM_ENVIRONMENTS; i++) {
        bool leaps = false;
        sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                     .engine = i % 2 ? SFPM_VM_ENGINE_SIMPLE
                                                     : SFPM_VM_ENGINE_FAST,
                                     .output = leap_at_output,
                                     .output_context = &leaps};
        sfpm_vm_t *vm = assembled(leaping);
        ck_assert(sfpm_vm_import(vm, "host", "leap", "", leap, &leaps));
        environments[i / 4].set();
        unsigned long before = environment();
        leave_and_use_again(vm, &how, &leaps, i % 4 / 2);
        unsigned long after = environment();
        fesetenv(FE_DFL_ENV);
        ck_assert_uint_eq(before, after);
        sfpm_vm_destroy(vm);
    }
    ck_assert_int_eq(access("running.img", F_OK), -1);
}
END_TEST

START_TEST(abandoning_a_machine_that_does_not_run_does_nothing)
{
    sfpm_value_t result = {.type = SFPM_TYPE_I64};
    const sfpm_vm_run_options_t one = {.struct_size = sizeof one, .max_steps = 1};
    sfpm_vm_t *vm = assembled(program);
    ck_assert(!sfpm_vm_abandon(NULL));
    ck_assert(!sfpm_vm_call(vm, "third", NULL, 0, &result, 1, &one));
    ck_assert(sfpm_vm_abandon(vm));
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert(sfpm_vm_results(vm, &result, 1));
    ck_assert_int_eq(result.i64, 0x3FD5555555555555);
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        results_do_not_depend_on_the_floating_point_environment,
        natives_and_output_run_in_the_callers_environment,
        what_a_native_sets_is_the_callers,
        results_do_not_depend_on_the_locale,
        results_do_not_depend_on_errno_signals_and_variables,
        a_small_c_stack_is_enough,
        a_run_that_was_left_by_longjmp_is_abandoned,
        abandoning_a_machine_that_does_not_run_does_nothing,
        NULL,
    };
    const test_t limits[] = {NULL};
    return run_suite("vm_host", core, limits);
}
