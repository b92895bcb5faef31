#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/hot-reload: the original's session, word for word, and what it does
# with bad input.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# session LINE...: runs it with these lines as input.
session() {
    printf '%s\n' "$@" | "$top_builddir/examples/hot-reload"
}

succeeds session 1 2 3 20 1 3 7
expect_stdout '[INFO] No existing snapshot found, starting fresh
Choice: 1
Result: 15
Choice: 2
Offset: 3
New value: 20
[PATCH] Changed program[3]: 5 -> 20
Choice: 1
Result: 30
Choice: 3
[SNAPSHOT] Successfully saved to interpreter.img
Choice: 7'

# Nothing is asked when nothing changed.
cp interpreter.img before.img
succeeds session 7
expect_stdout "[SNAPSHOT] Restored region 'vm_state': 2080 bytes
[SUCCESS] Loaded previous session!
Choice: 7"
expect_same before.img interpreter.img

# The end of input saves what changed.
end=' '
succeeds session 1
expect_stdout "[SNAPSHOT] Restored region 'vm_state': 2080 bytes
[SUCCESS] Loaded previous session!
Choice: 1
Result: 30
Choice:$end
[SNAPSHOT] Successfully saved to interpreter.img"

succeeds session 5 6 7 n
expect_stdout "[SNAPSHOT] Restored region 'vm_state': 2080 bytes
[SUCCESS] Loaded previous session!
Choice: 5
     0  push 10
     2  push 20
     4  add
     5  print
     6  halt
Stack: 30
pc 7, halted, run 3 times
Choice: 6
[RESET] The program is the first one again
Choice: 7
Save changes? (y/n): n"

# Not saved, so still there; loading undoes what was not saved.
succeeds session 6 1 4 1 7 y
expect_stdout "[SNAPSHOT] Restored region 'vm_state': 2080 bytes
[SUCCESS] Loaded previous session!
Choice: 6
[RESET] The program is the first one again
Choice: 1
Result: 15
Choice: 4
[SNAPSHOT] Restored region 'vm_state': 2080 bytes
[SUCCESS] Loaded the saved session!
Choice: 1
Result: 30
Choice: 7
Save changes? (y/n): y
[SNAPSHOT] Successfully saved to interpreter.img"

# The tools understand its machine: what the shell patches, the program runs.
cp interpreter.img tools.img
succeeds sfpm-run tools.img
expect_stdout 30
succeeds sfpm-patch -i tools.img 3=7
succeeds sfpm-run tools.img
expect_stdout 17
printf '1\n7\nn\n' >input
succeeds "$top_builddir/examples/hot-reload" tools.img <input
expect_stdout_match '^Result: 17$'

# What makes no sense changes nothing.
cp interpreter.img before.img
succeeds session 2 7 2 3 256 2 3 -1 2 x 2 '' 8 '' 7
expect_stdout_match 'a number from 0 to 6 is wanted'
expect_stdout_match 'a number from 0 to 255 is wanted'
expect_stdout_match '^1 run   2 patch   3 save'
expect_not grep -q 'PATCH' "$stdout"
expect_same before.img interpreter.img

# Programs that go wrong say where: an unknown instruction, a missing operand.
succeeds session 2 4 99 1 7 n
expect_stdout_match '^\[ERROR\] program\[4\]: unknown instruction$'
succeeds session 2 0 1 1 7 n
expect_stdout_match '^\[ERROR\] program\[0\]: stack underflow$'
succeeds session 2 6 0 1 7 n
expect_stdout_match '^\[ERROR\] program\[6\]: push lacks its operand$'

# An image that cannot be restored is not overwritten.
head -c 300 before.img >interpreter.img
cp interpreter.img torn.img
expect_status 1 session 1
expect_stdout_match '^\[ERROR\] interpreter.img: '
expect_same torn.img interpreter.img

# Another image can be named.
cp before.img other.img
mv interpreter.img elsewhere
succeeds "$top_builddir/examples/hot-reload" other.img
expect_stdout_match "Restored region 'vm_state'"
expect_no_file interpreter.img
expect_status 2 "$top_builddir/examples/hot-reload" --help
expect_stderr_match '^usage: hot-reload'
