/* SPDX-License-Identifier: MIT */
/*
 * JavaScript as a live image: an engine that was compiled to WebAssembly runs in a
 * machine, and the machine's state, with all objects, is kept in a file.
 *
 *     js-live [--engine MODULE] [--steps N] [--abandon] [-e CODE] IMAGE [FILE]
 *
 * goes on with what was stopped in IMAGE, runs the code, or without any what is typed at
 * the prompt, and commits. IMAGE is made of the module when missing. Ctrl-C, SIGTERM or
 * the end of N instructions stop wherever the program is; that is saved, and the next
 * process goes on exactly there, or ends it with an error (--abandon). save() commits.
 *
 * The engine is the module quickjs.wasm of the npm package quickjs-wasi. It is a reactor:
 * the host calls its exports, and it calls the functions that the host offers here. A
 * function of the host cannot call the engine in turn. The host gives the engine
 * what it needs between two calls. What another process needs in order to finish a call
 * is kept in the machine's memory, in the session.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "js-live.h"
#include "js-prelude.h"

#define ATTRIBUTE "js-live" /* of the image: the address of the session */

enum { STATUS_STOPPED = 124, JS_STACK = 512 * 1024 };

live_t live;
static volatile sig_atomic_t stop;

bool complain(const char *text)
{
    fflush(stdout);
    fprintf(stderr, "js-live: %s\n", text);
    return false;
}

void die(const char *text)
{
    complain(text);
    exit(EXIT_FAILURE);
}

static void on_signal(int number)
{
    (void)number;
    stop = 1;
    sfpm_vm_interrupt(live.vm);
}

/* ---- Calls of the engine ---- */

static bool commit(const char *message)
{
    fflush(NULL);
    return sfpm_vm_commit(live.vm, live.image, message) || complain(sfpm_last_error());
}

/* Runs to the end of the function that was entered. Returns false when it was stopped
 * before, which only a program's is. */
static bool run(bool of_program)
{
    sfpm_vm_info_t info;
    bool limited = of_program && live.limited;
    do {
        if (of_program && (stop || (limited && live.steps == 0)))
            return false;
        sfpm_vm_info(live.vm, &info, sizeof info);
        uint64_t before = info.instructions;
        const sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                           .max_steps = limited ? live.steps : 0};
        if (!sfpm_vm_run(live.vm, &how))
            die(sfpm_last_error());
        sfpm_vm_info(live.vm, &info, sizeof info);
        if (limited)
            live.steps -= info.instructions - before;
        if (live.save && !live.abandon)
            commit("save()");
        live.save = false;
    } while (info.status != SFPM_VM_HALTED);
    return true;
}

/* Puts the machine before a function with so many parameters. */
static void enter(const char *name, int count, ...)
{
    sfpm_value_t params[4];
    va_list values;
    va_start(values, count);
    for (int i = 0; i < count; i++)
        params[i] = (sfpm_value_t){.type = SFPM_TYPE_I32, .i32 = va_arg(values, int32_t)};
    va_end(values);
    if (!sfpm_vm_enter(live.vm, name, params, (size_t)count))
        die(sfpm_last_error());
}

static int32_t result(void)
{
    sfpm_value_t value;
    return sfpm_vm_results(live.vm, &value, 1) ? value.i32 : 0;
}

/* A short call, which is not stopped. */
#define CALL(...) (enter(__VA_ARGS__), run(false), result())

/* Copies bytes into memory of the engine, for wasm_free(), with a zero behind them. */
static int32_t copy(const char *bytes, size_t size)
{
    int32_t at = CALL("wasm_malloc", 1, (int32_t)(size + 1));
    uint8_t *to = memory(at, size + 1);
    if (at == 0 || !to)
        die("no memory for the engine");
    memcpy(to, bytes, size);
    to[size] = 0;
    return at;
}

/* Sets a property of the global object, and releases the value. */
static void give(const char *name, int32_t value)
{
    int32_t at = copy(name, strlen(name)), global = CALL("qjs_get_global", 0);
    CALL("qjs_set_prop_string", 3, global, at, value);
    CALL("qjs_free_value", 1, value);
    CALL("qjs_free_value", 1, global);
    CALL("wasm_free", 1, at);
}

/* ---- Programs ---- */

static uint64_t promise_of(uint32_t change)
{
    const uint8_t *value = memory((int32_t)load(word(CHANGE + change * CHANGE_WORDS)), 8);
    return value ? load(value) | (uint64_t)load(value + 4) << 32 : 0;
}

