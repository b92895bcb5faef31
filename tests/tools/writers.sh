#!/bin/sh
# SPDX-License-Identifier: MIT
# Two writers at once: one is told to wait, or that the image has changed; what either
# reported as done is there.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

make_image() {
    printf 'push 10\npush 5\nadd\nprint\nhalt\n' >sum.s
    sfpm-save -o a.img sum.s
    sfpm-patch -q -i a.img 3=20
    sfpm-patch -q -i a.img 3=7
}

# Each way to write -i, while another process writes.
needs flock
for way in --compact '--keep 1' --flatten '--compress lz4' '--to-v1'; do
    make_image
    cp a.img before
    # shellcheck disable=SC2086 # an option and its value
    expect_status 1 flock a.img sfpm-convert -i $way a.img
    expect_stderr_match '^sfpm-convert: a.img: is being written by process [0-9]+ .*try again'
    expect_same before a.img
done
expect_status 1 flock a.img sfpm-patch -i a.img 3=9
expect_stderr_match '^sfpm-patch: a.img: is being written by process'
expect_status 1 flock a.img sfpm-save -o a.img sum.s
expect_stderr_match '^sfpm-save: a.img: is being written by process'
expect_same before a.img
[ "$(ls -A)" = "$(printf '%s\n' a.img before sum.s)" ] || fail "files were left: $(ls -A)"

# appends N: makes N commits, each with a message, and notes those that succeeded.
appends() {
    for n in $(seq "$1"); do
        ! sfpm-patch -q -i -m "message $n." a.img "3=$n" 2>>said-1 || echo "message $n." >>done-1
    done
}

# rewrites N WAY: writes the image anew N times; counts those that succeeded.
rewrites() {
    for n in $(seq "$1"); do
        # shellcheck disable=SC2086 # an option and its value
        ! sfpm-convert -i $2 a.img 2>>said-2 || echo "$n" >>done-2
    done
}

for way in --compact '--keep 1000' '--compress lz4'; do
    make_image
    rm -f said-? done-?
    touch done-1 done-2
    appends 20 &
    rewrites 20 "$way"
    wait $!
    expect sfpm-inspect --verify a.img
    sfpm-inspect --log a.img >log
    while read -r line; do
        grep -qF "$line" log || fail "with $way a commit is lost that was reported: $line"
    done <done-1
    expect test "$(grep -c '^commit' log)" = $((3 + $(wc -l <done-1)))
    expect_not grep -vE 'is being written by|unfinished commit|was replaced by another|changed by another|put a file there' \
        said-1 said-2
done

# Dropping history drops what was there before, and never what comes after.
make_image
rm -f said-? done-?
touch done-1 done-2
appends 20 &
rewrites 20 --flatten
wait $!
expect sfpm-inspect --verify a.img
last=$(tail -n 1 done-1 | tr -dc 0-9)
expect test "$(sfpm-run a.img)" = $((10 + ${last:-7}))
