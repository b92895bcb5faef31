#!/bin/sh
# SPDX-License-Identifier: MIT
# The README describes each sample that the program makes, and no other; and the
# samples are the same each time.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

make_samples=$top_builddir/tests/images/make_samples
[ -x "$make_samples" ] || skip "make_samples was not built"

mkdir one two
succeeds "$make_samples" one
(cd one && printf '%s\n' *.img) | sed 's/\.img$//' >made
grep -oE '^(good|bad|unsupported)-[a-z0-9-]+ ' "$top_srcdir/tests/images/README" |
    tr -d ' ' | LC_ALL=C sort >described
LC_ALL=C sort -o made made
expect_same made described

succeeds "$make_samples" two
expect diff -r one two
