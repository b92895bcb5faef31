/* SPDX-License-Identifier: MIT */
#include "vm_natives.h"

#include <string.h>

#include "vm_common.h"

static const char *const names[NUM_NATIVES] = {"mix", "halve", "poke"};

/* Adds a call to those that were seen; a number made of all. */
static uint64_t see(host_t *host, uint64_t value)
{
    host->seen = (host->seen + value + 1) * 0x9E3779B97F4A7C15u;
    host->seen ^= host->seen >> 32;
    return host->seen;
}

/* Wants to be called once more now and then; seldom ends the program, or fails. */
static sfpm_native_result_t mix(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                sfpm_value_t *results)
{
    host_t *host = context;
    (void)vm;
    host->retried = !host->retried && host->seen % 8 == 1;
    if (host->retried)
        return SFPM_NATIVE_RETRY;
    uint64_t made = see(host, (uint64_t)params[1].i64 + (uint32_t)params[0].i32);
    if (made % 256 < 2)
        return made % 2 ? SFPM_NATIVE_HALT : SFPM_NATIVE_TRAP;
    results[0].i64 = (int64_t)(made >> 1);
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t halve(void *context, sfpm_vm_t *vm,
                                  const sfpm_value_t *params, sfpm_value_t *results)
{
    uint64_t bits;
    (void)vm;
    memcpy(&bits, &params[0].f64, sizeof bits);
    results[0].f32 = (float)(see(context, bits) >> 40);
    results[1].f64 = params[0].f64 / 2;
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t poke(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    uint32_t address = (uint32_t)params[0].i32;
    void *to = sfpm_vm_memory(vm, address, sizeof(uint64_t));
    (void)results;
    if (!to)
        return SFPM_NATIVE_BOUNDS;
    uint64_t value = see(context, (uint64_t)address << 32 | (uint32_t)params[1].i32);
    memcpy(to, &value, sizeof value);
    return SFPM_NATIVE_DONE;
}

void import_natives(build_t *build)
{
    static const char *const signatures[NUM_NATIVES] = {NATIVE_SIGNATURES};
    for (int i = 0; i < NUM_NATIVES; i++)
        build_import(build, signatures[i], "test", names[i]);
}

void offer_natives(sfpm_vm_t *vm, host_t *host)
{
    static const char *const signatures[NUM_NATIVES] = {"i32 i64 -> i64",
                                                        "f64 -> f32 f64", "i32 i32"};
    const sfpm_native_t natives[NUM_NATIVES] = {mix, halve, poke};
    for (int i = 0; i < NUM_NATIVES; i++)
        if (!sfpm_vm_import(vm, "test", names[i], signatures[i], natives[i], host))
            ck_abort_msg("%s", sfpm_last_error());
}