static bool is_handled(uint32_t change, uint32_t count)
{
    for (uint32_t i = change; i < count; i++)
        if (load(word(CHANGE + i * CHANGE_WORDS + 2)) &&
            promise_of(i) == promise_of(change))
            return true;
    return false;
}

/* Reports the rejections that nothing handles. Returns whether there were any. */
static bool report_rejections(void)
{
    uint32_t count = load(word(CHANGES)) % (MOST_CHANGES + 1);
    bool handled[MOST_CHANGES], any = false;
    for (uint32_t i = 0; i < count; i++)
        handled[i] = is_handled(i, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *change = word(CHANGE + i * CHANGE_WORDS);
        int32_t promise = (int32_t)load(change), reason = (int32_t)load(change + 4);
        if (handled[i])
            CALL("qjs_free_value", 1, reason);
        else
            give("js-live rejected", reason);
        CALL("qjs_free_value", 1, promise);
        any |= !handled[i];
    }
    store(word(CHANGES), 0, 4);
    return any;
}

/* What was evaluated has ended, perhaps in another process than it began. */
static void end_source(int32_t value)
{
    bool thrown = CALL("qjs_is_exception", 1, value) != 0;
    if (!thrown && load(word(SHOW)))
        give("js-live value", value);
    else
        CALL("qjs_free_value", 1, value);
    if (thrown)
        give("js-live thrown", CALL("qjs_get_exception", 0));
    CALL("wasm_free", 1, (int32_t)load(word(SOURCE)));
    store(word(SOURCE), 0, 4);
}

static void end_job(int32_t status)
{
    if (status < 0)
        give("js-live thrown", CALL("qjs_get_exception", 0));
    if (load(word(CHANGES)) > MOST_CHANGES / 2)
        report_rejections();
}

/* Until no job is left. Returns false when one was stopped. */
static bool run_jobs(void)
{
    do
        while (CALL("qjs_is_job_pending", 0) != 0) {
            enter("qjs_execute_pending_job", 0);
            if (!run(true))
                return false;
            end_job(result());
        }
    while (report_rejections());
    return true;
}

/* Evaluates the code of a file, or of a line, and does the jobs that it made. Returns
 * false when it was stopped. */
static bool evaluate(const char *code, size_t size, const char *name, bool show)
{
    size_t length = strlen(name) + 1;
    char *both = malloc(length + size);
    if (!both)
        die("no memory for the code");
    memcpy(both, name, length);
    memcpy(both + length, code, size);
    int32_t at = copy(both, length + size);
    free(both);
    store(word(SOURCE), (uint32_t)at, 4);
    store(word(SHOW), show, 4);
    enter("qjs_eval", 4, at + (int32_t)length, (int32_t)size, at, 0);
    if (!run(true))
        return false;
    end_source(result());
    return run_jobs();
}

/* Goes on with what was stopped. */
static bool go_on(void)
{
    sfpm_vm_info_t info;
    bool evaluating = load(word(SOURCE)) != 0;
    sfpm_vm_info(live.vm, &info, sizeof info);
    if (evaluating || info.status != SFPM_VM_HALTED) {
        if (!run(true))
            return false;
        live.abandon = false;
        if (evaluating)
            end_source(result());
        else
            end_job(result());
    }
    live.abandon = false;
    return run_jobs();
}

/* The caller releases the bytes. */
static char *read_file(const char *name, size_t *size)
{
    enum { MOST = 1 << 26 };
    FILE *file = fopen(name, "rb");
    char *bytes = file ? malloc(MOST) : NULL;
    if (!bytes)
        die(name);
    *size = fread(bytes, 1, MOST, file);
    fclose(file);
    return bytes;
}

static bool run_file(const char *name)
{
    size_t size;
    char *code = read_file(name, &size);
    bool ok = evaluate(code, size, name, false);
    free(code);
    return ok;
}

static bool prompt(void)
{
    char *line = NULL;
    size_t room = 0;
    bool ok = true, on_terminal = isatty(STDIN_FILENO);
    while (ok && !stop) {
        if (on_terminal)
            fputs("> ", stdout);
        fflush(stdout);
        ssize_t size = getline(&line, &room, stdin);
        if (size < 0)
            break;
        ok = evaluate(line, (size_t)size, "<prompt>", true);
    }
    free(line);
    return ok;
}

/* ---- Images ---- */

