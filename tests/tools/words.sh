#!/bin/sh
# SPDX-License-Identifier: MIT
# Messages name the cause and the remedy that works, not what a reader has no use for.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

# A file of another kind is called what it is.
printf 'push 1\nhalt\n' >text.s
gzip -c text.s >text.gz
for file in "text.gz gzip data" \
    "text.s text: sfpm-save makes one from a program" \
    "$top_builddir/bin/.libs/sfpm-run an ELF file"; do
    name=${file%% *}
    [ -e "$name" ] || continue
    expect_status 1 sfpm-inspect "$name"
    expect_stderr "sfpm-inspect: $name: not an sfpm image, but ${file#* }"
    expect_status 125 sfpm-run "$name"
done
if command -v zstd >/dev/null; then
    zstd -q -o text.zst text.s
    expect_status 1 sfpm-inspect text.zst
    expect_stderr 'sfpm-inspect: text.zst: not an sfpm image, but zstd data'
fi

# version1 SP PC SIZE: the original machine, with these registers
version1() {
    original_header 2080
    zeros 1024
    u32 "$1"
    printf '\0\12\0\5\1\4\5'
    zeros 1017
    u32 0
    u64 "$3"
    u64 "$2"
    u32 0
    u32 1
}

# A wrong stack, which the original could not leave behind: restarting helps.
version1 0 5 7 >good.img
succeeds sfpm-run good.img
version1 1 5 7 >stuck.img
expect_status 125 sfpm-run stuck.img
expect_stderr 'sfpm-run: stuck.img: code[5] (main+5): the stack has 2 values here, but the code expects 1: use sfpm-run --restart to run it from the beginning'
succeeds sfpm-inspect stuck.img
expect_stdout_match 'cannot run .*: use sfpm-run --restart'
succeeds sfpm-run --restart stuck.img
expect_stdout 15

# What the original writes after its Reset is empty.
version1 4294967295 0 0 >empty.img
cp empty.img before.img
succeeds sfpm-inspect empty.img
expect_stdout_match '^  state        empty: there is no program$'
succeeds sfpm-inspect --disassemble empty.img
expect_stdout ''
succeeds sfpm-run empty.img
expect_stdout ''
succeeds sfpm-run --restart empty.img
succeeds sfpm-run --fresh empty.img
expect_status 2 sfpm-patch -i empty.img 0=5
expect_stderr_match 'outside code, which has 0 bytes$'
expect_same empty.img before.img
succeeds sfpm-run -i empty.img
succeeds sfpm-run -i empty.img
succeeds sfpm-inspect --verify empty.img
succeeds sfpm-convert --to-v2 -o two.img empty.img
succeeds sfpm-run two.img
expect_stdout ''

# Damage: where to see all of it, and the two ways to what is intact.
sfpm-save -o a.img "$sum"
sfpm-patch -q -i a.img 3=20
flip a.img $(($(size a.img) - 200)) # the index of the last commit
remedy='sfpm-inspect --verify lists all damage, sfpm-convert --salvage recovers what is intact, and FILE@N is an earlier commit'
expect_status 125 sfpm-run a.img
expect_stderr_match "^sfpm-run: a\.img: .*damaged.*: $remedy$"
expect_status 1 sfpm-patch -i a.img 3=30
expect_stderr_match "^sfpm-patch: a\.img: .*: $remedy$"
succeeds sfpm-run a.img@1
expect_stdout 15
succeeds sfpm-run a.img@-1
expect_stdout 15
expect_status 1 sfpm-inspect --verify a.img
succeeds sfpm-convert --salvage -o rest.img a.img
succeeds sfpm-run rest.img
expect_stdout 15

# A backslash is not the beginning of an escape in the text.
sfpm-save -o esc.img -d "$(printf '\033[0m \\x1b[0m')" "$sum"
for option in --text --log ''; do
    # shellcheck disable=SC2086 # none or one
    succeeds sfpm-inspect $option esc.img
    [ "$option" = --log ] || expect_stdout_match 'description +\\x1b\[0m \\\\x1b\[0m$'
done
succeeds sfpm-inspect --json esc.img
expect_stdout_match '\\u001b\[0m \\\\x1b\[0m'
