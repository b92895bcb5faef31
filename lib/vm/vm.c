/* SPDX-License-Identifier: MIT */
/* Machines: how they are made, verified, run and started again. */
#include <sfpm/vm.h>

#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "asm/assemble.h"
#include "engine/globals_table.h"
#include "engine/interpret.h"
#include "bytecode/raw_code.h"
#include "commit/sparse.h"
#include "vm/machine.h"
#include "wasm/load.h"

void sfpm_vm_clear(sfpm_vm_t *vm)
{
    sfpm_vm_unwatch(vm);
    sfpm_backtrace_free(&vm->backtrace);
    sfpm_fast_free(&vm->fast);
    sfpm_proof_free(&vm->proof);
    sfpm_program_free(&vm->program);
    sfpm_regions_free(&vm->regions);
    free(vm->original);
    sfpm_natives_free(&vm->natives);
    sfpm_buffer_free(&vm->stops);
    *vm = (sfpm_vm_t){0};
}

sfpm_vm_t *sfpm_vm_create(void)
{
    return SFPM_NEW(sfpm_vm_t);
}

void sfpm_vm_destroy(sfpm_vm_t *vm)
{
    if (!vm || !sfpm_vm_is_idle(vm))
        return;
    sfpm_vm_clear(vm);
    free(vm);
}

bool sfpm_vm_has_program(const sfpm_vm_t *vm)
{
    if (!vm)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine was given");
    return vm->program.code || sfpm_fail(SFPM_ERR_ARGUMENT, "the machine has no program");
}

bool sfpm_vm_is_idle(const sfpm_vm_t *vm)
{
    return !vm->running || sfpm_fail(SFPM_ERR_ARGUMENT, "the machine is running");
}

uint32_t sfpm_vm_code_size(const sfpm_vm_t *vm)
{
    return vm->original && sfpm_original_is_empty(vm->original) ? 0
                                                                : vm->program.code_size;
}

static sfpm_frames_t frames_of(sfpm_vm_t *vm)
{
    const sfpm_buffer_t *stack = &vm->regions.region[SFPM_STACK];
    return (sfpm_frames_t){&vm->program, &vm->proof, stack->data,
                           stack->size / SFPM_SLOT_SIZE};
}

/* ---- Verifying ------------------------------------------------------------ */

static bool fits_original(const sfpm_vm_t *vm)
{
    return !vm->original || vm->proof.max_stack[0] <= SFPM_ORIGINAL_SLOTS ||
           sfpm_fail(
               SFPM_ERR_BYTECODE,
               "the program needs %d values on the stack, but vm_state has room for %d",
               vm->proof.max_stack[0], SFPM_ORIGINAL_SLOTS);
}

/* A halted machine may have been patched into another shape: its stack is that
 * of a past run, which no longer matters, since it can only be started again. */
static bool check_state(sfpm_vm_t *vm)
{
    const sfpm_frames_t frames = frames_of(vm);
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    if (sfpm_frames_walk(&frames, &vm->state, &vm->backtrace))
        return true;
    if (sfpm_last_status() != SFPM_ERR_BYTECODE)
        return false;
    if (vm->state.status != SFPM_VM_HALTED)
        return vm->proof.fault == SFPM_NO_CODE && sfpm_fail_remedy(SFPM_REMEDY_RESTART);
    sfpm_error_restore(&error);
    return true;
}

bool sfpm_vm_prove(sfpm_vm_t *vm, bool all)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    all = all || vm->original;
    if (vm->verified || (vm->ready && !all))
        return true;
    vm->program.original = vm->original != NULL;
    bool holds = (vm->ready || sfpm_proof_begin(&vm->program, &vm->proof)) &&
                 (!all || sfpm_verify_program(&vm->program, &vm->proof)) &&
                 (vm->ready || (sfpm_data_check(&vm->program, &vm->regions) &&
                                fits_original(vm) && check_state(vm)));
    vm->ready = vm->ready || holds;
    vm->verified = all && holds;
    if (!vm->ready)
        sfpm_proof_free(&vm->proof);
    return holds;
}

bool sfpm_vm_verify(sfpm_vm_t *vm)
{
    return sfpm_vm_prove(vm, true);
}

/* ---- Getting a program ---------------------------------------------------- */

static bool is_stack(const sfpm_buffer_t *stack)
{
    if (stack->size % SFPM_SLOT_SIZE != 0)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "region 'stack' of %zu bytes ends within a slot", stack->size);
    return stack->size <= SFPM_VM_MAX_STACK ||
           sfpm_fail(SFPM_ERR_LIMIT,
                     "region 'stack' of %zu bytes exceeds the limit of %llu", stack->size,
                     (unsigned long long)SFPM_VM_MAX_STACK);
}

