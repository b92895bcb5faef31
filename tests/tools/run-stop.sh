#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-run stopped from outside: signals, timeout, checkpoints; and --stdout, whose
# file holds every byte exactly once, whatever happens.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

# Should a signal not arrive, the file does not grow for ever.
ulimit -f 400000

# counting LIMIT DELAY: counts to a limit and writes each number, with a pause of so many
# rounds of a loop in between: what does not stop at once must not fill the disk.
counting() {
    cat <<END
.global n
.global left
loop:   global.get n
        push 1
        add
        print
        global.set n
        i64.const $2
        global.set left
pause:  global.get left
        push 1
        sub
        global.set left
        global.get left
        i64.const 0
        i64.gt_s
        br_if pause
        global.get n
        i64.const $1
        i64.lt_s
        br_if loop
        halt
END
}
counting 9000000000 2000 >endless.s
counting 300000 1 >count.s
seq 300000 >wanted
sfpm-save -o fresh.img endless.s

# commits IMAGE
commits() {
    sfpm-inspect --log "$1" | grep -c '^commit'
}

# has_commits IMAGE N: that many, or more
has_commits() {
    [ "$(commits "$1")" -ge "$2" ]
}

# reached IMAGE N: its last commit has that number, or a higher one
reached() {
    [ "$(sfpm-inspect --log "$1" | sed -n 's/^commit \([0-9]*\).*/\1/p' | sort -n | tail -n 1)" -ge "$2" ]
}

# longer_than N: lines that have been written
longer_than() {
    [ "$(wc -l <out)" -gt "$1" ]
}

# counts_on FILE: what it holds is 1, 2, 3 … without gap or repetition.
counts_on() {
    seq "$(wc -l <"$1")" | cmp -s - "$1"
}

# ended_by SIGNAL: ends the last process so; leaves its status in `status`.
ended_by() {
    kill -s "$1" $!
    status=0
    wait $! || status=$?
}

# Shells let commands in the background ignore INT, and nohup lets all of them ignore HUP.
signals='TERM XCPU'
heed=
if env --default-signal=HUP,INT true 2>/dev/null; then
    signals="$signals HUP INT"
    heed='env --default-signal=HUP,INT'
fi

# Signals save and end with 124, in place and to another file.
for signal in $signals; do
    cp fresh.img a.img
    rm -f out b.img
    $heed sfpm-run -i --stdout out a.img &
    until_true test -s out
    ended_by "$signal"
    expect test "$status" -eq 124
    expect test "$(commits a.img)" -eq 2
    expect counts_on out
    whole=$(wc -l <out)
    $heed sfpm-run -o b.img --stdout out a.img &
    until_true longer_than "$whole"
    ended_by "$signal"
    expect test "$status" -eq 124
    expect test "$(commits a.img)" -eq 2
    expect test "$(commits b.img)" -eq 3
    expect counts_on out
done

# Without -i and -o they act as usual; what is ignored stays ignored.
rm -f out
sfpm-run fresh.img >out &
until_true test -s out
ended_by TERM
expect test "$status" -eq 143
cp fresh.img a.img
rm -f out
(
    trap '' HUP
    exec sfpm-run -i --stdout out a.img
) &
until_true test -s out
kill -s HUP $!
until_true longer_than "$(wc -l <out)"
ended_by TERM
expect test "$status" -eq 124
expect test "$(commits a.img)" -eq 2

# USR1 and the clock save, and the program goes on.
cp fresh.img a.img
rm -f out
sfpm-run -i --stdout out a.img &
until_true test -s out
for round in 2 3; do
    kill -s USR1 $!
    until_true has_commits a.img "$round"
done
ended_by TERM
expect test "$status" -eq 124
expect test "$(commits a.img)" -eq 4
cp fresh.img a.img
sfpm-run -i --checkpoint-every 0.05 --stdout out a.img &
until_true has_commits a.img 4
ended_by TERM
expect test "$status" -eq 124
expect counts_on out

# With --keep the image holds the newest, and stays locked although it is rewritten.
cp fresh.img a.img
rm -f out
sfpm-run -i --keep 2 --sync 3 --stdout out a.img &
until_true test -s out
round=2
while [ "$round" -le 12 ]; do
    kill -s USR1 $!
    until_true reached a.img "$round"
    expect test "$(commits a.img)" -le 4
    round=$((round + 1))
done
expect_status 1 sfpm-patch -i -q a.img globals:0=4
expect_stderr_match 'a.img: is being written by'
ended_by TERM
expect test "$status" -eq 124
expect test "$(commits a.img)" -le 3
succeeds sfpm-inspect --verify a.img
expect counts_on out
cp a.img linked.img
ln linked.img other.img
expect_status 124 sfpm-run -i --force --keep 1 --steps 5 linked.img
expect_stderr_match 'linked.img: .*old commits were kept: has 2 names'
expect cmp -s linked.img other.img
rm other.img
expect_status 124 sfpm-run -i --keep 1 --sync none --steps 5 linked.img
expect test "$(commits linked.img)" -eq 1

