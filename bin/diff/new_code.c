/* SPDX-License-Identifier: MIT */
/* A program beside a machine that could go on in its code: what sfpm-patch --code would
 * do. */
#include <stdio.h>

#include "common/machine.h"
#include "common/tool.h"
#include "diff/diff.h"

static bool has_started(const sfpm_vm_t *vm)
{
    sfpm_vm_info_t info = machine_info(vm);
    return info.instructions > 0 || info.starts > 0;
}

bool diff_has_new_code(const diff_t *diff)
{
    const side_t *a = &diff->side[LEFT], *b = &diff->side[RIGHT];
    if (!a->vm || !b->vm || has_started(b->vm))
        return false;
    return b->file.module || has_started(a->vm);
}

bool diff_new_code(const diff_t *diff, sfpm_vm_change_callback_t callback, void *context,
                   char *refusal)
{
    const side_t *a = &diff->side[LEFT];
    sfpm_vm_t *vm = machine_load(a->file.image, refusal);
    if (!vm) {
        tool_fail_last(a->file.label);
        return false;
    }
    if (sfpm_vm_replace_code(vm, diff->side[RIGHT].vm, callback, context))
        refusal[0] = '\0';
    else
        snprintf(refusal, DIFF_REFUSAL, "%s%s", tool_last_error(a->file.label),
                 tool_last_remedy());
    sfpm_vm_destroy(vm);
    return true;
}
