/* SPDX-License-Identifier: MIT */
/* sfpm-run: runs or resumes the machine in an image. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/number.h>

#include "common/files.h"
#include "common/machine.h"
#include "common/number.h"
#include "common/options.h"
#include "common/tool.h"
#include "run/run.h"

static char **until; /* of --until */
static int restart, resume, deterministic;
static run_request_t request = {.resumable = STATUS_RESUMABLE};
static struct {
    char *steps, *fuel, *max_stack, *checkpoint_every, *timeout, *resumable, *stdout_file,
        *clock, *seed, *engine, *keep, *sync;
} texts;

static const struct poptOption table[] = {
    {"steps", '\0', POPT_ARG_STRING, &texts.steps, 0,
     "stop after N instructions; exit 124 if there is more to do", "N"},
    {"until", '\0', POPT_ARG_ARGV, &until, 0,
     "stop at PLACE: function, @FILE:LINE, code offset, or trap; may be repeated",
     "PLACE"},
    {"fuel", '\0', POPT_ARG_STRING, &texts.fuel, 0,
     "stop after N instructions in all runs together", "N"},
    {"timeout", '\0', POPT_ARG_STRING, &texts.timeout, 0,
     "stop after this many seconds, such as 0.5", "SECONDS"},
    {"checkpoint-every", '\0', POPT_ARG_STRING, &texts.checkpoint_every, 0,
     "with -i or -o FILE, save the state at this interval", "SECONDS"},
    {"keep", '\0', POPT_ARG_STRING, &texts.keep, 0,
     "with -i, keep at least the last N commits of the image", "N"},
    {"sync", '\0', POPT_ARG_STRING, &texts.sync, 0,
     "with -i, sync each checkpoint (default), each N-th, or none", "WHICH"},
    {"stdout", '\0', POPT_ARG_STRING, &texts.stdout_file, 0,
     "write what the program prints to FILE, each byte exactly once", "FILE"},
    {"env", '\0', POPT_ARG_ARGV, &request.host.environment, 0,
     "let the program see NAME, or NAME=VALUE; may be repeated", "NAME[=VALUE]"},
    {"dir", '\0', POPT_ARG_ARGV, &request.directories, 0,
     "let the program use directory HOST, as GUEST, perhaps only to read; may be repeated",
     "HOST[::GUEST][:ro]"},
    {"memfs", '\0', POPT_ARG_STRING, &request.memfs, 0,
     "give the program directory GUEST, whose files are in the image", "GUEST"},
    {"detach-files", '\0', POPT_ARG_NONE, &request.detach_files, 0,
     "close for the program what cannot be open again", NULL},
    {"accept-changed", '\0', POPT_ARG_NONE, &request.accept_changed, 0,
     "go on with open files that changed since the state was saved", NULL},
    {"clock", '\0', POPT_ARG_STRING, &texts.clock, 0,
     "let the program see a real (default), virtual or frozen clock", "CLOCK"},
    {"seed", '\0', POPT_ARG_STRING, &texts.seed, 0,
     "seed the program's random numbers with N", "N"},
    {"deterministic", '\0', POPT_ARG_NONE, &deterministic, 0,
     "the same results and images everywhere: virtual clock, seed 0", NULL},
    {"max-stack", '\0', POPT_ARG_STRING, &texts.max_stack, 0,
     "limit the program's stack to SIZE bytes (default: 8M)", "SIZE"},
    {"engine", '\0', POPT_ARG_STRING, &texts.engine, 0,
     "use the simple or the fast engine (default: fast)", "ENGINE"},
    {"restart", '\0', POPT_ARG_NONE, &restart, 0,
     "start from the beginning with an empty stack; keep globals", NULL},
    {"fresh", '\0', POPT_ARG_NONE, &request.fresh, 0,
     "start from the beginning with everything reset", NULL},
    {"resume", '\0', POPT_ARG_NONE, &resume, 0,
     "only resume: do nothing if the program has ended", NULL},
    {"resumable-status", '\0', POPT_ARG_STRING, &texts.resumable, 0,
     "exit with N instead of 124", "N"},
    {"trace", '\0', POPT_ARG_NONE, &request.trace, 0,
     "print each instruction on standard error", NULL},
    {"force", '\0', POPT_ARG_NONE, &options.force, 0,
     "with -i, also change a file that has several hard links", NULL},
    OPTIONS_OUTPUT,
    OPTIONS_TEXTS,
    OPTIONS_STORAGE,
    OPTIONS_READING,
    OPTIONS_COMMON("  sfpm-run sum.img\n"
                   "  sfpm-run --steps 1000 -i primes.img; sfpm-run -i primes.img\n"
                   "  sfpm-run -i --checkpoint-every 60 --stdout out.txt long.img\n"
                   "  sfpm-save sum.s | sfpm-patch - 3=20 | sfpm-run -"),
    POPT_TABLEEND};

static bool usage(int *status, const char *name, const char *text, const char *wanted)
{
    *status = tool_usage("%s: '%s' is not %s", name, text, wanted);
    return false;
}

