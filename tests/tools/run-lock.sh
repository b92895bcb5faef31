#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-run -i is the only writer while it runs; and what is done to the image by those
# who know of no lock costs its history, but not its state.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# Should a signal not arrive, the file does not grow for ever.
ulimit -f 400000
printf '.global n\nloop: global.get n\npush 1\nadd\nprint\nglobal.set n\nbr loop\n' >endless.s
sfpm-save -d endless -o fresh.img endless.s
sfpm-save -o other.img "$top_srcdir/examples/primes.s"

# begin OPTION...: runs a.img, and returns when it writes.
begin() {
    rm -f out said
    cp fresh.img a.img
    cp a.img before
    sfpm-run -i --stdout out "$@" a.img 2>said &
    until_true test -s out
}

# ends STATUS
ends() {
    status=0
    wait $! || status=$?
    cp said "$stderr"
    [ "$status" -eq "$1" ] || fail "exit status $status, expected $1"
}

# Others are refused, and told whom to wait for; readers are not.
begin
held="a.img: is being written by process ($!|another process)"
[ ! -r /proc/locks ] || held="a.img: is being written by process $! "
expect_status 125 sfpm-run -i --steps 5 a.img
expect_stderr_match "^sfpm-run: $held"
expect_stdout ''
expect_status 1 sfpm-patch -i -q a.img globals:0=4
expect_stderr_match "$held"
for way in --flatten --compact '--compress zstd'; do
    # shellcheck disable=SC2086 # an option and its value
    expect_status 1 sfpm-convert -i $way a.img
    expect_stderr_match "$held"
done
expect_status 1 sfpm-save -o a.img endless.s
expect_stderr_match "$held"
expect_same a.img before
succeeds sfpm-inspect a.img
succeeds sfpm-inspect --verify a.img
succeeds sfpm-diff a.img fresh.img
succeeds sfpm-convert --flatten -o copy.img a.img
expect_status 124 sfpm-run --steps 5 -o copy.img a.img
kill $!
ends 124
expect_stderr ''
succeeds sfpm-inspect --log a.img
expect test "$(grep -c '^commit' "$stdout")" = 2
succeeds sfpm-patch -i -q a.img globals:0=4

# The lock goes with the process, however it ends.
begin
kill -s KILL $!
ends 137
succeeds sfpm-patch -i -q a.img globals:0=4

# It is known before the program runs that its image can be written.
needs flock
cp fresh.img a.img
expect_status 125 flock a.img sfpm-run -i --steps 5 a.img
expect_stdout ''

# lost HOW TEXT OPTION...: the image is spoilt while it runs, and the state is rescued.
lost() {
    lost_how=$1
    lost_text=$2
    shift 2
    begin "$@"
    sh -c "$lost_how"
    [ ! -e a.img ] || cp a.img spoilt
    kill ${1:+-s USR1} $!
    ends 125
    expect_stderr_match "^sfpm-run: a.img: $lost_text"
    expect_stderr_match "^sfpm-run: a.img.rescued-$!: holds the state"
    [ ! -e a.img ] || expect_same a.img spoilt
    rm -f spoilt
    mv "a.img.rescued-$!" rescued.img
    expect sfpm-inspect --verify rescued.img
    succeeds sfpm-inspect rescued.img
    expect_stdout_match '^  description  endless$'
    expect_status 124 sfpm-run -i --stdout out --steps 70 rescued.img
    seq "$(wc -l <out)" | cmp -s - out || fail "the rescued program did not go on"
    rm -f rescued.img
}
for at in '' --checkpoint-every=1000; do
    lost 'rm a.img' 'was removed by another process' $at
    lost 'cp other.img new; mv new a.img' 'was replaced by another process' $at
    lost 'cp other.img a.img' 'was changed by another program' $at
    lost ': >a.img' '' $at
    lost 'cp a.img c.img; sfpm-patch -q -i c.img globals:0=4; cp c.img a.img' \
        'was changed by another program' $at
done

# An image that was renamed is said to have been, with its new name where the system tells.
lost 'mv a.img elsewhere.img; mkdir -p d; mv elsewhere.img d' 'was re(moved|named to .*/d/elsewhere\.img) by another process'
cp said "$stderr"
[ ! -e /proc/self/fd/0 ] || expect_stderr_match 'a\.img: was renamed to .*/d/elsewhere\.img by another process although'
expect_stderr_match "continue with 'sfpm-run -i a\\.img\\.rescued-"
expect_same d/elsewhere.img before

# The rescued state is its owner's alone, whoever could read the image.
begin
chmod 644 a.img
rm a.img
kill $!
ends 125
expect test "$(stat -c %a "a.img.rescued-$!")" = 600
