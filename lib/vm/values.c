/* SPDX-License-Identifier: MIT */
/* Typed values of a machine from outside: globals, memory, calls of exports, patches. */
#include "vm/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/globals_table.h"
#include "bytecode/instruction.h"
#include "vm/machine.h"

sfpm_value_t sfpm_value_of_slot(uint64_t slot, uint8_t type)
{
    sfpm_value_t value = {.type = (sfpm_type_t)type, .i64 = sfpm_to_i64(slot)};
    uint32_t low = (uint32_t)slot;
    if (type == SFPM_TYPE_I32)
        value.i32 = sfpm_to_i32(low);
    else if (type == SFPM_TYPE_F32)
        memcpy(&value.f32, &low, sizeof low);
    else if (type == SFPM_TYPE_F64)
        memcpy(&value.f64, &slot, sizeof slot);
    else if (sfpm_is_reference(type))
        value.reference = slot;
    return value;
}

uint64_t sfpm_slot_of_value(const sfpm_value_t *value)
{
    uint64_t slot = 0;
    uint32_t low = 0;
    switch (value->type) {
    case SFPM_TYPE_I32:
        return (uint32_t)value->i32;
    case SFPM_TYPE_I64:
        return (uint64_t)value->i64;
    case SFPM_TYPE_F32:
        memcpy(&low, &value->f32, sizeof low);
        return low;
    case SFPM_TYPE_F64:
        memcpy(&slot, &value->f64, sizeof slot);
        return slot;
    case SFPM_TYPE_FUNCREF:
    case SFPM_TYPE_EXTERNREF:
        return value->reference;
    }
    return 0;
}

bool sfpm_values_fit(const sfpm_program_t *program, const sfpm_value_t *values,
                     size_t count, const uint8_t *types, size_t wanted, const char *what)
{
    if (count != wanted || (count > 0 && !values))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "%s: %zu given, %zu expected", what, count,
                         wanted);
    for (size_t i = 0; i < count; i++)
        if (values[i].type != (sfpm_type_t)types[i])
            return sfpm_fail(SFPM_ERR_ARGUMENT, "%s: number %zu must be %s", what, i,
                             sfpm_type_name(types[i]));
        else if (!sfpm_slot_fits(program, sfpm_slot_of_value(&values[i]), types[i]))
            return sfpm_fail(SFPM_ERR_ARGUMENT, "%s: number %zu: there is no function %llu",
                             what, i, (unsigned long long)values[i].reference);
    return true;
}

/* ---- Globals and memory ------------------------------------------------------ */

static bool global_named(const sfpm_vm_t *vm, const char *name, uint32_t *index)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (!name)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no name of a global was given");
    const sfpm_export_t *found =
        sfpm_export_named(&vm->program, SFPM_EXPORT_GLOBAL, name);
    if (found)
        *index = found->index;
    return found || sfpm_global_named(&vm->program, name, strlen(name), index) ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "there is no global '%.100s'", name);
}

bool sfpm_vm_get_global(const sfpm_vm_t *vm, const char *name, sfpm_value_t *value)
{
    uint32_t index;
    if (!global_named(vm, name, &index))
        return false;
    if (!value)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no place for the result was given");
    const uint8_t *from =
        vm->regions.region[SFPM_GLOBALS].data + (size_t)index * SFPM_GLOBAL_SIZE;
    *value = sfpm_value_of_slot(sfpm_get_u64(from), vm->program.globals[index].type);
    return true;
}

bool sfpm_vm_set_global(sfpm_vm_t *vm, const char *name, const sfpm_value_t *value)
{
    uint32_t index;
    if (!global_named(vm, name, &index))
        return false;
    const sfpm_global_t *global = &vm->program.globals[index];
    if (!global->is_mutable)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "global '%.100s' is constant", name);
    if (!sfpm_values_fit(&vm->program, value, value ? 1 : 0, &global->type, 1, name))
        return false;
    sfpm_put_u64(vm->regions.region[SFPM_GLOBALS].data + (size_t)index * SFPM_GLOBAL_SIZE,
                 sfpm_slot_of_value(value));
    return true;
}

uint64_t sfpm_vm_memory_size(const sfpm_vm_t *vm)
{
    return vm ? vm->regions.region[SFPM_MEMORY].size : 0;
}

void *sfpm_vm_memory(sfpm_vm_t *vm, uint64_t address, uint64_t size)
{
    uint64_t has = sfpm_vm_memory_size(vm);
    if (address <= has && size <= has - address && has > 0)
        return vm->regions.region[SFPM_MEMORY].data + address;
    sfpm_fail(
        SFPM_ERR_ARGUMENT, "%llu bytes at %llu are outside the memory of %llu bytes",
        (unsigned long long)size, (unsigned long long)address, (unsigned long long)has);
    return NULL;
}

/* ---- Calling exports ------------------------------------------------------------ */

