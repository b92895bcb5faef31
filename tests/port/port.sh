#!/bin/sh
# SPDX-License-Identifier: MIT
# Machines move between architectures: one begun here goes on under an emulated big-endian
# one and on a 32-bit one, and back, with the same output and the same images. Part of
# make check-long; needs cross compilers and qemu's user emulation.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/port/lib.sh"

# moves FIRST SECOND: programs begun by FIRST and ended by SECOND are as if in one go.
moves() {
    for source in "$top_srcdir"/examples/*.s; do
        $1 "$source" moved.img 3000 >output
        $1 "$source" whole.img 0 >whole
        $2 moved.img >>output
        cmp output whole && cmp moved.img whole.img || return 1
    done
}

# ends RUN: an image that an earlier release made goes on as it does here.
ends() {
    for run in ./here/portable "$1"; do
        cp "$top_srcdir/tests/images/references.img" kept.img
        chmod u+w kept.img
        $run kept.img >output || return 1
        printf '149\n25\n192\n' | cmp output - && cmp kept.img "${ended:-kept.img}" || return 1
        cp kept.img ended.img
        ended=ended.img
    done
    ended=
}

# Images name the program that made them: it has one name everywhere.
mkdir here s390x i686
build "${CC:-cc}" ./here/portable
found=
for architecture in s390x i686; do
    compiler=$architecture-linux-gnu-gcc run=./$architecture/portable
    command -v "$compiler" >/dev/null || continue
    case $architecture in
    s390x)
        command -v qemu-s390x-static >/dev/null || continue
        build "$compiler" "$run" -fexcess-precision=fast
        run="qemu-s390x-static $run"
        ;;
    i686)
        build "$compiler" "$run" -msse2 -mfpmath=sse
        ;;
    esac
    found="$found $architecture"
    expect moves ./here/portable "$run"
    expect moves "$run" ./here/portable
    expect ends "$run"
done
[ -n "$found" ] || skip 'there are no cross compilers: gcc-s390x-linux-gnu, gcc-i686-linux-gnu, qemu-user-static'
# A machine that is not moved, but begun anew, is found.
sed 's/push/nop\n        push/' "$top_srcdir/examples/sum.s" >other.s
./here/portable other.s moved.img 3 >output
./here/portable moved.img >>output
./here/portable "$top_srcdir/examples/sum.s" whole.img 0 >whole
expect_not cmp -s moved.img whole.img
