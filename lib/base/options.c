/* SPDX-License-Identifier: MIT */
/*
 * Copies an options struct of an older or newer caller into the one of this library:
 * missing members become the default, unknown ones must be zero.
 */
#include "base/options.h"

#include <string.h>

#include "base/error.h"

bool sfpm_take_options(void *to, size_t size, const void *from)
{
    memset(to, 0, size);
    if (!from)
        return true;
    const unsigned char *bytes = from;
    size_t given;
    memcpy(&given, from, sizeof given);
    if (given < sizeof given)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "options with struct_size %zu: set it to the struct's sizeof",
                         given);
    for (size_t i = size; i < given; i++)
        if (bytes[i])
            return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                             "options of %zu bytes ask for something that this libsfpm, "
                             "which knows %zu, does not have",
                             given, size);
    memcpy(to, from, given < size ? given : size);
    return true;
}
