#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/heap-words goes on in fresh processes, at the heap's own address and, when that
# is taken, at another one; sfpm-inspect shows its heap.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
words=$top_builddir/examples/heap-words
"$words" w.img >/dev/null 2>&1
[ $? -ne 77 ] || skip "built without uthash.h and bsd/sys/tree.h"
rm -f w.img

# More words than one row of buckets is for.
i=0
many=''
while [ $i -lt 2000 ]; do
    many="$many w$i"
    i=$((i + 1))
done
# shellcheck disable=SC2086 # many words
succeeds "$words" w.img $many the cat the
cp "$stderr" first
succeeds "$words" w.img
cp "$stdout" counted
expect test "$(wc -l <counted)" = 2002
expect_stdout_match '^2 the$'
expect_same first "$stderr"

# Elsewhere, twice, and back.
HEAP_WORDS_TAKEN=1
export HEAP_WORDS_TAKEN
cp w.img before.img
succeeds "$words" w.img
expect_same counted "$stdout"
expect_not cmp -s first "$stderr"
succeeds "$words" w.img the dog
expect_stdout_match '^3 the$'
expect_stdout_match '^1 dog$'
unset HEAP_WORDS_TAKEN
succeeds "$words" w.img dog
expect_stdout_match '^2 dog$'
expect_stdout_match '^1 w1999$'

succeeds sfpm-inspect before.img
expect_stdout_match '^Heap words$'
expect_stdout_match '^  unreachable  0 blocks of 0 bytes$'
expect_stdout_match '^  roots        book: book, 16 bytes'
expect_stdout_match '^ *2002 .* word$'
succeeds sfpm-inspect --text before.img
expect_stdout_match '^heap-type words word blocks 2002 '
succeeds sfpm-inspect --json before.img
expect_stdout_match '"heaps":\[{"region":"words",.*"unreachable_blocks":0,'

# A heap whose tables are damaged, with right checksums: it says so, and nothing is lost.
# Edits that damage them are refused, unless forced.
expect_status 1 sfpm-patch -o bad.img w.img words:65568/u32=99
expect_stderr_match "segment count 99 does not match its size of .*; nothing is written"
expect_no_file bad.img
succeeds sfpm-patch -q --force -o bad.img w.img words:65568/u32=99
expect_status 1 sfpm-inspect bad.img
expect_stderr_match "^sfpm-inspect: bad\.img: heap 'words': segment count 99 does not match its size of "
expect_stdout_match "^  unreadable   heap 'words': segment count 99 does not match its size of "
succeeds sfpm-inspect --text bad.img
expect_stdout_match "^heap-refused words heap 'words': segment count 99 does not match its size of "
expect_status 1 sfpm-inspect --json bad.img
expect_stdout_match "\"heaps\":\[{\"region\":\"words\",\"refused\":\"heap 'words': segment count 99 does not match its size of "
cp bad.img before.img
expect_status 1 "$words" bad.img cat
expect_stderr_match "^heap-words: bad.img: heap 'words': segment count 99 does not match its size of "
expect_same before.img bad.img
