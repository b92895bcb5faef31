/* SPDX-License-Identifier: MIT */
/*
 * New code for a machine that has run, and goes on in it.
 *
 * The new program is taken whole: its code, tables and names as they were loaded. The
 * state is carried over onto it: globals by name, frames and references by the names of
 * their functions (carry_values.c, carry_frames.c), memory as it is (data_change.c). What
 * functions, globals and tables are called, and which code is the same, is in match.c.
 * The result is proved like any machine that was loaded.
 *
 * Refused is what the state relies on and the new program has otherwise:
 * - a call in progress in a function that has no counterpart with the same type and
 *   locals, or whose code differs before the place where the call stands. Behind it, the
 *   code may differ: the call goes on in the new code,
 * - an import with another type, since the host has one function of that name,
 * - a global with another type, and a global without a name whose initial value differs:
 *   it may be the stack pointer; so are these that linkers name,
 * - an element of a table that is another function at first: memory may hold its number,
 * - a reference to a function that has no counterpart with the same type,
 * - a segment that was dropped and differs,
 * - memory or a table that is larger now than the new program allows.
 */
#include <sfpm/reload.h>

#include <string.h>

#include "base/bytes.h"
#include "engine/references.h"
#include "vm/carry.h"

static bool refuse(const sfpm_program_t *program, uint32_t function, const char *text)
{
    char name[SFPM_PLACE_TEXT];
    return sfpm_fail(SFPM_ERR_MISMATCH, "function %s %s",
                     sfpm_function_name(program, function, name), text);
}

/* ---- What differs ----------------------------------------------------------- */

typedef struct sfpm_reporter {
    sfpm_vm_change_callback_t callback;
    void *context;
} sfpm_reporter_t;

static void report(const sfpm_reporter_t *to, const char *kind,
                   sfpm_vm_change_kind_t change, const char *name, uint32_t index)
{
    const sfpm_vm_change_t what = {
        .kind = kind, .change = change, .name = name, .index = index};
    if (to->callback)
        to->callback(to->context, &what);
}

static void report_functions(const sfpm_reporter_t *to, const sfpm_match_t *match)
{
    const sfpm_program_t *old = match->old, *new = match->new;
    for (uint32_t i = 0; i < new->num_functions; i++) {
        uint32_t was = match->old_functions[i];
        sfpm_vm_change_kind_t change = SFPM_VM_ADDED;
        if (was != SFPM_NO_FUNCTION)
            change = match->same[was] ? SFPM_VM_UNCHANGED : SFPM_VM_REPLACED;
        report(to, sfpm_is_import(new, i) ? "import" : "func", change,
               new->functions[i].name, i);
    }
    for (uint32_t i = 0; i < old->num_functions; i++)
        if (match->functions[i] == SFPM_NO_FUNCTION)
            report(to, sfpm_is_import(old, i) ? "import" : "func", SFPM_VM_REMOVED,
                   old->functions[i].name, i);
}

static bool same_first_value(const sfpm_reload_t *reload, uint32_t old, uint32_t new)
{
    return sfpm_match_value(&reload->match, reload->match.old->globals[old].type,
                            sfpm_first_of_global(reload->vm, old),
                            sfpm_first_of_global(reload->code, new));
}

static void report_globals(const sfpm_reporter_t *to, const sfpm_reload_t *reload)
{
    const sfpm_match_t *match = &reload->match;
    const sfpm_program_t *old = match->old, *new = match->new;
    for (uint32_t i = 0; i < new->num_globals; i++) {
        uint32_t was = match->old_globals[i];
        if (was == SFPM_NO_GLOBAL)
            report(to, "global", SFPM_VM_ADDED, new->global_names[i], i);
        else if (!same_first_value(reload, was, i))
            report(to, "global", SFPM_VM_REPLACED, new->global_names[i], i);
    }
    for (uint32_t i = 0; i < old->num_globals; i++)
        if (match->globals[i] == SFPM_NO_GLOBAL)
            report(to, "global", SFPM_VM_REMOVED, old->global_names[i], i);
}

static void report_all(const sfpm_reporter_t *to, const sfpm_reload_t *reload)
{
    report_functions(to, &reload->match);
    report_globals(to, reload);
    for (size_t i = 0; to->callback && i < reload->data.num_runs; i++) {
        const sfpm_data_run_t *run = &reload->data.runs[i];
        const sfpm_vm_change_t what = {.kind = "data",
                                       .change =
                                           run->is_new ? SFPM_VM_ADDED : SFPM_VM_REPLACED,
                                       .address = run->address,
                                       .size = run->size};
        to->callback(to->context, &what);
    }
}

/* ---- Imports and layout ----------------------------------------------------- */

static bool check_imports(const sfpm_match_t *match)
{
    for (uint32_t i = 0; i < match->old->num_imports; i++)
        if (match->functions[i] != SFPM_NO_FUNCTION && !match->same[i])
            return refuse(match->old, i, "is imported with another type in the new code");
    return true;
}

static bool find_global(const sfpm_program_t *program, const char *name, uint32_t *index)
{
    const sfpm_export_t *export = sfpm_export_named(program, SFPM_EXPORT_GLOBAL, name);
    if (export)
        *index = export->index;
    return export || sfpm_global_named(program, name, strlen(name), index);
}

