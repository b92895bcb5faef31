/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a time or for input. When the machine is to stop, the wait ends at once and
 * nothing was done; the moment at which it began is kept, so that the same wait in a
 * resumed program ends when it would have ended.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wasi/wasi.h"

enum {
    SUBSCRIPTION = 48,
    UNSTABLE_SUBSCRIPTION = 56,
    EVENT = 32,
    MAX_SUBSCRIPTIONS = 1 << 16,
    POLL_MS = 200, /* between two looks at whether the machine is to stop */
    ABSOLUTE = 1
};

/* What a program waits for. */
typedef struct subscription {
    uint64_t userdata;
    uint8_t type;        /* WASI_EVENT_… */
    uint32_t clock;      /* of a time, or … */
    uint32_t descriptor; /* … of input or output */
    uint64_t timeout;
    bool absolute;
} subscription_t;

typedef struct wait {
    sfpm_wasi_call_t *call;
    uint8_t *list; /* a copy: events may be put into its place */
    uint32_t count;
    uint64_t over[2]; /* times up to which a clock of the host's own was waited for */
} wait_t;

/* What is to be told of a subscription. */
typedef struct event {
    sfpm_wasi_errno_t error;
    uint64_t bytes;
} event_t;

static subscription_t subscription(const wait_t *wait, uint32_t index)
{
    bool unstable = wait->call->unstable;
    const uint8_t *from =
        wait->list + (size_t)index * (unstable ? UNSTABLE_SUBSCRIPTION : SUBSCRIPTION);
    /* In wasi_unstable a clock has a name, which means nothing. */
    const uint8_t *clock = from + (unstable ? 24 : 16);
    return (subscription_t){.userdata = sfpm_get_u64(from),
                            .type = from[8],
                            .descriptor = sfpm_get_u32(from + 16),
                            .clock = sfpm_get_u32(clock),
                            .timeout = sfpm_get_u64(clock + 8),
                            .absolute = (sfpm_get_u16(clock + 24) & ABSOLUTE) != 0};
}

/* ---- Times --------------------------------------------------------------------------- */

/* Nanoseconds until the time of a subscription; a length counts from the wait's start. */
static uint64_t time_left(const wait_t *wait, const subscription_t *one)
{
    sfpm_wasi_t *wasi = wait->call->wasi;
    uint64_t until = one->timeout;
    bool real = one->absolute && one->clock == SFPM_WASI_REALTIME;
    if (!one->absolute && until > UINT64_MAX - wasi->waits_at)
        until = UINT64_MAX;
    else if (!one->absolute)
        until += wasi->waits_at;
    sfpm_wasi_clock_t clock = real ? SFPM_WASI_REALTIME : SFPM_WASI_MONOTONIC;
    uint64_t now = sfpm_wasi_now(wasi, clock);
    return until > now && until > wait->over[clock] ? until - now : 0;
}

/* ---- Streams and files ------------------------------------------------------------------ */

static bool input_is_ready(const wait_t *wait, int milliseconds)
{
    struct pollfd input = {.fd = wait->call->wasi->options.input, .events = POLLIN};
    int ready = input.fd < 0 ? 1 : poll(&input, 1, milliseconds);
    return ready > 0 || (ready < 0 && errno != EINTR && errno != EAGAIN);
}

static const sfpm_wasi_descriptor_t *find(const wait_t *wait, uint32_t number,
                                          sfpm_wasi_errno_t *error)
{
    const sfpm_wasi_t *wasi = wait->call->wasi;
    *error = WASI_EBADF;
    if (number >= wasi->num_descriptors)
        return NULL;
    const sfpm_wasi_descriptor_t *descriptor = &wasi->descriptors[number];
    if (descriptor->kind == SFPM_WASI_CLOSED || descriptor->kind == SFPM_WASI_LOST)
        return NULL;
    *error = WASI_ENOTCAPABLE;
    return descriptor->rights & WASI_POLL_FD_READWRITE ? descriptor : NULL;
}

static bool is_input(const sfpm_wasi_descriptor_t *descriptor)
{
    return descriptor->kind == SFPM_WASI_STREAM && descriptor->source == 0;
}

/* Files are always ready; the event has the number of bytes left to read. */
static uint64_t bytes_left(const wait_t *wait, const sfpm_wasi_descriptor_t *descriptor)
{
    sfpm_wasi_stat_t stat = {.size = 0};
    if (descriptor->kind != SFPM_WASI_FILE)
        return 1;
    sfpm_filesystem_t *files = sfpm_wasi_files(wait->call->wasi, descriptor);
    files->operations->stat(files, descriptor->handle, &stat);
    return stat.size > descriptor->position ? stat.size - descriptor->position : 0;
}

/* ---- The wait --------------------------------------------------------------------------- */

