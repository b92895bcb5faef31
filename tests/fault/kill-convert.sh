#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL at system calls of sfpm-convert -i, at all of them in the long test: every
# commit of the old image is there as it was, or every one of the new.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"

[ "${SFPM_LONG:-0}" != 0 ] || stride=$((stride * 4))
operations='compact keep flatten recode'
printf '%032d' 7 >"$test_state/key"
if echo 'halt' | sfpm-save - | sfpm-convert --encrypt --key-file "$test_state/key" - >/dev/null 2>&1; then
    operations="$operations encrypt"
fi
for operation in $operations; do
    expect sweep_kill "$operation"
done
echo "$tried times killed" >&9

exec 9>/dev/null
stride=1
expect_not sweep_kill careless
