#!/bin/sh
# SPDX-License-Identifier: MIT
# Machines move between architectures: one begun here goes on under an emulated big-endian
# one and on a 32-bit one, and back, with the same output and the same images. Part of
# make check-long; needs cross compilers and qemu's user emulation.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
[ -n "${SFPM_LONG:-}" ] || skip 'part of make check-long'
[ -f /usr/include/xxhash.h ] || skip 'there is no /usr/include/xxhash.h'

SOURCE_DATE_EPOCH=0
export SOURCE_DATE_EPOCH

# build COMPILER PROGRAM FLAG...: the library and the program, in one.
build() {
    compiler=$1 program=$2
    shift 2
    mkdir -p include
    cp /usr/include/xxhash.h include/
    [ ! -f /usr/include/xxh3.h ] || cp /usr/include/xxh3.h include/
    "$compiler" -std=c11 -O0 -ffp-contract=off -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
        -DSFPM_LINUX_PATHS=1 -static -pthread "$@" \
        -I "$top_srcdir/lib" -I "$top_srcdir/lib/api" -I include \
        -o "$program" "$top_srcdir/tests/port/portable.c" "$top_srcdir"/lib/*/*.c -lm
}

# moves FIRST SECOND: programs begun by FIRST and ended by SECOND are as if in one go.
moves() {
    for source in "$top_srcdir"/examples/*.s; do
        $1 "$source" moved.img 3000 >output
        $1 "$source" whole.img 0 >whole
        $2 moved.img >>output
        cmp output whole && cmp moved.img whole.img || return 1
    done
}

build "${CC:-cc}" ./here
found=
for architecture in s390x i686; do
    compiler=$architecture-linux-gnu-gcc run=./$architecture
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
    expect moves ./here "$run"
    expect moves "$run" ./here
done
[ -n "$found" ] || skip 'there are no cross compilers: gcc-s390x-linux-gnu, gcc-i686-linux-gnu, qemu-user-static'
# A machine that is not moved, but begun anew, is found.
sed 's/push/nop\n        push/' "$top_srcdir/examples/sum.s" >other.s
./here other.s moved.img 3 >output
./here moved.img >>output
./here "$top_srcdir/examples/sum.s" whole.img 0 >whole
expect_not cmp -s moved.img whole.img
