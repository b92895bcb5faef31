#!/bin/sh
# SPDX-License-Identifier: MIT
# Commits as operands: FILE@N, FILE@-N, and files whose names look so.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

sfpm-save -o a.img "$sum"
sfpm-patch -q -i a.img 3=20
sfpm-patch -q -i a.img 3=30
for pair in @1=15 @2=30 @3=40 @-1=30 @-2=15 =40; do
    succeeds sfpm-run "a.img${pair%=*}"
    expect_stdout "${pair#*=}"
done
for missing in @4 @-3 @99999999999; do
    expect_status 125 sfpm-run "a.img$missing"
    expect_stderr_match "^sfpm-run: a\.img$missing: there is no commit"
done
expect_status 1 sfpm-inspect a.img@4
# These are names, and there is no such file.
for name in a.img@ a.img@x a.img@1x a.img@+1 a.img@99999999999999999999 @1; do
    expect_status 1 sfpm-inspect "$name"
    expect_stderr "sfpm-inspect: $name: No such file or directory"
done
expect_status 1 sfpm-inspect b.img@1
expect_stderr 'sfpm-inspect: b.img@1: No such file or directory'

# A file of that very name wins.
sfpm-save -o a.img@1 divide.s
expect_status 126 sfpm-run a.img@1
expect_status 126 sfpm-run -i a.img@1
succeeds sfpm-inspect --log a.img@1
expect test "$(grep -c ^commit "$stdout")" -eq 2
rm a.img@1

# As output it is only a name.
cp a.img before
succeeds sfpm-patch -q -o a.img@2 a.img 3=1
expect test -f a.img@2
rm a.img@2
# An earlier commit is continued after the last one.
succeeds sfpm-patch -q -o b.img a.img@1 1=1
succeeds sfpm-run b.img
expect_stdout 6
succeeds sfpm-inspect b.img
expect_stdout_match '^  commit +4 of 4, made on 1$'
expect_status 125 sfpm-run -i a.img@2
expect_stderr_match "^sfpm-run: -i: 'a\.img@2' is an earlier commit, .*'sfpm-patch -i --undo-to 2 a\.img'"
expect_status 2 sfpm-patch -i a.img@-1 3=1
expect_stderr_match "'sfpm-patch -i --undo-to 2 a\.img'"
expect_status 2 sfpm-convert --flatten -i a.img@-1
expect_stderr_match "'sfpm-patch -i --undo-to 2 a\.img'"
expect_same a.img before
# What the message says works: the program of that commit runs, in place, and history stays.
succeeds sfpm-patch -q -i --undo-to 2 a.img
succeeds sfpm-run -i a.img
succeeds sfpm-inspect a.img
expect_stdout_match '^  commit +5 of 5, made on 4$'
succeeds sfpm-inspect a.img@4
expect_stdout_match '^  commit +4 of 5, made on 3, the state of 2$'
