#!/bin/sh
# SPDX-License-Identifier: MIT
# Every fuzz target takes its seeds and some changes of each.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

fuzz=$top_builddir/tests/fuzz
[ -x "$fuzz/make_seeds" ] || skip "make_seeds was not built"

changes=100
[ "${SFPM_LONG:-0}" = 0 ] || changes=10000
succeeds "$fuzz/make_seeds" seeds "$top_srcdir"/examples/*.s
mkdir seeds/assembler
cp "$top_srcdir"/examples/*.s seeds/assembler
mkdir seeds/edits
split -l 1 -a 3 "$top_srcdir/tests/fuzz/edits.txt" seeds/edits/
mkdir seeds/script seeds/live
split -l 4 -a 3 "$top_srcdir/tests/fuzz/script.txt" seeds/script/
split -l 1 -a 3 "$top_srcdir/tests/fuzz/edits.txt" seeds/live/ # any bytes will do
# Changes of an image that were once answered with wrong advice, and one that made a type
# that nothing has verified lead out of the table.
printf '\013\000\000\000\000\000\013\004\000\376\001\000\013\013\000\156\157\144\145\000' >seeds/heap/address
printf '\000\056\000\000\013\004\001\121\001\000\013\010\002\013\000\062\067\000\177\000' >>seeds/heap/address
printf '\014\000\000\140\377\014\002\253\020' >>seeds/heap/address
printf '\154\135\163\000\001\000\114\040\072\016\070\040\004\024' >seeds/heap/type
for target in assembler edits script image chunks decrypt delta chain heap live machine module version1; do
    if [ "$target" = decrypt ] && ! [ -d seeds/decrypt ]; then
        continue # this build does not encrypt
    fi
    count=$changes
    case $target in heap | live) count=$((changes / 10)) ;; esac # these are slow
    succeeds "$fuzz/replay_$target" "$count" seeds/$target/*
    expect_stdout_match '^[1-9][0-9]* files$'
done
