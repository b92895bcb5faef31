#!/bin/sh
# SPDX-License-Identifier: MIT
# Whichever compiler built the library, and however far it optimised, a program prints the
# same and leaves the same image, byte for byte. Part of make check-long and .ci/run.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/port/lib.sh"
needs gcc clang

# leaves PROGRAM DIRECTORY: what the examples print and leave after 3,000 instructions
# and at their end.
leaves() {
    mkdir "$2"
    for source in "$top_srcdir"/examples/*.s; do
        name=$2/$(basename "$source" .s)
        {
            "$1" "$source" "$name.img" 3000
            cp "$name.img" "$name.part.img"
            "$1" "$name.img" || echo "status $?" # one divides by zero
        } >"$name.out" 2>&1
    done
}

build gcc ./plain -O0
build gcc ./fast -O3
engine_flags=-O0
build clang ./other -O2
leaves ./plain gcc-O0
leaves ./fast gcc-O3
leaves ./other clang
expect test "$(ls gcc-O0/*.img | wc -l)" -ge 16
expect diff -r gcc-O0 gcc-O3
expect diff -r gcc-O0 clang

# One byte that differs is found.
printf x >>clang/sum.img
expect_not diff -r gcc-O0 clang
