#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/longrun comes to the same end however often it is stopped or killed.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
# The program itself, not libtool's wrapper, so that signals meet it.
longrun=$top_builddir/examples/.libs/longrun
[ -x "$longrun" ] || longrun=$top_builddir/examples/longrun
steps=6000

succeeds "$longrun" whole.img "$steps"
expect_stdout_match "^step $steps: [0-9]+ trees, [0-9]+ burnt, random [0-9a-f]{16}$"
cp "$stdout" wanted

# interrupt SIGNAL STATUS: runs it again and again, each time with that signal
# after a moment, until it ends by itself. Where a moment is too short to get
# anything done, on a busy machine, the next one is longer.
interrupt() {
    rm -f parts.img
    : >before.img
    interruptions=0
    hundredths=15
    while :; do
        "$longrun" parts.img "$steps" 0.02 >output 2>errors &
        process=$!
        sleep "$(printf '%d.%02d' $((hundredths / 100)) $((hundredths % 100)))"
        kill -"$1" "$process" 2>/dev/null || :
        status=0
        wait "$process" || status=$?
        [ "$status" -ne 0 ] || break
        expect test "$status" -eq "$2"
        interruptions=$((interruptions + 1))
        [ "$interruptions" -lt 300 ] || fail "no progress"
        if [ ! -e parts.img ] || cmp -s parts.img before.img; then
            hundredths=$((hundredths * 2))
        else
            cp parts.img before.img
        fi
    done
    expect test "$interruptions" -ge 2
    expect_same wanted output
}
interrupt TERM 124
interrupt KILL 137

# The control: another number of steps is another end.
succeeds "$longrun" other.img $((steps - 1))
expect_not cmp -s wanted "$stdout"

expect_status 2 "$longrun" parts.img
expect_status 2 "$longrun" parts.img 10 x
echo 'not an image' >bad.img
expect_status 1 "$longrun" bad.img 10
expect_stderr_match '^longrun: bad.img: not an sfpm image'