/* Takes the tables of vm->regions apart. */
static bool decode_regions(sfpm_vm_t *vm)
{
    return sfpm_program_decode(&vm->program, &vm->regions) &&
           sfpm_state_decode(&vm->state, &vm->regions.region[SFPM_STATE], &vm->program) &&
           is_stack(&vm->regions.region[SFPM_STACK]);
}

void sfpm_vm_replace(sfpm_vm_t *vm, sfpm_vm_t *made)
{
    sfpm_natives_unbind(&vm->natives);
    made->natives = vm->natives;
    made->max_memory = vm->max_memory;
    made->expects_commits = vm->expects_commits;
    vm->natives = (sfpm_natives_t){0};
    sfpm_vm_clear(vm);
    *vm = *made;
    *made = (sfpm_vm_t){0};
}

/* Puts a machine that was made aside in the place of `vm`, or drops it. */
static bool replace_or_drop(sfpm_vm_t *vm, sfpm_vm_t *made, bool ok)
{
    ok = ok && sfpm_vm_is_idle(vm);
    if (ok)
        sfpm_vm_replace(vm, made);
    else
        sfpm_vm_clear(made);
    return ok;
}

bool sfpm_vm_begin(sfpm_vm_t *vm, uint32_t function)
{
    sfpm_state_t state = {.pc = vm->program.functions[function].entry,
                          .instructions = vm->state.instructions,
                          .starts = vm->state.starts};
    if (!sfpm_frames_start(&vm->program, function, &vm->regions.region[SFPM_STACK]) ||
        !sfpm_state_encode(&state, sfpm_num_droppable(&vm->program),
                           &vm->regions.region[SFPM_STATE]))
        return false;
    vm->state = state;
    vm->backtrace.count = 0;
    vm->original_changed = true;
    if (!vm->ready || check_state(vm))
        return true;
    sfpm_vm_forget_proof(vm);
    return false;
}

void sfpm_vm_forget_proof(sfpm_vm_t *vm)
{
    vm->ready = false;
    vm->verified = false;
    vm->backtrace.count = 0;
    sfpm_fast_free(&vm->fast);
    sfpm_proof_free(&vm->proof);
}

/* From a program's regions to a machine that is verified and not begun. */
static bool make_verified(sfpm_vm_t *made)
{
    return sfpm_program_decode(&made->program, &made->regions) &&
           sfpm_vm_begin(made, made->program.start) &&
           sfpm_data_begin(&made->program, &made->regions) && sfpm_vm_verify(made);
}

bool sfpm_vm_load_code(sfpm_vm_t *vm, const void *code, size_t size)
{
    sfpm_vm_t made = {0};
    if (!vm || (!code && size))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine or no code was given");
    const sfpm_wasm_host_t host = {sfpm_natives_global, vm};
    bool ok = sfpm_wasm_is_module(code, size)
                  ? sfpm_wasm_load(&made.regions, code, size, &host)
                  : sfpm_regions_of_code(&made.regions, code, size);
    return replace_or_drop(vm, &made, ok && make_verified(&made));
}

/* Reports the verifier's objection as a fault of the line it came from. */
static void blame_source(const sfpm_assembly_t *assembly, const sfpm_vm_t *made,
                         sfpm_faults_t *faults)
{
    const sfpm_source_place_t start = {.line = 1, .column = 1};
    const sfpm_source_place_t *place = sfpm_source_at(assembly, made->proof.fault);
    if (!place)
        place = &start;
    sfpm_faults_add(faults, place->line, place->column, "%s", sfpm_last_error());
}

bool sfpm_vm_assemble(sfpm_vm_t *vm, const char *text, size_t size, const char *file,
                      sfpm_vm_fault_callback_t callback, void *context)
{
    sfpm_assembly_t assembly;
    sfpm_faults_t faults = {0};
    sfpm_vm_t made = {0};
    if (!vm || !file || (!text && size))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no machine, no text or no name of it was given");
    bool ok = sfpm_assemble(&assembly, text ? text : "", size, file, &faults) &&
              sfpm_faults_report(&faults, SFPM_ERR_SYNTAX, file, callback, context);
    if (ok) {
        made.regions = assembly.regions;
        assembly.regions = (sfpm_regions_t){0};
        ok = make_verified(&made);
        if (!ok && sfpm_last_status() == SFPM_ERR_BYTECODE) {
            blame_source(&assembly, &made, &faults);
            sfpm_faults_report(&faults, SFPM_ERR_BYTECODE, file, callback, context);
        }
    }
    sfpm_assembly_free(&assembly);
    sfpm_faults_free(&faults);
    return replace_or_drop(vm, &made, ok);
}