static bool parse_seconds(const char *name, const char *text, double *seconds,
                          int *status)
{
    uint64_t bits = 0;
    bool known = !text || sfpm_parse_number(text, strlen(text), "f64", &bits);
    memcpy(seconds, &bits, sizeof bits);
    if (!text || (known && *seconds > 0 && *seconds <= 1e9))
        return true;
    return usage(status, name, text, "a positive number of seconds");
}

static bool parse_count(const char *name, const char *text, uint64_t *count, int *status)
{
    if (!text || (number_parse(text, strlen(text), count) && *count > 0))
        return true;
    return usage(status, name, text, "a number of at least 1");
}

static bool parse_resumable(int *status)
{
    uint64_t number;
    const char *text = texts.resumable;
    if (!text)
        return true;
    if (!number_parse(text, strlen(text), &number) || number > 255)
        return usage(status, "--resumable-status", text, "a number up to 255");
    request.resumable = (int)number;
    return true;
}

static bool parse_max_stack(int *status)
{
    const char *text = texts.max_stack;
    if (!text)
        return true;
    if (!number_parse_size(text, &request.max_stack) || request.max_stack == 0)
        return usage(status, "--max-stack", text, "a size such as 4M");
    if (request.max_stack <= SFPM_VM_MAX_STACK)
        return true;
    *status = tool_usage("--max-stack: '%s' exceeds the limit of 64M", text);
    return false;
}

/* Understands one of some words; its number. */
static bool parse_word(const char *name, const char *text, const char *const words[],
                       const char *wanted, int *number, int *status)
{
    for (int i = 0; words[i]; i++)
        if (!text || strcmp(text, words[i]) == 0) {
            *number = i;
            return true;
        }
    return usage(status, name, text, wanted);
}

static bool parse_words(int *status)
{
    static const char *const engines[] = {"fast", "simple", NULL};
    static const char *const clocks[] = {"real", "virtual", "frozen", NULL};
    int engine, clock;
    if (!parse_word("--engine", texts.engine, engines, "simple or fast", &engine,
                    status) ||
        !parse_word("--clock", texts.clock, clocks, "real, virtual or frozen", &clock,
                    status))
        return false;
    request.engine = engine == 0 ? SFPM_VM_ENGINE_FAST : SFPM_VM_ENGINE_SIMPLE;
    request.host.clock = (host_clock_t)clock;
    return true;
}

/* "each", "none" or a number. */
static bool parse_sync(int *status)
{
    const char *text = texts.sync;
    if (!text || strcmp(text, "each") == 0)
        return true;
    if (strcmp(text, "none") == 0)
        options.sync_every = SFPM_SYNC_NEVER;
    else if (!number_parse(text, strlen(text), &options.sync_every) ||
             options.sync_every == 0)
        return usage(status, "--sync", text, "each, none or a number of at least 1");
    return true;
}

static bool parse_seed(int *status)
{
    request.host.has_seed = texts.seed != NULL;
    if (!texts.seed || number_parse(texts.seed, strlen(texts.seed), &request.host.seed))
        return true;
    return usage(status, "--seed", texts.seed, "a number");
}

/* What is said more exactly counts. The times of commits are of the same kind. */
static void make_deterministic(void)
{
    if (!deterministic)
        return;
    if (!texts.clock)
        request.host.clock = HOST_CLOCK_VIRTUAL;
    request.host.fixed_seed = true;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (!epoch || !*epoch)
        setenv("SOURCE_DATE_EPOCH", "0", 1);
}

