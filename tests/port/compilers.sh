#!/bin/sh
# SPDX-License-Identifier: MIT
# Whichever compiler built the library, and however far it optimised, a program prints the
# same and leaves the same image, byte for byte. Part of make check-long and .ci/run.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/port/lib.sh"
needs gcc clang

# Images name the program that made them, so the programs have one name.
mkdir gcc-O0 gcc-O3 clang
build gcc gcc-O0/portable -O0
build gcc gcc-O3/portable -O3
engine_flags=-O0
build clang clang/portable -O2

# leaves DIRECTORY: what the examples print and leave there after 3,000 instructions and at
# their end, in place of the program.
leaves() {
    cd "$1" || exit
    for source in "$top_srcdir"/examples/*.s; do
        name=$(basename "$source" .s)
        {
            # One divides by zero at once.
            if ./portable "$source" "$name.img" 3000; then
                cp "$name.img" "$name.part.img"
                ./portable "$name.img"
            fi
        } >"$name.out" 2>&1
    done
    rm portable portable.o
    cd .. || exit
}
leaves gcc-O0
leaves gcc-O3
leaves clang
expect test "$(ls gcc-O0/*.img | wc -l)" -ge 14
expect diff -r gcc-O0 gcc-O3
expect diff -r gcc-O0 clang

# One byte that differs is found.
printf x >>clang/sum.img
expect_not diff -r gcc-O0 clang
