#!/bin/sh
# SPDX-License-Identifier: MIT
# What bad input gets: every tool that reads an image says what is wrong, with
# its exit status for failures, and changes nothing.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

# refused RE FILE: all tools refuse FILE with a message that matches.
refused() {
    cp "$2" before 2>/dev/null || :
    expect_status 1 sfpm-inspect "$2"
    expect_stderr_match "^sfpm-inspect: $2: $1"
    expect_stdout ''
    expect_status 1 sfpm-inspect --verify "$2"
    expect_status 1 sfpm-patch -i "$2" 3=20
    expect_stderr_match "^sfpm-patch: $2: $1"
    expect_status 125 sfpm-run -i "$2"
    expect_stderr_match "^sfpm-run: $2: $1"
    expect_stdout ''
    [ ! -f "$2" ] || expect_same "$2" before
}

mkdir directory
: >empty
refused 'No such file or directory$' nothing
refused 'Is a directory$' directory
refused 'the file is empty' empty
sfpm-save -o a.img "$sum"
refused 'invalid commit: commits are numbered from 1; @-1 is the one before the last$' a.img@0
sfpm-patch -q -i a.img 3=20
cp a.img locked
chmod 0 locked
expect_status 1 unprivileged sfpm-inspect locked
expect_stderr 'sfpm-inspect: locked: Permission denied'
expect_status 1 unprivileged sfpm-patch -i locked 3=20
expect_status 125 unprivileged sfpm-run locked
chmod 400 locked
expect_status 1 unprivileged sfpm-patch -i locked 3=20
expect_stderr_match '^sfpm-patch: locked: .*Permission denied'

head -c 5000 "$sum" >text
refused 'not an sfpm image, but text: sfpm-save makes one from a program$' text
printf x >x
refused 'not an sfpm image' x
printf '\1\2\3\4' >x
refused 'not an sfpm image \(bad magic 0x04030201\)$' x

# Truncated and flipped, at many places: an error that names a place, or the
# last whole commit with a warning; never another result.
whole=$(size a.img)
first=$(sfpm-inspect --log a.img | sed -n 's/^commit 1 .* \([0-9]*\) bytes.*/\1/p')
last=$((64 + first))
expect test "$whole" -gt "$last"
for at in 1 63 64 100 $((last - 1)); do
    head -c "$at" a.img >cut.img
    expect_status 1 sfpm-inspect cut.img
    expect_status 125 sfpm-run cut.img
    expect_stdout ''
done
head -c $((last - 1)) a.img >cut.img
refused '.*(truncated|end|unfinished|no complete commit|complete)' cut.img
# tear FILE AT: what a write that was interrupted there leaves
tear() {
    head -c "$2" "$1" >torn.img
    succeeds sfpm-run torn.img
    expect_stderr_match '^sfpm-run: torn\.img: warning: '
    expect test "$(grep -c warning "$stderr")" -eq 1
    expect_status 1 sfpm-inspect --verify torn.img
    expect_stderr_match '^sfpm-inspect: torn\.img: '
    expect test "$(wc -l <"$stderr")" -eq 1
}
at=$((last + 1))
while [ "$at" -lt "$whole" ]; do
    tear a.img "$at"
    expect test "$(sfpm-run torn.img 2>warning)" = 15
    # The next append keeps what is whole, also when it is interrupted itself.
    succeeds sfpm-patch -i torn.img 3=7
    expect_stderr_match 'warning: '
    succeeds sfpm-inspect --verify torn.img
    succeeds sfpm-run torn.img
    expect_stdout 17
    expect_stderr ''
    cp torn.img again.img
    tear again.img $(($(size again.img) - 50))
    succeeds sfpm-patch -i torn.img 3=8
    succeeds sfpm-inspect --verify torn.img
    succeeds sfpm-run torn.img
    expect_stdout 18
    at=$((at + 61))
done
at=0
while [ "$at" -lt "$whole" ]; do
    cp a.img flipped.img
    flip flipped.img "$at"
    expect_status 1 sfpm-inspect --verify flipped.img
    expect test -s "$stderr"
    status=0
    sfpm-run flipped.img >out 2>err || status=$?
    # Damage in what only the first commit uses does not matter to the last.
    case $status:$(cat out) in
    125:)
        expect grep -q '^sfpm-run: flipped\.img: ' err
        # What an inspection meets of it is told as well.
        expect_status 1 sfpm-inspect flipped.img
        expect_stderr_match '^sfpm-inspect: flipped\.img: '
        expect_status 1 sfpm-inspect --json flipped.img
        shown=$(sfpm-inspect --text flipped.img 2>/dev/null) || shown=
        case $shown in '' | *'machine refused '*) ;; *) fail "nothing is refused" ;; esac
        ;;
    0:30) ;;
    0:15) expect grep -q 'warning: ' err ;;
    *) fail "bit flipped at $at: status $status, output $(cat out)" ;;
    esac
    at=$((at + 29))
done
cp a.img flipped.img
flip flipped.img 20
refused '.*header.*' flipped.img

# Newer than this build.
sfpm-save -o b.img "$sum"
cp b.img feature.img
forge feature feature.img
refused '.*feature' feature.img
cp b.img version.img
forge version version.img
refused '.*version 3' version.img

# What the verifier refuses never runs, whatever wrote it: nothing is printed.
# not_run EDITS RE
not_run() {
    # shellcheck disable=SC2086
    sfpm-patch -q --force -o v.img b.img $1
    expect_status 125 sfpm-run v.img
    expect_stdout ''
    expect_stderr_match "^sfpm-run: v\.img: $2"
}
not_run 4=0xFE 'code\[4\] \(main\+4\): unknown opcode 0xFE'
not_run 6=6 'code\[6\] \(main\+6\): '
not_run 0=1 'code\[0\] \(main\): stack underflow'
printf 'push 1\nagain: nop\nbr again\nhalt\n' >jump.s
sfpm-save -o b.img jump.s
not_run 4=1 'code\[[0-9]+\] \([a-z]+\+?[0-9]*\): '
# A state that is not the program's.
sfpm-save -o b.img "$sum"
sfpm-run --steps 3 -i b.img || expect test $? -eq 124
place=$(sfpm-inspect --text b.img | sed -n 's/^pc \([0-9]*\)$/\1/p')
expect test "$place" -eq 5
for edit in stack:0/u64=99 stack:8/u64=99 state:8/u64=3; do
    sfpm-patch -q --force -o v.img b.img "$edit"
    status=0
    sfpm-run v.img >out 2>err || status=$?
    expect test "$status:$(cat out)" = 125: -o "$status:$(cat out)" = 0:15
done
