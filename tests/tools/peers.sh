#!/bin/sh
# SPDX-License-Identifier: MIT
# Peers that are slow, stalled, closed or non-blocking: a transfer that is refused for now
# waits, a request to stop ends the wait with the state exact, and a listing that nobody
# reads ends at once.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
needs python3

# peer.py MODE COMMAND...: runs the command with non-blocking pipes as standard input,
# output and error, each of 4 KiB; gives it the input in small pieces, reads in small
# pieces, and passes on what it reads. Exits with the command's status.
cat >peer.py <<'END'
import fcntl, os, subprocess, sys, threading
def pipe():
    r, w = os.pipe()
    fcntl.fcntl(w, 1031, 4096)
    return r, w
(ir, iw), (outr, outw), (er, ew) = pipe(), pipe(), pipe()
for fd in (ir, outw, ew):
    os.set_blocking(fd, False)
child = subprocess.Popen(sys.argv[1:], stdin=ir, stdout=outw, stderr=ew)
for fd in (ir, outw, ew):
    os.close(fd)
def feed():
    data = sys.stdin.buffer.read()
    try:
        for at in range(0, len(data), 1000):
            os.write(iw, data[at:at + 1000])
    except BrokenPipeError:
        pass
    os.close(iw)
def drain(fd, to):
    while True:
        piece = os.read(fd, 500)
        if not piece:
            break
        os.write(to, piece)
threads = [threading.Thread(target=feed), threading.Thread(target=drain, args=(outr, 1)),
           threading.Thread(target=drain, args=(er, 2))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(child.wait())
END

# same STATUS INPUT CMD...: it does with such peers what it does with files.
same() {
    same_status=$1
    same_input=$2
    shift 2
    status=0
    "$@" <"$same_input" >wanted.out 2>wanted.err || status=$?
    [ "$status" -eq "$same_status" ] || fail "exit status $status: $*"
    status=0
    python3 peer.py "$@" <"$same_input" >got.out 2>got.err || status=$?
    expect test "$status" -eq "$same_status"
    expect_same wanted.out got.out
    expect_same wanted.err got.err
}
cat >count.s <<'END'
        .memory 2
        .global n
loop:   global.get n
        push 1
        add
        print
        global.set n
        global.get n
        i64.const 5000
        i64.lt_s
        br_if loop
        halt
END
{
    cat count.s
    yes '; a comment' | head -n 3000
} >long.s
sfpm-save -o a.img count.s
sfpm-run -o b.img a.img >out
seq 0 9999 | sed 's/.*/memory:&=7/' >edits
export SOURCE_DATE_EPOCH=1700000000
same 0 long.s sfpm-save -
same 0 a.img sfpm-patch -q - globals:0=4
same 0 edits sfpm-patch -f - a.img
same 0 b.img sfpm-convert --flatten -
same 0 b.img sfpm-run -
same 0 /dev/null sfpm-run a.img
same 124 /dev/null sfpm-run --trace --steps 500 a.img
same 0 b.img sfpm-inspect --hex memory -
same 0 b.img sfpm-inspect --json -
same 0 /dev/null sfpm-inspect --disassemble b.img
same 1 b.img sfpm-diff a.img -
head -c 32 /dev/urandom >key
chmod 600 key
if sfpm-convert --encrypt --key-file key -o k.img a.img 2>/dev/null; then
    same 0 key sfpm-inspect --key-file /dev/stdin k.img
fi

# A listing ends when its reader has gone or the disk is full: one write is tried.
needs_strace
printf '.memory 40\n.func main\ni32.const 0\ni32.const 165\ni32.const 2600000\nmemory.fill\nhalt\n' >fill.s
sfpm-save -o fill.img fill.s
sfpm-run -o big.img fill.img
# listing CMD...
listing() {
    rm -f calls
    # shellcheck disable=SC2016
    expect_status "$1" sh -c '
        mkfifo pipe || exit 99
        exec 3<>pipe 4>pipe 3<&-
        rm pipe
        shift
        strace -o calls -e trace=write "$@" >&4' sh "$@"
    expect_stderr ''
    expect test "$(grep -c '^write(1' calls)" = 1
    [ -c /dev/full ] || return 0
    # shellcheck disable=SC2016
    expect_status "$1" sh -c 'shift; strace -o calls -e trace=write "$@" >/dev/full' sh "$@"
    expect_stderr_match 'standard output: No space left on device$'
    expect test "$(grep -c '^write(1' calls)" = 1
}
listing 1 sfpm-inspect --hex memory big.img
{
    yes nop | head -n 40000
    echo halt
} >long.s
sfpm-save -o long.img long.s
listing 1 sfpm-inspect --disassemble long.img
listing 1 sfpm-inspect --text long.img

# stalled.py SIGNAL COMMAND...: nobody reads what the command prints; when the pipe is
# full, the command gets the signal, if not 0. Then prints what is in the pipe.
cat >stalled.py <<'END'
import array, fcntl, os, signal, subprocess, sys, termios, time
r, w = os.pipe()
room = fcntl.fcntl(w, 1031, 4096)
# What is started in the background ignores SIGINT.
default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
child = subprocess.Popen(sys.argv[2:], stdout=w, preexec_fn=default)
have = array.array('i', [0])
while child.poll() is None and have[0] < room:
    fcntl.ioctl(r, termios.FIONREAD, have)
    time.sleep(0.01)
if int(sys.argv[1]):
    child.send_signal(int(sys.argv[1]))
os.close(w)
status = child.wait()
sys.stdout.buffer.write(os.read(r, 1 << 20))
sys.exit(status)
END
sed 's/5000/60000/' count.s >many.s
seq 60000 >wanted
for how in '15 sfpm-run -i' '2 sfpm-run -i' '0 sfpm-run -i --timeout 0.3'; do
    sfpm-save -o a.img many.s
    # shellcheck disable=SC2086 # a signal and a command
    expect_status 124 python3 stalled.py $how a.img
    expect_stderr ''
    cp "$stdout" printed
    expect test -s printed
    # Again, before all of it was read, and to another file.
    expect_status 124 python3 stalled.py 15 sfpm-run -o b.img a.img
    cat "$stdout" >>printed
    succeeds sfpm-run -i b.img
    cat "$stdout" >>printed
    expect_same wanted printed
    succeeds sfpm-run -i b.img
    expect_stdout 60001
done
# A program that has ended has output as well that nobody read.
sed 's/5000/9999/' count.s >some.s
seq 9999 >wanted
sfpm-save -o a.img some.s
: >printed
expect_status 124 python3 stalled.py 15 sfpm-run -i a.img
cat "$stdout" >>printed
expect_status 124 python3 stalled.py 15 sfpm-run -i a.img
cat "$stdout" >>printed
succeeds sfpm-inspect --text a.img
expect_stdout_match '^machine halted$'
succeeds sfpm-run -i --resume a.img
cat "$stdout" >>printed
expect_same wanted printed
succeeds sfpm-run -i --resume a.img
expect_stdout ''
sfpm-save -o a.img many.s
expect_status 124 python3 stalled.py 0 sfpm-run --timeout 0.3 a.img
expect_stderr_match 'standard output: nobody read the last [0-9]+ bytes, which are lost$'
