/* SPDX-License-Identifier: MIT */
/* The native functions of the module `sfpm`. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/natives.h"
#include "run/host.h"
#include "run/run.h"

enum { POLL_MS = 200 }; /* between two looks at whether the run is to end */

/* A program that asks for anything has something that lasts. */
static host_t *host_of(void *context)
{
    host_t *host = context;
    host->lasting = true;
    return host;
}

/* `size` bytes of memory at `address`, which are i32 and mean unsigned numbers. */
static void *range(sfpm_vm_t *vm, const sfpm_value_t *address, const sfpm_value_t *size)
{
    return sfpm_vm_memory(vm, (uint32_t)address->i32, (uint32_t)size->i32);
}

static sfpm_native_result_t native_write(void *context, sfpm_vm_t *vm,
                                         const sfpm_value_t *params,
                                         sfpm_value_t *results)
{
    host_t *host = host_of(context);
    uint32_t size = (uint32_t)params[2].i32;
    const void *bytes = range(vm, &params[1], &params[2]);
    if (!bytes)
        return SFPM_NATIVE_BOUNDS;
    results[0].i32 = -1;
    if (params[0].i32 == STDOUT_FILENO) {
        if (!host->output(host->output_context, bytes, size))
            return SFPM_NATIVE_ERROR;
    } else if (params[0].i32 == STDERR_FILENO) {
        if (fwrite(bytes, 1, size, stderr) != size || fflush(stderr) != 0)
            return SFPM_NATIVE_ERROR;
    } else {
        return SFPM_NATIVE_DONE;
    }
    results[0].i32 = params[2].i32;
    return SFPM_NATIVE_DONE;
}

/* Waits until there is input; false when the run is to end or save before. */
static bool wait_for_input(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!signals_pending()) {
        int ready = poll(&input, 1, POLL_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
    }
    return false;
}

sfpm_native_result_t host_read(host_t *host, void *bytes, size_t size, size_t *read_bytes)
{
    ssize_t count;
    *read_bytes = 0;
    if (host->input_is_image || size == 0)
        return SFPM_NATIVE_DONE;
    fflush(stdout); /* a question that the input answers */
    do {
        if (!wait_for_input())
            return SFPM_NATIVE_RETRY;
        count = read(STDIN_FILENO, bytes, size < INT32_MAX ? size : INT32_MAX);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK));
    if (count < 0)
        return SFPM_NATIVE_ERROR;
    host->state.input += (uint64_t)count;
    *read_bytes = (size_t)count;
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t native_read(void *context, sfpm_vm_t *vm,
                                        const sfpm_value_t *params, sfpm_value_t *results)
{
    host_t *host = host_of(context);
    void *bytes = range(vm, &params[1], &params[2]);
    size_t count = 0;
    if (!bytes)
        return SFPM_NATIVE_BOUNDS;
    results[0].i32 = -1;
    if (params[0].i32 != STDIN_FILENO)
        return SFPM_NATIVE_DONE;
    sfpm_native_result_t result =
        host_read(host, bytes, (uint32_t)params[2].i32, &count);
    results[0].i32 = (int32_t)count;
    return result;
}

static sfpm_native_result_t native_exit(void *context, sfpm_vm_t *vm,
                                        const sfpm_value_t *params, sfpm_value_t *results)
{
    uint32_t status = (uint32_t)params[0].i32;
    (void)vm;
    (void)results;
    host_of(context)->state.status = status < HOST_MAX_STATUS ? status : HOST_MAX_STATUS;
    return SFPM_NATIVE_HALT;
}

/* Copies as much of a text as there is room for, and gives its length. */
static sfpm_native_result_t give_text(sfpm_vm_t *vm, const char *text,
                                      const sfpm_value_t room[2], sfpm_value_t *length)
{
    size_t size = (uint32_t)room[1].i32;
    void *to = range(vm, &room[0], &room[1]);
    if (!to)
        return SFPM_NATIVE_BOUNDS;
    length->i32 = -1;
    if (!text)
        return SFPM_NATIVE_DONE;
    size_t has = strlen(text);
    memcpy(to, text, has < size ? has : size);
    length->i32 = (int32_t)has;
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t native_arguments(void *context, sfpm_vm_t *vm,
                                             const sfpm_value_t *params,
                                             sfpm_value_t *results)
{
    (void)vm;
    (void)params;
    results[0].i32 = (int32_t)host_of(context)->state.num_arguments;
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t native_argument(void *context, sfpm_vm_t *vm,
                                            const sfpm_value_t *params,
                                            sfpm_value_t *results)
{
    const host_state_t *state = &host_of(context)->state;
    uint32_t index = (uint32_t)params[0].i32;
    const char *text = index < state->num_arguments ? state->arguments[index] : NULL;
    return give_text(vm, text, params + 1, results);
}

static sfpm_native_result_t native_environment(void *context, sfpm_vm_t *vm,
                                               const sfpm_value_t *params,
                                               sfpm_value_t *results)
{
    const host_state_t *state = &host_of(context)->state;
    size_t length = (uint32_t)params[1].i32;
    const char *name = range(vm, &params[0], &params[1]);
    const char *text = NULL;
    if (!name)
        return SFPM_NATIVE_BOUNDS;
    for (uint32_t i = 0; i < state->num_environment; i++) {
        const char *entry = state->environment[i];
        if ((size_t)(strchr(entry, '=') - entry) == length &&
            memcmp(entry, name, length) == 0)
            text = entry + length + 1;
    }
    return give_text(vm, text, params + 2, results);
}

static sfpm_native_result_t native_clock(void *context, sfpm_vm_t *vm,
                                         const sfpm_value_t *params,
                                         sfpm_value_t *results)
{
    host_t *host = host_of(context);
    uint64_t nanoseconds = host->state.epoch * 1000000000;
    (void)vm;
    (void)params;
    if (host->clock == HOST_CLOCK_REAL) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        nanoseconds = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    } else if (host->clock == HOST_CLOCK_VIRTUAL) {
        nanoseconds += host->state.ticks++ * 1000;
    }
    memcpy(&results[0].i64, &nanoseconds, sizeof nanoseconds);
    return SFPM_NATIVE_DONE;
}

/* SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014. */
uint64_t host_random(host_t *host)
{
    uint64_t value = host->state.random += 0x9E3779B97F4A7C15u;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static sfpm_native_result_t native_random(void *context, sfpm_vm_t *vm,
                                          const sfpm_value_t *params,
                                          sfpm_value_t *results)
{
    uint64_t value = host_random(host_of(context));
    (void)vm;
    (void)params;
    memcpy(&results[0].i64, &value, sizeof value);
    return SFPM_NATIVE_DONE;
}

static const struct {
    const char *name;
    const char *signature;
    sfpm_native_t native;
} natives[] = {
#define NATIVES_ENTRY(name, signature) {#name, signature, native_##name},
    NATIVES(NATIVES_ENTRY)
#undef NATIVES_ENTRY
};

bool natives_register(sfpm_vm_t *vm, host_t *host)
{
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++)
        if (!sfpm_vm_import(vm, NATIVES_MODULE, natives[i].name, natives[i].signature,
                            natives[i].native, host))
            return false;
    return true;
}
