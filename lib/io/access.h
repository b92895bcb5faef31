/* SPDX-License-Identifier: MIT */
/*
 * What a file carries beside owner, group and mode, for a new version that replaces it:
 * its access control list and the attributes that users gave it. Systems other than
 * Linux keep them in ways of their own: there is nothing to copy then.
 */
#ifndef SFPM_IO_ACCESS_H
#define SFPM_IO_ACCESS_H

#include <stdbool.h>

/* Gives `to` the access control list of `from`, or none when `from` has none: what `to`
 * got from its directory's default list goes. The list speaks of the owning group, so
 * it is not copied when that differs. False: the lists may differ, and the group bits
 * of the mode of `from` may be its list's mask. */
bool sfpm_access_copy_list(int from, int to, bool same_group);

/* Copies the extended attributes "user.*". False: one or more are missing. */
bool sfpm_access_copy_attributes(int from, int to);

#endif
