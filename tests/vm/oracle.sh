#!/bin/sh
# SPDX-License-Identifier: MIT
# Every instruction that computes gives what the WebAssembly of node gives, on values at
# the edges of their types and on random ones.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

node=$(command -v node || command -v nodejs) || skip 'there is no node'
"$node" -e 'new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))' ||
    skip 'this node has no WebAssembly'

judge() {
    "$node" "$top_srcdir/tests/vm/oracle.js" "$top_srcdir/lib/api/sfpm/opcode.h" <"$1"
}

"$top_builddir/tests/vm/operations" "${SFPM_LONG:+10000}" >results
expect judge results

# One wrong bit, another trap, a result instead of a trap: each is found.
planted() {
    sed "$1" results >changed
    expect_not cmp -s results changed
    catches judge changed
}
planted '/^f32.sqrt f:f 3fc00000 /s/.$/0/'
planted 's/^\(i64.div_s .*\) integer overflow$/\1 division by zero/'
planted 's/^\(i32.rem_u .* 0\) trap division by zero$/\1 0/'
planted 's/^\(f64.add .*\) 7ff8000000000000$/\1 fff8000000000000/'
