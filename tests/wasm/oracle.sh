#!/bin/sh
# SPDX-License-Identifier: MIT
# Random modules of binaryen's generator give what they give in node, and there what they
# give in wabt's interpreter: in one go and stopped after random numbers of instructions,
# with either engine, in new machines.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

node=$(command -v node || command -v nodejs) || skip 'there is no node'
"$node" -e 'new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))' ||
    skip 'this node has no WebAssembly'
command -v wasm-opt >/dev/null || skip 'there is no wasm-opt (binaryen)'
command -v spectest-interp >/dev/null || skip 'there is no spectest-interp (wabt)'

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

# The size of the module's memory and a number made of its words, as run_module makes it.
# shellcheck disable=SC2016 # not variables of the shell
{
    echo '(module (import "it" "memory" (memory 0))
      (func (export "sum") (result i32 i32) (local $at i32) (local $end i32) (local $sum i32)
        (local.set $end (i32.mul (memory.size) (i32.const 65536)))
        (block $done
          (br_if $done (i32.eqz (local.get $end)))
          (loop $next
            local.get $sum'
    for offset in 0 4 8 12 16 20 24 28; do
        echo "i32.const 31 i32.mul local.get \$at i32.load offset=$offset i32.add"
    done
    echo '  local.set $sum
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32)))
                                   (local.get $end)))))
        local.get $end local.get $sum))'
} >sum.wat
wat2wasm sum.wat -o sum.wasm

# wabt_agrees N: wabt's interpreter gives the results and the kinds of traps that node gave.
wabt_agrees() {
    if [ ! -e "$1.wasm.json" ]; then # the module's beginning traps
        return
    fi
    spectest-interp "$1.wasm.json" >wabt || return
    sed -n '/assert_trap passed/ {
        s/.*: assert_trap passed: //
        s/^unreachable executed.*/unreachable/
        s/^integer divide by zero.*/division by zero/
        s/^integer overflow.*/number/
        s/^invalid conversion.*/number/
        s/^out of bounds memory.*/memory/
        s/^out of bounds table.*/element/
        s/^undefined table index.*/element/
        s/^uninitialized table.*/signature/
        s/^indirect call signature.*/signature/
        s/^call stack exhausted.*/stack/
        p
    }' wabt >traps
    sed -n 's/^[^ ]* [0-9]* trap //p' "$1.wasm.expected" | cmp -s - traps
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
        expect wabt_agrees "$first"
        [ "$first" -le 3 ] || rm -f "$first.wasm" "$first.wasm".*
        first=$((first + 1))
    done
done

# One wrong digit is found, by either.
sed 's/^\(memory .*\)[0-9]$/\1x/' 1.wasm.expected >changed
mv changed 1.wasm.expected
catches agrees 1
sed 's/"value":"\([0-9]*\)"}]}]}$/"value":"1\1"}]}]}/' 2.wasm.json >changed
mv changed 2.wasm.json
catches wabt_agrees 2
