#!/bin/sh
# SPDX-License-Identifier: MIT
# Random modules of binaryen's generator give what they give in node, in one go and stopped
# after random numbers of instructions, with either engine, in new machines.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

node=$(command -v node || command -v nodejs) || skip 'there is no node'
"$node" -e 'new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))' ||
    skip 'this node has no WebAssembly'
command -v wasm-opt >/dev/null || skip 'there is no wasm-opt (binaryen)'

count=500
[ "${SFPM_LONG:-0}" = 0 ] || count=10000
batch=500 # files that are there at once
# Threads take longer to start than these modules take to make.
BINARYEN_CORES=1
export BINARYEN_CORES

# noise FIRST LAST: files of bytes that are the same for the same number.
noise() {
    awk -v number="$1" -v last="$2" 'BEGIN {
        for (; number <= last; number++) {
            srand(number)
            file = number ".bin"
            for (i = 500 + number * 13 % 3500; i > 0; i--)
                printf "%c", 1 + int(rand() * 127) >file
            close(file)
        }
    }'
}

features='--mvp-features --enable-sign-ext --enable-nontrapping-float-to-int
    --enable-bulk-memory --enable-mutable-globals --enable-multivalue'

# translate N OPTION...: a module of what noise N means.
# shellcheck disable=SC2086 # a list of options
translate() {
    translate_number=$1
    shift
    wasm-opt --translate-to-fuzz "$translate_number.bin" -o "$translate_number.wasm" \
        $features "$@" --denan 2>/dev/null
}

# generate N: every fourth with references where the generator's module is a valid one: it
# often gives a reference of one type for one of the other.
generate() {
    if [ $(($1 % 4)) -ne 0 ] || ! translate "$1" --enable-reference-types ||
        ! wasm-validate "$1.wasm" 2>/dev/null; then
        translate "$1"
    fi
    rm "$1.bin"
}

run=$top_builddir/tests/wasm/run_module
agrees() {
    "$run" "$1.wasm" >whole && cmp -s whole "$1.wasm.expected" &&
        "$run" "$1.wasm" "$1" >parts && cmp -s parts whole
}

number=1
while [ "$number" -le "$count" ]; do
    first=$number
    last=$((first + batch - 1))
    [ "$last" -le "$count" ] || last=$count
    noise "$first" "$last"
    files=
    while [ "$number" -le "$last" ]; do
        generate "$number" & # two at once; what fails is missed below
        [ $((number % 2)) -eq 1 ] || wait
        files="$files $number.wasm"
        number=$((number + 1))
    done
    wait
    # shellcheck disable=SC2086 # a list of names
    "$node" "$top_srcdir/tests/wasm/oracle.js" $files
    while [ "$first" -lt "$number" ]; do
        expect agrees "$first"
        [ "$first" -le 3 ] || rm "$first.wasm" "$first.wasm.expected"
        first=$((first + 1))
    done
done

# One wrong digit is found.
sed '$s/.$/x/' 1.wasm.expected >changed
mv changed 1.wasm.expected
catches agrees 1
