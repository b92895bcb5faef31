#!/bin/sh
# SPDX-License-Identifier: MIT
# AddressSanitizer and valgrind report the use of free memory of a heap and, if that is
# wanted, of the bytes behind a block; and nothing of what the library itself does.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

library=$top_builddir/.libs
[ -f "$library/libsfpm.so" ] || skip "libsfpm.so was not built"
! grep -q __tsan_init "$library/libsfpm.so" || skip "programs with other sanitizers are not linked here"
faults='freed large freed-before-commit freed-after-commit freed-before-restore
    freed-before-abandon freed-before-job behind behind-after-commit'

# build NAME FLAG...
build() {
    build_name=$1
    shift
    # shellcheck disable=SC2086
    $CC -std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Werror "$@" -I "$top_srcdir/lib/api" -o "$build_name" \
        "$top_srcdir/tests/tools/watched.c" -L "$library" -lsfpm 2>log
}

# finds WORD COMMAND...: all faults, each of which is then called WORD, and no others.
finds() {
    finds_word=$1
    shift
    for fault in $faults; do
        rm -f a.img f.img
        expect_status 99 "$@" "$fault"
        expect_stderr_match "$finds_word"
    done
    succeeds "$@" work
    expect_stdout 'all is well'
    expect_not grep -e ERROR -e 'Invalid ' -e uninitialised "$stderr"
}

ASAN_OPTIONS=detect_leaks=0:exitcode=99:handle_segv=0
export ASAN_OPTIONS
asan=
if build watched -fsanitize=address; then
    finds 'use-after-poison' ./watched
    asan=yes
fi
if grep -q __asan_init "$library/libsfpm.so"; then
    expect test "$asan" = yes
    exit
fi

# The control: without them, nothing is found.
expect build watched
for fault in $faults; do
    rm -f a.img f.img
    succeeds ./watched "$fault"
    expect_stdout 'nothing was found'
done
succeeds ./watched work

if command -v valgrind >/dev/null && grep -q '^DEFS = .*HAVE_VALGRIND_MEMCHECK_H=1' "$top_builddir/Makefile"; then
    finds 'Invalid read' valgrind -q --error-exitcode=99 ./watched
elif [ -z "$asan" ]; then
    skip 'neither AddressSanitizer nor valgrind'
fi