/* Whether what a subscription waits for has happened. */
static bool is_ready(const wait_t *wait, uint32_t index, event_t *event)
{
    subscription_t one = subscription(wait, index);
    *event = (event_t){.error = WASI_SUCCESS};
    if (one.type == WASI_EVENT_CLOCK) {
        if (one.clock <= SFPM_WASI_MONOTONIC)
            return time_left(wait, &one) == 0;
        event->error = WASI_EINVAL;
        return true;
    }
    if (one.type > WASI_EVENT_WRITE) {
        event->error = WASI_EINVAL;
        return true;
    }
    sfpm_wasi_errno_t error;
    const sfpm_wasi_descriptor_t *descriptor = find(wait, one.descriptor, &error);
    if (!descriptor) {
        event->error = error;
        return true;
    }
    if (one.type == WASI_EVENT_READ)
        event->bytes = bytes_left(wait, descriptor);
    return one.type == WASI_EVENT_WRITE || !is_input(descriptor) ||
           input_is_ready(wait, 0);
}

/* The events of all that is ready, at `to`; their number. */
static uint32_t tell(const wait_t *wait, uint8_t *to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < wait->count; i++) {
        event_t event;
        if (!is_ready(wait, i, &event))
            continue;
        subscription_t one = subscription(wait, i);
        memset(to, 0, EVENT);
        sfpm_put_u64(to, one.userdata);
        sfpm_put_u16(to + 8, event.error);
        to[10] = one.type;
        sfpm_put_u64(to + 16, event.bytes);
        to += EVENT;
        count++;
    }
    return count;
}

/* The shortest time that is waited for, and whether input is. */
static uint64_t shortest(const wait_t *wait, bool *input)
{
    uint64_t least = UINT64_MAX;
    *input = false;
    for (uint32_t i = 0; i < wait->count; i++) {
        subscription_t one = subscription(wait, i);
        uint64_t left = one.type == WASI_EVENT_CLOCK ? time_left(wait, &one) : UINT64_MAX;
        least = left < least ? left : least;
        *input = *input || one.type == WASI_EVENT_READ;
    }
    return least;
}

/* Lets a clock of the host's own go on, even if it is one that stands still. */
static void skip(wait_t *wait, uint64_t left)
{
    sfpm_wasi_t *wasi = wait->call->wasi;
    for (int clock = SFPM_WASI_REALTIME; clock <= SFPM_WASI_MONOTONIC; clock++)
        wait->over[clock] = sfpm_wasi_now(wasi, (sfpm_wasi_clock_t)clock) + left;
    wasi->options.clock(wasi->options.context, SFPM_WASI_MONOTONIC, left);
}

/* Waits until something may have happened; no longer than the stop of a machine may
 * take. */
static void pause_some(wait_t *wait)
{
    bool input;
    uint64_t left = shortest(wait, &input);
    if (wait->call->wasi->options.clock && left != UINT64_MAX) {
        skip(wait, left);
        return;
    }
    uint64_t milliseconds = left / 1000000 + (left % 1000000 > 0 ? 1 : 0);
    int time = milliseconds < POLL_MS ? (int)milliseconds : POLL_MS;
    if (wait->call->wasi->options.write)
        wait->call->wasi->options.write(wait->call->wasi->options.context, 1, "", 0);
    if (input)
        input_is_ready(wait, time);
    else
        poll(NULL, 0, time);
}

static sfpm_wasi_errno_t wait_and_tell(wait_t *wait, uint8_t *events, uint8_t *total)
{
    sfpm_wasi_t *wasi = wait->call->wasi;
    uint32_t count;
    if (!wasi->waits)
        wasi->waits_at = sfpm_wasi_now(wasi, SFPM_WASI_MONOTONIC);
    wasi->waits = true;
    while ((count = tell(wait, events)) == 0) {
        if (sfpm_wasi_is_interrupted(wait->call)) {
            wait->call->result = SFPM_NATIVE_RETRY;
            return WASI_SUCCESS;
        }
        pause_some(wait);
    }
    wasi->waits = false;
    wasi->waits_at = 0;
    sfpm_put_u32(total, count);
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_poll_oneoff(sfpm_wasi_call_t *call)
{
    uint32_t count = sfpm_wasi_u32(call, 2);
    size_t size =
        (size_t)count * (call->unstable ? UNSTABLE_SUBSCRIPTION : SUBSCRIPTION);
    if (count == 0 || count > MAX_SUBSCRIPTIONS)
        return WASI_EINVAL;
    const void *list = sfpm_wasi_room(call, 0, size);
    uint8_t *events = sfpm_wasi_room(call, 1, (uint64_t)count * EVENT);
    uint8_t *total = sfpm_wasi_room(call, 3, 4);
    if (!list || !events || !total)
        return WASI_EFAULT;
    wait_t wait = {.call = call, .count = count, .list = sfpm_copy_bytes(list, size)};
    if (!wait.list)
        return WASI_ENOMEM;
    sfpm_wasi_errno_t error = wait_and_tell(&wait, events, total);
    free(wait.list);
    return error;
}
