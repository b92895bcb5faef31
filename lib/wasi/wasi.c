/* SPDX-License-Identifier: MIT */
/* Making what a program sees of its host, and offering it to a machine. */
#include "wasi/wasi.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"

/* ---- Lists of strings ------------------------------------------------------------ */

static void free_list(char **list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

/* Copies a list that NULL ends. */
static bool copy_list(char ***list, uint32_t *count, const char *const *from)
{
    size_t wanted = 0;
    while (from && from[wanted])
        wanted++;
    if (wanted >= UINT32_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT, "there are too many arguments or variables");
    *list = SFPM_NEW_N(char *, wanted);
    for (; *list && *count < wanted; ++*count)
        if (!((*list)[*count] = sfpm_copy_string(from[*count])))
            return false;
    return *list != NULL;
}

/* ---- Making it -------------------------------------------------------------------- */

static bool fill(sfpm_wasi_t *wasi)
{
    const sfpm_wasi_options_t *options = &wasi->options;
    return copy_list(&wasi->arguments, &wasi->num_arguments, options->arguments) &&
           copy_list(&wasi->environment, &wasi->num_environment, options->environment) &&
           sfpm_wasi_begin(wasi);
}

sfpm_wasi_t *sfpm_wasi_create(const sfpm_wasi_options_t *options)
{
    sfpm_wasi_t *wasi = SFPM_NEW(sfpm_wasi_t);
    if (wasi && sfpm_take_options(&wasi->options, sizeof wasi->options, options) &&
        fill(wasi))
        return wasi;
    sfpm_wasi_destroy(wasi);
    return NULL;
}

void sfpm_wasi_destroy(sfpm_wasi_t *wasi)
{
    if (!wasi)
        return;
    for (uint32_t i = 0; i < wasi->num_descriptors; i++)
        sfpm_wasi_close(wasi, &wasi->descriptors[i]);
    for (uint32_t i = 0; i < wasi->num_mounts; i++) {
        free(wasi->mounts[i].guest);
        if (wasi->mounts[i].files)
            wasi->mounts[i].files->operations->free(wasi->mounts[i].files);
    }
    free_list(wasi->arguments, wasi->num_arguments);
    free_list(wasi->environment, wasi->num_environment);
    sfpm_buffer_free(&wasi->record);
    free(wasi->descriptors);
    free(wasi->mounts);
    free(wasi->bindings);
    free(wasi);
}

/* ---- What a program finds open ------------------------------------------------------ */

bool sfpm_wasi_begin(sfpm_wasi_t *wasi)
{
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t other = i == 0 ? WASI_FD_WRITE : WASI_FD_READ;
        const sfpm_wasi_descriptor_t stream = {.kind = SFPM_WASI_STREAM,
                                               .source = i,
                                               .handle = -1,
                                               .rights = WASI_STREAM_RIGHTS & ~other};
        if (!sfpm_wasi_reserve(wasi, 1))
            return false;
        wasi->descriptors[wasi->num_descriptors++] = stream;
    }
    sfpm_wasi_go_on(wasi, 0);
    return true;
}

uint64_t sfpm_wasi_mount_rights(const sfpm_wasi_mount_t *mount, uint64_t rights)
{
    return mount->read_only ? rights & ~WASI_WRITE_RIGHTS : rights;
}

/* Opens the root of the last mount for the program. */
static bool open_root(sfpm_wasi_t *wasi)
{
    uint32_t number = wasi->num_mounts - 1;
    const sfpm_wasi_mount_t *mount = &wasi->mounts[number];
    sfpm_wasi_descriptor_t root = {
        .kind = SFPM_WASI_DIRECTORY,
        .preopened = true,
        .source = number,
        .handle = mount->files->root,
        .rights = sfpm_wasi_mount_rights(mount, WASI_DIRECTORY_RIGHTS),
        .inheriting =
            sfpm_wasi_mount_rights(mount, WASI_DIRECTORY_RIGHTS | WASI_FILE_RIGHTS),
        .path = sfpm_copy_string(".")};
    if (root.path && sfpm_wasi_reserve(wasi, 1)) {
        wasi->descriptors[wasi->num_descriptors++] = root;
        return true;
    }
    free(root.path);
    return false;
}

