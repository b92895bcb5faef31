#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/counter counts its runs, and is as small as the README says.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
counter=$top_builddir/examples/counter

for run in 1 2 3; do
    succeeds "$counter"
    expect_stdout "Run $run"
    expect_stderr ''
done
rm counter.img
succeeds "$counter"
expect_stdout 'Run 1'

# What it cannot read it does not overwrite.
echo 'not an image' >counter.img
expect_status 1 "$counter"
expect_stdout ''
expect_stderr_match '^counter: counter.img: not an sfpm image'
expect test "$(cat counter.img)" = 'not an image'

expect test "$(wc -l <"$top_srcdir/examples/counter.c")" -lt 40
