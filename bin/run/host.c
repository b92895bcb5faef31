/* SPDX-License-Identifier: MIT */
/*
 * Restores the host's state from an image or makes that of a new program, and records it
 * in the next commit.
 */
#include "run/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_GETRANDOM
#include <sys/random.h>
#endif

#include <sfpm/number.h>

#include "common/tool.h"
#include "run/run.h"

#define REGION "host"

/* ---- The image's region ------------------------------------------------------ */

static bool fail_region(const operand_t *image)
{
    tool_fail(image->label,
              "region '%s' was not written by sfpm-run: start the program with "
              "--fresh",
              REGION);
    return false;
}

/* The number of the region, SIZE_MAX when there is none. */
static size_t find_host_region(const sfpm_image_t *image)
{
    for (size_t i = 0; i < sfpm_image_num_regions(image); i++)
        if (strcmp(sfpm_image_region(image, i)->name, REGION) == 0)
            return i;
    return SIZE_MAX;
}

static bool read_host_region(host_t *host, const operand_t *image)
{
    size_t index = find_host_region(image->image);
    if (index == SIZE_MAX)
        return true;
    uint64_t size = sfpm_image_region(image->image, index)->size;
    if (size > HOST_MAX_SIZE)
        return fail_region(image);
    uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);
    bool read = bytes && sfpm_image_read(image->image, index, 0, bytes, (size_t)size);
    if (!read)
        tool_fail_last(image->label);
    else if (!host_state_decode(&host->state, bytes, (size_t)size))
        read = fail_region(image);
    host->lasting = read;
    free(bytes);
    return read;
}

bool host_record(host_t *host, sfpm_edit_t *edit)
{
    size_t size;
    if (!host->lasting)
        return true;
    host->state.status = wasi_status(host);
    free(host->region);
    host->region = host_state_encode(&host->state, &size);
    if (!host->region) {
        tool_fail(NULL, "the program's arguments and environment are too long");
        return false;
    }
    return (!host->wasi || sfpm_wasi_fill_edit(host->wasi, edit)) &&
           sfpm_edit_set_region(edit, REGION, 0, host->region, size,
                                SFPM_REGION_PORTABLE);
}

/* ---- What a program begins with ------------------------------------------------ */

/* Checked when it was decided where the image goes. */
static uint64_t source_date(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    int64_t seconds;
    uint32_t nanoseconds;
    return text && *text && sfpm_commit_time(&seconds, &nanoseconds) ? (uint64_t)seconds
                                                                     : 0;
}

/* Not secret, only different each time: where the system gives no random numbers, the
 * time, the process and where it lies in memory will do. */
static uint64_t seed_from_system(void)
{
    uint64_t bits = 0;
    struct timespec now = {0};
#ifdef HAVE_GETRANDOM
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) == (ssize_t)sizeof bits)
        return bits;
#endif
    FILE *source = fopen("/dev/urandom", "rb");
    bool read = source && fread(&bits, sizeof bits, 1, source) == 1;
    if (source)
        fclose(source);
    if (read)
        return bits;
    clock_gettime(CLOCK_REALTIME, &now);
    bits = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
    return bits ^ (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&now << 12;
}

static void seed(host_state_t *state, const host_request_t *request)
{
    state->seeded = true;
    state->random = request->seed;
    if (request->has_seed || request->fixed_seed)
        return;
    state->random = seed_from_system();
}

/* Adds NAME=VALUE, or NAME with the value it has here, if any. */
static bool take_variable(host_state_t *state, const char *text)
{
    const char *value = strchr(text, '=') ? "" : getenv(text);
    if (!value)
        return true;
    size_t size = strlen(text) + strlen(value) + 2;
    char *joined = malloc(size);
    if (!joined)
        return false;
    snprintf(joined, size, "%s%s%s", text, strchr(text, '=') ? "" : "=", value);
    bool added = host_list_add(&state->environment, &state->num_environment, joined,
                               strlen(joined));
    free(joined);
    return added;
}

/* The first argument of programs that use WASI is their name. */
static bool take_name(host_state_t *state, const operand_t *image)
{
    const char *slash = strrchr(image->label, '/');
    const char *name = slash ? slash + 1 : image->label;
    return host_list_add(&state->arguments, &state->num_arguments, name, strlen(name));
}

static bool take_lists(host_state_t *state, const host_request_t *request)
{
    const char **argument = request->arguments;
    char **variable = request->environment;
    for (; argument && *argument; argument++)
        if (!host_list_add(&state->arguments, &state->num_arguments, *argument,
                           strlen(*argument)))
            return false;
    for (; variable && *variable; variable++)
        if (!take_variable(state, *variable))
            return false;
    return true;
}

/* Whether standard input has an offset that can be gone back to. */
static bool input_is_file(const host_t *host)
{
    struct stat input;
    return !host->input_is_image && fstat(STDIN_FILENO, &input) == 0 &&
           S_ISREG(input.st_mode);
}

static bool is_asked(const host_request_t *request)
{
    return request->arguments || request->environment || request->has_seed;
}

static bool begin_host(host_t *host, const operand_t *image,
                       const host_request_t *request, bool uses_wasi)
{
    host_state_t *state = &host->state;
    host_state_free(state);
    state->status = 0;
    off_t at = input_is_file(host) ? lseek(STDIN_FILENO, 0, SEEK_CUR) : 0;
    state->input = at > 0 ? (uint64_t)at : 0;
    if (!host->lasting)
        state->epoch = source_date();
    if (!state->seeded || request->has_seed)
        seed(state, request);
    if (uses_wasi)
        state->fixed = request->has_seed || request->fixed_seed;
    host->lasting = host->lasting || uses_wasi || is_asked(request);
    if ((!uses_wasi || take_name(state, image)) && take_lists(state, request))
        return true;
    tool_fail(NULL, "out of memory");
    return false;
}

static bool go_on(const host_t *host, const operand_t *image,
                  const host_request_t *request)
{
    if (is_asked(request)) {
        tool_fail(image->label, "the program has started, so its arguments, environment "
                                "and seed are fixed: use --restart or --fresh");
        return false;
    }
    if (input_is_file(host) &&
        lseek(STDIN_FILENO, (off_t)host->state.input, SEEK_SET) < 0) {
        tool_fail("standard input", "%s", strerror(errno));
        return false;
    }
    return true;
}

bool host_open(host_t *host, sfpm_vm_t *vm, const operand_t *image,
               const struct run_request *request)
{
    *host = (host_t){.clock = request->host.clock, .input_is_image = !image->path};
    if (!natives_register(vm, host)) {
        tool_fail_last(image->label);
        return false;
    }
    if (!request->fresh && !read_host_region(host, image))
        return false;
    bool ok = request->starts || !host->lasting
                  ? begin_host(host, image, &request->host, wasi_is_used(vm))
                  : go_on(host, image, &request->host);
    return ok && wasi_open(host, vm, image, request);
}

void host_free(host_t *host)
{
    sfpm_wasi_destroy(host->wasi);
    host_state_free(&host->state);
    free(host->region);
}
