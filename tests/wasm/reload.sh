#!/bin/sh
# SPDX-License-Identifier: MIT
# A C program that was stopped goes on in code compiled anew: a function changed, one added,
# a string grown; what moves data or is being executed is refused, and nothing is written.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

needs clang wasm-ld

cat >app.c <<'END'
__attribute__((import_module("sfpm"), import_name("write")))
int sfpm_write(int file, const void *bytes, int size);
#define APART __attribute__((noinline)) static
char room1 __attribute__((aligned(4096), used)) = 1;
char room2 __attribute__((aligned(4096), used));
int total = 100;
int rounds;
char line[32];
APART int step(int n) { total += n; return total; }
APART void put(const char *text, unsigned value)
{
    char *at = line + sizeof line;
    *--at = '\n';
    do
        *--at = '0' + value % 10;
    while ((value /= 10) > 0);
    *--at = ' ';
    int n = 0;
    while (text[n])
        n++;
    sfpm_write(1, text, n);
    sfpm_write(1, at, line + sizeof line - at);
}
APART void tell(int value) { put("total", value); }
void _start(void)
{
    for (rounds = 1; rounds < 5; rounds++)
        tell(step(rounds));
}
END

# compile NAME: NAME.c to NAME.wasm, without wasm-opt, which removes names.
compile() {
    clang --target=wasm32 -O1 -c -o "$1.o" "$1.c" 2>messages ||
        skip "this clang cannot compile to WebAssembly: $(tail -n 1 messages)"
    wasm-ld --stack-first --no-gc-sections -o "$1.wasm" "$1.o"
}

# variant NAME SED: another program.
variant() {
    sed "$2" app.c >"$1.c"
    expect_not cmp -s app.c "$1.c"
    compile "$1"
}

compile app
variant step 's/total += n;/total += n + 1000;/'
variant string 's/"total"/"the whole total"/'
variant added 's/^APART int step.*/APART int twice(int n) { return 2 * n; }\nAPART int step(int n) { total += twice(n); return total; }/; $a int more = 7;'
variant moved 's/^int total/int before[3] = {1, 2, 3};\n&/'
variant type 's/step(int n) {/step(int n, int m) { n += m \& 1;/; s/step(rounds)/step(rounds, rounds)/'
variant import 's/const void \*bytes, int size/const void *bytes, long long size/'

# Stopped before each of the first instructions: what is not being executed is replaced.
succeeds sfpm-run app.wasm
expect_stdout 'total 101
total 103
total 106
total 110'
taken=0 refused=0 steps=10
while [ $steps -le 250 ]; do
    expect_status 124 sfpm-run --steps $steps -o app.img app.wasm
    cp "$stdout" begin
    succeeds sfpm-patch --code app.wasm -o same.img app.img
    expect_stderr 'the code is the same'
    succeeds sfpm-run same.img
    cat begin "$stdout" >all
    printf 'total 101\ntotal 103\ntotal 106\ntotal 110\n' | cmp - all || fail "same code, other output"
    if sfpm-patch --code step.wasm -o new.img app.img 2>messages; then
        expect grep -qx 'func step: replaced' messages
        succeeds sfpm-run new.img
        expect_stdout_match '^(total )?[1-5][01][01][0-9]$|^$'
        taken=$((taken + 1))
    else
        expect grep -q 'is a call of step, which has other code before' messages
        expect_no_file new.img
        refused=$((refused + 1))
    fi
    rm -f new.img
    steps=$((steps + 8))
done
expect test "$taken" -gt 5
expect test "$refused" -gt 0

# Refused: the reason is said, nothing is written. Taken: it runs.
expect_status 124 sfpm-run --steps 130 -o app.img app.wasm
cp app.img before.img

# refused NAME REASON
refused() {
    expect_status 1 sfpm-patch -i --code "$1.wasm" app.img
    expect_stderr_match "$2.*; nothing is written"
    expect_same before.img app.img
    expect_status 1 sfpm-diff app.img "$1.wasm"
    expect_stdout_match "^  refused: .*$2"
    expect_status 1 sfpm-diff --json app.img "$1.wasm"
    expect_stdout_match "\"refused\":\".*$2"
}
refused moved 'the variable at address [0-9]+, which [a-z]+ uses, is at [0-9]+ in the new code'
refused type 'frame 0, .* is a call of _start, which has other code before this place'
refused import 'function sfpm_write is imported with another type'

succeeds sfpm-patch -n --code string.wasm app.img
expect_same before.img app.img
expect_status 1 sfpm-diff app.img string.wasm
expect_stdout_match '^New code$'
expect_stdout_match '^  func tell: replaced$|^  data at [0-9]+: [0-9]+ bytes (added|replaced)$'
expect_stdout_match '^  [0-9] functions unchanged$'
succeeds sfpm-patch -o new.img --code string.wasm app.img
succeeds sfpm-inspect --verify new.img
succeeds sfpm-run new.img
expect_stdout_match '^the whole total 106$'

# Functions and data that are new; edits are made in the new code; undo.
succeeds sfpm-patch -i -m 'faster' --code added.wasm app.img memory:20000/i32=77
expect_stderr_match '^func twice: added$'
expect_stderr_match '^data at [0-9]+: 8 bytes (added|replaced)$'
expect_stderr_match '^memory\[20000\]/i32: 0 -> 77$'
succeeds sfpm-inspect --log app.img
expect_stdout_match '^    faster$'
succeeds sfpm-diff --stat app.img app.img
succeeds sfpm-patch -q -o piped.img --code added.wasm before.img memory:20000/i32=77
succeeds sfpm-diff app.img piped.img
succeeds sfpm-run app.img
expect_stdout_match '^total 10[57]$'
succeeds sfpm-patch -q -i --undo app.img
succeeds sfpm-diff app.img before.img

# What is executed can begin again, with its memory.
succeeds sfpm-patch -q -o again.img --restart --code type.wasm before.img
succeeds sfpm-run again.img
expect_stdout_match '^total 1[0-9][0-9]$'

# Mistakes, and what is no program.
expect_status 2 sfpm-patch --restart app.img 3=4
expect_status 2 sfpm-patch --undo --code app.wasm app.img
expect_status 2 sfpm-patch --code - - <app.img
head -c 100 app.wasm >torn.wasm
expect_status 1 sfpm-patch -i --code torn.wasm app.img
expect_status 1 sfpm-patch -i --code missing.wasm app.img
expect_status 1 sfpm-patch -i --code app.o app.img
succeeds sfpm-diff app.img before.img
succeeds sfpm-patch -q --code - -o piped.img before.img <app.wasm
succeeds sfpm-diff piped.img before.img
