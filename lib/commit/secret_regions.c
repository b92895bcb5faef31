/* SPDX-License-Identifier: MIT */
/* Enforces that secret regions are only ever written encrypted. */
#include "base/error.h"
#include "commit/edit.h"

bool sfpm_secret_allowed(const sfpm_region_t *region, bool sealed, const char *reason)
{
    return !(region->flags & SFPM_REGION_SECRET) || sealed ||
           sfpm_fail(SFPM_ERR_SECRET, "region '%s' is secret%s", region->name, reason);
}
