# SPDX-License-Identifier: MIT
# Building the library in one go for another compiler or architecture; after
# tests/tools/lib.sh.
# shellcheck shell=sh
[ -n "${SFPM_LONG:-}" ] || skip 'part of make check-long'
[ -f /usr/include/xxhash.h ] || skip 'there is no /usr/include/xxhash.h'

# Images say when they were made.
SOURCE_DATE_EPOCH=0
export SOURCE_DATE_EPOCH

# build COMPILER PROGRAM FLAG...: the library and tests/port/portable.c, in one; the fast
# engine, which clang takes minutes to optimise, with -O0 where $engine_flags says so.
build() {
    compiler=$1 program=$2
    shift 2
    mkdir -p include
    cp /usr/include/xxhash.h include/
    [ ! -f /usr/include/xxh3.h ] || cp /usr/include/xxh3.h include/
    set -- -std=c11 -O0 -ffp-contract=off -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
        -DSFPM_LINUX_PATHS=1 -I "$top_srcdir/lib" -I "$top_srcdir/lib/api" -I include "$@"
    # shellcheck disable=SC2086 # none or one
    "$compiler" "$@" ${engine_flags:-} -c -o "$program.o" "$top_srcdir/lib/engine/fast_execute.c"
    # shellcheck disable=SC2046 # the names are ours
    "$compiler" "$@" -static -pthread -o "$program" "$program.o" \
        "$top_srcdir/tests/port/portable.c" \
        $(printf '%s\n' "$top_srcdir"/lib/*/*.c | grep -v /fast_execute.c) -lm
}
