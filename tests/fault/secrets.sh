#!/bin/sh
# SPDX-License-Identifier: MIT
# What is secret, and what an encrypted image holds, is in nothing that is written: no
# image, also of a save in the background, no temporary file, nothing that is salvaged, no
# core. All that a command writes is traced. Controls have the same without encryption.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs_strace
secret=$top_builddir/tests/fault/secret
[ -x "$secret" ] || skip 'the program with a secret was not built'

marker=unheard-of-$$-and-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
printf '%032d' 7 >key
chmod 600 key
export TMPDIR="$work"

# writes COMMAND...: runs it, and prints how often it writes the marker, to whatever file.
writes() {
    strace -f -qq -s 4194304 -o trace -e trace=openat,write,pwrite64,writev,vmsplice,splice,copy_file_range,sendfile \
        "$@" >out 2>said || :
    cat trace out said a.img [bs].img 2>/dev/null | grep -c "$marker" || :
}

# hidden COMMAND..., shown COMMAND...: the marker is written nowhere, or somewhere.
hidden() {
    expect test "$(writes "$@")" = 0
}
shown() {
    expect test "$(writes "$@")" -gt 0
}

damage() {
    printf 'XXXX' | dd of=a.img bs=1 seek=30000 conv=notrunc status=none
}

hidden "$secret" a.img key "$marker"
expect sfpm-inspect --verify --key-file key a.img
# From a pipe, and larger than the memory that may be taken for it: it goes to a file.
hidden sh -c "cat a.img | '$secret' take"
expect grep -q '"\.input\.sfpm-.*O_CREAT' trace
hidden sh -c 'cat a.img | sfpm-convert --compact --key-file key - >b.img'
hidden sfpm-convert -i --compress zstd --key-file key a.img
hidden "$secret" a.img key "$marker"
hidden sfpm-convert --decrypt --key-file key -o s.img a.img
expect_no_file s.img
damage
expect_not sfpm-inspect --verify --key-file key a.img 2>"$stderr"
hidden sfpm-convert --salvage --key-file key -o s.img a.img
expect test -s s.img
hidden sfpm-convert --salvage --decrypt --key-file key -o s.img a.img

rm -f ./*.img
shown "$secret" a.img plain "$marker"
shown sh -c "cat a.img | '$secret' take; rm a.img"
"$secret" a.img plain "$marker"
damage
shown sfpm-convert --salvage -o s.img a.img

# core OPTION...: aborts a run of c.img, whose description is the marker; whether a core
# has it.
mkfifo trace.fifo
# shellcheck disable=SC2120 # there may be none
core() {
    rm -f core*
    (
        # shellcheck disable=SC3045 # the shells of Linux have it
        ulimit -c unlimited
        exec sfpm-run --trace "$@" c.img 2>trace.fifo
    ) &
    read -r _ <trace.fifo
    kill -ABRT $!
    wait $! 2>/dev/null || :
    grep -qs "$marker" core*
}
printf 'again:\n br again\n' >loop.s
sfpm-save -d "$marker" -o c.img loop.s
if core 2>/dev/null; then
    sfpm-convert -i --encrypt --key-file key c.img
    expect_not core --key-file key
else
    echo "$test_name: without cores, which are not written here" >&9
fi