static bool load_region(sfpm_regions_t *regions, sfpm_region_id_t id,
                        sfpm_region_source_t source, void *context)
{
    const char *name = sfpm_region_names[id];
    bool optional =
        id != SFPM_CODE && id != SFPM_FUNCTIONS && id != SFPM_STATE && id != SFPM_STACK;
    bool found = false;
    return source(context, name, &regions->region[id], &found) &&
           (found || optional ||
            sfpm_fail(SFPM_ERR_MISMATCH,
                      "the machine is incomplete: region '%s' is missing", name));
}

/* All but region `functions`, which is there already. */
static bool load_regions(sfpm_vm_t *made, sfpm_region_source_t source, void *context)
{
    for (int id = 0; id < SFPM_NUM_REGIONS; id++)
        if (id != SFPM_FUNCTIONS &&
            !load_region(&made->regions, (sfpm_region_id_t)id, source, context))
            return false;
    return decode_regions(made);
}

static bool load_original(sfpm_vm_t *made, sfpm_region_source_t source, void *context)
{
    sfpm_buffer_t original = {0};
    bool found = false;
    bool ok = source(context, SFPM_ORIGINAL_NAME, &original, &found);
    made->original = original.data;
    if (ok && !found)
        return sfpm_fail(SFPM_ERR_MISMATCH, "it holds no machine");
    return ok && sfpm_original_load(made->original, original.size, &made->regions) &&
           decode_regions(made);
}

bool sfpm_vm_load_from(sfpm_vm_t *vm, sfpm_region_source_t source, void *context)
{
    const char *name = sfpm_region_names[SFPM_FUNCTIONS];
    sfpm_vm_t made = {0};
    bool found = false;
    bool ok = source(context, name, &made.regions.region[SFPM_FUNCTIONS], &found) &&
              (found ? load_regions(&made, source, context)
                     : load_original(&made, source, context));
    return replace_or_drop(vm, &made, ok);
}

/* What the callback of a caller gives. */
typedef struct given {
    sfpm_vm_region_callback_t callback;
    void *context;
} given_t;

static bool copy_region(void *context, const char *name, sfpm_buffer_t *region,
                        bool *found)
{
    const given_t *given = context;
    const void *bytes = NULL;
    size_t size = 0;
    if (!given->callback(given->context, name, &bytes, &size))
        return false;
    *found = bytes != NULL;
    if (bytes && !sfpm_region_make(region, name, size))
        return false;
    if (!bytes || size == 0)
        return true;
    if (sfpm_region_is_memory(name))
        sfpm_sparse_copy(region->data, bytes, size);
    else
        memcpy(region->data, bytes, size);
    return true;
}

bool sfpm_vm_load(sfpm_vm_t *vm, sfpm_vm_region_callback_t callback, void *context)
{
    given_t given = {callback, context};
    if (!vm || !callback)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine or no callback was given");
    return sfpm_vm_load_from(vm, copy_region, &given);
}

/* ---- Running -------------------------------------------------------------- */

uint64_t sfpm_vm_max_memory(const sfpm_vm_t *vm)
{
    return vm->max_memory ? vm->max_memory : SFPM_VM_DEFAULT_MEMORY;
}

static bool check_max_memory(uint64_t bytes)
{
    return bytes <= SFPM_VM_MAX_MEMORY ||
           sfpm_fail(SFPM_ERR_ARGUMENT,
                     "a memory of %llu bytes exceeds the limit of %llu",
                     (unsigned long long)bytes, (unsigned long long)SFPM_VM_MAX_MEMORY);
}

bool sfpm_vm_set_max_memory(sfpm_vm_t *vm, uint64_t bytes)
{
    if (!vm)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine was given");
    if (!check_max_memory(bytes))
        return false;
    vm->max_memory = bytes;
    return true;
}

bool sfpm_vm_expect_commits(sfpm_vm_t *vm, bool expected)
{
    if (!vm)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine was given");
    vm->expects_commits = expected;
    return true;
}

static bool read_options(const sfpm_vm_t *vm, sfpm_vm_run_options_t *options,
                         const sfpm_vm_run_options_t *given)
{
    if (!sfpm_take_options(options, sizeof *options, given))
        return false;
    if (options->max_steps == 0)
        options->max_steps = UINT64_MAX;
    if (options->max_stack == 0)
        options->max_stack = SFPM_VM_DEFAULT_STACK;
    if (options->max_memory == 0)
        options->max_memory = sfpm_vm_max_memory(vm);
    if (!check_max_memory(options->max_memory))
        return false;
    if ((unsigned)options->engine > SFPM_VM_ENGINE_FAST)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "unknown engine %u",
                         (unsigned)options->engine);
    return options->max_stack <= SFPM_VM_MAX_STACK ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "a stack of %llu bytes exceeds the limit of %llu",
                     (unsigned long long)options->max_stack,
                     (unsigned long long)SFPM_VM_MAX_STACK);
}

