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
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "invalid struct_size %zu of the options: set it to the size of the struct",
            given);
    for (size_t i = size; i < given; i++)
        if (bytes[i])
            return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                             "the options (%zu bytes) use a member that this libsfpm "
                             "(%zu bytes) does not know",
                             given, size);
    memcpy(to, from, given < size ? given : size);
    return true;
}
