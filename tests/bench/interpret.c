/* SPDX-License-Identifier: MIT */
/*
 * The six programs in programs/: against the same in C, compiled with -O2, and against
 * other interpreters where they are installed. What starting takes is subtracted on both
 * sides. And how fast code is verified and translated.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/machine.h"

enum { NUM_PROGRAMS = 6, ALL = NUM_PROGRAMS };
static const char *const programs[NUM_PROGRAMS] = {"fib",        "sieve",  "hash",
                                                   "mandelbrot", "matmul", "nbody"};

static const char *directory(void)
{
    const char *given = getenv("BENCH_PROGRAMS");
    return given ? given : ".";
}

/* The image of a program, or of one that halts at once; NULL on failure. */
static const char *image_of(const char *name)
{
    static char image[400];
    char source[400], file[64];
    const char *tool = bench_tool("sfpm-save");
    snprintf(file, sizeof file, "%s.img", name ? name : "halt");
    snprintf(image, sizeof image, "%s", bench_path(file));
    snprintf(source, sizeof source, "%s/%s.s", directory(), name ? name : "halt");
    if (!name) {
        snprintf(source, sizeof source, "%s", bench_path("halt.s"));
        if (!bench_write_file(source, "halt\n", 5))
            return NULL;
    }
    if (access(image, R_OK) == 0)
        return image;
    return bench_run((const char *const[]){tool, "-o", image, source, NULL}) < 0 ? NULL
                                                                                 : image;
}

/* ---- Results ---------------------------------------------------------------------- */

static bool read_number(const char *path, long long *number)
{
    FILE *file = fopen(path, "r");
    bool good = file && fscanf(file, "%lld", number) == 1;
    if (file)
        fclose(file);
    return good;
}

/* What a program comes to in C. */
static bool right_result(const char *name, long long *number)
{
    static const char *last;
    static long long result;
    const char *path = bench_path("right"), *twins = getenv("BENCH_TWINS");
    if (last != name) {
        if (!twins || bench_run_to(path, (const char *const[]){twins, name, NULL}) < 0 ||
            !read_number(path, &result))
            return false;
        last = name;
    }
    *number = result;
    return true;
}

/* Runs one of the programs, which is the last argument, or none. */
static double run_program(const char *name, const char *const arguments[])
{
    char path[400];
    long long result, right;
    snprintf(path, sizeof path, "%s", bench_path("result"));
    double took = bench_run_to(path, arguments);
    if (took < 0 || !name)
        return took;
    if (!right_result(name, &right))
        return bench_fail("%s: no result of the program in C", name);
    if (!read_number(path, &result) || result != right)
        return bench_fail("%s: %s has another result than C", name, arguments[0]);
    return took;
}

static double run_image(const char *name)
{
    if (!bench_tool("sfpm-run") || !bench_tool("sfpm-save"))
        return bench_skip();
    const char *image = image_of(name);
    if (!image)
        return -1;
    return run_program(name, (const char *const[]){bench_tool("sfpm-run"), image, NULL});
}

/* By a program that runs an image, with or without checks. */
static double run_by(const char *variable, const char *name)
{
    const char *program = getenv(variable), *image = image_of(name);
    if (!program)
        return bench_fail("%s names no program", variable);
    return image ? run_program(name, (const char *const[]){program, image, NULL}) : -1;
}

static double run_checked(const char *name)
{
    return run_by("BENCH_CHECKED", name);
}

static double run_unchecked(const char *name)
{
    return run_by("BENCH_UNCHECKED", name);
}

static double run_twin(const char *name)
{
    const char *twins = getenv("BENCH_TWINS");
    if (!twins)
        return bench_fail("BENCH_TWINS names no program");
    return run_program(name, (const char *const[]){twins, name, NULL});
}

/* The seconds of one program without its start, or the geometric mean of all. */
static double measure(intptr_t which, double (*run)(const char *name))
{
    double product = 0;
    int first = which == ALL ? 0 : (int)which;
    int end = which == ALL ? NUM_PROGRAMS : first + 1;
    for (int i = first; i < end; i++) {
        double start = run(NULL);
        double whole = start < 0 ? -1 : run(programs[i]);
        if (whole < 0)
            return -1;
        if (whole <= start)
            return bench_fail("%s takes no time", programs[i]);
        product += log(whole - start);
    }
    return exp(product / (end - first));
}

static double ours(intptr_t which)
{
    return measure(which % 10, run_image);
}

static double checked(intptr_t which)
{
    return measure(which, run_checked);
}

