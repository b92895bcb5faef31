#!/bin/sh
# SPDX-License-Identifier: MIT
# Nothing takes time that grows with the square of a list: work on four times as many
# regions, commits, attributes, names, edits ... takes at most five times as many
# instructions, which valgrind counts whatever else the machine does.
# Commits are synced, which memory does at once.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || TMPDIR=/dev/shm
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs valgrind
growth=$top_builddir/tests/growth/.libs/growth
[ -x "$growth" ] || growth=$top_builddir/tests/growth/growth
! grep -q __asan_init "$growth" || skip "valgrind does not run programs with sanitizers"
PATH=$(dirname "$growth"):$PATH

# cost COMMAND...: the instructions that it takes.
cost() {
    cost_status=0
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
        --log-file=count "$@" >out 2>err || cost_status=$?
    [ "$cost_status" -le "${allowed:-0}" ] || fail "status $cost_status: $* $(head -n 5 err)"
    awk '/I *refs:/ { gsub(",", ""); print $NF; found = 1 } END { exit !found }' count
}

# costs N PREPARE COMMAND...: a line for each command. Both may use $n, which is N.
costs() {
    n=$1
    eval "$2" || fail "cannot prepare: $2"
    shift 2
    for command; do
        eval "cost $command" || exit
    done
}

# grow_linearly N PREPARE COMMAND...
grow_linearly() {
    few=$1
    shift
    costs "$few" "$@" >few.costs || exit
    costs $((few * 4)) "$@" >many.costs || exit
    shift
    for command; do
        echo "$command"
    done >commands
    paste -d ' ' few.costs many.costs commands |
        awk -v start="$start" '
            ($2 - start) > 5 * ($1 - start) { print "grows too fast: " $0; bad = 1 }
            END { exit bad || !NR }' >&9
}

start=$(cost growth nothing 1 none)
[ "$start" -gt 1000 ] || fail "no instructions were counted"

# What looks at all of a list for each of it is caught.
expect_not grow_linearly 500 : 'growth quadratic $n none'

many=100
[ "${SFPM_LONG:-0}" = 0 ] || many=500

# work PREPARE COMMAND...
work() {
    expect grow_linearly "$many" "$@"
}

# Images of many commits take long to make.
few_commits=$((many / 2))

expect grow_linearly "$few_commits" 'growth commits $n f.img; cp f.img g.img' \
    'growth select-commits $n f.img' \
    'growth undo-commits $((n / 4)) g.img' \
    'sfpm-inspect --log f.img' \
    'sfpm-inspect --json f.img' \
    'sfpm-inspect --verify f.img' \
    'sfpm-convert --compact -o o.img f.img' \
    'sfpm-convert --keep $((n / 2)) -o o.img f.img' \
    'sfpm-convert --salvage -o o.img f.img'

work 'growth regions $n f.img; growth regions $n b.img; growth set-regions $n f.img
      growth region-edits $n edits' \
    'growth regions $n o.img' \
    'growth write-regions $n f.img' \
    'sfpm-inspect f.img' \
    'sfpm-inspect --verify f.img' \
    'sfpm-convert --compact -o o.img f.img' \
    'sfpm-convert --base b.img -o o.img f.img' \
    'sfpm-convert --salvage -o o.img f.img' \
    'sfpm-convert --to-v1 -o o.img f.img' \
    'sfpm-patch -o o.img -f edits b.img'
allowed=1
work 'growth regions $n f.img; growth regions $n b.img; growth set-regions $n f.img' \
    'sfpm-diff b.img f.img'
allowed=0
work 'growth equal-regions $n f.img' \
    'growth equal-regions $n o.img' \
    'sfpm-convert --compact -o o.img f.img'
work : \
    'growth live-regions $n f.img' \
    'growth live-equal-regions $n f.img' \
    'growth forget-regions $n f.img' \
    'growth move-regions $n f.img' \
    'growth unregister-regions $n f.img' \
    'growth unregister-equal-regions $n f.img' \
    'growth migrate-regions $n f.img' \
    'growth pointer-regions $n f.img' \
    'growth pointer-targets $((n * 2)) f.img' \
    'growth hooked-regions $n f.img' \
    'growth hooked-heaps $((n / 4)) f.img' \
    'growth exceptions $((n * 4)) none' \
    'growth heap-holes $n none' \
    'growth heap-turns $n none'
# A heap has 4,096 symbols at most.
[ "${SFPM_LONG:-0}" = 0 ] && more=4 || more=2
work : \
    'growth heap-names $((n * more)) none' \
    'growth heap-blocks $((n * more)) none'
work 'growth attributes $n f.img; cp f.img g.img' \
    'growth attributes $n o.img' \
    'growth set-attributes $n g.img' \
    'growth live-attributes $n o.img' \
    'growth resources $n o.img' \
    'sfpm-inspect --text f.img'
work 'growth bytes $n f.img; cp f.img g.img; growth byte-edits $n edits' \
    'growth write-bytes $n g.img' \
    'sfpm-patch -o o.img -f edits f.img'
work : \
    'growth use-globals $n p.s' \
    'growth use-exports $n p.s' \
    'growth use-natives $n p.s'
# A program has 1,000 tables at most.
expect grow_linearly 200 : 'growth grow-tables $n p.s'
work 'growth module $n m.wasm' \
    'sfpm-save -o o.img m.wasm'
work 'growth labels $n p.s; sfpm-save -o p.img p.s; growth label-edits $n edits' \
    'sfpm-patch -o o.img -f edits p.img'
work 'growth globals $n p.s; sfpm-save -o p.img p.s; growth global-edits $n edits' \
    'sfpm-patch -o o.img -f edits p.img'
