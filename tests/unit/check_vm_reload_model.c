/* SPDX-License-Identifier: MIT */
/* Random programs that move references about, beside a model that says what they compute
 * when new code comes in between. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sfpm/reload.h>

#include "vm_common.h"

/* Functions multiply the global n by 3 and add their number. A program of random
 * operations moves references to them between globals, tables, a local and the stack, and
 * calls them; the model does the same with numbers of its own. */
enum { NUM_FUNCTIONS = 6, NUM_GLOBALS = 3, ELEMENTS = 4, NUM_OPERATIONS = 40, NONE = -1 };

typedef struct model {
    char main[8192]; /* text */
    uint64_t steps;  /* executed until here */
    int64_t n;
    int globals[NUM_GLOBALS], tables[2][3 * ELEMENTS], local;
    size_t sizes[2];
} model_t;

/* What functions add, before the new code and in it. */
typedef struct numbers {
    int64_t number[NUM_FUNCTIONS];
} numbers_t;

static void add(model_t *model, const char *format, ...) SFPM_PRINTF(2, 3);
static void add(model_t *model, const char *format, ...)
{
    size_t length = strlen(model->main);
    va_list args;
    va_start(args, format);
    vsnprintf(model->main + length, sizeof model->main - length, format, args);
    va_end(args);
    model->steps++;
}

/* Calls an element unless it is null: by then `limit` instructions may be executed, and
 * the new code is there. */
static void add_call(model_t *model, size_t table, size_t index, uint64_t limit,
                     const numbers_t *before, const numbers_t *after)
{
    int function = model->tables[table][index];
    if (function == NONE)
        return;
    add(model, "i32.const %zu\n", index);
    add(model, "table.call TABLE%zu\n", table);
    model->n = model->n * 3 + (model->steps <= limit ? before : after)->number[function];
    model->steps += 7;
}

static void add_reference(model_t *model, int function)
{
    if (function == NONE)
        add(model, "ref.null funcref\n");
    else
        add(model, "ref.func f%d\n", function);
}

static void add_operation(model_t *model, uint64_t limit, const numbers_t *before,
                          const numbers_t *after)
{
    int function = (int)random_below(NUM_FUNCTIONS + 1) - 1;
    size_t global = random_below(NUM_GLOBALS), table = random_below(2);
    size_t index = random_below(model->sizes[table]);
    int *element = &model->tables[table][index];
    switch (random_below(8)) {
    case 0:
        add_reference(model, function);
        add(model, "global.set g%zu\n", global);
        model->globals[global] = function;
        break;
    case 1:
        add(model, "i32.const %zu\n", index);
        add_reference(model, function);
        add(model, "table.set TABLE%zu\n", table);
        *element = function;
        break;
    case 2: /* the reference is on the stack for a while */
        add(model, "i32.const %zu\n", index);
        add(model, "global.get g%zu\n", global);
        add_call(model, 1 - table, 0, limit, before, after);
        add(model, "table.set TABLE%zu\n", table);
        *element = model->globals[global];
        break;
    case 3:
        add(model, "i32.const %zu\n", index);
        add(model, "table.get TABLE%zu\n", table);
        add(model, "local.set 0\n");
        model->local = *element;
        break;
    case 4:
        add(model, "local.get 0\n");
        add(model, "global.set g%zu\n", global);
        model->globals[global] = model->local;
        break;
    case 5:
        if (model->sizes[table] == 3 * ELEMENTS)
            break;
        add_reference(model, function);
        add(model, "i32.const 1\n");
        add(model, "table.grow TABLE%zu\n", table);
        add(model, "drop\n");
        model->tables[table][model->sizes[table]++] = function;
        break;
    default:
        add_call(model, table, index, limit, before, after);
    }
}

/* At the end all that is kept is called. */
static void make_model(model_t *model, uint64_t limit, const numbers_t *before,
                       const numbers_t *after)
{
    *model = (model_t){.sizes = {ELEMENTS, ELEMENTS}, .local = NONE, .steps = 0};
    for (size_t i = 0; i < ELEMENTS; i++) {
        model->tables[0][i] = (int)i;
        model->tables[1][i] = NONE;
    }
    for (size_t i = 0; i < NUM_GLOBALS; i++)
        model->globals[i] = NONE;
    for (size_t i = 0; i < NUM_OPERATIONS; i++)
        add_operation(model, limit, before, after);
    for (size_t i = 0; i < NUM_GLOBALS; i++) {
        add(model, "i32.const 0\n");
        add(model, "global.get g%zu\n", i);
        add(model, "table.set TABLE0\n");
        model->tables[0][0] = model->globals[i];
        add_call(model, 0, 0, limit, before, after);
    }
    for (size_t table = 0; table < 2; table++)
        for (size_t i = 0; i < model->sizes[table]; i++)
            add_call(model, table, i, limit, before, after);
    add(model, "halt\n");
}

