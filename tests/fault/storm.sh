#!/bin/sh
# SPDX-License-Identifier: MIT
# Storms: ten processes save, commit, patch, run, convert and read one image, and are
# killed at random. Every reader sees a whole state; every commit that was reported is
# there once, in its order; whoever fails says that another one writes, or has written.
if [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
    TMPDIR=/dev/shm
    export TMPDIR
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/fault/operations.sh"
needs timeout

rounds=8
[ "${SFPM_LONG:-0}" = 0 ] || rounds=400

# lifetimes SEED: for each round a time to live, mostly long enough.
lifetimes() {
    awk -v seed="$1" -v n="$rounds" \
        'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.3f\n", rand() * rand() / 5 }'
}

# mortal SECONDS COMMAND...: what it says is kept, unless it is killed: by then it may
# have said half of it.
mortal() {
    mortal_status=0
    timeout -s KILL "$@" 2>"said.$me" >"out.$me" || mortal_status=$?
    if [ "$mortal_status" -ne 0 ] && [ "$mortal_status" -ne 137 ]; then
        cat "said.$me" >>complaints
    fi
    return "$mortal_status"
}

# What one may be told who comes second, or after one who was killed.
second='is being written by|was replaced by another|was removed by another|changed by another|was created by another|was removed or replaced by another|is not the image that was last restored|is not in it: save to another|but the last one restored or made here|warning: ignoring an unfinished commit'

# ---- of machines: a program that prints twice what both of its numbers are ----

# patcher ME: a commit with a message each.
patcher() {
    me=$1 n=0
    lifetimes "$me" | while read -r seconds; do
        n=$((n + 1))
        ! mortal "$seconds" sfpm-patch -q -i -m "$me-$n." a.img "1=$((n % 100))" "3=$((n % 100))" ||
            echo "$me-$n." >>"done.$me"
    done
}

rewriter() {
    me=$1
    shift
    lifetimes "$me" | while read -r seconds; do
        mortal "$seconds" sfpm-convert -i "$@" a.img || :
    done
}

runner() {
    me=$1
    lifetimes "$me" | while read -r seconds; do
        mortal "$seconds" sfpm-run -i --restart a.img || :
    done
}

# One half of a patch would make the sum odd.
reader() {
    me=$1
    lifetimes "$me" | while read -r seconds; do
        if sum=$(sfpm-run --restart a.img 2>"said.$me") && [ $((sum % 2)) -eq 0 ]; then
            echo "$sum" >>"sums.$me"
        else
            echo "read $sum: $(cat "said.$me")" >>complaints
        fi
    done
}

# storm FUNCTION,ARGUMENT...: one process each, which all have come to their end.
storm() {
    : >complaints
    storm_n=0
    storm_pids=
    for each; do
        storm_n=$((storm_n + 1))
        # shellcheck disable=SC2046 # the list is split into arguments
        set -- $(echo "$each" | tr , ' ')
        storm_function=$1
        shift
        "$storm_function" "$storm_n" "$@" &
        storm_pids="$storm_pids $!"
    done
    for each in $storm_pids; do
        wait "$each" || fail "a process of the storm failed"
    done
}

# lost: prints each reported commit that is not in the log exactly once.
lost() {
    sfpm-inspect --log a.img 2>"$stderr" | sed -n 's/^    \([0-9]*-[0-9]*\.\)$/\1/p' >log
    for each in done.*; do
        while read -r message; do
            [ "$(grep -cxF "$message" log)" -eq 1 ] || echo "$message"
        done <"$each"
    done
}

printf 'push 10\npush 10\nadd\nprint\nhalt\n' >twice.s
sfpm-save -o a.img twice.s
: >done.0
storm patcher patcher patcher patcher runner rewriter,--compact rewriter,--compress,lz4 \
    reader reader reader
if grep -vE "$second" complaints >"$stdout"; then
    fail 'somebody met what should not be'
fi
expect test "$(cat sums.* | wc -l)" = $((3 * rounds))
expect test -z "$(lost)"
# A writer that was killed last may have left a torn commit, which the next one covers.
succeeds sfpm-patch -q -i a.img 1=1 3=2
expect sfpm-inspect --verify a.img
expect test "$(sfpm-run --restart a.img)" = 3
echo "of $((4 * rounds)) commits $(cat done.* | wc -l) were reported, $(grep -c . log) are there" >&9

# A control: a commit that was reported, and is gone.
echo 1-9999. >>done.0
expect test "$(lost)" = 1-9999.

# ---- of C programs ----

committer() {
    me=$1
    lifetimes "$me" | while read -r seconds; do
        mortal "$seconds" "$driver" "$2" a.img "$3" || :
    done
}

watcher() {
    me=$1
    lifetimes "$me" | while read -r seconds; do
        case $("$driver" show a.img 2>"said.$me") in
        old | new) ;;
        *) echo "neither: $(cat "said.$me")" >>complaints ;;
        esac
    done
}

"$driver" save a.img old
storm committer,commit,new committer,commit,old committer,background,new committer,save,old \
    committer,save,new rewriter,--compact rewriter,--flatten watcher watcher watcher
if grep -vE "$second" complaints >"$stdout"; then
    fail 'somebody met what should not be'
fi
succeeds "$driver" commit a.img new
expect test "$("$driver" show a.img)" = new

# A control: a state of two halves.
sfpm-save -o a.img twice.s
sfpm-patch -q -i a.img 3=7
rounds=1
: >complaints
reader 99
expect grep -q '^read 17' complaints
