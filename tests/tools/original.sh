#!/bin/sh
# SPDX-License-Identifier: MIT
# Images of version 1, in the original layout: inspected, patched and run.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

original_image >o.img
expect test "$(size o.img)" -eq $((292 + 13 + 8 + 2080))
cp o.img before

succeeds sfpm-inspect o.img
expect_stdout_match '^o\.img: sfpm image, format 1, '
expect_stdout_match '^  time +2023-11-14 22:13:20 UTC$'
expect_stdout_match '^  description +hello from before$'
expect_stdout_match '^ +2080  vm_state$'
expect_stdout_match '^  state +suspended at code\[0\]'
succeeds sfpm-inspect --verify o.img
succeeds sfpm-inspect --text o.img
expect_stdout_match '^code 2 push 5$'
succeeds sfpm-inspect --log o.img
expect_stdout_match '^commit 1 '
succeeds sfpm-inspect --disassemble o.img
expect_stdout_match '^ +push 10'

succeeds sfpm-run o.img
expect_stdout 15
expect_same o.img before
succeeds sfpm-run - <o.img
expect_stdout 15

# Code offsets address its program; it stays version 1, and has no history.
succeeds sfpm-patch -o p.img o.img 3=20
expect_stderr_match '^code\[3\]: 5 -> 20'
expect test "$(size p.img)" -eq "$(size o.img)"
succeeds sfpm-run p.img
expect_stdout 30
expect test "$(cmp -l o.img p.img | awk '$1 > 300' | wc -l)" -eq 1
succeeds sfpm-patch -i o.img 3=20
succeeds sfpm-run o.img
expect_stdout 30
expect_status 1 sfpm-patch -i --undo o.img
expect_stderr_match '^sfpm-patch: o\.img: .*version 1'
succeeds sfpm-patch -i o.img vm_state:1031=6
succeeds sfpm-run o.img
expect_stdout 16
expect_status 2 sfpm-patch -i o.img 1024=0
expect_status 1 sfpm-patch -i o.img 4=9
expect_stderr_match 'code\[4\]'

# Its state goes on in pieces.
cp before o.img
expect_status 124 sfpm-run --steps 3 -i o.img
expect test "$(size o.img)" -eq "$(size before)"
succeeds sfpm-inspect o.img
expect_stdout_match '^o\.img: sfpm image, format 1, '
expect_stdout_match '^      stack  15$'
succeeds sfpm-run -i o.img
expect_stdout 15
succeeds sfpm-inspect --text o.img
expect_stdout_match '^machine halted$'
succeeds sfpm-run o.img
expect_stdout 15

# What does not fit a slot of 32 bits cannot be written back.
original_header 2080 >w.img
{
    zeros 1024
    u32 4294967295
    printf '\0\377\0\377\3\0\377\3\0\377\3\5'
    zeros 1012
    u32 0
    u64 12
    u64 0
    u32 0
    u32 0
} >>w.img
cp w.img before
expect test "$(size w.img)" -eq "$(size o.img)"
succeeds sfpm-run w.img
expect_status 125 sfpm-run -i w.img
expect_stderr_match '^sfpm-run: w\.img: .*4228250625'
expect_same w.img before

# Another size: looked into and patched, not run.
original_header 5392 >other.img
zeros 5392 >>other.img
succeeds sfpm-inspect other.img
expect_stdout_match '^ +5392  vm_state$'
expect_stdout_match '^  unreadable   region .*2080 bytes'
succeeds sfpm-patch -i other.img vm_state:5391=7
expect_stderr_match 'vm_state\[5391\]: 0 -> 7$'
expect_status 125 sfpm-run other.img
expect_stderr_match '^sfpm-run: other\.img: .*5392'
expect_status 2 sfpm-patch -i other.img 3=7

# Damage cannot be seen without checksums; it stays bounded.
head -c 1000 before >short.img
expect_status 1 sfpm-inspect short.img
expect_stderr_match '^sfpm-inspect: short\.img: '
expect_status 125 sfpm-run short.img


# In version 2 the region is understood alike, and has history.
original_image >s.img
forge second s.img
succeeds sfpm-inspect s.img
expect_stdout_match '^s\.img: sfpm image, format 2, '
succeeds sfpm-patch -i s.img 3=20
expect_stderr 'code[3]: 5 -> 20 (main+3)'
succeeds sfpm-run s.img
expect_stdout 30
expect_status 124 sfpm-run --steps 3 -i s.img
succeeds sfpm-run -i s.img
expect_stdout 30
succeeds sfpm-patch -q -i --undo s.img
succeeds sfpm-run s.img
expect_stdout 30
succeeds sfpm-run s.img@1
expect_stdout 15

# It is saved as often as asked while it runs, and nobody else writes to it meanwhile.
needs_strace
original_image >o.img
succeeds strace -o calls -e trace=write,rename,renameat,renameat2 -e inject=write:signal=USR1:when=1+3 \
    sfpm-run -i --trace o.img
expect_stdout 15
expect_not grep -q warning "$stderr"
expect test "$(grep -c '^rename' calls)" -gt 2
succeeds sfpm-inspect --text o.img
expect_stdout_match '^machine halted$'
