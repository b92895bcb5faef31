#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-bytecode(5) has each instruction and trap of sfpm/opcode.h, with number,
# operand, stack effect and meaning, and no others.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# $CC may be a command with options.
# shellcheck disable=SC2086
listed() {
    $CC -std=c11 -I "$1/lib/api" -o opcodes "$top_srcdir/tests/policy/opcodes.c" && ./opcodes
}

# documented PAGE: what stands in its sections INSTRUCTIONS and TRAPS, an
# instruction with the first line of its text.
documented() {
    awk '
        /^\.Sh / { section = $2 }
        meaning { print; meaning = 0; next }
        section == "INSTRUCTIONS" && /^\.It Ic / { print; meaning = 1 }
        section == "TRAPS" && /^\.It Em / { print }' "$1"
}

# pairs: lines sorted, each instruction together with its meaning.
pairs() {
    awk '/^\.It Ic / { item = $0; next } { print item, $0; item = "" }' | LC_ALL=C sort
}

# agree DIR: DIR's page and DIR's header.
agree() {
    listed "$1" >listed && documented "$1/man/sfpm-bytecode.5" >documented || return 1
    pairs <listed >listed.pairs
    pairs <documented >documented.pairs
    diff -u listed.pairs documented.pairs && [ -s listed.pairs ]
}

expect agree "$top_srcdir"

# planted FILE COMMAND: a change to a copy is found.
planted() {
    rm -rf copy
    copy_sources copy
    sed "$2" "$top_srcdir/$1" >"copy/$1"
    expect_not cmp -s "$top_srcdir/$1" "copy/$1"
    catches agree copy
}
planted man/sfpm-bytecode.5 '/^\.It Ic i64\.xor/d'
planted man/sfpm-bytecode.5 's/Pq 0x7F/Pq 0x7B/'
planted man/sfpm-bytecode.5 's/^Bitwise and\.$/Bitwise or./'
planted man/sfpm-bytecode.5 's/^\.It Em stack overflow Pq 4/.It Em stack overflow Pq 5/'
planted lib/api/sfpm/opcode.h 's/X(0x1A, DROP/X(0x1C, DROP/'
