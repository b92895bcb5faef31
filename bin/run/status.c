/* SPDX-License-Identifier: MIT */
/* Maps how a run ended to the exit status of sfpm-run. */
#include <stdlib.h>

#include <sfpm/error.h>

#include "common/machine.h"
#include "run/run.h"

int exit_status(bool ok, const sfpm_vm_t *vm, const host_t *host,
                const run_request_t *request)
{
    if (!ok && sfpm_last_status() == SFPM_ERR_TRAP)
        return request->until_trap ? request->resumable : STATUS_TRAP;
    if (!ok)
        return STATUS_FAILED;
    switch (machine_info(vm).status) {
    case SFPM_VM_HALTED:
        return (int)wasi_status(host);
    case SFPM_VM_SUSPENDED:
        return request->resumable;
    default:
        return EXIT_SUCCESS;
    }
}
