/* SPDX-License-Identifier: MIT */
/* Values of a machine as assembly text, each by its type. */
#include <sfpm/vm.h>

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/float_text.h"
#include "vm/machine.h"

static void write_text(uint8_t type, int64_t value, char *text, size_t size)
{
    char number[SFPM_FLOAT_TEXT];
    uint64_t bits = (uint64_t)value;
    switch (type) {
    case SFPM_TYPE_I32:
        snprintf(text, size, "%" PRId32, sfpm_to_i32((uint32_t)bits));
        break;
    case SFPM_TYPE_F32:
    case SFPM_TYPE_F64:
        sfpm_float_format(bits, type == SFPM_TYPE_F32 ? 4 : 8, number);
        snprintf(text, size, "%s", number);
        break;
    case SFPM_TYPE_FUNCREF:
    case SFPM_TYPE_EXTERNREF:
        snprintf(number, sizeof number, "%" PRIu64, bits);
        snprintf(text, size, "%s", bits == SFPM_NULL_REFERENCE ? "_" : number);
        break;
    default:
        snprintf(text, size, "%" PRId64, value);
        break;
    }
}

bool sfpm_vm_local_text(const sfpm_vm_t *vm, uint32_t level, uint32_t index, char *text,
                        size_t size)
{
    int64_t value;
    if (!sfpm_vm_local(vm, level, index, &value))
        return false;
    uint32_t function = vm->backtrace.frames[level].function;
    write_text(sfpm_local_type(&vm->program.functions[function], index), value, text,
               size);
    return true;
}

bool sfpm_vm_operand_text(const sfpm_vm_t *vm, uint32_t level, uint32_t index, char *text,
                          size_t size)
{
    int64_t value;
    if (!sfpm_vm_operand(vm, level, index, &value))
        return false;
    const sfpm_frame_t *frame = &vm->backtrace.frames[level];
    uint32_t above = frame->height - 1 - index;
    uint32_t shape = sfpm_shape_below(&vm->proof.shapes, frame->shape, above);
    write_text(vm->proof.shapes.list[shape].type, value, text, size);
    return true;
}

bool sfpm_vm_global_text(const sfpm_vm_t *vm, uint32_t index, char *text, size_t size)
{
    int64_t value;
    if (!sfpm_vm_global(vm, index, &value, NULL))
        return false;
    write_text(vm->program.globals[index].type, value, text, size);
    return true;
}