static double unchecked(intptr_t which)
{
    return measure(which, run_unchecked);
}

static double twin(intptr_t which)
{
    return measure(which, run_twin);
}

/* ---- Other interpreters: argument is the interpreter's number * 10 + the program's ---
 */

static const struct {
    const char *command, *option, *script;
    const char *compiler; /* of the script, to what the command runs */
} peers[] = {{"lua5.4", NULL, "programs.lua", NULL},
             {"luajit", "-joff", "programs.lua", NULL},
             {"python3", NULL, "programs.py", NULL},
             {"gforth-fast", NULL, "programs.fs", NULL},
             {"ocamlrun", NULL, "programs.ml", "ocamlc"}};
static size_t peer;

static bool is_installed(const char *command)
{
    char line[64];
    snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", command);
    return system(line) == 0; /* NOLINT: a fixed list of names */
}

/* Compiled from a copy, since the compiler writes beside it; made once. */
static bool compile(const char *source, char compiled[400])
{
    char copy[400];
    snprintf(compiled, 400, "%s", bench_path("programs.byte"));
    snprintf(copy, sizeof copy, "%s", bench_path("programs.ml"));
    bench_path("programs.cmi");
    bench_path("programs.cmo");
    return access(compiled, R_OK) == 0 ||
           (bench_run((const char *const[]){"cp", source, copy, NULL}) >= 0 &&
            bench_run((const char *const[]){peers[peer].compiler, "-o", compiled, copy,
                                            NULL}) >= 0);
}

static double run_peer(const char *name)
{
    char source[400], script[400];
    bool hash = name && strcmp(name, "hash") == 0 && peer == 0;
    snprintf(source, sizeof source, "%s/%s", directory(),
             hash ? "hash.lua" : peers[peer].script);
    snprintf(script, sizeof script, "%s", source);
    if (peers[peer].compiler && !compile(source, script))
        return -1;
    if (peers[peer].option)
        return run_program(name,
                           (const char *const[]){peers[peer].command, peers[peer].option,
                                                 script, name, NULL});
    return run_program(name,
                       (const char *const[]){peers[peer].command, script, name, NULL});
}

static double theirs(intptr_t which)
{
    peer = (size_t)which / 10;
    bool installed = is_installed(peers[peer].command) &&
                     (!peers[peer].compiler || is_installed(peers[peer].compiler));
    return installed ? measure(which % 10, run_peer) : bench_skip();
}

/* ---- Verifying and translating --------------------------------------------------- */

enum { FUNCTIONS = 40000 };

/* A long program of ordinary functions; made once. */
static sfpm_vm_t *long_program(void)
{
    static const char body[] = "local.get 0\ni64.const 7\ni64.lt_s\nbr_if small\n"
                               "local.get 0\nlocal.get 1\ni64.const 3\ni64.shl\ni64.xor\n"
                               "local.tee 1\nlocal.get 0\ni64.mul\nreturn\n"
                               "small:\nlocal.get 1\nreturn\n";
    static sfpm_vm_t *vm;
    char line[80];
    if (vm)
        return vm;
    sfpm_buffer_t text = {0};
    sfpm_buffer_add(&text, ".func main\nhalt\n", 16);
    for (int i = 0; i < FUNCTIONS; i++) {
        int size = snprintf(line, sizeof line, ".func f%d i64 i64 -> i64\n", i);
        sfpm_buffer_add(&text, line, (size_t)size);
        for (const char *at = body; *at; at++) {
            /* Labels are told apart by their function's number. */
            size = snprintf(line, sizeof line, "small%d", i);
            if (strncmp(at, "small", 5) == 0) {
                sfpm_buffer_add(&text, line, (size_t)size);
                at += 4;
            } else {
                sfpm_buffer_add(&text, at, 1);
            }
        }
    }
    vm = sfpm_vm_create();
    if (!vm ||
        !sfpm_vm_assemble(vm, (const char *)text.data, text.size, "long", NULL, NULL)) {
        bench_fail_sfpm("assembling");
        sfpm_vm_destroy(vm);
        vm = NULL;
    }
    sfpm_buffer_free(&text);
    return vm;
}

/* Translates all functions; whether there was memory for it. */
static bool translate_all(const sfpm_vm_t *vm, sfpm_proof_t *proof)
{
    sfpm_fast_t fast = {0};
    const sfpm_stops_t none = {NULL, 0};
    bool good = sfpm_fast_prepare(&fast, &vm->program, &none, SFPM_VM_MAX_MEMORY);
    for (uint32_t i = 0; good && i < vm->program.num_functions; i++)
        good = sfpm_fast_translate(&fast, &vm->program, proof, i);
    sfpm_fast_free(&fast);
    return good;
}

