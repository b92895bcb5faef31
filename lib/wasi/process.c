/* SPDX-License-Identifier: MIT */
/* Arguments, environment, clocks, random numbers and the end of a program. */
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "codec/crypt.h"
#include "vm/machine.h"
#include "wasi/wasi.h"

#define SECOND UINT64_C(1000000000)

/* What a clock of the host's advances by, when the host does not tell. */
#define GIVEN_RESOLUTION 1000

/* ---- Arguments and environment ----------------------------------------------------- */

static uint64_t list_size(char *const *list, uint32_t count)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += strlen(list[i]) + 1;
    return size;
}

static sfpm_wasi_errno_t give_sizes(const sfpm_wasi_call_t *call, char *const *list,
                                    uint32_t count)
{
    uint8_t *number = sfpm_wasi_room(call, 0, 4), *size = sfpm_wasi_room(call, 1, 4);
    uint64_t bytes = list_size(list, count);
    if (!number || !size)
        return WASI_EFAULT;
    if (bytes > UINT32_MAX)
        return WASI_EOVERFLOW;
    sfpm_put_u32(number, count);
    sfpm_put_u32(size, (uint32_t)bytes);
    return WASI_SUCCESS;
}

static sfpm_wasi_errno_t give_list(const sfpm_wasi_call_t *call, char *const *list,
                                   uint32_t count)
{
    uint32_t address = sfpm_wasi_u32(call, 1);
    uint8_t *pointers = sfpm_wasi_room(call, 0, 4 * (uint64_t)count);
    uint8_t *bytes = sfpm_wasi_room(call, 1, list_size(list, count));
    if (!pointers || !bytes)
        return WASI_EFAULT;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strlen(list[i]) + 1;
        sfpm_put_u32(pointers + 4 * (size_t)i, address);
        memcpy(bytes, list[i], size);
        address += (uint32_t)size;
        bytes += size;
    }
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_args_sizes_get(sfpm_wasi_call_t *call)
{
    return give_sizes(call, call->wasi->arguments, call->wasi->num_arguments);
}

sfpm_wasi_errno_t sfpm_wasi_args_get(sfpm_wasi_call_t *call)
{
    return give_list(call, call->wasi->arguments, call->wasi->num_arguments);
}

sfpm_wasi_errno_t sfpm_wasi_environ_sizes_get(sfpm_wasi_call_t *call)
{
    return give_sizes(call, call->wasi->environment, call->wasi->num_environment);
}

sfpm_wasi_errno_t sfpm_wasi_environ_get(sfpm_wasi_call_t *call)
{
    return give_list(call, call->wasi->environment, call->wasi->num_environment);
}

/* ---- Time ------------------------------------------------------------------------- */

static uint64_t system_time(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* The monotonic clock goes on from where it was when the state was saved, on whatever
 * host, and never back. */
static uint64_t monotonic(sfpm_wasi_t *wasi)
{
    const sfpm_wasi_options_t *options = &wasi->options;
    uint64_t now =
        options->clock
            ? options->clock(options->context, SFPM_WASI_MONOTONIC, 0)
            : wasi->passed + (system_time(CLOCK_MONOTONIC) - wasi->since);
    if (now > wasi->latest)
        wasi->latest = now;
    return wasi->latest;
}

uint64_t sfpm_wasi_now(sfpm_wasi_t *wasi, sfpm_wasi_clock_t clock)
{
    const sfpm_wasi_options_t *options = &wasi->options;
    if (clock == SFPM_WASI_MONOTONIC)
        return monotonic(wasi);
    return options->clock ? options->clock(options->context, clock, 0)
                          : system_time(CLOCK_REALTIME);
}

void sfpm_wasi_go_on(sfpm_wasi_t *wasi, uint64_t passed)
{
    wasi->passed = wasi->latest = passed;
    wasi->since = wasi->options.clock ? 0 : system_time(CLOCK_MONOTONIC);
}

static bool is_clock(uint32_t clock)
{
    return clock == SFPM_WASI_REALTIME || clock == SFPM_WASI_MONOTONIC;
}

sfpm_wasi_errno_t sfpm_wasi_clock_time_get(sfpm_wasi_call_t *call)
{
    uint32_t clock = sfpm_wasi_u32(call, 0);
    uint8_t *time = sfpm_wasi_room(call, 2, 8);
    if (!is_clock(clock))
        return WASI_EINVAL;
    if (!time)
        return WASI_EFAULT;
    sfpm_put_u64(time, sfpm_wasi_now(call->wasi, (sfpm_wasi_clock_t)clock));
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_clock_res_get(sfpm_wasi_call_t *call)
{
    uint32_t clock = sfpm_wasi_u32(call, 0);
    uint8_t *to = sfpm_wasi_room(call, 1, 8);
    uint64_t resolution = GIVEN_RESOLUTION;
    struct timespec real;
    if (!is_clock(clock))
        return WASI_EINVAL;
    if (!to)
        return WASI_EFAULT;
    if (!call->wasi->options.clock &&
        clock_getres(clock == SFPM_WASI_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC,
                     &real) == 0)
        resolution = (uint64_t)real.tv_sec * SECOND + (uint64_t)real.tv_nsec;
    sfpm_put_u64(to, resolution);
    return WASI_SUCCESS;
}

/* ---- The rest ---------------------------------------------------------------------- */

bool sfpm_wasi_is_interrupted(const sfpm_wasi_call_t *call)
{
    return atomic_load(&call->vm->interrupt);
}

sfpm_wasi_errno_t sfpm_wasi_random_get(sfpm_wasi_call_t *call)
{
    const sfpm_wasi_options_t *options = &call->wasi->options;
    uint32_t size = sfpm_wasi_u32(call, 1);
    void *bytes = sfpm_wasi_room(call, 0, size);
    if (!bytes)
        return WASI_EFAULT;
    bool ok = options->random ? options->random(options->context, bytes, size)
                              : sfpm_random(bytes, size);
    return ok ? WASI_SUCCESS : WASI_EIO;
}

sfpm_wasi_errno_t sfpm_wasi_proc_exit(sfpm_wasi_call_t *call)
{
    call->wasi->exited = true;
    call->wasi->status = sfpm_wasi_u32(call, 0);
    call->result = SFPM_NATIVE_HALT;
    return WASI_SUCCESS;
}