static const sfpm_function_t *exported(const sfpm_vm_t *vm, const char *name,
                                       uint32_t *index)
{
    const sfpm_export_t *found =
        name ? sfpm_export_named(&vm->program, SFPM_EXPORT_FUNCTION, name) : NULL;
    if (!found) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "the program exports no function '%.100s'",
                  name ? name : "");
        return NULL;
    }
    if (sfpm_is_import(&vm->program, found->index)) {
        sfpm_fail(SFPM_ERR_ARGUMENT,
                  "export '%.100s' is a function that the program imports: only its own "
                  "functions can be called",
                  name);
        return NULL;
    }
    *index = found->index;
    return &vm->program.functions[found->index];
}

bool sfpm_vm_enter(sfpm_vm_t *vm, const char *name, const sfpm_value_t *params,
                   size_t num_params)
{
    uint32_t index;
    if (!sfpm_vm_prove(vm, false) || !sfpm_vm_is_idle(vm))
        return false;
    const sfpm_function_t *function = exported(vm, name, &index);
    if (!function || !sfpm_values_fit(&vm->program, params, num_params,
                                      function->param_types, function->params,
                                      "parameters"))
        return false;
    if (!sfpm_prove_function(&vm->program, &vm->proof, index) ||
        !sfpm_vm_begin(vm, index))
        return false;
    for (size_t i = 0; i < num_params; i++)
        sfpm_put_u64(vm->regions.region[SFPM_STACK].data + i * SFPM_SLOT_SIZE,
                     sfpm_slot_of_value(&params[i]));
    return true;
}

bool sfpm_vm_results(const sfpm_vm_t *vm, sfpm_value_t *results, size_t num_results)
{
    if (!sfpm_vm_has_program(vm))
        return false;
    if (vm->state.status != SFPM_VM_HALTED || vm->backtrace.count != 1 ||
        vm->program.code[vm->state.pc] != SFPM_OP_RETURN)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "the machine has not returned from its outermost function");
    const sfpm_frame_t *frame = &vm->backtrace.frames[0];
    const sfpm_function_t *function = &vm->program.functions[frame->function];
    if (num_results != function->results || (num_results > 0 && !results))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "results: %zu expected, but the function has %u", num_results,
                         function->results);
    const uint8_t *from =
        vm->regions.region[SFPM_STACK].data +
        (size_t)(frame->operands + frame->height - num_results) * SFPM_SLOT_SIZE;
    for (size_t i = 0; i < num_results; i++, from += SFPM_SLOT_SIZE)
        results[i] = sfpm_value_of_slot(sfpm_get_u64(from), function->result_types[i]);
    return true;
}

bool sfpm_vm_call(sfpm_vm_t *vm, const char *name, const sfpm_value_t *params,
                  size_t num_params, sfpm_value_t *results, size_t num_results,
                  const sfpm_vm_run_options_t *options)
{
    if (!sfpm_vm_enter(vm, name, params, num_params) || !sfpm_vm_run(vm, options))
        return false;
    if (vm->state.status == SFPM_VM_SUSPENDED)
        return sfpm_fail(
            SFPM_ERR_LIMIT,
            "stopped before '%.100s' returned: run the machine again to continue", name);
    return sfpm_vm_results(vm, results, num_results);
}

/* ---- Patching -------------------------------------------------------------------- */

/* Changes the code, and in the original layout its copy; what was proved is not any
 * more. Gives the old bytes in exchange. */
static void exchange(sfpm_vm_t *vm, uint64_t offset, uint8_t *bytes, size_t size)
{
    uint8_t *code = vm->regions.region[SFPM_CODE].data + offset;
    for (size_t i = 0; i < size; i++) {
        uint8_t old = code[i];
        code[i] = bytes[i];
        bytes[i] = old;
    }
    if (vm->original)
        memcpy(vm->original + SFPM_ORIGINAL_PROGRAM + offset, code, size);
    sfpm_vm_forget_proof(vm);
}

bool sfpm_vm_patch(sfpm_vm_t *vm, uint64_t offset, const void *bytes, size_t size)
{
    if (!sfpm_vm_has_program(vm) || !sfpm_vm_is_idle(vm))
        return false;
    uint32_t has = sfpm_vm_code_size(vm);
    if (!bytes || offset > has || size > has - offset)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%zu bytes at %llu are outside the code of %u bytes", size,
                         (unsigned long long)offset, has);
    uint8_t *copy = sfpm_copy_bytes(bytes, size);
    if (!copy)
        return false;
    exchange(vm, offset, copy, size);
    bool ok = sfpm_vm_verify(vm);
    if (!ok) {
        sfpm_error_state_t error;
        sfpm_error_save(&error);
        exchange(vm, offset, copy, size);
        sfpm_vm_verify(vm);
        sfpm_error_restore(&error);
    }
    free(copy);
    return ok;
}