# A timeout does so as well.
cp fresh.img a.img
expect_status 124 sfpm-run -i --timeout 0.1 --stdout out a.img
expect test "$(commits a.img)" -eq 2
expect counts_on out

# A kill loses what came after the last checkpoint, and its output.
cp fresh.img k.img
rm -f out
for round in 2 3 4 5 6; do
    sfpm-run -i --checkpoint-every 0.02 --stdout out k.img &
    until_true has_commits k.img "$round"
    ended_by KILL
    expect test "$status" -eq 137
done
sfpm-run -i --stdout out k.img &
until_true longer_than "$(wc -l <out)"
ended_by TERM
expect test "$status" -eq 124
expect counts_on out

# A program in pieces writes what it writes in one go; --fresh begins anew.
sfpm-save -o p.img count.s
rm -f out
while :; do
    status=0
    sfpm-run -i --steps 1000000 --stdout out p.img || status=$?
    [ "$status" -eq 124 ] || break
done
expect test "$status" -eq 0
expect_same out wanted
expect_status 124 sfpm-run --fresh -i --steps 9 --stdout out p.img
succeeds cat out
expect_stdout 1

# Nothing is cut from a file that is not the one.
: >out
expect_status 125 sfpm-run -i --stdout out p.img
expect_stderr_match '^sfpm-run: out: has 0 bytes, but p\.img was saved after 2: '
expect_status 125 sfpm-run -i --stdout /dev/null p.img
expect_stderr_match '^sfpm-run: /dev/null: not a regular file'
expect_status 125 sfpm-run -i --stdout no/out p.img
expect_stderr_match '^sfpm-run: no/out: cannot be written: No such file'
sfpm-patch -q -i --attr output-position=-1 p.img n:0=0 2>/dev/null ||
    sfpm-patch -q -i --attr output-position=-1 p.img globals:0=0
expect_status 125 sfpm-run -i --stdout out p.img
expect_stderr_match "attribute output-position: '-1' is not a position"

# A checkpoint that cannot be saved is told, and the program runs on; the last one counts.
if command -v flock >"$work/found"; then
    cp fresh.img o.img
    exec 8<o.img
    flock 8
    sfpm-run -o o.img --checkpoint-every 0.05 --stdout out fresh.img 2>said 8<&- &
    until_true grep -qs 'this checkpoint was not saved; the program continues$' said
    until_true longer_than "$(wc -l <out)"
    ended_by TERM
    expect test "$status" -eq 125
    expect_same o.img fresh.img
    exec 8<&-
fi

# Fuel is counted over all runs.
sfpm-save -o f.img endless.s
expect_status 124 sfpm-run --fuel 5 -i f.img
expect_status 124 sfpm-run --fuel 5 -i f.img
succeeds sfpm-inspect f.img
expect_stdout_match '^  instructions 5$'
expect_status 124 sfpm-run --fuel 7 --steps 1 -i f.img
succeeds sfpm-inspect f.img
expect_stdout_match '^  instructions 6$'

# A larger stack is a matter of the run.
printf '.func main\ncall main\nhalt\n' >deep.s
sfpm-save -o deep.img deep.s
for stack in 4096 8M; do
    expect_status 126 sfpm-run --fresh --max-stack "$stack" -i deep.img
    sfpm-inspect deep.img | sed -n 's/^  instructions //p' >depth.$stack
done
expect test "$(cat depth.4096)" -lt "$(cat depth.8M)"

expect_status 124 sfpm-run --trace --steps 3 fresh.img
expect_stderr_match '^ +2  code\[7\] \(main\+7\) +add +0 1$'
expect test "$(wc -l <"$stderr")" -eq 3
# The first instruction after a resume shows its values, too, as does one that trapped.
printf '.func main\npush 11\npush 22\npush 33\nadd\nadd\nprint\nhalt\n' >values.s
sfpm-save -o values.img values.s
expect_status 124 sfpm-run --steps 3 -i values.img
for engine in simple fast; do
    expect_status 124 sfpm-run --engine "$engine" --trace --steps 1 values.img
    expect_stderr_match '^ +3  code\[6\] \(main\+6\) +add +11 22 33$'
done
printf '.func main\npush 7\npush 0\ni64.div_s\nprint\nhalt\n' >trapped.s
sfpm-save -o trapped.img trapped.s
expect_status 126 sfpm-run -i trapped.img
expect_status 126 sfpm-run --trace trapped.img
expect_stderr_match 'i64\.div_s +7 0$'

for wrong in '--timeout 0' '--timeout x' '--timeout -1' '--timeout nan' '--checkpoint-every 1' \
    '--checkpoint-every 0 -i' '--checkpoint-every 1 -o -' '--fuel 0' '--max-stack 0' '--max-stack 65M' \
    '--keep 0 -i' '--keep 2' '--keep 2 -o x.img' '--sync each' '--sync 0 -i' '--sync x -i'; do
    # shellcheck disable=SC2086
    expect_status 125 sfpm-run $wrong fresh.img
    expect_stdout ''
done