/* The text of the program: in the order of `moved`, functions, tables and globals have
 * other numbers. */
static void make_text(const model_t *model, const numbers_t *numbers, bool moved,
                      char *text, size_t size)
{
    FILE *out = fmemopen(text, size, "w");
    const int tables[2] = {moved ? 2 : 0, moved ? 0 : 1};
    ck_assert_ptr_nonnull(out);
    for (int i = 0; i < (moved ? 3 : 2); i++)
        fprintf(out, ".table %d %s\n", i == 1 && moved ? 2 : ELEMENTS,
                i == 1 && moved ? "externref" : "");
    for (int i = 0; i < 2; i++)
        fprintf(out, ".export t%d table %d\n", i, tables[i]);
    fprintf(out, ".elem table %d 0 f0, f1, f2, f3\n", tables[0]);
    for (int i = 0; moved && i < 3; i++)
        fprintf(out, ".global h%d funcref f%d\n", i, i);
    for (int i = 0; i < NUM_GLOBALS; i++)
        fprintf(out, ".global g%d funcref\n", moved ? NUM_GLOBALS - 1 - i : i);
    fprintf(out, ".global n i64 0\n");
    for (int i = 0; i <= NUM_FUNCTIONS; i++) {
        int function = moved ? NUM_FUNCTIONS - 1 - i : i;
        if (i == (moved ? 2 : NUM_FUNCTIONS)) {
            fprintf(out, ".func main\n.local funcref\n");
            for (const char *at = model->main; *at; at++)
                if (strncmp(at, "TABLE", 5) == 0) {
                    fprintf(out, "%d", tables[at[5] - '0']);
                    at += 5;
                } else {
                    fputc(*at, out);
                }
        }
        if (function < 0 || function >= NUM_FUNCTIONS)
            continue;
        fprintf(out,
                ".func f%d\nglobal.get n\npush 3\nmul\npush %lld\nadd\nglobal.set n\n"
                "return\n",
                function, (long long)numbers->number[function]);
    }
    fclose(out);
}

START_TEST(a_model_says_how_changed_code_ends)
{
    static model_t model;
    static char old[16384], new[16384];
    size_t replaced = 0;
    for (uint64_t i = 0; i < 300; i++) {
        numbers_t before, after;
        sfpm_buffer_t output = {0};
        note_input("program", i);
        for (size_t k = 0; k < NUM_FUNCTIONS; k++) {
            before.number[k] = (int64_t)random_below(200);
            after.number[k] = (int64_t)random_below(200);
        }
        uint64_t limit = 1 + random_below(200);
        make_model(&model, limit, &before, &after);
        make_text(&model, &before, false, old, sizeof old);
        make_text(&model, &after, true, new, sizeof new);
        sfpm_vm_t *vm = assembled(old), *code = assembled(new);
        run_steps(vm, limit, &output);
        if (info_of(vm).status == SFPM_VM_SUSPENDED && info_of(vm).frames == 1) {
            sfpm_value_t n;
            if (!sfpm_vm_replace_code(vm, code, NULL, NULL))
                ck_abort_msg("%s", sfpm_last_error());
            replaced++;
            output_of(vm);
            ck_assert(sfpm_vm_get_global(vm, "n", &n));
            ck_assert_int_eq(n.i64, model.n);
            ck_assert_uint_eq(info_of(vm).instructions, model.steps);
        }
        sfpm_buffer_free(&output);
        sfpm_vm_destroy(code);
        sfpm_vm_destroy(vm);
    }
    ck_assert_uint_gt(replaced, 50);
}
END_TEST

int main(void)
{
    const test_t core[] = {a_model_says_how_changed_code_ends, NULL};
    const test_t none[] = {NULL};
    return run_suite("vm_reload_model", core, none);
}
