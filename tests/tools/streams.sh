#!/bin/sh
# SPDX-License-Identifier: MIT
# Pipes, full disks, closed streams, terminals.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

sfpm-save -o a.img "$sum"
cp a.img before

succeeds sh -c "sfpm-save '$sum' | sfpm-run -"
expect_stdout 15
succeeds sh -c "sfpm-save '$sum' | sfpm-patch - 3=20 | sfpm-run -"
expect_stdout 30
expect_stderr 'code[3]: 5 -> 20 (main+3)'
succeeds sh -c "sfpm-save '$sum' | sfpm-patch -q - 3=20 | sfpm-patch -q --undo - | sfpm-run -o - - 2>said | sfpm-inspect --text -"
expect_stdout_match '^machine halted$'
expect_stdout_match '^stack 0 15$'
expect grep -qx 15 said

# full STATUS COMMAND...: no room on the disk
full() {
    full_status=$1
    shift
    # shellcheck disable=SC2016
    expect_status "$full_status" sh -c '"$@" >/dev/full' sh "$@"
    expect_stderr_match ': standard output: .*No space left on device$'
}
if [ -c /dev/full ]; then
    full 125 sfpm-run a.img
    full 125 sfpm-run -i a.img
    full 125 sfpm-run -o - a.img
    full 1 sfpm-save "$sum"
    full 1 sfpm-patch -q a.img 3=20
    full 1 sfpm-inspect a.img
    full 1 sfpm-inspect --json a.img
    full 1 sfpm-inspect --help
    full 1 sfpm-patch --version
    full 125 sfpm-run --version
    expect_same a.img before
fi

# gone STATUS COMMAND...: nobody reads. Quiet, but not success.
gone() {
    gone_status=$1
    shift
    # shellcheck disable=SC2016
    expect_status "$gone_status" sh -c '
        mkfifo pipe || exit 99
        exec 3<>pipe 4>pipe 3<&-
        rm pipe
        "$@" >&4' sh "$@"
    expect_stderr ''
}
gone 125 sfpm-run a.img
gone 125 sfpm-run -i a.img
gone 1 sfpm-save "$sum"
gone 1 sfpm-patch -q a.img 3=20
gone 1 sfpm-inspect a.img
expect_same a.img before

# A closed standard output is no place for what a file gets.
# shellcheck disable=SC2016
expect_status 125 sh -c 'sfpm-run -i a.img >&-'
expect_same a.img before
expect_status 1 sh -c "sfpm-save '$sum' >&-"
expect_status 1 sh -c 'sfpm-inspect a.img >&-'
succeeds sh -c 'sfpm-patch -i a.img 3=20 >&- 2>&-'
succeeds sfpm-inspect --verify a.img
succeeds sfpm-run a.img
expect_stdout 30
expect_status 125 sh -c 'sfpm-run - <&-'

# No image to a terminal; colours only there, and not with NO_COLOR.
needs script
# on_terminal COMMAND: what it says on a terminal is in `typed`
on_terminal() {
    terminal_status=0
    script -qec "$1" /dev/null >typed </dev/null || terminal_status=$?
}
on_terminal "sfpm-save '$sum'"
expect test "$terminal_status" -eq 2
expect grep -q 'terminal' typed
on_terminal 'sfpm-patch a.img 3=1'
expect test "$terminal_status" -eq 2
on_terminal 'sfpm-run -o - a.img'
expect test "$terminal_status" -eq 125
on_terminal 'sfpm-run a.img'
expect test "$terminal_status" -eq 0
expect grep -q '^30' typed
escape=$(printf '\033')
on_terminal 'TERM=xterm sfpm-inspect a.img'
expect grep -q "^${escape}\[1mRegions${escape}\[0m" typed
expect grep -q "^${escape}\[1ma\.img" typed
on_terminal 'TERM=xterm NO_COLOR= sfpm-inspect a.img'
expect grep -q "$escape" typed
on_terminal 'TERM=dumb sfpm-inspect a.img'
expect_not grep -q "$escape" typed
on_terminal 'TERM=xterm NO_COLOR=1 sfpm-inspect a.img'
expect_not grep -q "$escape" typed
succeeds sfpm-inspect a.img
expect_not grep -q "$escape" "$stdout"

# A run that is stopped says on a terminal what became of its state.
printf 'loop: br loop\n' >stopped.s
sfpm-save -o stopped.img stopped.s
on_terminal 'sfpm-run --steps 5 stopped.img'
expect test "$terminal_status" -eq 124
expect grep -q 'stopped\.img: stopped, and its state is lost: to keep it, use -i or -o FILE' typed
on_terminal 'sfpm-run --steps 5 -i stopped.img'
expect grep -q "stopped\.img: stopped: continue with 'sfpm-run -i stopped\.img'" typed
on_terminal 'sfpm-run --steps 5 -o later.img stopped.img'
expect grep -q "stopped\.img: stopped: continue with 'sfpm-run later\.img'" typed
expect_status 124 sfpm-run --steps 5 stopped.img
expect_stderr ''

# A trace that nobody reads, or that has no room, ends the run.
printf 'loop: br loop\n' >loop.s
sfpm-save -o loop.img loop.s
{
    traced=0
    # shellcheck disable=SC3045 # all shells that there are know -t
    (ulimit -t 100 && exec sfpm-run --trace loop.img 2>&1 >out) || traced=$?
    echo "$traced" >traced
} | head -n 1 >first
expect grep -q 'br loop' first
expect test "$(cat traced)" = 125
[ ! -c /dev/full ] || expect_status 125 sh -c 'ulimit -t 100; sfpm-run --trace loop.img 2>/dev/full'
# The program's words go there with -o -, and those without a newline count as well.
printf 'push 65\nprint_char\nhalt\n' >word.s
sfpm-save -o word.img word.s
[ ! -c /dev/full ] || expect_status 125 sh -c 'sfpm-run -o - word.img 2>/dev/full >out'
succeeds sh -c 'sfpm-run -o - word.img >out'
expect test "$(cat "$stderr")" = A

# A line of a message is written at once, so that tools side by side do not mix theirs.
needs_strace
name=$(printf '%0200d' 0)
expect_status 1 strace -f -o calls -e trace=write sfpm-inspect "$name"
expect_stderr_match "^sfpm-inspect: $name: .*No such file"
expect test "$(grep -c 'write(2,' calls)" = 1
