#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that others wrote, compiled to WebAssembly with wasi-libc, do what they do as
# native code, in one go and stopped at random instructions: zlib, LZ4, and in .ci/run
# SQLite. SFPM_SOURCES is a directory with their sources, as sources.sh there fetches them.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/wasm/lib.sh"

needs clang wasm-ld bzip2 xz
sources=${SFPM_SOURCES:-$top_builddir/sources}

# source_of NAME: unpacks it here, into a directory NAME.
source_of() {
    for archive in "$sources/$1"_*.orig.tar.*; do
        [ -e "$archive" ] || skip "$sources has no source package of $1"
        mkdir "$1"
        tar -xf "$archive" -C "$1" --strip-components=1
    done
}
source_of zlib
source_of lz4
echo '#include <stdlib.h>
int main(void) { return malloc(1) == 0; }' >probe.c
clang --target=wasm32-wasi -o probe.wasm probe.c 2>messages ||
    skip "this clang has no C library for WebAssembly: $(tail -n 1 messages)"

# compile NAME FLAG...: the driver of that name, for both machines. They use nothing of
# WASI. Floating-point arithmetic is the same: no fused multiplication.
compile() {
    name=$1
    shift
    clang --target=wasm32-wasi -nostartfiles -O1 -ffp-contract=off -Wl,--stack-first,-z,stack-size=262144 \
        -o "$name.wasm" "$top_srcdir/tests/wasm/$name.c" "$@"
    clang -DNATIVE -O0 -ffp-contract=off -o native "$top_srcdir/tests/wasm/$name.c" "$@" -lm
    ./native >"$name.expected"
}

compile zlib -Izlib zlib/adler32.c zlib/crc32.c zlib/deflate.c zlib/inflate.c zlib/inffast.c \
    zlib/inftrees.c zlib/trees.c zlib/zutil.c
expect test "$(grep -c failed zlib.expected)" -eq 0
expect test "$(wc -l <zlib.expected)" -eq 25
runs_in_parts zlib.wasm zlib.expected 20

# What is in the module is in the image once: its data, too, which memory holds as well.
if command -v zstd >/dev/null; then
    clang --target=wasm32-wasi -nostartfiles -O1 -Wl,--stack-first,--strip-debug -o bare.wasm \
        "$top_srcdir/tests/wasm/zlib.c" -Izlib zlib/[adcitz]*32.c zlib/deflate.c \
        zlib/inf[flt]*.c zlib/trees.c zlib/zutil.c
    zstd -q -3 bare.wasm
    sfpm-save --compress zstd:3 -o bare.img bare.wasm
    expect test $(($(wc -c <bare.img) * 10)) -le $(($(wc -c <bare.wasm.zst) * 13))
fi

# Names and lines take no more than a quarter of the code's size.
clang --target=wasm32-wasi -nostartfiles -g -O0 -Wl,--stack-first -o lines.wasm \
    "$top_srcdir/tests/wasm/zlib.c" -Izlib zlib/[adcitz]*32.c zlib/deflate.c zlib/inf[flt]*.c \
    zlib/trees.c zlib/zutil.c
sfpm-save -o lines.img lines.wasm
succeeds sfpm-inspect lines.img
expect awk '$3 == "code" { code = $1 } $3 == "symbols" { symbols = $1 }
    END { exit !(symbols > 4000 && 4 * symbols <= code) }' "$stdout"

compile lz4 -Ilz4/lib lz4/lib/lz4.c lz4/lib/lz4hc.c
expect test "$(grep -c failed lz4.expected)" -eq 0
expect test "$(wc -l <lz4.expected)" -eq 20
runs_in_parts lz4.wasm lz4.expected 10

[ "${SFPM_LONG:-0}" != 0 ] || exit 0
needs tclsh make
for archive in "$sources"/sqlite3_*.orig.tar.*; do
    [ -e "$archive" ] || skip "$sources has no source package of sqlite3, the others passed"
done
source_of sqlite3
# The package holds the parts; its makefile puts them together.
(cd sqlite3 && ./configure -q && make sqlite3.c) >messages 2>&1 || fail "$(tail -n 20 messages)"
compile sqlite -Isqlite3
expect test "$(tail -n 1 sqlite.expected)" = ok
runs_in_parts sqlite.wasm sqlite.expected 30
