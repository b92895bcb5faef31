#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs in examples/ print what the same computation in awk prints, in one go and
# stopped, saved and continued in new processes.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs awk

awk 'BEGIN {
    for (row = 0; row < 24; row++) {
        line = ""
        for (column = 0; column < 64; column++) {
            x = -2.1 + column * 0.04375; y = -1.2 + row * 0.1
            a = b = 0
            for (n = 0; n < 45; n++) {
                aa = a * a; bb = b * b
                if (aa + bb >= 4) break
                b = a * b * 2 + y; a = aa - bb + x
            }
            line = line substr(" .:-=+*#%@", int(n / 5) + 1, 1)
        }
        print line
    }
}' >mandelbrot.expected

awk 'function show(   x, y, line) {
    for (y = 0; y < 10; y++) {
        line = ""
        for (x = 0; x < 24; x++) line = line (cell[x, y] ? "#" : ".")
        print line
    }
    print ""
}
function step(   x, y, i, n, next_cell, key) {
    for (y = 0; y < 10; y++) for (x = 0; x < 24; x++) {
        n = -cell[x, y]
        for (i = 0; i < 9; i++)
            n += cell[(x + 23 + i % 3) % 24, (y + 9 + int(i / 3)) % 10]
        next_cell[x, y] = n == 3 || (n == 2 && cell[x, y])
    }
    for (key in next_cell) cell[key] = next_cell[key]
}
BEGIN {
    for (y = 0; y < 10; y++) for (x = 0; x < 24; x++) cell[x, y] = 0
    cell[1, 1] = cell[2, 2] = cell[0, 3] = cell[1, 3] = cell[2, 3] = 1
    cell[16, 3] = cell[16, 4] = cell[16, 5] = 1
    show()
    for (g = 1; g <= 24; g++) { step(); if (g % 8 == 0) show() }
}' >life.expected

awk 'BEGIN {
    for (n = 1; n < 10000; n++) {
        count = 0
        for (m = n; m > 1; count++) m = m % 2 ? 3 * m + 1 : m / 2
        if (count > most) { most = count; best = n }
    }
    print best; print most
}' >collatz.expected
expect test "$(cat collatz.expected)" = '6171
261'

# continued NAME STEPS: the output of all processes together
continued() {
    sfpm-save -o "$1.img" "$top_srcdir/examples/$1.s"
    status=124
    parts=0
    while [ "$status" -eq 124 ]; do
        status=0
        sfpm-run --steps "$2" -i "$1.img" || status=$?
        parts=$((parts + 1))
    done
    echo "$parts" >parts
    return "$status"
}

for name in mandelbrot life collatz; do
    sfpm-save -o "$name.img" "$top_srcdir/examples/$name.s"
    succeeds sfpm-run "$name.img"
    expect_same "$stdout" "$name.expected"
    continued "$name" 777777 >"$name.out"
    expect_same "$name.out" "$name.expected"
    # a listing is the program, too
    sfpm-inspect --disassemble "$name.img" >"$name.s"
    sfpm-save -o again.img "$name.s"
    succeeds sfpm-run again.img
    expect_same "$stdout" "$name.expected"
done
expect test "$(cat parts)" -gt 5
