/* SPDX-License-Identifier: MIT */
/*
 * What a file has in addition to owner, group and mode, to be copied to a new version
 * that replaces it: its access control list and the attributes that users gave it.
 * Systems other than Linux store them differently: nothing is copied there.
 */
#ifndef SFPM_IO_ACCESS_H
#define SFPM_IO_ACCESS_H

#include <stdbool.h>

/* Gives `to` the access control list of `from`, or none when `from` has none: what `to`
 * got from its directory's default list is removed. The list speaks of the owning group,
 * so it is not copied when that differs. False: the lists may differ, and the group bits
 * of the mode of `from` may be its list's mask. */
bool sfpm_access_copy_list(int from, int to, bool same_group);

/* Copies the extended attributes "user.*". False: one or more are missing. */
bool sfpm_access_copy_attributes(int from, int to);

#endif
