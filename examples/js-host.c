/* SPDX-License-Identifier: MIT */
/* What the engine of js-live is offered by its host. None of these functions can call the
 * engine in turn. */
#include "js-live.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- The engine's memory ---- */

uint32_t load(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

void store(uint8_t *bytes, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

uint8_t *memory(int32_t address, uint64_t size)
{
    return sfpm_vm_memory(live.vm, (uint32_t)address, size);
}

uint8_t *word(uint32_t index)
{
    uint8_t *words = memory((int32_t)live.session, 4 * WORDS);
    if (!words)
        die("the image is not one of js-live: its session is outside the memory");
    return words + 4 * (size_t)index;
}

/* ---- What the engine asks of its host ---- */

#define NATIVE(name)                                                                     \
    static sfpm_native_result_t name(void *context, sfpm_vm_t *vm,                       \
                                     const sfpm_value_t *in, sfpm_value_t *out)
#define UNUSED (void)context, (void)vm, (void)in, (void)out

/* A function of the host, by its name. What follows are addresses of values, of whole
 * numbers here: the low 32 bits. The result 0 is an exception without a value. */
NATIVE(host_call)
{
    UNUSED;
    uint8_t bytes[1000];
    int count = in[3].i32 - 1;
    FILE *to = stdout;
    const uint8_t *name = memory(in[0].i32, (uint32_t)in[1].i32);
    const uint8_t *values = memory(in[4].i32, 4 * (uint64_t)(uint32_t)in[3].i32);
    if (!name || !values || in[1].i32 < 9 || count > (int)sizeof bytes)
        return SFPM_NATIVE_BOUNDS;
    for (int i = -1; i < count; i++) {
        const uint8_t *value = memory((int32_t)load(values + 4 * (i + 1)), 8);
        if (!value)
            return SFPM_NATIVE_BOUNDS;
        if (i >= 0)
            bytes[i] = *value;
        else if (*value == STDERR_FILENO)
            to = stderr;
    }
    if (name[8] == 'w') /* js-live write */
        fwrite(bytes, 1, count > 0 ? (size_t)count : 0, to);
    else if (name[8] == 'f') /* js-live fail */
        live.failed = true;
    else
        live.save = true;
    if (live.save)
        sfpm_vm_interrupt(vm);
    return SFPM_NATIVE_DONE;
}

/* Whether the program is to end. */
NATIVE(host_interrupt)
{
    UNUSED;
    out[0].i32 = live.abandon;
    return SFPM_NATIVE_DONE;
}

/* A promise was rejected that nothing handles, or now something does. */
NATIVE(host_promise_rejection)
{
    UNUSED;
    uint32_t count = load(word(CHANGES));
    if (count >= MOST_CHANGES)
        return SFPM_NATIVE_DONE;
    store(word(CHANGES), count + 1, 4);
    for (uint32_t i = 0; i < CHANGE_WORDS; i++)
        store(word(CHANGE + count * CHANGE_WORDS + i), (uint32_t)in[i].i32, 4);
    return SFPM_NATIVE_DONE;
}

NATIVE(host_get_timezone_offset)
{
    UNUSED;
    struct tm local;
    time_t when = (time_t)((uint64_t)(uint32_t)in[0].i32 << 32 | (uint32_t)in[1].i32);
    if (localtime_r(&when, &local))
        out[0].i32 = (int32_t)local.tm_gmtoff;
    return SFPM_NATIVE_DONE;
}

/* For modules, which js-live does not have. */
NATIVE(nothing)
{
    UNUSED;
    return SFPM_NATIVE_DONE;
}

bool offer_functions(void)
{
    static const struct {
        const char *module, *name, *signature;
        sfpm_native_t function;
    } list[] = {
        {"env", "host_call", "i32 i32 i32 i32 i32 -> i32", host_call},
        {"env", "host_interrupt", "-> i32", host_interrupt},
        {"env", "host_promise_rejection", "i32 i32 i32 ->", host_promise_rejection},
        {"env", "host_module_normalize", "i32 i32 -> i32", nothing},
        {"env", "host_module_load", "i32 i32 -> i32", nothing},
        {"env", "host_get_timezone_offset", "i32 i32 -> i32", host_get_timezone_offset},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!sfpm_vm_import(live.vm, list[i].module, list[i].name, list[i].signature,
                            list[i].function, NULL))
            return false;
    live.wasi = sfpm_wasi_create(NULL); /* clocks, random numbers and the streams */
    return live.wasi && sfpm_wasi_offer(live.wasi, live.vm);
}
