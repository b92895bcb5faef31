#!/bin/sh
# SPDX-License-Identifier: MIT
# No space, and errors of the disk, at every call that touches files: the operation
# says so and the old image is there, or it succeeds; never is one silent.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"

errors='ENOSPC EIO'
[ "${SFPM_LONG:-0}" = 0 ] || errors="$errors EDQUOT EINTR ENOMEM EPERM"

for operation in new_file save commit background patch undo tool; do
    # shellcheck disable=SC2086
    expect sweep_errors "$operation" $errors
done
echo "$tried calls failed" >&9

exec 9>/dev/null
stride=1
expect_not sweep_errors overwrite ENOSPC
