#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that clang compiles to WebAssembly prints what it prints as native code: in one
# go, and killed again and again, with the engines in turn, from an image each time.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/wasm/lib.sh"

needs clang wasm-ld
cp "$top_srcdir/tests/wasm/kernels.c" "$top_srcdir/tests/wasm/program.h" .
clang --target=wasm32 -nostdlib -O2 -Wl,--stack-first -o probe.wasm kernels.c 2>messages ||
    skip "this clang cannot compile to WebAssembly: $(tail -n 1 messages)"

# The same arithmetic everywhere: no fused multiplication.
clang -DNATIVE -O1 -ffp-contract=off -fno-math-errno -o native kernels.c
./native >expected
expect test "$(wc -l <expected)" -eq 7

for flags in '-O0' '-O2' '-Os -mmultivalue -mbulk-memory -msign-ext -mnontrapping-fptoint' '-O2 -g'; do
    # shellcheck disable=SC2086 # several flags
    clang --target=wasm32 -nostdlib -ffp-contract=off $flags -Wl,--stack-first \
        -o kernels.wasm kernels.c
    for engine in fast simple; do
        succeeds sfpm-run --engine $engine kernels.wasm
        expect_same "$stdout" expected
    done
done
expect_status 124 sfpm-run --steps 1 -o kernels.img kernels.wasm

runs_in_parts kernels.wasm expected 12

# Functions have their names (with -O clang has wasm-opt, if there is one, drop them).
clang --target=wasm32 -nostdlib -O0 -Wl,--stack-first -o kernels.wasm kernels.c
expect_status 124 sfpm-run --steps 2000 -o stopped.img kernels.wasm
succeeds sfpm-inspect stopped.img
expect_stdout_match '^ +[0-9]+  ackermann at code\[[0-9]+\] \(ackermann\+[0-9]+\)$'
