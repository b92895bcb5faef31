/* SPDX-License-Identifier: MIT */
#include "vm_operation.h"

#include <string.h>

#include "vm_build.h"
#include "vm_common.h"

bool is_pure(const sfpm_opcode_info_t *info)
{
    const char *signature = info->signature;
    size_t params = strcspn(signature, ":");
    return info->operand == SFPM_OPERAND_NONE && params >= 1 && params <= 2 &&
           strlen(signature) == params + 2 && !strpbrk(signature, "*tcr") &&
           info->opcode != SFPM_OP_PRINT && info->opcode != SFPM_OP_MEMORY_GROW;
}

sfpm_trap_t operate(const sfpm_opcode_info_t *info, uint64_t a, uint64_t b,
                    uint64_t *result)
{
    build_t build;
    int64_t value = 0;
    build_start(&build);
    build_function(&build, ":", "");
    build_const(&build, info->signature[0], a);
    if (info->signature[1] != ':')
        build_const(&build, info->signature[1], b);
    build_code(&build, info->opcode, 0);
    build_code(&build, SFPM_OP_HALT, 0);
    sfpm_vm_t *vm = build_vm(&build);
    if (!sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    sfpm_vm_status_t status = run_steps(vm, 0, NULL);
    sfpm_trap_t trap = info_of(vm).trap;
    if (status == SFPM_VM_HALTED && !sfpm_vm_operand(vm, 0, 0, &value))
        ck_abort_msg("%s", sfpm_last_error());
    *result = (uint64_t)value;
    sfpm_vm_destroy(vm);
    return trap;
}
