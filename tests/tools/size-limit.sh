#!/bin/sh
# SPDX-License-Identifier: MIT
# A limit of the size of files acts like a full disk: a message, the usual exit status,
# and what was there is still there. A checkpoint that does not fit is a warning.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# Writes 8 pages with new contents in each round, 5 KiB after another.
cat >grow.s <<'END'
        .memory 16
        .global n 0
        .global rounds 0
        .func main
more:   global.get n
        i32.wrap_i64
        global.get n
        i64.store
        global.get n
        push 64
        push 80
        mul
        add
        global.set n
        global.get n
        i64.const 900000
        i64.lt_s
        br_if more
        halt
END
sfpm-save -o small.img grow.s
sfpm-run -o big.img small.img
expect test "$(wc -c <big.img)" -gt 40000
seq 100000 >text
mkdir d
cd d

# limited STATUS CMD...: CMD may write files of 16 KiB; d/a.img stays as it is.
limited() {
    limited_status=$1
    shift
    cp a.img ../a.before
    # shellcheck disable=SC2016 # for the inner shell
    expect_status "$limited_status" sh -c 'ulimit -f 32; exec "$@"' sh "$@"
    expect_stderr_match 'File too large'
    expect_same a.img ../a.before
    expect test "$(ls -A)" = a.img
}
cp ../big.img a.img
for file in a.img b.img; do
    limited 1 sfpm-patch -q -o $file ../big.img globals:0=1
    for way in --flatten --salvage --to-v1 '--compress none'; do
        # shellcheck disable=SC2086 # an option and its value
        limited 1 sfpm-convert -o $file $way ../big.img
    done
    limited 125 sfpm-run -o $file ../small.img
done
limited 1 sfpm-patch -q -i a.img memory:900000=1
for way in --compact --flatten --to-v1; do
    limited 1 sfpm-convert -i $way a.img
done
cp ../small.img a.img
limited 125 sfpm-run -i a.img
limited 125 sh -c 'sfpm-run -o - ../small.img >../out'
limited 1 sh -c 'sfpm-patch -q ../big.img globals:0=1 >../out'
limited 1 sh -c 'sfpm-convert --flatten ../big.img >../out'
limited 1 sh -c 'sfpm-inspect --hex memory ../big.img >../out'

# A program goes on after checkpoints that were not saved, and is saved when it can be.
needs prlimit
sed 's/halt/push 0\nglobal.set n\nglobal.get rounds\npush 1\nadd\nglobal.set rounds\nbr more/' \
    ../grow.s >../endless.s
sfpm-save -o a.img ../endless.s
sh -c 'ulimit -S -f 32; exec sfpm-run -i --checkpoint-every 0.01 a.img' 2>../said &
warned() {
    [ "$(grep -c 'a\.img: warning: this checkpoint was not saved; the program continues$' ../said)" -ge 3 ]
}
until_true warned
expect sfpm-inspect --verify a.img
prlimit --fsize=unlimited --pid $!
kill $!
status=0
wait $! || status=$?
expect test "$status" -eq 124
expect grep -q 'a\.img: .*File too large$' ../said
expect sfpm-inspect --verify a.img
succeeds sfpm-inspect --text a.img
expect_stdout_match '^machine suspended$'
expect test "$(ls -A)" = a.img
