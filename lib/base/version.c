/* SPDX-License-Identifier: MIT */
/*
 * The version of the library at run time, which may differ from that of the headers a
 * program was compiled with.
 */
#include <sfpm/version.h>

const char *sfpm_version_string(void)
{
    return SFPM_VERSION_STRING;
}