static bool load_engine(void)
{
    size_t size;
    if (!live.engine)
        die("a new image needs the engine: --engine MODULE, or JS_ENGINE");
    char *bytes = read_file(live.engine, &size);
    bool ok = sfpm_vm_load_code(live.vm, bytes, size);
    free(bytes);
    return ok;
}

static void make_session(void)
{
    static const char *const functions[] = {"js-live write", "js-live fail",
                                            "js-live save"};
    run(false); /* _initialize() */
    if (CALL("qjs_init", 0) != 0)
        die("the engine does not start");
    CALL("qjs_set_max_stack_size", 1, JS_STACK);
    CALL("qjs_set_interrupt_handler", 1, 1);
    CALL("qjs_set_promise_rejection_handler", 1, 1);
    live.session = (uint32_t)CALL("wasm_malloc", 1, 4 * WORDS);
    memset(word(0), 0, 4 * WORDS);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        size_t size = strlen(functions[i]);
        int32_t name = copy(functions[i], size);
        give(functions[i], CALL("qjs_new_host_function", 3, name, (int32_t)size, 0));
        CALL("wasm_free", 1, name);
    }
    if (!evaluate(prelude, strlen(prelude), "js-prelude.h", false) || live.failed)
        die("the prelude failed");
}

/* The image is there before a program runs, so that save() only adds to it. */
static bool create_image(void)
{
    char address[16];
    if (!load_engine())
        return false;
    make_session();
    snprintf(address, sizeof address, "%u", (unsigned)live.session);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit && sfpm_vm_fill_edit(live.vm, edit) &&
              sfpm_edit_set_creator(edit, "js-live") &&
              sfpm_edit_set_attribute(edit, ATTRIBUTE, address) &&
              sfpm_edit_save(edit, live.file, NULL);
    sfpm_edit_destroy(edit);
    return ok && (live.image = sfpm_image_open(live.file, NULL));
}

static bool find_session(void)
{
    const char *key, *value;
    for (size_t i = 0; sfpm_image_attribute(live.image, i, &key, &value); i++)
        if (strcmp(key, ATTRIBUTE) == 0)
            live.session = (uint32_t)strtoul(value, NULL, 10);
    return live.session != 0 ||
           sfpm_refuse("%s: the image is not one of js-live", live.file);
}

static bool start(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* ends reads, too */
    live.vm = sfpm_vm_create();
    if (!live.vm || !sfpm_vm_expect_commits(live.vm, true) || !offer_functions())
        return false;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    live.image = sfpm_image_open(live.file, NULL);
    if (live.image)
        return sfpm_vm_load_image(live.vm, live.image) && find_session();
    return sfpm_last_status() == SFPM_ERR_NOT_FOUND && create_image();
}

/* ---- The program ---- */

static bool take_options(int argc, char **argv)
{
    static const struct option longer[] = {{"abandon", no_argument, NULL, 'a'},
                                           {"engine", required_argument, NULL, 'g'},
                                           {"steps", required_argument, NULL, 's'},
                                           {0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+e:", longer, NULL)) != -1)
        if (option == 'a')
            live.abandon = true;
        else if (option == 'g')
            live.engine = optarg;
        else if (option == 'e')
            live.code = optarg;
        else if (option == 's' &&
                 sfpm_parse_number(optarg, strlen(optarg), "u64", &live.steps))
            live.limited = true;
        else
            return false;
    return optind + 1 == argc || (optind + 2 == argc && !live.code);
}

/* Returns false when it was stopped. */
static bool run_code(const char *file)
{
    if (live.code)
        return evaluate(live.code, strlen(live.code), "<code>", true);
    return file ? run_file(file) : prompt();
}

int main(int argc, char **argv)
{
    live.engine = getenv("JS_ENGINE");
    if (!take_options(argc, argv)) {
        fprintf(stderr, "usage: js-live [--engine MODULE] [--steps N] [--abandon] "
                        "[-e CODE] IMAGE [FILE]\n");
        return 2;
    }
    live.file = argv[optind];
    const char *file = argv[optind + 1];
    if (!start())
        die(sfpm_last_error());
    bool abandoned = live.abandon;
    bool ended = go_on();
    bool failed = live.failed && !abandoned;
    live.failed = false;
    ended = ended && run_code(file);
    if (ended && live.failed && (live.code || file))
        return EXIT_FAILURE; /* not kept */
    if (!commit(ended ? "" : "stopped") || fflush(stdout) != 0 || failed)
        return EXIT_FAILURE;
    if (!ended)
        complain("stopped and saved: the same image goes on");
    return ended ? EXIT_SUCCESS : STATUS_STOPPED;
}
