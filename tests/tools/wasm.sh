#!/bin/sh
# SPDX-License-Identifier: MIT
# WebAssembly modules are taken by all tools; what cannot be a program is named as what it
# is.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

# (module
#   (import "sfpm" "write" (func $write (param i32 i32 i32) (result i32)))
#   (memory (export "memory") 1)
#   (global $n (mut i32) (i32.const 0))
#   (func $greet (i32.const 1) (i32.const 8) (i32.const 6) (call $write) (drop))
#   (func (export "_start")
#     (loop $again
#       (call $greet)
#       (global.set $n (i32.add (global.get $n) (i32.const 1)))
#       (br_if $again (i32.lt_u (global.get $n) (i32.const 3)))))
#   (data (i32.const 8) "hello\n"))
hello() {
    printf '\000asm\001\000\000\000'
    printf '\001\013\002\140\003\177\177\177\001\177\140\000\000'
    printf '\002\016\001\004sfpm\005write\000\000'
    printf '\003\003\002\001\001'
    printf '\005\003\001\000\001'
    printf '\006\006\001\177\001A\000\013'
    printf '\007\023\002\006memory\002\000\006_start\000\002'
    printf '\012\043\002\013\000A\001A\010A\006\020\000\032\013\025\000\003\100\020\001'
    printf '\043\000A\001j\044\000\043\000A\003I\015\000\013\013'
    printf '\013\014\001\000A\010\013\006hello\012'
    printf '\000\026\004name\001\017\002\000\005write\001\005greet'
}
hello >hello.wasm
three='hello
hello
hello'

succeeds sfpm-run hello.wasm
expect_stdout "$three"
succeeds sfpm-run - <hello.wasm
expect_stdout "$three"
succeeds sfpm-save -o hello.img hello.wasm
expect_stdout ''
succeeds sfpm-run hello.img
expect_stdout "$three"
hello | sfpm-save -d 'from a pipe' - >piped.img
succeeds sfpm-run piped.img
expect_stdout "$three"

# Stopped, saved, resumed; the image has the beginning as its first commit.
expect_status 124 sfpm-run --steps 12 -o part.img hello.wasm
expect_stdout hello
succeeds sfpm-inspect --log part.img
expect_stdout_match '^commit 2 '
expect_stdout_match '^    suspended at code\[[0-9]+\] '
succeeds sfpm-run part.img
expect_stdout 'hello
hello'
succeeds sfpm-run part.img@1
expect_stdout "$three"

# The image is the one that sfpm-save makes.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH
succeeds sfpm-save -o a.img hello.wasm
succeeds sfpm-diff a.img hello.wasm
expect_status 1 sfpm-diff part.img hello.wasm
succeeds sfpm-convert --flatten -o b.img hello.wasm
succeeds sfpm-diff a.img b.img
succeeds sfpm-patch -o c.img hello.wasm greet+1=2
succeeds sfpm-run c.img
expect_stdout ''
expect_stderr "$three"
unset SOURCE_DATE_EPOCH

# What is inside.
succeeds sfpm-inspect hello.wasm
expect_stdout_match '^hello\.wasm: WebAssembly module, [0-9]+ bytes$'
expect_stdout_match '^  state +suspended at code\[[0-9]+\] \(_start\): call greet$'
expect_stdout_match '^    0  "sfpm" "write" i32 i32 i32 -> i32$'
expect_stdout_match '^    1  "_start" func 2$'
expect_not grep -q '^Missing' "$stdout"
succeeds sfpm-inspect --verify hello.wasm
succeeds sfpm-inspect --disassemble hello.wasm
cp "$stdout" hello.s
succeeds sfpm-save -o d.img hello.s
succeeds sfpm-run d.img
expect_stdout "$three"
succeeds sfpm-inspect --json hello.wasm
expect_stdout_match '"imports":\[\{"module":"sfpm","field":"write"'
LC_ALL=C sed 's/sfpm/abcd/' hello.wasm >other.wasm
succeeds sfpm-inspect other.wasm
expect_stdout_match '^Missing$'
expect_status 125 sfpm-run other.wasm
expect_stderr_match 'functions that are missing: abcd\.write \(i32 i32 i32 -> i32\)$'

# No image is written into a module.
cp hello.wasm before
refuses() {
    status=$1
    shift
    expect_status "$status" "$@"
    expect_stderr_match "^$1: -i: 'hello\.wasm' is a WebAssembly module, not an image: use -o FILE$"
}
refuses 125 sfpm-run -i hello.wasm
refuses 2 sfpm-patch -i hello.wasm greet+1=2
refuses 2 sfpm-convert --flatten -i hello.wasm
expect_same hello.wasm before
expect_status 125 sfpm-run -o hello.wasm hello.wasm
expect_same hello.wasm before

# What is none, is named.
hello | head -c 100 >short.wasm
expect_status 1 sfpm-save -o bad.img short.wasm
expect_stderr_match '^sfpm-save: short\.wasm: module at 0x[0-9a-f]+: unexpected end$'
expect_status 125 sfpm-run short.wasm
expect_stderr_match '^sfpm-run: short\.wasm: module at 0x'
expect_status 1 sfpm-inspect short.wasm
printf '\000asm\015\000\001\000' >component.wasm
expect_status 1 sfpm-save -o bad.img component.wasm
expect_stderr_match 'component\.wasm: it is a WebAssembly component, but sfpm takes modules: '
{ hello; printf '\000\010\007linking'; } >object.o
expect_status 1 sfpm-save -o bad.img object.o
expect_stderr_match 'object\.o: it is a WebAssembly object file, not yet a module: link it first'
for text in '(module)' ';; a comment
(module)' '  (component)'; do
    printf '%s\n' "$text" >text.wat
    expect_status 1 sfpm-save -o bad.img text.wat
    expect_stderr "sfpm-save: text.wat: is WebAssembly text: make a module of it first, with wat2wasm or 'wasm-tools parse'"
done
printf '\000asm\001\000\000\000\001\004\001\140\000\000\003\002\001\000\012\006\001\004\000\375\014\013' >simd.wasm
expect_status 125 sfpm-run simd.wasm
expect_stderr 'sfpm-run: simd.wasm: function 0 at 0x17 needs SIMD, which sfpm does not have'
hello >pipe.wasm
expect_status 125 sh -c 'cat pipe.wasm | sfpm-run -'
expect_stderr 'sfpm-run: standard input: not an sfpm image, but a WebAssembly module: sfpm-save makes one from a program'
expect_no_file bad.img

# A pipe with a name is opened once: its writer would be lost between two readers.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    mkfifo pipe
    sfpm-save -o whole.img hello.wasm
    cat whole.img >pipe &
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
        strace -o trace -e trace=openat,open sfpm-inspect pipe >page
    wait
    expect test "$(grep -c '"pipe"' trace)" -eq 1
fi
