#!/bin/sh
# SPDX-License-Identifier: MIT
# Work over a second shows on a terminal how far it has come, its rate and the time that
# is left, and nowhere else.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs python3
needs_strace

# 4 MiB that do not become smaller, in the original layout.
python3 - <<'END'
import os, struct
size = 4 << 20
head = struct.pack("<II4xQQI256s4x", 0x5346504D, 1, 0, size, 1, b"")
with open("v1.img", "wb") as file:
    file.write(head + struct.pack("<QBI4s", size, 0, 4, b"data") + os.urandom(size))
END

# terminal TERM COMMAND...: what COMMAND prints on a terminal that is its standard error.
cat >terminal.py <<'END'
import os, pty, sys
os.environ["TERM"] = sys.argv[1]
master, slave = pty.openpty()
child = os.fork()
if child == 0:
    os.close(master)
    os.dup2(slave, 2)
    os.execvp(sys.argv[2], sys.argv[2:])
os.close(slave)
text = b""
while True:
    try:
        piece = os.read(master, 4096)
    except OSError: # the other end is closed
        break
    if not piece:
        break
    text += piece
sys.stdout.buffer.write(text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END
terminal() {
    python3 terminal.py "$@"
}

# shows TOOL COMMAND...: a line of TOOL is drawn, and erased at the end.
shows() {
    shows_tool=$1
    shift
    succeeds terminal xterm "$@"
    tr '\r' '\n' <"$stdout" >lines
    expect grep -qE "^$shows_tool: [0-9]+ %, [0-9.]+ (bytes?|[KMG]iB)/s(, [0-9]+ (s|min [0-9]+ s|h [0-9]+ min) left)? *\$" lines
    expect test "$(tail -c 1 "$stdout" | od -An -c | tr -d ' ')" = '\r'
    expect test -z "$(tail -n 1 lines | tr -d ' ')"
    expect_not grep -q "$(printf '\033')" "$stdout"
}

# One write, or each read, takes a while longer, so that over a second is needed however
# fast the machine is.
slow_writes='strace -o /dev/null -e trace=write -e inject=write:delay_enter=1200000:when=2'
slow_reads='strace -o /dev/null -e trace=pread64 -e inject=pread64:delay_enter=30000'

# shellcheck disable=SC2086 # several words each
if sfpm-convert --to-v2 --compress lz4 -o a.img v1.img 2>"$stderr"; then
    shows sfpm-convert $slow_writes sfpm-convert --to-v2 --compress lz4 -o a.img v1.img
    expect sfpm-inspect --verify a.img
fi
expect sfpm-convert --to-v2 -o a.img v1.img
shows sfpm-convert $slow_writes sfpm-convert --keep 1 -o b.img a.img
shows sfpm-inspect $slow_reads sfpm-inspect --verify a.img

# A message takes the place of the line.
expect_status 1 terminal xterm strace -o /dev/null -e trace=write,pread64 \
    -e inject=pread64:delay_enter=30000 -e inject=write:error=ENOSPC:when=3+ \
    sfpm-convert --keep 1 -o c.img a.img
expect_no_file c.img

# Nothing on a dumb terminal, without one, and when it is done soon.
succeeds terminal dumb $slow_writes sfpm-convert --keep 1 -o b.img a.img
expect_stdout ''
succeeds $slow_writes sfpm-convert --keep 1 -o b.img a.img
expect_stderr ''
printf 'halt\n' >halt.s
succeeds terminal xterm sfpm-save -o small.img halt.s
expect_stdout ''
