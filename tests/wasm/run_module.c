/* SPDX-License-Identifier: MIT */
/*
 * Loads a WebAssembly module, calls each function that it exports with a few arguments,
 * and prints what oracle.js prints of another engine: results or the kind of trap, and
 * the sum of the memory at the end. Imported functions do nothing and return zeros.
 *
 * run_module FILE [SEED]: with a seed, runs are stopped after random numbers of
 * instructions and go on with another engine, and often in another machine that was made
 * of the regions of the first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/vm.h>

enum { MOST_VALUES = 100, NUM_ARGUMENTS = 3 };

static sfpm_vm_t *vm;
static uint64_t seed;
static bool stops;

static void die(const char *what)
{
    printf("%s: %s\n", what, sfpm_last_error());
    exit(1);
}

static uint32_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

/* ---- Another machine -------------------------------------------------------- */

typedef struct given {
    sfpm_vm_t *from;
} given_t;

static bool give_region(void *context, const char *name, const void **bytes, size_t *size)
{
    const given_t *given = context;
    sfpm_vm_region_t region;
    for (size_t i = 0; sfpm_vm_region(given->from, i, &region, sizeof region); i++)
        if (strcmp(region.name, name) == 0) {
            *bytes = region.bytes;
            *size = region.size;
        }
    return true;
}

static sfpm_native_result_t do_nothing(void *context, sfpm_vm_t *machine,
                                       const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context;
    (void)machine;
    (void)params;
    (void)results;
    return SFPM_NATIVE_DONE;
}

static void offer_imports(sfpm_vm_t *machine)
{
    sfpm_vm_link_t link;
    char signature[8192];
    for (uint32_t i = 0; sfpm_vm_imported(machine, i, &link, sizeof link); i++)
        if (!sfpm_vm_signature(machine, i, signature, sizeof signature) ||
            !sfpm_vm_import(machine, link.module, link.name, signature, do_nothing, NULL))
            die("import");
}

static void move(void)
{
    given_t given = {vm};
    sfpm_vm_t *other = sfpm_vm_create();
    sfpm_vm_set_max_memory(other, SFPM_VM_MAX_MEMORY);
    if (!other || !sfpm_vm_load(other, give_region, &given) || !sfpm_vm_verify(other))
        die("move");
    offer_imports(other);
    sfpm_vm_destroy(vm);
    vm = other;
}

/* ---- Running ---------------------------------------------------------------- */

/* Runs to the end. Returns whether there was no trap. */
static bool run(void)
{
    static unsigned count;
    sfpm_vm_info_t info = {.status = SFPM_VM_SUSPENDED};
    while (info.status == SFPM_VM_SUSPENDED) {
        sfpm_vm_run_options_t how = {.struct_size = sizeof how};
        how.engine = ++count & 1 ? SFPM_VM_ENGINE_FAST : SFPM_VM_ENGINE_SIMPLE;
        how.max_steps = stops ? 1 + next_random() % 200 : 0;
        if (!sfpm_vm_run(vm, &how) && sfpm_last_status() != SFPM_ERR_TRAP)
            die("run");
        sfpm_vm_info(vm, &info, sizeof info);
        if (stops && next_random() % 4 == 0)
            move();
    }
    return info.status == SFPM_VM_HALTED;
}

/* What another engine can tell, too. */
static const char *trap_kind(void)
{
    sfpm_vm_info_t info;
    sfpm_vm_info(vm, &info, sizeof info);
    switch (info.trap) {
    case SFPM_TRAP_UNREACHABLE:
        return "unreachable";
    case SFPM_TRAP_DIVISION_BY_ZERO:
        return "division by zero";
    case SFPM_TRAP_INTEGER_OVERFLOW:
    case SFPM_TRAP_INVALID_CONVERSION:
        return "number";
    case SFPM_TRAP_STACK_OVERFLOW:
        return "stack";
    case SFPM_TRAP_MEMORY_BOUNDS:
        return "memory";
    case SFPM_TRAP_UNDEFINED_ELEMENT:
    case SFPM_TRAP_TABLE_BOUNDS:
        return "element";
    case SFPM_TRAP_UNINITIALIZED_ELEMENT:
    case SFPM_TRAP_INDIRECT_CALL_TYPE:
        return "signature";
    default:
        return "another";
    }
}

static void print_value(const sfpm_value_t *value)
{
    uint32_t low;
    uint64_t bits;
    memcpy(&low, &value->i32, sizeof low);
    memcpy(&bits, &value->i64, sizeof bits);
    switch (value->type) {
    case SFPM_TYPE_I32:
        printf(" i32:%" PRIu32, low);
        break;
    case SFPM_TYPE_I64:
        printf(" i64:%" PRIu64, bits);
        break;
    case SFPM_TYPE_F32:
        if (value->f32 != value->f32)
            printf(" f32:nan");
        else
            printf(" f32:%" PRIu32, low);
        break;
    case SFPM_TYPE_F64:
        if (value->f64 != value->f64)
            printf(" f64:nan");
        else
            printf(" f64:%" PRIu64, bits);
        break;
    case SFPM_TYPE_FUNCREF:
    case SFPM_TYPE_EXTERNREF:
        printf(value->reference == SFPM_NULL_REFERENCE ? " ref:null" : " ref");
        break;
    }
}

