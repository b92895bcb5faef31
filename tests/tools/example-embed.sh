#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/embed goes on where it was, in some sixty lines.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
embed=$top_builddir/examples/embed

for total in 5 10 15; do
    succeeds "$embed"
    expect_stdout "The total is $total"
done
succeeds sfpm-patch -q -i embed.img globals:0/i64=100
succeeds "$embed"
expect_stdout 'The total is 105'

# sfpm-run offers no function of that name, and says so.
expect_status 125 sfpm-run embed.img
expect_stderr_match 'host\.say \(i64\)$'
echo 'not an image' >embed.img
expect_status 1 "$embed"
expect_stderr_match '^embed: embed.img: not an sfpm image'

expect test "$(wc -l <"$top_srcdir/examples/embed.c")" -le 62
