#!/bin/sh
# SPDX-License-Identifier: MIT
# An image of bytecode version 3 that an earlier release made is read and goes on, whatever
# has changed since: tests/images/references.img is references.s there, stopped after 101
# instructions in a call through a table.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

kept=$top_srcdir/tests/images/references.img
cp "$top_srcdir/tests/images/references.s" .
cp "$kept" kept.img
succeeds sfpm-inspect --verify kept.img

for engine in fast simple; do
    succeeds sfpm-run --engine $engine "$kept"
    expect_stdout '149
25
192'
    succeeds sfpm-run --engine $engine --fresh "$kept"
    expect_stdout '25
106
25
149
25
192'
done

# The state that this release makes of the same program is the same to the byte.
sfpm-save -o start.img references.s
expect_status 124 sfpm-run --steps 101 -o now.img start.img
succeeds sfpm-diff "$kept" now.img
expect_status 124 sfpm-run --steps 102 -o now.img start.img
expect_status 1 sfpm-diff "$kept" now.img
