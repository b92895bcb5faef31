#!/bin/sh
# SPDX-License-Identifier: MIT
# Lines of source: a program of several files, compiled by clang with line tables of DWARF 4
# and 5, traps, and its calls are shown with their lines, which are places, too.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

needs clang wasm-ld
mkdir -p src/inc
cat >src/inc/twice.h <<'END_C'
static inline int twice(int x)
{
    return x * 2 +
           (x ^ 5) % 3;
}
END_C
cat >src/solve.c <<'END_C'
#include "inc/twice.h"

volatile int seven = 7;

int solve(int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += twice(i);
    if (sum > 10)
        sum = 100 / (n - seven);
    return sum;
}
END_C
cat >src/main.c <<'END_C'
int solve(int n);

void _start(void)
{
    volatile int n = 3;
    n += solve(n);
    n = 7;
    n += solve(n);
}
END_C
clang --target=wasm32 -g -O1 -c -o probe.o src/solve.c 2>messages ||
    skip "this clang cannot compile to WebAssembly: $(tail -n 1 messages)"

# Two steps, so that clang does not run wasm-opt. FLAGS...
compile() {
    for file in solve main; do
        clang --target=wasm32 "$@" -c -o $file.o src/$file.c
    done
    wasm-ld --allow-undefined -o app.wasm main.o solve.o
}

for flags in '-gdwarf-4 -O0' '-gdwarf-4 -O2' '-gdwarf-5 -O1' '-gdwarf-5 -O2'; do
    # shellcheck disable=SC2086 # several flags
    compile $flags
    sfpm-save -o app.img app.wasm
    expect_status 126 sfpm-run -i app.img
    expect_stderr_match ': code\[[0-9]+\] \(solve\+[0-9]+, solve\.c:11\): division by zero$'
    succeeds sfpm-inspect --json app.img
    expect_stdout_match '"backtrace":\[\{"function":"solve","offset":[0-9]+,"file":"solve\.c","line":11\},\{"function":"_start","offset":[0-9]+,"file":"main\.c","line":8\}\]'
    succeeds sfpm-inspect --disassemble app.img
    expect_stdout_match '^        ; solve\.c:11$'
    expect_stdout_match '^        ; twice\.h:[34]$'
    cp "$stdout" again.s
    sfpm-save -o again.img again.s
    sfpm-inspect --hex code app.img >code
    sfpm-inspect --hex code again.img >code-again
    expect_same code-again code
    succeeds sfpm-inspect app.img
    expect_stdout_match '^ +0  solve at code\[[0-9]+\] \(solve\+[0-9]+\), solve\.c:11$'
    expect_stdout_match '^ +1  _start at code\[[0-9]+\] \(_start\+[0-9]+\), main\.c:8$'
    expect_stdout_match '^ +0  __stack_pointer = [0-9]+$'
    # Delta-coded rows take less than a quarter of the code.
    sfpm-inspect --hex symbols app.img >symbols
    rows=$((0x$(awk 'NR == 2 { print $13 $12 $11 $10 }' symbols)))
    blocks=$((0x$(awk 'NR == 2 { print $9 $8 $7 $6 }' symbols)))
    code=$(awk '$3 == "code" && NF == 5 { print $1 }' "$stdout")
    expect test "$rows" -gt 0
    expect test $((4 * (rows + 8 * blocks))) -lt "$code"
done

# Places in sfpm-patch: instructions and bytes, with more or less of the path.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH
sfpm-save -o app.img app.wasm
succeeds sfpm-patch -q -o by-name.img app.img 'solve: unreachable'
succeeds sfpm-patch -q -o by-line.img app.img '@src/solve.c:6: unreachable'
succeeds sfpm-diff by-name.img by-line.img
for edit in '@twice.h:1/u8=0' 'code:@inc/twice.h:1=0' '@src/inc/twice.h:1: nop'; do
    expect_status 2 sfpm-patch app.img "$edit"
    expect_stderr_match "line 1 of '[a-z/]*twice\.h' has no code; the next line that has is 3"
done
expect_status 2 sfpm-patch app.img '@solve:6=0'
expect_stderr_match "no code is from a file 'solve'"

# --until stops there with each engine, and at the next time again; then the program traps.
for engine in fast simple; do
    sfpm-save -o at.img app.wasm
    for round in first second; do
        echo "$engine: $round"
        expect_status 124 sfpm-run --engine $engine --until @solve.c:10 -i at.img
        succeeds sfpm-inspect at.img
        expect_stdout_match '^ +0  solve at code\[[0-9]+\] \(solve\+[0-9]+\), solve\.c:10$'
    done
    expect_status 126 sfpm-run --engine $engine --until @solve.c:10 -i at.img
    expect_status 124 sfpm-run --until trap -i at.img
    expect_stderr_match 'division by zero'
    mv at.img $engine.img
done
succeeds sfpm-diff fast.img simple.img
expect_status 124 sfpm-run --until @solve.c:10 -o at.img app.wasm
expect_status 1 sfpm-diff at.img simple.img
expect_stdout_match 'frame 1 .*solve\+[0-9]+\), solve\.c:10 *\| .*solve\+[0-9]+\), solve\.c:11$'
expect_status 125 sfpm-run --until nowhere app.wasm
expect_stderr_match "there is no label 'nowhere'"
expect_status 125 sfpm-run --until @solve.c:3 app.wasm
expect_stderr_match "line 3 of 'solve\.c' has no code; the next line that has is 6"
expect_status 7 sfpm-run --until @main.c:9 --resumable-status 7 --until solve app.wasm

# A module without line tables has no lines.
wasm-ld --allow-undefined --strip-debug -o app.wasm main.o solve.o
sfpm-save -o app.img app.wasm
expect_status 126 sfpm-run -i app.img
succeeds sfpm-inspect app.img
expect_stdout_match '^ +0  solve at code\[[0-9]+\] \(solve\+[0-9]+\)$'
expect_status 2 sfpm-patch app.img '@solve.c:6=0'
expect_stderr_match 'the program has no lines of source \(compilers record them with -g\)'