/* ---- Directories ------------------------------------------------------------------- */

static sfpm_wasi_mount_t *memfs_mount(const sfpm_wasi_t *wasi)
{
    for (uint32_t i = 0; i < wasi->num_mounts; i++)
        if (wasi->mounts[i].in_image)
            return &wasi->mounts[i];
    return NULL;
}

sfpm_memfs_t *sfpm_wasi_memfs(const sfpm_wasi_t *wasi)
{
    const sfpm_wasi_mount_t *mount = memfs_mount(wasi);
    return mount ? (sfpm_memfs_t *)mount->files : NULL;
}

static bool check_directory(const sfpm_wasi_t *wasi, const char *host, const char *guest,
                            uint32_t flags)
{
    bool in_image = (flags & SFPM_WASI_IN_IMAGE) != 0;
    if (!wasi || in_image != !host || !guest ||
        (flags & ~(uint32_t)(SFPM_WASI_READ_ONLY | SFPM_WASI_IN_IMAGE)) != 0)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no world or directory was given, or unknown "
                                            "flags");
    if (!*guest || strlen(guest) > SFPM_WASI_MAX_PATH)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "the name of a directory must have 1 to %d bytes",
                         SFPM_WASI_MAX_PATH);
    if (wasi->num_mounts == SFPM_WASI_MAX_MOUNTS)
        return sfpm_fail(SFPM_ERR_LIMIT, "a program can have %d directories at most",
                         SFPM_WASI_MAX_MOUNTS);
    if (in_image && sfpm_wasi_memfs(wasi))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "a program can have one directory in the image");
    for (uint32_t i = 0; i < wasi->num_mounts; i++)
        if (strcmp(wasi->mounts[i].guest, guest) == 0)
            return sfpm_fail(SFPM_ERR_ARGUMENT, "directory '%.200s' is given twice",
                             guest);
    return true;
}

static uint64_t time_of_files(void *context)
{
    return sfpm_wasi_now(context, SFPM_WASI_REALTIME);
}

static void set_clock(sfpm_wasi_t *wasi, sfpm_memfs_t *memfs)
{
    memfs->clock = time_of_files;
    memfs->clock_context = wasi;
}

static sfpm_filesystem_t *make_memfs(sfpm_wasi_t *wasi, const char *guest)
{
    sfpm_memfs_t *memfs = sfpm_memfs_create(NULL, guest, wasi->options.max_files);
    if (!memfs)
        return NULL;
    set_clock(wasi, memfs);
    return &memfs->base;
}

/* Its name comes from the image. */
bool sfpm_wasi_take_memfs(sfpm_wasi_t *wasi, const sfpm_image_t *image)
{
    if (!sfpm_memfs_is_in(image))
        return true;
    sfpm_memfs_t *found = sfpm_memfs_create(image, NULL, wasi->options.max_files);
    sfpm_wasi_mount_t *mount = memfs_mount(wasi);
    if (found && !mount &&
        sfpm_wasi_add_directory(wasi, NULL, found->guest, SFPM_WASI_IN_IMAGE))
        mount = memfs_mount(wasi);
    if (!found || !mount || strcmp(mount->guest, found->guest) != 0) {
        if (found && mount)
            sfpm_fail(SFPM_ERR_MISMATCH,
                      "the files in the image are directory '%.200s', not '%.200s'",
                      found->guest, mount->guest);
        sfpm_memfs_destroy(found);
        return false;
    }
    set_clock(wasi, found);
    mount->files->operations->free(mount->files);
    mount->files = &found->base;
    return true;
}

