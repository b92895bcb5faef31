#!/bin/sh
# SPDX-License-Identifier: MIT
# What cannot be done the fast way, for want of kernel calls, devices, descriptors or
# address space, is done the plain way, with the same result.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
needs_strace

SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
printf '.memory 40\n.func main\ni32.const 0\ni32.const 165\ni32.const 2600000\nmemory.fill\nhalt\n' >fill.s

# work COMMAND...: the tools, each under the command, in an empty directory.
work() {
    rm -rf d
    mkdir d
    cd d
    worked=0
    {
        "$@" sfpm-save -o a.img ../fill.s &&
            "$@" sfpm-run -i --deterministic a.img &&
            "$@" sfpm-patch -q -i a.img memory:70000=1 &&
            "$@" sfpm-patch -q -o p.img a.img memory:9=1,2,3 &&
            "$@" sfpm-convert -o f.img --flatten p.img &&
            "$@" sfpm-convert -i --compact a.img &&
            "$@" sfpm-convert -o v.img --to-v1 p.img &&
            "$@" sfpm-inspect --verify a.img &&
            "$@" sfpm-inspect --hex memory p.img >hex &&
            { "$@" sfpm-diff a.img p.img >differences || [ $? -eq 1 ]; } &&
            "$@" sfpm-convert --flatten a.img | "$@" sfpm-patch -q - memory:5=5 |
            "$@" sfpm-run -o piped.img --deterministic -
    } >../said 2>&1 || worked=$?
    find . -type f -exec cksum {} + | sort -k 3 >../result
    cd ..
}
work command
[ "$worked" -eq 0 ] || fail "the tools failed: $(cat said)"
cp result wanted
cp said wanted.said

# without WHAT COMMAND...
without() {
    what=$1
    shift
    work "$@"
    cp said "$stderr"
    [ "$worked" -eq 0 ] || fail "failed without $what"
    : >"$test_state/expected"
    cmp -s wanted result || fail "a different result without $what"
}
for call in renameat2 getrandom fallocate sync_file_range splice vmsplice madvise flock; do
    for error in ENOSYS EPERM; do
        without "$call ($error)" strace -qq -f -o ../calls -e trace=$call -e inject=$call:error=$error
    done
done
# All of them, and no look at /proc.
all=renameat2,getrandom,fallocate,sync_file_range,splice,vmsplice,madvise
without 'any of them' strace -qq -f -o ../calls -e trace=$all -e inject=$all:error=ENOSYS
# shellcheck disable=SC2016 # for the inner shell
without 'many descriptors' sh -c 'ulimit -n 12; exec "$@"' sh
# A sanitizer needs addresses of its own.
if ! grep -q __asan_init "$(command -v sfpm-run)"; then
    # shellcheck disable=SC2016,SC3045 # all shells that there are know -v
    without 'address space' sh -c 'ulimit -v 60000; exec "$@"' sh
fi
# Control: with too few descriptors nothing is done in a plain way.
# shellcheck disable=SC2016
work sh -c 'ulimit -n 5; exec "$@"' sh
expect test "$worked" -ne 0
