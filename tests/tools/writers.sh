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
    expect_not grep -vE 'is being written by|unfinished commit|was replaced by another|changed by another|was created by another' \
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

# Two writers of one new file: the first is held just before it gives its file the name,
# while the second saves and commits. What either reported as done is there. Each way in
# which the system can give a name is tried: the faults make the better ones fail.
needs_strace
names=renameat2,linkat,renameat,rename
printf '.global found 0\n.func main\n halt\n' >other.s
# hold FIRST-CALL FAULT...: leaves the first writer in that call, its tracer stopped
hold() {
    held=$1
    shift
    rm -rf new.img calls
    strace -f -o calls -e trace=$names "$@" -e "inject=$held:delay_enter=3000000:when=1" \
        sfpm-save -o new.img sum.s 2>said &
    first=$!
    until grep -q "$held(" calls 2>/dev/null; do
        kill -0 $first 2>/dev/null || fail "$held was not called"
        sleep 0.05
    done
    kill -STOP $first
    [ ! -e new.img ] && ! grep -q '= 0$' calls && return
    kill -CONT $first
    wait $first || :
    return 1
}
race() {
    tries=0
    until hold "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 20 ] || skip 'the first writer cannot be held: this machine is too slow'
    done
    succeeds sfpm-save -o new.img other.s
    succeeds sfpm-patch -q -i new.img found=7
    kill -CONT $first
    ended=0
    wait $first || ended=$?
    expect test "$(sfpm-inspect --text new.img | grep '^global')" = 'global 0 found 7'
    expect test "$ended" = 1
    expect grep -q 'new.img: was created by another process meanwhile, and was not replaced' said
}
# A build of the portable paths alone has no renameat2.
succeeds strace -f -o calls -e trace=$names sfpm-save -o new.img sum.s
! grep -q 'renameat2(' calls || race renameat2
race linkat -e inject=renameat2:error=EINVAL
[ "$(ls -A)" = "$(printf '%s\n' a.img before calls done-1 done-2 log new.img other.s said said-1 said-2 sum.s)" ] ||
    fail "files were left: $(ls -A)"

# Where neither is there, a name that is free can still be given, and only such a name.
for faults in '-e inject=renameat2:error=EINVAL' \
    '-e inject=renameat2:error=ENOSYS -e inject=linkat:error=EPERM'; do
    rm -f new.img
    # shellcheck disable=SC2086 # two options
    succeeds strace -f -o calls -e trace=$names $faults sfpm-save -o new.img sum.s
    expect test "$(sfpm-run new.img)" = 15
    expect test "$(stat -c %h new.img)" = 1
done
