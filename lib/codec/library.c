/* SPDX-License-Identifier: MIT */
/*
 * Loads a shared library on first use and finds its functions, so that programs which
 * never compress or encrypt do not pay for it.
 */
#include "codec/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Opening is rare: one lock for all libraries will do. */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static bool find_symbols(const sfpm_library_t *library, void *handle, void **addresses)
{
    for (size_t i = 0; i < library->num_symbols; i++) {
        addresses[i] = dlsym(handle, library->symbols[i]);
        if (!addresses[i])
            return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                             "%s is too old: it has no %s; install a newer %s",
                             library->soname, library->symbols[i], library->package);
    }
    return true;
}

/* POSIX promises that functions and data have addresses of one size. */
static bool open_library(sfpm_library_t *library, void *functions)
{
    void **addresses = SFPM_NEW_N(void *, library->num_symbols);
    if (!addresses)
        return false;
    bool ok = false;
    void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        sfpm_fail(
            SFPM_ERR_UNSUPPORTED,
            "cannot load the library for %s (%s); on Debian, install the package %s",
            library->name, dlerror(), library->package);
    else if (find_symbols(library, handle, addresses)) {
        memcpy(functions, addresses, library->num_symbols * sizeof *addresses);
        atomic_store_explicit(&library->ready, true, memory_order_release);
        ok = true;
    }
    if (handle && !ok)
        dlclose(handle);
    free(addresses);
    return ok;
}

bool sfpm_library_load(sfpm_library_t *library, void *functions)
{
    if (atomic_load_explicit(&library->ready, memory_order_acquire))
        return true;
    pthread_mutex_lock(&loading);
    bool ok = atomic_load_explicit(&library->ready, memory_order_acquire) ||
              open_library(library, functions);
    pthread_mutex_unlock(&loading);
    return ok;
}

bool sfpm_library_left_out(const char *name, const char *package)
{
    return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "this sfpm was built without %s; on Debian, install the package %s "
                     "and build sfpm again",
                     name, package);
}