enum { VERIFY = 1, TRANSLATE = 2 };

static double prepare(intptr_t measured)
{
    sfpm_vm_t *vm = long_program();
    sfpm_proof_t proof;
    bool good = true;
    if (!vm)
        return -1;
    double began = bench_now();
    if (!sfpm_proof_begin(&vm->program, &proof) ||
        !sfpm_verify_program(&vm->program, &proof))
        return bench_fail_sfpm("verifying");
    double verified = bench_now();
    if (measured & TRANSLATE)
        good = translate_all(vm, &proof);
    double translated = bench_now();
    sfpm_proof_free(&proof);
    if (!good)
        return bench_fail("not all functions were translated");
    return (measured & VERIFY ? verified - began : 0) + (translated - verified);
}

static double fifty_megabytes(intptr_t unused)
{
    (void)unused;
    sfpm_vm_t *vm = long_program();
    return vm ? (double)vm->program.code_size / 50e6 : -1;
}

/* ---- A small program ----------------------------------------------------------------
 */

static double small(intptr_t unused)
{
    (void)unused;
    return run_image(NULL);
}

static double one_and_a_half(intptr_t unused)
{
    (void)unused;
    const char *program = getenv("BENCH_TRIVIAL");
    double took = program ? bench_run((const char *const[]){program, NULL}) : -1;
    return took < 0 ? took : 1.5 * took + 0.3e-3;
}

#define PEERS(number, name, rounds)                                                      \
    {"fib, against " name, name, 1, rounds, ours, theirs, number + 0, NULL},             \
        {"sieve, against " name, name, 1, rounds, ours, theirs, number + 1, NULL},       \
        {"mandelbrot, against " name, name, 1, rounds, ours, theirs, number + 3, NULL},  \
        {"matmul, against " name, name, 1, rounds, ours, theirs, number + 4, NULL},      \
    {                                                                                    \
        "nbody, against " name, name, 1, rounds, ours, theirs, number + 5, NULL          \
    }
#define HASH(number, name, rounds)                                                       \
    {                                                                                    \
        "hash, against " name, name, 1, rounds, ours, theirs, number + 2, NULL           \
    }
#define AGAINST_C "the same in C, -O2"

/* The targets are what the best interpreter measured took. */
const bench_row_t bench_interpret_rows[] = {
    {"six programs, geometric mean", AGAINST_C, 6, 5, ours, twin, ALL, NULL},
    {"fib, against C", AGAINST_C, 4.86, 5, ours, twin, 0, NULL},
    {"sieve, against C", AGAINST_C, 15.1, 5, ours, twin, 1, NULL},
    {"hash, against C", AGAINST_C, 7.19, 5, ours, twin, 2, NULL},
    {"mandelbrot, against C", AGAINST_C, 5.75, 5, ours, twin, 3, NULL},
    {"matmul, against C", AGAINST_C, 19.5, 5, ours, twin, 4, NULL},
    {"nbody, against C", AGAINST_C, 16.4, 5, ours, twin, 5, NULL},
    {"polls and bounds checks, geometric mean", "without them", 1.03, 5, checked,
     unchecked, ALL, NULL},
    {"polls and bounds checks, calls alone: fib", "without them", 0, 5, checked,
     unchecked, 0, NULL},
    PEERS(0, "lua5.4", 3),
    HASH(0, "lua5.4", 3),
    PEERS(10, "luajit -joff", 3),
    PEERS(20, "python3", 1),
    HASH(20, "python3", 1),
    PEERS(30, "gforth-fast", 3),
    HASH(30, "gforth-fast", 3),
    PEERS(40, "ocamlrun", 3),
    HASH(40, "ocamlrun", 3),
    {"verify and translate", "50 MB/s of code", 1, 11, prepare, fifty_megabytes,
     VERIFY | TRANSLATE, NULL},
    {"verify only", "50 MB/s of code", 0, 11, prepare, fifty_megabytes, VERIFY, NULL},
    {"translate only", "50 MB/s of code", 0, 11, prepare, fifty_megabytes, TRANSLATE,
     NULL},
    {"7-byte program, image to exit", "1.5 times trivial + 0.3 ms", 1, 101, small,
     one_and_a_half, 0, NULL},
    {0},
};
