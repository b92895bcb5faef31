/* SPDX-License-Identifier: MIT */
/* What sfpm-run gives to programs that use WASI: the streams, clock and random numbers of
 * its other native functions, and the directories of --dir. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/wasi.h>

#include "common/options.h"
#include "common/tool.h"
#include "run/run.h"

#define SECOND UINT64_C(1000000000)

bool wasi_is_used(const sfpm_vm_t *vm)
{
    sfpm_vm_link_t link;
    for (uint32_t i = 0; sfpm_vm_imported(vm, i, &link, sizeof link); i++)
        if (link.module && sfpm_wasi_signature(link.module, link.name))
            return true;
    return false;
}

/* ---- What the library asks for ------------------------------------------------------- */

static sfpm_native_result_t read_stream(void *context, void *bytes, size_t size,
                                        size_t *count)
{
    return host_read(context, bytes, size, count);
}

/* A program that waits has written a question, perhaps. */
static bool write_stream(void *context, int stream, const void *bytes, size_t size)
{
    const host_t *host = context;
    if (size == 0)
        return fflush(stdout) == 0;
    if (stream == STDOUT_FILENO)
        return host->output(host->output_context, bytes, size);
    return fwrite(bytes, 1, size, stderr) == size && fflush(stderr) == 0;
}

/* A look at a clock takes a microsecond; one that is frozen stands still. */
static uint64_t read_clock(void *context, sfpm_wasi_clock_t clock, uint64_t wait)
{
    host_t *host = context;
    uint64_t start = clock == SFPM_WASI_REALTIME ? host->state.epoch * SECOND : 0;
    if (host->clock == HOST_CLOCK_FROZEN)
        return start;
    host->state.ticks += wait / 1000 + (wait % 1000 > 0 ? 1 : 0);
    return start + host->state.ticks++ * 1000;
}

/* Those that --seed chose are the same each time. */
static bool read_random(void *context, void *bytes, size_t size)
{
    host_t *host = context;
    uint8_t *to = bytes;
    while (size > 0) {
        uint64_t number = host_random(host);
        size_t some = size < sizeof number ? size : sizeof number;
        for (size_t i = 0; i < some; i++)
            to[i] = (uint8_t)(number >> 8 * i);
        to += some;
        size -= some;
    }
    return true;
}

static void warn(void *context, const char *text)
{
    (void)context;
    tool_warn(NULL, text);
}

/* ---- Directories ---------------------------------------------------------------------- */

/* HOST[::GUEST][:ro], taken apart in a copy. */
static bool add_directory(sfpm_wasi_t *wasi, const char *text)
{
    char *host = strdup(text);
    uint32_t flags = 0;
    bool ok = false;
    if (host) {
        size_t length = strlen(host);
        if (length > 3 && strcmp(host + length - 3, ":ro") == 0) {
            host[length - 3] = '\0';
            flags = SFPM_WASI_READ_ONLY;
        }
        char *guest = strstr(host, "::");
        if (guest) {
            *guest = '\0';
            guest += 2;
        }
        ok = sfpm_wasi_add_directory(wasi, host, guest ? guest : host, flags);
        if (!ok)
            tool_fail_last("--dir");
    } else {
        tool_fail("--dir", "out of memory");
    }
    free(host);
    return ok;
}

/* ---- A run ----------------------------------------------------------------------------- */

/* The texts of a list, with NULL behind them. */
static const char **end_list(char *const *list, uint32_t count)
{
    const char **ended = calloc((size_t)count + 1, sizeof *ended);
    for (uint32_t i = 0; ended && i < count; i++)
        ended[i] = list[i];
    return ended;
}

/* Programs that are to be the same everywhere are not told of terminals. */
static uint32_t find_terminals(const host_t *host, const run_request_t *request)
{
    uint32_t terminals = 0;
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        bool other = (i == STDIN_FILENO && host->input_is_image) ||
                     (i == STDOUT_FILENO && request->stdout_file);
        if (host->clock == HOST_CLOCK_REAL && !other && isatty(i))
            terminals |= 1u << i;
    }
    return terminals;
}

static sfpm_wasi_t *create(host_t *host, const run_request_t *request)
{
    const host_state_t *state = &host->state;
    const char **arguments = end_list(state->arguments, state->num_arguments);
    const char **environment = end_list(state->environment, state->num_environment);
    sfpm_wasi_options_t given = {.struct_size = sizeof given,
                                 .arguments = arguments,
                                 .environment = environment,
                                 .input = host->input_is_image ? -1 : STDIN_FILENO,
                                 .terminals = find_terminals(host, request),
                                 .context = host,
                                 .read = read_stream,
                                 .write = write_stream,
                                 .warn = warn,
                                 .max_files = options.max_files};
    if (host->clock != HOST_CLOCK_REAL)
        given.clock = read_clock;
    if (state->fixed)
        given.random = read_random;
    sfpm_wasi_t *wasi = arguments && environment ? sfpm_wasi_create(&given) : NULL;
    if (!wasi)
        tool_fail(NULL, "out of memory");
    free(arguments);
    free(environment);
    return wasi;
}

bool wasi_open(host_t *host, sfpm_vm_t *vm, const operand_t *image,
               const run_request_t *request)
{
    uint32_t flags = (request->detach_files ? SFPM_WASI_DETACH_FILES : 0u) |
                     (request->accept_changed ? SFPM_WASI_ACCEPT_CHANGED : 0u) |
                     (request->starts ? SFPM_WASI_BEGIN : 0u);
    if (!wasi_is_used(vm))
        return true;
    host->wasi = create(host, request);
    if (!host->wasi)
        return false;
    for (char **text = request->directories; text && *text; text++)
        if (!add_directory(host->wasi, *text))
            return false;
    if ((!request->memfs || sfpm_wasi_add_directory(host->wasi, NULL, request->memfs,
                                                    SFPM_WASI_IN_IMAGE)) &&
        sfpm_wasi_offer(host->wasi, vm) &&
        sfpm_wasi_restore(host->wasi, image->image, flags))
        return true;
    tool_fail_last(image->label);
    return false;
}

/* Statuses above are those of sfpm-run itself. */
uint32_t wasi_status(const host_t *host)
{
    uint32_t status = host->state.status;
    if (sfpm_wasi_exited(host->wasi, &status) && status > HOST_MAX_STATUS)
        status = HOST_MAX_STATUS;
    return status;
}