/* Proves the state that execution left behind, as if it had been loaded, which also
 * brings the backtrace up to date. */
static bool prove_state_left(sfpm_vm_t *vm, bool ran)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    vm->original_changed = true;
    if (!sfpm_state_encode(&vm->state, sfpm_num_droppable(&vm->program),
                           &vm->regions.region[SFPM_STATE]) ||
        !check_state(vm))
        return false;
    if (!ran)
        sfpm_error_restore(&error);
    return ran;
}

/* Whether the machine is suspended elsewhere in time than before: even if it only began. */
static bool has_moved(const sfpm_vm_t *vm, const sfpm_state_t *before)
{
    return vm->state.status == SFPM_VM_SUSPENDED &&
           (vm->state.instructions != before->instructions ||
            vm->state.starts != before->starts);
}

bool sfpm_vm_run(sfpm_vm_t *vm, const sfpm_vm_run_options_t *given)
{
    sfpm_vm_run_options_t options;
    if (vm)
        vm->reached = false;
    if (!sfpm_vm_prove(vm, false) || !sfpm_vm_is_idle(vm) ||
        !read_options(vm, &options, given) ||
        !sfpm_natives_bind(&vm->natives, &vm->program) ||
        !sfpm_vm_find_stops(vm, options.until, options.num_until))
        return false;
    if (vm->state.status == SFPM_VM_HALTED)
        return true;
    sfpm_float_env_t caller;
    sfpm_machine_t machine = {.program = &vm->program,
                              .proof = &vm->proof,
                              .state = &vm->state,
                              .stack = &vm->regions.region[SFPM_STACK],
                              .globals = vm->regions.region[SFPM_GLOBALS].data,
                              .table = &vm->regions.region[SFPM_TABLE],
                              .memory = &vm->regions.region[SFPM_MEMORY],
                              .dropped =
                                  vm->regions.region[SFPM_STATE].data + SFPM_STATE_SIZE};
    const sfpm_state_t before = vm->state;
    const sfpm_limits_t limits = {.steps = options.max_steps,
                                  .stops = {(const uint32_t *)(void *)vm->stops.data,
                                            vm->stops.size / sizeof(uint32_t)},
                                  .max_slots = options.max_stack / SFPM_SLOT_SIZE,
                                  .output = options.output,
                                  .output_context = options.output_context,
                                  .max_pages =
                                      (uint32_t)(options.max_memory / SFPM_PAGE_SIZE),
                                  .host = sfpm_natives_call,
                                  .host_context = vm,
                                  .interrupt = &vm->interrupt,
                                  .caller_floats = &caller};
    vm->running = true;
    sfpm_float_env_enter(&caller);
    bool ran = options.engine == SFPM_VM_ENGINE_SIMPLE
                   ? sfpm_interpret(&machine, &limits)
                   : sfpm_fast_interpret(&vm->fast, &machine, &limits);
    sfpm_float_env_leave(&caller);
    vm->running = false;
    vm->reached = has_moved(vm, &before) && sfpm_is_stop(&limits.stops, vm->state.pc);
    return prove_state_left(vm, ran);
}

void sfpm_vm_interrupt(sfpm_vm_t *vm)
{
    if (vm)
        atomic_store(&vm->interrupt, true);
}

bool sfpm_vm_restart(sfpm_vm_t *vm)
{
    return sfpm_vm_has_program(vm) && sfpm_vm_is_idle(vm) &&
           sfpm_vm_begin(vm, vm->program.start);
}

/* Where the run stood, only its C stack knew. */
bool sfpm_vm_abandon(sfpm_vm_t *vm)
{
    if (!vm)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine was given");
    if (!vm->running)
        return true;
    vm->running = false;
    bool begun = sfpm_vm_begin(vm, vm->program.start);
    if (!begun)
        sfpm_vm_forget_proof(vm);
    return begun;
}

bool sfpm_vm_fresh(sfpm_vm_t *vm)
{
    if (!sfpm_vm_has_program(vm) || !sfpm_vm_is_idle(vm))
        return false;
    uint64_t wanted = (uint64_t)vm->program.min_pages * SFPM_PAGE_SIZE;
    if (wanted > sfpm_vm_max_memory(vm)) {
        sfpm_fail(SFPM_ERR_LIMIT,
                  "the program starts with %llu bytes of memory, which exceeds the "
                  "memory limit of %llu",
                  (unsigned long long)wanted, (unsigned long long)sfpm_vm_max_memory(vm));
        return sfpm_fail_remedy(SFPM_REMEDY_MORE_MEMORY);
    }
    sfpm_vm_unwatch(vm);
    if (!sfpm_data_begin(&vm->program, &vm->regions))
        return false;
    vm->state.instructions = 0;
    vm->state.starts = 0;
    return sfpm_vm_begin(vm, vm->program.start);
}
