#!/bin/sh
# SPDX-License-Identifier: MIT
# Errors at every system call of the tools that read and print, and of a run: what is
# printed is right, or the tool says what failed and exits with another status.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"

# Each error at a sample of the calls; in check-long, at all.
[ "${SFPM_LONG:-0}" != 0 ] || stride=$((stride * 7))
# The C library does not write again to standard output what a signal interrupted.
interruptible=
for operation in run $printings; do
    expect sweep_errors "$operation" EIO EINTR ENOMEM EDQUOT
done
echo "$tried calls failed" >&9

# A control, which does not look at what goes wrong.
exec 9>/dev/null
stride=1
expect_not sweep_errors overwrite EDQUOT