static const sfpm_value_t arguments[NUM_ARGUMENTS][6] = {
    {{.type = SFPM_TYPE_I32, .i32 = 0},
     {.type = SFPM_TYPE_I64, .i64 = 0},
     {.type = SFPM_TYPE_F32, .f32 = 0},
     {.type = SFPM_TYPE_F64, .f64 = 0},
     {.type = SFPM_TYPE_FUNCREF, .reference = SFPM_NULL_REFERENCE},
     {.type = SFPM_TYPE_EXTERNREF, .reference = SFPM_NULL_REFERENCE}},
    {{.type = SFPM_TYPE_I32, .i32 = 7},
     {.type = SFPM_TYPE_I64, .i64 = -3},
     {.type = SFPM_TYPE_F32, .f32 = 1.5f},
     {.type = SFPM_TYPE_F64, .f64 = -0.5},
     {.type = SFPM_TYPE_FUNCREF, .reference = SFPM_NULL_REFERENCE},
     {.type = SFPM_TYPE_EXTERNREF, .reference = 5}},
    {{.type = SFPM_TYPE_I32, .i32 = -2147483647 - 1},
     {.type = SFPM_TYPE_I64, .i64 = 1234567890123},
     {.type = SFPM_TYPE_F32, .f32 = -65537},
     {.type = SFPM_TYPE_F64, .f64 = 1e300},
     {.type = SFPM_TYPE_FUNCREF, .reference = SFPM_NULL_REFERENCE},
     {.type = SFPM_TYPE_EXTERNREF, .reference = 5}},
};

static size_t type_index(const char *name)
{
    if (strcmp(name, "funcref") == 0)
        return 4;
    if (strcmp(name, "externref") == 0)
        return 5;
    return (name[0] == 'f' ? 2u : 0u) + (name[1] == '6' ? 1u : 0u);
}

/* The values that a signature names, the `set` of them; what is behind the arrow gets
 * types only. */
static void make_values(char *signature, size_t set, sfpm_value_t *params,
                        size_t *num_params, sfpm_value_t *results, size_t *num_results)
{
    bool behind = false;
    *num_params = *num_results = 0;
    for (char *word = strtok(signature, " "); word; word = strtok(NULL, " ")) {
        if (strcmp(word, "->") == 0)
            behind = true;
        else if (behind)
            results[(*num_results)++] = arguments[0][type_index(word)];
        else
            params[(*num_params)++] = arguments[set][type_index(word)];
    }
}

static void call(const sfpm_vm_link_t *link, size_t set)
{
    sfpm_value_t params[MOST_VALUES], results[MOST_VALUES];
    size_t num_params, num_results;
    char signature[8192];
    if (!sfpm_vm_signature(vm, link->index, signature, sizeof signature))
        die("signature");
    make_values(signature, set, params, &num_params, results, &num_results);
    printf("%s %zu", link->name, set);
    if (!sfpm_vm_enter(vm, link->name, params, num_params))
        die("enter");
    if (run()) {
        if (!sfpm_vm_results(vm, results, num_results))
            die("results");
        for (size_t i = 0; i < num_results; i++)
            print_value(&results[i]);
        putchar('\n');
    } else {
        printf(" trap %s\n", trap_kind());
    }
}

/* A number made of all words of memory, quick in every engine. */
static void print_memory(void)
{
    sfpm_vm_info_t info;
    uint32_t sum = 0;
    sfpm_vm_info(vm, &info, sizeof info);
    const uint8_t *bytes = info.memory ? sfpm_vm_memory(vm, 0, info.memory) : NULL;
    for (uint64_t i = 0; bytes && i < info.memory; i += 4)
        sum = sum * 31 + (bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                          (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24);
    printf("memory %" PRIu64 " %" PRIu32 "\n", info.memory, sum);
}

static char *read_file(const char *name, size_t *size)
{
    enum { MOST = 1 << 26 };
    FILE *file = fopen(name, "rb");
    char *bytes = malloc(MOST);
    if (!file || !bytes)
        exit(1);
    *size = fread(bytes, 1, MOST, file);
    fclose(file);
    return bytes;
}

/* What is called: functions alone, before the machine is moved. */
static void call_all(void)
{
    for (uint32_t i = 0;; i++) {
        char name[1024];
        sfpm_vm_link_t link;
        if (!sfpm_vm_exported(vm, i, &link, sizeof link))
            return;
        if (strcmp(link.kind, "func") != 0)
            continue;
        snprintf(name, sizeof name, "%s", link.name);
        link.name = name;
        for (size_t set = 0; set < NUM_ARGUMENTS; set++)
            call(&link, set);
    }
}

int main(int argc, char **argv)
{
    size_t size;
    if (argc < 2)
        return 2;
    stops = argc > 2;
    seed = stops ? strtoull(argv[2], NULL, 10) : 0;
    char *bytes = read_file(argv[1], &size);
    vm = sfpm_vm_create();
    if (!vm || !sfpm_vm_load_code(vm, bytes, size))
        die("load");
    free(bytes);
    offer_imports(vm);
    if (run()) {
        call_all();
        print_memory();
    } else {
        printf("trap %s\n", trap_kind());
    }
    sfpm_vm_destroy(vm);
    return 0;
}
