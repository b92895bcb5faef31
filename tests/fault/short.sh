#!/bin/sh
# SPDX-License-Identifier: MIT
# Transfers that move less than was asked for, each of them and all at once: every
# operation, and every tool that reads or prints, does the rest.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"
[ -e "$short" ] || skip 'the module to be preloaded was not built'
# A sanitized program would insist on coming first.
ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
export ASAN_OPTIONS

[ "${SFPM_LONG:-0}" != 0 ] || stride=$((stride * 9))
for operation in new_file save commit background patch undo run tool compact encrypt; do
    expect sweep_short "$operation"
done
for printing in $printings; do
    expect sweep_short "$printing"
done
echo "$tried transfers cut short" >&9

exec 9>/dev/null
stride=1
expect_not sweep_short overwrite
