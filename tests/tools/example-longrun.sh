#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/longrun comes to the same end however often it is stopped or killed.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
# The program itself, not libtool's wrapper, so that signals meet it.
longrun=$top_builddir/examples/.libs/longrun
[ -x "$longrun" ] || longrun=$top_builddir/examples/longrun

size() {
    if [ -e "$1" ]; then wc -c <"$1"; else echo 0; fi
}

# changed_from SIZE: there is another commit in parts.img.
changed_from() {
    [ "$(size parts.img)" != "$1" ]
}

# interrupt SIGNAL STATUS: starts it, sends the signal once it has committed, and
# expects that exit status.
interrupt() {
    before=$(size parts.img)
    "$longrun" parts.img 1000000000 0.02 >output 2>errors &
    process=$!
    until_true changed_from "$before"
    kill -"$1" "$process"
    status=0
    wait "$process" || status=$?
    expect test "$status" -eq "$2"
}

# same_end STEPS: from parts.img and from the start the result is the same.
same_end() {
    rm -f whole.img
    succeeds "$longrun" parts.img "$1"
    cp "$stdout" parts
    succeeds "$longrun" whole.img "$1"
    expect_stdout_match "^step $1: [0-9]+ trees, [0-9]+ burnt, random [0-9a-f]{16}$"
    cmp -s parts "$stdout"
}

interrupt TERM 124
expect grep -q '^longrun: stopped at step [0-9]*; start again to go on$' errors
interrupt KILL 137
interrupt KILL 137
interrupt TERM 124
# Less than 4 when a kill met the first commit of its process.
expect grep -q '^longrun: goes on at step [0-9]*, start [234]$' errors

# Where it is now: a run to a step that is behind it ends at once.
succeeds "$longrun" parts.img 1
step=$(sed 's/^step \([0-9]*\):.*/\1/' "$stdout")
expect same_end "$step"
expect same_end $((step + 500))
# The control: another number of steps is another end.
expect_not same_end $((step + 400))

expect_status 2 "$longrun" parts.img
expect_status 2 "$longrun" parts.img 10 x
echo 'not an image' >bad.img
expect_status 1 "$longrun" bad.img 10
expect_stderr_match '^longrun: bad.img: not an sfpm image'
