#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-patch writes no heap that the program would refuse; sfpm-diff names the blocks that
# differ.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
words=$top_builddir/examples/heap-words
"$words" w.img >/dev/null 2>&1
[ $? -ne 77 ] || skip "built without uthash.h and bsd/sys/tree.h"
rm -f w.img
succeeds "$words" w.img the cat the
cp w.img before.img

# ---- Bytes of a block can be changed; of the tables, only to what is consistent.
succeeds sfpm-inspect --text w.img
region=$(sed -n 's/^heap \([^ ]*\) blocks.*/\1/p' "$stdout")
expect test -n "$region"
# The number of segments, the magic, and a kind of unit.
for edit in 65568/u32=9 65536/u64=0 8128/u8=7; do
    expect_status 1 sfpm-patch -i w.img "$region:$edit"
    expect_stderr_match "w.img: heap '$region': .*; nothing is written \(--force writes it, but the heap cannot be restored\)"
    expect_same before.img w.img
    expect_status 1 sfpm-patch -n w.img "$region:$edit"
done
# The control: the program refuses what is written by force.
succeeds sfpm-patch -q -i --force w.img "$region:8128/u8=7"
expect_status 1 "$words" w.img
expect_stderr_match "heap '$region'"
# What is wrong already can be repaired, and must be.
expect_status 1 sfpm-patch -i w.img "$region:65568/u32=9"
succeeds sfpm-patch -q -i --undo w.img
succeeds "$words" w.img
expect_stdout_match '^2 the$'

# ---- What differs has type and root.
cp before.img w.img
succeeds "$words" w.img cat
expect_status 1 sfpm-diff w.img@1 w.img@2
expect_stdout_match "^Blocks of $region"
expect_stdout_match '^  [0-9a-f]{8}  changed    word, [0-9]+ bytes, from root [a-z]+$'
succeeds "$words" w.img dog
expect_status 1 sfpm-diff w.img@2 w.img@3
expect_stdout_match '^  [0-9a-f]{8}  allocated  .*, [0-9]+ bytes, from root [a-z]+$'
expect_status 1 sfpm-diff w.img@3 w.img@2
expect_stdout_match '^  [0-9a-f]{8}  freed      .*, [0-9]+ bytes'
expect_status 1 sfpm-diff --json w.img@1 w.img@2
expect_stdout_match '"blocks":\[.*"type":"word","root":"[a-z]+","change":"changed"\}'
