/* SPDX-License-Identifier: MIT */
#include <sfpm/version.h>

uint32_t sfpm_version_number(void)
{
    return SFPM_VERSION_NUMBER;
}

const char *sfpm_version_string(void)
{
    return SFPM_VERSION_STRING;
}