/* What linkers say of the layout of memory is where it was. */
static bool check_layout(const sfpm_reload_t *reload)
{
    static const char *const names[] = {"__stack_pointer", "__heap_base", "__memory_base",
                                        "__table_base", "__global_base"};
    uint32_t old, new;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!find_global(&reload->vm->program, names[i], &old) ||
            !find_global(&reload->code->program, names[i], &new) ||
            sfpm_first_of_global(reload->vm, old) ==
                sfpm_first_of_global(reload->code, new))
            continue;
        sfpm_fail(SFPM_ERR_MISMATCH,
                  "the layout of memory changed: %s was %llu at first, and is %llu in "
                  "the new code",
                  names[i], (unsigned long long)sfpm_first_of_global(reload->vm, old),
                  (unsigned long long)sfpm_first_of_global(reload->code, new));
        return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
    }
    return true;
}

/* ---- The whole -------------------------------------------------------------- */

/* Globals and tables as the new program begins: its machine may have run. */
static bool begin_values(sfpm_vm_t *made)
{
    sfpm_regions_t *regions = &made->regions;
    uint8_t *global = regions->region[SFPM_GLOBALS].data;
    for (uint32_t i = 0; i < made->program.num_globals; i++, global += SFPM_GLOBAL_SIZE)
        sfpm_put_u64(global, sfpm_first_of_global(made, i));
    return made->program.version < 3 ||
           sfpm_tables_begin(&made->program, &regions->region[SFPM_TABLE]);
}

static bool copy_program(sfpm_reload_t *reload)
{
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        const sfpm_buffer_t *from = &reload->code->regions.region[id];
        sfpm_buffer_t *to = &reload->made.regions.region[id];
        if (id == SFPM_MEMORY || from->size == 0)
            continue;
        if (!sfpm_region_make(to, sfpm_region_names[id], from->size))
            return false;
        memcpy(to->data, from->data, from->size);
    }
    return sfpm_program_decode(&reload->made.program, &reload->made.regions) &&
           begin_values(&reload->made);
}

static bool check_memory(const sfpm_reload_t *reload)
{
    const sfpm_program_t *new = reload->match.new;
    uint64_t most = new->max_pages == SFPM_NO_MEMORY ? 0 : new->max_pages;
    uint64_t size = sfpm_vm_memory_size(reload->vm);
    return size <= most * SFPM_PAGE_SIZE ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "the machine has %llu bytes of memory, but the new code allows at "
                     "most %llu",
                     (unsigned long long)size,
                     (unsigned long long)(most * SFPM_PAGE_SIZE));
}

static bool grow_memory(sfpm_buffer_t *memory, const sfpm_program_t *program)
{
    uint64_t pages = memory->size / SFPM_PAGE_SIZE;
    return pages >= program->min_pages ||
           sfpm_memory_grow(memory, program->min_pages - (uint32_t)pages,
                            program->max_pages) != UINT32_MAX ||
           sfpm_fail_memory((uint64_t)program->min_pages * SFPM_PAGE_SIZE);
}

/* Gives the memory to the new machine, if its state is proved: its program is the one
 * that was proved in the machine of the new code. */
static bool take_memory(sfpm_reload_t *reload)
{
    sfpm_buffer_t *from = &reload->vm->regions.region[SFPM_MEMORY];
    sfpm_buffer_t *to = &reload->made.regions.region[SFPM_MEMORY];
    size_t size = from->size;
    sfpm_vm_unwatch(reload->vm);
    *to = *from;
    *from = (sfpm_buffer_t){0};
    if (grow_memory(to, &reload->made.program) && sfpm_vm_prove(&reload->made, false) &&
        sfpm_carry_fits(reload)) {
        sfpm_data_apply(&reload->data, to);
        return true;
    }
    *from = *to;
    from->size = size;
    *to = (sfpm_buffer_t){0};
    return false;
}

static bool replace(sfpm_reload_t *reload)
{
    if (!check_imports(&reload->match) || !check_layout(reload) ||
        !check_memory(reload) || !copy_program(reload) || !sfpm_carry_globals(reload) ||
        !sfpm_carry_tables(reload) || !sfpm_carry_state(reload) ||
        !sfpm_data_allowed(&reload->data, &reload->match, reload->vm) ||
        !take_memory(reload))
        return false;
    sfpm_vm_replace(reload->vm, &reload->made);
    return true;
}

static bool is_ready(sfpm_vm_t *vm)
{
    if (!sfpm_vm_has_program(vm) || !sfpm_vm_is_idle(vm) || !sfpm_vm_verify(vm))
        return false;
    return !vm->original ||
           sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "code cannot be replaced in the original layout, only patched");
}

bool sfpm_vm_replace_code(sfpm_vm_t *vm, sfpm_vm_t *code,
                          sfpm_vm_change_callback_t callback, void *context)
{
    sfpm_reload_t reload = {.vm = vm, .code = code};
    const sfpm_reporter_t reporter = {callback, context};
    if (!is_ready(vm) || !is_ready(code))
        return false;
    if (vm == code)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "the new code must be in another machine");
    bool ok =
        sfpm_match_make(&reload.match, &vm->program, sfpm_region_of(vm, SFPM_GLOBALS),
                        &code->program, sfpm_region_of(code, SFPM_GLOBALS)) &&
        sfpm_data_compare(&reload.data, &vm->program, &code->program);
    if (ok) {
        report_all(&reporter, &reload);
        ok = replace(&reload);
    }
    sfpm_match_free(&reload.match);
    sfpm_data_free(&reload.data);
    if (!ok)
        sfpm_vm_clear(&reload.made);
    return ok;
}
