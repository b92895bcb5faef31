/* SPDX-License-Identifier: MIT */
/* The region `host` to and from its bytes: little-endian, so that any machine reads it.
 */
#include "run/host.h"

#include <stdlib.h>
#include <string.h>

enum { LAYOUT = 1, HEADER = 48, SEEDED = 1, FIXED = 2 };

void host_list_free(char ***list, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++)
        free((*list)[i]);
    free(*list);
    *list = NULL;
    *count = 0;
}

bool host_list_add(char ***list, uint32_t *count, const char *text, size_t length)
{
    char *copy = strndup(text, length);
    char **longer = copy ? realloc(*list, ((size_t)*count + 1) * sizeof *longer) : NULL;
    if (!longer) {
        free(copy);
        return false;
    }
    *list = longer;
    longer[(*count)++] = copy;
    return true;
}

void host_state_free(host_state_t *state)
{
    host_list_free(&state->arguments, &state->num_arguments);
    host_list_free(&state->environment, &state->num_environment);
}

static uint64_t get(const uint8_t *bytes, size_t width)
{
    uint64_t value = 0;
    while (width-- > 0)
        value = value << 8 | bytes[width];
    return value;
}

static void put(uint8_t *bytes, size_t width, uint64_t value)
{
    for (size_t i = 0; i < width; i++, value >>= 8)
        bytes[i] = (uint8_t)value;
}

/* A list: u32 number of texts, and per text u32 length and its bytes, none of them zero.
 */
static bool decode_list(char ***list, uint32_t *count, const uint8_t **at, size_t *left)
{
    if (*left < 4)
        return false;
    uint32_t wanted = (uint32_t)get(*at, 4);
    *at += 4;
    *left -= 4;
    while (*count < wanted) {
        size_t length = *left >= 4 ? (size_t)get(*at, 4) : 0;
        if (*left < 4 || length > *left - 4 || memchr(*at + 4, '\0', length) ||
            !host_list_add(list, count, (const char *)*at + 4, length))
            return false;
        *at += 4 + length;
        *left -= 4 + length;
    }
    return true;
}

/* Each is NAME=VALUE: natives.c looks for the sign. */
static bool are_variables(const host_state_t *state)
{
    for (uint32_t i = 0; i < state->num_environment; i++)
        if (!strchr(state->environment[i], '='))
            return false;
    return true;
}

bool host_state_decode(host_state_t *state, const uint8_t *bytes, size_t size)
{
    *state = (host_state_t){.status = 0};
    if (size < HEADER || size > HOST_MAX_SIZE || get(bytes, 4) != LAYOUT ||
        get(bytes + 4, 4) > HOST_MAX_STATUS || get(bytes + 8, 4) > (SEEDED | FIXED) ||
        get(bytes + 8, 4) == FIXED || get(bytes + 12, 4) != 0)
        return false;
    state->status = (uint32_t)get(bytes + 4, 4);
    state->seeded = (get(bytes + 8, 4) & SEEDED) != 0;
    state->fixed = (get(bytes + 8, 4) & FIXED) != 0;
    state->random = get(bytes + 16, 8);
    state->epoch = get(bytes + 24, 8);
    state->ticks = get(bytes + 32, 8);
    state->input = get(bytes + 40, 8);
    bytes += HEADER;
    size -= HEADER;
    if (decode_list(&state->arguments, &state->num_arguments, &bytes, &size) &&
        decode_list(&state->environment, &state->num_environment, &bytes, &size) &&
        size == 0 && are_variables(state))
        return true;
    host_state_free(state);
    return false;
}

static size_t list_size(char *const *list, uint32_t count)
{
    size_t size = 4;
    for (uint32_t i = 0; i < count; i++)
        size += 4 + strlen(list[i]);
    return size;
}

static uint8_t *encode_list(uint8_t *to, char *const *list, uint32_t count)
{
    put(to, 4, count);
    to += 4;
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strlen(list[i]);
        put(to, 4, length);
        memcpy(to + 4, list[i], length);
        to += 4 + length;
    }
    return to;
}

uint8_t *host_state_encode(const host_state_t *state, size_t *size)
{
    *size = HEADER + list_size(state->arguments, state->num_arguments) +
            list_size(state->environment, state->num_environment);
    uint8_t *bytes = *size <= HOST_MAX_SIZE ? calloc(1, *size) : NULL;
    if (!bytes)
        return NULL;
    put(bytes, 4, LAYOUT);
    put(bytes + 4, 4, state->status);
    put(bytes + 8, 4, (state->seeded ? SEEDED : 0) | (state->fixed ? FIXED : 0));
    put(bytes + 16, 8, state->random);
    put(bytes + 24, 8, state->epoch);
    put(bytes + 32, 8, state->ticks);
    put(bytes + 40, 8, state->input);
    encode_list(encode_list(bytes + HEADER, state->arguments, state->num_arguments),
                state->environment, state->num_environment);
    return bytes;
}