/* Places, among which a trap has a word of its own. */
static bool parse_until(int *status)
{
    size_t count = 0;
    while (until && until[count])
        count++;
    request.until = calloc(count + 1, sizeof *request.until);
    if (!request.until) {
        *status = tool_fail("--until", "out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(until[i], "trap") == 0)
            request.until_trap = true;
        else
            request.until[request.num_until++] = until[i];
    return true;
}

static bool parse_values(int *status)
{
    if (texts.stdout_file && strcmp(texts.stdout_file, "-") != 0)
        request.stdout_file = texts.stdout_file;
    return parse_count("--steps", texts.steps, &request.steps, status) &&
           parse_count("--fuel", texts.fuel, &request.fuel, status) &&
           parse_count("--keep", texts.keep, &options.keep, status) &&
           parse_sync(status) && parse_until(status) &&
           parse_seconds("--timeout", texts.timeout, &request.timeout, status) &&
           parse_seconds("--checkpoint-every", texts.checkpoint_every,
                         &request.checkpoint_every, status) &&
           parse_max_stack(status) && parse_resumable(status) && parse_words(status) &&
           parse_seed(status);
}

static bool check_request(int *status)
{
    bool writes = options.output || options.in_place;
    bool to_stdout = options.output && strcmp(options.output, "-") == 0;
    if (options.compression && !writes)
        *status = tool_usage("--compress: no image is written: add -o FILE or -i");
    else if (to_stdout && texts.stdout_file && !request.stdout_file)
        *status = tool_usage("-o and --stdout cannot both be standard output");
    else if (request.checkpoint_every > 0 && (!writes || to_stdout))
        *status = tool_usage(
            "--checkpoint-every: add -i or -o FILE, to which checkpoints are written");
    else if ((texts.keep || texts.sync) && !options.in_place)
        *status = tool_usage("%s: add -i: only an image that is changed in place gets a "
                             "commit for each checkpoint",
                             texts.keep ? "--keep" : "--sync");
    else if (restart + request.fresh + resume > 1)
        *status = tool_usage("--restart, --fresh and --resume cannot be used together");
    else
        return true;
    return false;
}

/* Puts the machine where it is to start. Returns whether there is something to do. */
static bool rewind_machine(sfpm_vm_t *vm, const operand_t *image, int *status)
{
    bool ended = machine_info(vm).status == SFPM_VM_HALTED;
    bool ok = true;
    *status = EXIT_SUCCESS;
    bool unread = !request.fresh && !restart && has_unread(image);
    if (ended && resume && !unread)
        return false;
    request.starts =
        request.fresh || restart || (ended && !unread) || machine_info(vm).starts == 0;
    if (request.fresh)
        ok = sfpm_vm_fresh(vm);
    else if (request.starts && (restart || ended))
        ok = sfpm_vm_restart(vm);
    if (!ok)
        *status = tool_fail_last(image->label);
    return ok;
}

/* What a program cannot ask for was not meant for it. */
static bool takes_arguments(const sfpm_vm_t *vm)
{
    sfpm_vm_link_t link;
    for (uint32_t i = 0; sfpm_vm_imported(vm, i, &link, sizeof link); i++)
        if (strcmp(link.module, "sfpm") == 0 &&
            (strcmp(link.name, "argument") == 0 || strcmp(link.name, "arguments") == 0))
            return true;
    return wasi_is_used(vm);
}

static int run_image(const operand_t *image)
{
    int status;
    output_kind_t kind;
    operand_warn(image);
    files_read_fd("standard input, which the program reads", STDIN_FILENO);
    if (!output_choose(image, OUTPUT_NONE, &kind, &status) ||
        (request.stdout_file &&
         !files_write("--stdout", request.stdout_file, "name another file", &status)) ||
        (!request.stdout_file && kind != OUTPUT_STDOUT && !files_print(&status)))
        return status;
    if (!sfpm_vm_is_in(image->image)) {
        const sfpm_commit_info_t *commit = sfpm_image_commit_info(image->image);
        const char *creator = commit->creator;
        if (commit->bytecode != 0)
            return tool_fail(image->label,
                             "the machine is incomplete: region 'functions' "
                             "is missing");
        return tool_fail(image->label,
                         "holds no machine: it is restored by its own program "
                         "(creator %s)",
                         creator[0] != '\0' ? creator : "not recorded");
    }
    if (!output_lock(kind, image))
        return STATUS_FAILED;
    sfpm_vm_t *vm = machine_create();
    if (vm)
        sfpm_vm_expect_commits(vm, kind == OUTPUT_IN_PLACE);
    if (!vm || !sfpm_vm_load_image(vm, image->image))
        status = tool_fail_last(image->label);
    else if (request.host.arguments && !takes_arguments(vm))
        status = tool_usage("%s: the program takes no arguments, but '%s' was given; "
                            "options come before IMAGE",
                            image->label, request.host.arguments[0]);
    else if ((request.directories || request.memfs) && !wasi_is_used(vm))
        status = tool_usage("%s: %s: the program does not use WASI, so it cannot use "
                            "directories",
                            request.directories ? "--dir" : "--memfs", image->label);
    else if (rewind_machine(vm, image, &status))
        status = execute(vm, image, kind, &request);
    sfpm_vm_destroy(vm);
    return status;
}

static int run_operands(poptContext popt)
{
    const char *name = poptGetArg(popt);
    if (!name)
        return tool_usage("no IMAGE was given; - is standard input");
    request.host.arguments = poptGetArgs(popt);
    make_deterministic();
    operand_t image;
    int status = STATUS_FAILED;
    if (operand_open(&image, name))
        status = run_image(&image);
    operand_close(&image);
    return status;
}

static void free_list(char **list)
{
    for (char **text = list; text && *text; text++)
        free(*text);
    free(list);
}

int main(int argc, char **argv)
{
    tool_start("sfpm-run", STATUS_FAILED, STATUS_FAILED);
    tool_goes_on();
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table,
                      "IMAGE [ARG...]\nRuns or resumes the machine in an image.",
                      POPT_CONTEXT_POSIXMEHARDER, &popt, &status) &&
        parse_values(&status) && check_request(&status))
        status = run_operands(popt);
    options_free(popt);
    char *owned[] = {
        texts.steps,   texts.fuel,      texts.max_stack,   texts.checkpoint_every,
        texts.timeout, texts.resumable, texts.stdout_file, texts.clock,
        texts.seed,    texts.engine,    texts.keep,        texts.sync};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    free_list(until);
    free(request.until);
    free_list(request.host.environment);
    free_list(request.directories);
    return tool_flush(status);
}
