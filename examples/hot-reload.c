/* SPDX-License-Identifier: MIT */
/*
 * Hot reload: a small interpreter whose program is patched while it runs and
 * outlives it. The whole machine is one struct, and that struct is one region.
 *
 *     hot-reload [IMAGE]        (interpreter.img)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/sfpm.h>

#define STACK_SLOTS   256
#define PROGRAM_BYTES 1024

/* The layout is that of the original machine, which sfpm-run, sfpm-patch and
 * sfpm-inspect understand; the padding is spelled out so that it is the same on
 * every compiler. */
typedef struct {
    int32_t stack[STACK_SLOTS];
    int32_t sp; /* index of the top, -1 when empty */
    uint8_t program[PROGRAM_BYTES];
    uint8_t padding_a[4];
    uint64_t program_size;
    uint64_t pc;
    uint8_t halted;
    uint8_t padding_b[3];
    int32_t iteration_count; /* how often the program was run */
} vm_state_t;

_Static_assert(sizeof(vm_state_t) == 2080, "the layout of vm_state is fixed");

enum { PUSH, ADD, SUB, MUL, PRINT, HALT, NOP };

static const char *const names[] = {"push", "add", "sub", "mul", "print", "halt", "nop"};

/* push 10, push 5, add, print, halt */
static const uint8_t first_program[] = {PUSH, 10, PUSH, 5, ADD, PRINT, HALT};

static const char menu[] =
    "1 run   2 patch   3 save   4 load   5 view   6 reset   7 quit\n";

typedef struct {
    const char *file;
    sfpm_snapshot_t *snapshot;
    vm_state_t vm;
    vm_state_t saved; /* as in the file: tells whether there is something to save */
} session_t;

static void reset(vm_state_t *vm)
{
    memset(vm, 0, sizeof *vm);
    memcpy(vm->program, first_program, sizeof first_program);
    vm->program_size = sizeof first_program;
    vm->sp = -1;
}

/* ---- The interpreter. The image may hold anything, so nothing is trusted. ---- */

static uint64_t program_end(const vm_state_t *vm)
{
    return vm->program_size < PROGRAM_BYTES ? vm->program_size : PROGRAM_BYTES;
}

static const char *push(vm_state_t *vm, int32_t value)
{
    if (vm->sp + 1 >= STACK_SLOTS)
        return "stack overflow";
    vm->stack[++vm->sp] = value;
    return NULL;
}

/* Replaces the two topmost values by one; arithmetic wraps around. */
static const char *combine(vm_state_t *vm, uint8_t opcode)
{
    if (vm->sp < 1)
        return "stack underflow";
    uint32_t right = (uint32_t)vm->stack[vm->sp--];
    uint32_t left = (uint32_t)vm->stack[vm->sp];
    uint32_t result = left * right;
    if (opcode == ADD)
        result = left + right;
    else if (opcode == SUB)
        result = left - right;
    memcpy(&vm->stack[vm->sp], &result, sizeof result);
    return NULL;
}

static const char *print_top(const vm_state_t *vm)
{
    if (vm->sp < 0)
        return "stack underflow";
    printf("Result: %d\n", (int)vm->stack[vm->sp]);
    return NULL;
}

static const char *execute(vm_state_t *vm, uint8_t opcode)
{
    switch (opcode) {
    case PUSH:
        return push(vm, vm->program[vm->pc + 1]);
    case ADD:
    case SUB:
    case MUL:
        return combine(vm, opcode);
    case PRINT:
        return print_top(vm);
    case HALT:
    case NOP:
        return NULL;
    default:
        return "unknown instruction";
    }
}

/* Executes one instruction; returns what is wrong with it, or NULL. */
static const char *step(vm_state_t *vm)
{
    if (vm->pc >= program_end(vm))
        return "the program has no end";
    uint8_t opcode = vm->program[vm->pc];
    if (opcode == PUSH && vm->pc + 1 >= program_end(vm))
        return "push lacks its operand";
    const char *fault = execute(vm, opcode);
    if (fault)
        return fault;
    vm->halted = opcode == HALT;
    vm->pc += opcode == PUSH ? 2 : 1;
    return NULL;
}

static void run(vm_state_t *vm)
{
    const char *fault = NULL;
    vm->pc = 0;
    vm->sp = -1;
    vm->halted = 0;
    vm->iteration_count = vm->iteration_count < INT32_MAX ? vm->iteration_count + 1 : 0;
    while (!vm->halted && !fault)
        fault = step(vm);
    if (fault)
        printf("[ERROR] program[%llu]: %s\n", (unsigned long long)vm->pc, fault);
}

/* ---- The menu ---------------------------------------------------------------- */

/* Asks for a line; false at the end of input. What does not come from a terminal
 * is echoed, so that the output reads the same. */
static bool ask(const char *question, char *answer, int size)
{
    printf("%s: ", question);
    fflush(stdout);
    if (!fgets(answer, size, stdin)) {
        putchar('\n');
        return false;
    }
    size_t length = strcspn(answer, "\n");
    if (answer[length] == '\0') /* too long to be an answer: the rest is skipped */
        for (int c = getchar(); c != EOF && c != '\n';)
            c = getchar();
    answer[length] = '\0';
    if (!isatty(STDIN_FILENO))
        puts(answer);
    return true;
}

