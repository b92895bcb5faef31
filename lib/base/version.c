/* SPDX-License-Identifier: MIT */
/*
 * The version of the library at run time, which may differ from that of the headers a
 * program was compiled with.
 */
#include <sfpm/version.h>

uint32_t sfpm_version_number(void)
{
    return SFPM_VERSION_NUMBER;
}

const char *sfpm_version_string(void)
{
    return SFPM_VERSION_STRING;
}