bool sfpm_wasi_add_directory(sfpm_wasi_t *wasi, const char *host, const char *guest,
                             uint32_t flags)
{
    if (!check_directory(wasi, host, guest, flags))
        return false;
    sfpm_wasi_mount_t *longer =
        realloc(wasi->mounts, ((size_t)wasi->num_mounts + 1) * sizeof *longer);
    if (!longer)
        return sfpm_fail_memory(sizeof *longer);
    wasi->mounts = longer;
    sfpm_wasi_mount_t mount = {.read_only = (flags & SFPM_WASI_READ_ONLY) != 0};
    mount.guest = sfpm_copy_string(guest);
    mount.in_image = (flags & SFPM_WASI_IN_IMAGE) != 0;
    if (mount.guest)
        mount.files = mount.in_image ? make_memfs(wasi, guest)
                                     : sfpm_host_directory_open(host);
    if (!mount.files) {
        free(mount.guest);
        return false;
    }
    wasi->mounts[wasi->num_mounts++] = mount;
    return open_root(wasi);
}

/* ---- Offering it ------------------------------------------------------------------- */

/* The trampoline of all functions. */
static sfpm_native_result_t enter(void *context, sfpm_vm_t *vm, const sfpm_value_t *in,
                                  sfpm_value_t *out)
{
    const sfpm_wasi_binding_t *binding = context;
    sfpm_wasi_t *wasi = binding->wasi;
    sfpm_wasi_call_t call = {
        .wasi = wasi, .vm = vm, .in = in, .unstable = binding->unstable};
    /* Only the same call goes on with a wait that was interrupted. */
    wasi->waits = wasi->waits && binding->function->call == sfpm_wasi_poll_oneoff;
    sfpm_wasi_errno_t error = binding->function->call(&call);
    if (call.result == SFPM_NATIVE_DONE)
        out[0].i32 = error;
    return call.result;
}

static const char *const modules[] = {"wasi_snapshot_preview1", "wasi_unstable"};

/* Number 1 had one function less. */
static bool has(size_t module, const sfpm_wasi_function_t *function)
{
    return module == 0 || function->call != sfpm_wasi_sock_accept;
}

static bool offer(sfpm_wasi_t *wasi, sfpm_vm_t *vm, size_t module)
{
    for (size_t i = 0; i < sfpm_wasi_num_functions; i++) {
        const sfpm_wasi_function_t *function = &sfpm_wasi_functions[i];
        sfpm_wasi_binding_t *binding =
            &wasi->bindings[module * sfpm_wasi_num_functions + i];
        *binding = (sfpm_wasi_binding_t){wasi, function, module == 1};
        if (has(module, function) &&
            !sfpm_vm_import(vm, modules[module], function->name, function->signature,
                            enter, binding))
            return false;
    }
    return true;
}

const char *sfpm_wasi_signature(const char *module, const char *name)
{
    for (size_t m = 0; module && name && m < 2; m++)
        for (size_t i = 0; strcmp(module, modules[m]) == 0 && i < sfpm_wasi_num_functions;
             i++)
            if (has(m, &sfpm_wasi_functions[i]) &&
                strcmp(name, sfpm_wasi_functions[i].name) == 0)
                return sfpm_wasi_functions[i].signature;
    return NULL;
}

bool sfpm_wasi_offer(sfpm_wasi_t *wasi, sfpm_vm_t *vm)
{
    if (!wasi || !vm)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no world or no machine was given");
    if (!wasi->bindings)
        wasi->bindings = SFPM_NEW_N(sfpm_wasi_binding_t, 2 * sfpm_wasi_num_functions);
    return wasi->bindings && offer(wasi, vm, 0) && offer(wasi, vm, 1);
}

bool sfpm_wasi_exited(const sfpm_wasi_t *wasi, uint32_t *status)
{
    if (wasi && wasi->exited && status)
        *status = wasi->status;
    return wasi && wasi->exited;
}