/* Asks for a number from 0 to `limit - 1`. */
static bool ask_number(const char *question, uint64_t limit, uint64_t *number)
{
    char answer[32];
    char *end;
    if (!ask(question, answer, sizeof answer))
        return false;
    unsigned long long value = strtoull(answer, &end, 0);
    if (end == answer || *end || strchr(answer, '-') || value >= limit) {
        printf("[ERROR] a number from 0 to %llu is wanted\n",
               (unsigned long long)(limit - 1));
        return false;
    }
    *number = value;
    return true;
}

static void patch(vm_state_t *vm)
{
    uint64_t offset;
    uint64_t value;
    if (program_end(vm) == 0) {
        puts("[ERROR] there is no program");
        return;
    }
    if (!ask_number("Offset", program_end(vm), &offset) ||
        !ask_number("New value", UINT8_MAX + 1, &value))
        return;
    printf("[PATCH] Changed program[%llu]: %d -> %d\n", (unsigned long long)offset,
           vm->program[offset], (int)value);
    vm->program[offset] = (uint8_t)value;
}

static void view(const vm_state_t *vm)
{
    uint64_t end = program_end(vm);
    for (uint64_t at = 0; at < end; at++) {
        uint8_t opcode = vm->program[at];
        printf("%6llu  %s", (unsigned long long)at, opcode <= NOP ? names[opcode] : "?");
        if (opcode > NOP)
            printf(" %d", opcode);
        if (opcode == PUSH && at + 1 < end)
            printf(" %d", vm->program[++at]);
        putchar('\n');
    }
    printf("Stack:");
    for (int32_t i = 0; i <= vm->sp && i < STACK_SLOTS; i++)
        printf(" %d", (int)vm->stack[i]);
    printf("\npc %llu, %s, run %d times\n", (unsigned long long)vm->pc,
           vm->halted ? "halted" : "ready", (int)vm->iteration_count);
}

static bool is_changed(const session_t *session)
{
    return memcmp(&session->vm, &session->saved, sizeof session->vm) != 0;
}

static bool report_failure(void)
{
    printf("[ERROR] %s\n", sfpm_last_error());
    return false;
}

static bool save(session_t *session)
{
    if (!sfpm_snapshot_save(session->snapshot, session->file))
        return report_failure();
    session->saved = session->vm;
    return true;
}

static bool load(session_t *session)
{
    if (!sfpm_snapshot_restore(session->file, session->snapshot))
        return false;
    session->saved = session->vm;
    return true;
}

/* At the end of input nobody can be asked: what changed is saved. */
static bool leave(session_t *session, bool may_ask)
{
    char answer[32];
    if (!is_changed(session))
        return true;
    if (may_ask && ask("Save changes? (y/n)", answer, sizeof answer) &&
        (answer[0] == 'n' || answer[0] == 'N'))
        return true;
    return save(session);
}

static void choose(session_t *session, char choice)
{
    switch (choice) {
    case '1':
        run(&session->vm);
        break;
    case '2':
        patch(&session->vm);
        break;
    case '3':
        save(session);
        break;
    case '4':
        if (load(session))
            puts("[SUCCESS] Loaded the saved session!");
        else
            report_failure();
        break;
    case '5':
        view(&session->vm);
        break;
    case '6':
        reset(&session->vm);
        puts("[RESET] The program is the first one again");
        break;
    default:
        fputs(menu, stdout);
    }
}

static bool work(session_t *session)
{
    char answer[32];
    while (ask("Choice", answer, sizeof answer)) {
        bool single = answer[0] && !answer[1];
        if (single && answer[0] == '7')
            return leave(session, true);
        choose(session, single ? answer[0] : '?');
    }
    return leave(session, false);
}

/* ---- Start ------------------------------------------------------------------- */

static void print_log(void *context, sfpm_log_level_t level, const char *text)
{
    (void)context;
    printf("[%s] %s\n", level == SFPM_LOG_WARNING ? "WARNING" : "SNAPSHOT", text);
}

static bool set_up(session_t *session)
{
    sfpm_memory_region_t region = {&session->vm, sizeof session->vm, "vm_state", false};
    session->snapshot = sfpm_snapshot_create();
    if (!session->snapshot || !sfpm_snapshot_add_region(session->snapshot, &region))
        return report_failure();
    sfpm_snapshot_set_description(session->snapshot, "Hot reload demonstration");
    sfpm_snapshot_set_log(session->snapshot, print_log, NULL);
    reset(&session->vm);
    session->saved = session->vm;
    if (load(session)) {
        puts("[SUCCESS] Loaded previous session!");
        return true;
    }
    /* An image that cannot be restored is not to be overwritten at the end. */
    if (sfpm_last_status() != SFPM_ERR_NOT_FOUND)
        return report_failure();
    puts("[INFO] No existing snapshot found, starting fresh");
    return true;
}

int main(int argc, char **argv)
{
    static session_t session;
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: hot-reload [IMAGE]\n%s", menu);
        return 2;
    }
    session.file = argc == 2 ? argv[1] : "interpreter.img";
    bool ok = set_up(&session) && work(&session);
    sfpm_snapshot_destroy(session.snapshot);
    return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
