#!/bin/sh
# SPDX-License-Identifier: MIT
# A full disk, and errors of the disk, while sfpm-convert -i writes an image anew: it
# says so and the old image is there, or it succeeds.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"

errors='ENOSPC EIO'
if [ "${SFPM_LONG:-0}" = 0 ]; then
    stride=$((stride * 3))
else
    errors="$errors EDQUOT EINTR ENOMEM EPERM"
fi
for operation in compact keep flatten recode; do
    # shellcheck disable=SC2086
    expect sweep_errors "$operation" $errors
done
echo "$tried calls failed" >&9

exec 9>/dev/null
stride=1
expect_not sweep_errors careless ENOSPC
