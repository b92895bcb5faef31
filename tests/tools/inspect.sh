#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-inspect: all its ways to show an image.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

cat >nested.s <<'END'
.global seen
.func main
        push 40
        push 2
        call inner
        print
        halt
.func inner i64 i64 -> i64
.local i64
        push 7
        global.set seen
        push 9
        local.set 2
here:
        local.get 0
        local.get 1
        add
        return
END
sfpm-save -o a.img -d 'calls' nested.s
expect_status 124 sfpm-run --steps 8 -i a.img

succeeds sfpm-inspect a.img
expect_stdout_match '^a\.img: sfpm image, format 2, [0-9]+ bytes$'
expect_stdout_match '^  commit +2 of 2, made on 1$'
expect_stdout_match '^  state +suspended at code\[[0-9]+\] \(here\+3\): local\.get 1$'
expect_stdout_match '^  instructions 8$'
expect_stdout_match '^  starts +1$'
expect_stdout_match '^    0  inner at code\[[0-9]+\] \(here\+3\), nested\.s:16$'
expect_stdout_match '^    1  main at code\[[0-9]+\] \(main\+[0-9]+\), nested\.s:5$'
expect_stdout_match '^      locals 40 2 9$'
expect_stdout_match '^      stack  40$'
expect_stdout_match '^    0  seen = 7$'
expect_stdout_match '^ +[0-9]+  [0-9a-f]{16}  code  dynamic, portable$'

succeeds sfpm-inspect --text a.img
expect_stdout_match '^pc [0-9]+$'
expect_stdout_match '^frame 1 inner code\[[0-9]+\] \(here\+3\)$'
expect_stdout_match '^local 1 0 40$'
expect_stdout_match '^stack 0 40$'
expect_stdout_match '^global 0 seen 7$'
expect_stdout_match '^code 0 push 40$'
expect_not grep -q 20[0-9][0-9]-[0-9] "$stdout"
# The same state in another file at another time is the same text.
cp "$stdout" before.txt
cp a.img other-name.img
sfpm-patch -q -i other-name.img 1=40
sfpm-patch -q --undo -i other-name.img
sfpm-inspect --text other-name.img | sed /^creator/d >after.txt
sed /^creator/d before.txt >before
expect_same before after.txt

# Each line is one fact: a word that says of what, then the rest; texts with newlines
# do not break it. Version 1 has sums instead of digests.
sfpm-save -o lines.img -d "$(printf 'two\nlines')" nested.s
succeeds sfpm-inspect --text lines.img
expect_stdout_match '^description two\\x0alines$'
expect_not grep -Evq '^(format|description|creator|region|machine|pc|instructions|starts|frame|local|stack|global|code) .' "$stdout"
original_image >1.img
cp 1.img 2.img
zeros 1 | dd of=2.img bs=1 seek=2000 conv=notrunc 2>/dev/null
sfpm-inspect --text 1.img >1.txt
sfpm-inspect --text 2.img >2.txt
expect_same 1.txt 2.txt
flip 2.img 2000
sfpm-inspect --text 2.img >2.txt
expect_not cmp -s 1.txt 2.txt
expect grep -Eq '^region vm_state size 2080 sum [0-9a-f]{16}$' 2.txt

# What is disassembled assembles to the same bytes.
for program in nested.s divide.s "$sum" "$top_srcdir"/examples/*.s; do
    sfpm-save -o 1.img "$program"
    sfpm-inspect --disassemble 1.img >2.s
    sfpm-save -o 2.img 2.s
    sfpm-inspect --hex code 1.img >1.hex
    sfpm-inspect --hex code 2.img >2.hex
    expect test -s 1.hex
    expect_same 1.hex 2.hex
done

sfpm-save -o s.img "$sum"
succeeds sfpm-inspect --hex code s.img
expect_stdout '00000000  00 0a 00 05 01 04 05                              |.......|'
expect_status 2 sfpm-inspect --hex nothing s.img
expect_stderr_match "^sfpm-inspect: s\.img: .*'nothing'"

succeeds sfpm-inspect --log a.img
expect test "$(sed -n 's/^commit \([0-9]*\).*/\1/p' "$stdout" | tr '\n' ' ')" = '2 1 '
succeeds sfpm-inspect --log a.img@1
expect test "$(grep -c ^commit "$stdout")" -eq 1

succeeds sfpm-inspect --verify a.img s.img
expect_stdout ''
expect_stderr ''

# An image without a machine.
forge regions r.img
succeeds sfpm-inspect r.img
expect_stdout_match '^  architecture x86_64-linux-gnu-64le$'
expect_not grep -q Machine "$stdout"
expect_status 1 sfpm-inspect --disassemble r.img
expect_stderr 'sfpm-inspect: r.img: the image holds no machine'

# Several images; a bad one does not stop the others.
expect_status 1 sfpm-inspect s.img nothing.img r.img
expect_stderr 'sfpm-inspect: nothing.img: No such file or directory'
expect test "$(grep -c '^[rs]\.img: sfpm image' "$stdout")" -eq 2
succeeds sfpm-inspect - <s.img
expect_stdout_match '^standard input: sfpm image'

# Texts cannot take over the terminal.
forge hostile h.img
for how in --text --log --json ''; do
    # shellcheck disable=SC2086
    succeeds sfpm-inspect $how h.img
    LC_ALL=C
    expect_not grep -q "$(printf '[\001-\011\013-\037\177]')" "$stdout"
    expect_not grep -q "$(printf '\342\200\256')" "$stdout"
    LC_ALL=C.UTF-8
done
succeeds sfpm-inspect h.img
expect_stdout_match 'a\\x1b\[31m\\xff"\\\\b  dynamic$'
expect_stdout_match '^  description  one\\x0atwo\\x0d\\x1b\]0;title\\x07\\xe2\\x80\\xaeé$'
name=$(printf 'a\033[31m\377"\\b')
succeeds sfpm-inspect --hex "$name" h.img
expect_status 2 sfpm-inspect --hex "$(printf '\033[2J')" h.img
expect_stderr_match "'\\\\x1b\[2J'"

for wrong in '--log --json' '--hex code --text' --no-such '--max-memory 0'; do
    # shellcheck disable=SC2086
    expect_status 2 sfpm-inspect $wrong a.img
done
expect_status 2 sfpm-inspect
succeeds sfpm-inspect --max-memory 64M a.img
succeeds sfpm-inspect --version
expect_stdout_match '^sfpm-inspect [0-9]'
succeeds sfpm-inspect --help
expect_stdout_match '^  sfpm-inspect app\.img$'

# Values are shown by their types.
cat >types.s <<'END'
.global pi const f64 3.25
.global n i32 -5
.func main
.local f32 i32
        f32.const 0.1
        local.set 0
        i32.const -7
        f64.const nan
        i64.const -9
        halt
END
sfpm-save -o types.img types.s
succeeds sfpm-run -i types.img
succeeds sfpm-inspect types.img
expect_stdout_match '^      locals 0\.1 0$'
expect_stdout_match '^      stack  -7 nan -9$'
expect_stdout_match '^    0  pi = 3\.25$'
expect_stdout_match '^    1  n = -5$'
succeeds sfpm-inspect --text types.img
expect_stdout_match '^local 0 0 0\.1$'
expect_stdout_match '^stack 0 -7$'
expect_stdout_match '^stack 1 nan$'
expect_stdout_match '^global 0 pi 3\.25$'

# Memory, table, imports and exports; names in them are escaped, long lists are cut.
{
    echo '.import "env" "tell" tell i32 f64 -> i64'
    printf '%s\n' '.import "env" "a\xc2\x9bb" _'
    echo '.memory 2 3'
    echo '.table 5'
    echo '.export "mem" memory'
    echo '.export "run" func main'
    for i in $(seq 40); do
        echo ".export \"n$i\" func main"
    done
    echo '.func main'
    echo 'halt'
} >links.s
sfpm-save -o links.img links.s
succeeds sfpm-inspect links.img
expect_stdout_match '^  memory       131072 bytes, at most 196608$'
expect_stdout_match '^  table        5 elements$'
expect_stdout_match '^    0  "env" "tell" i32 f64 -> i64$'
expect_stdout_match '^    1  "env" "a\\xc2\\x9bb"$'
expect_stdout_match '^    0  "mem" memory$'
expect_stdout_match '^    1  "run" func 2$'
expect_stdout_match '^  \.\.\. 10 more$'
succeeds sfpm-inspect --text links.img
expect_stdout_match '^memory 131072 max 196608$'
expect_stdout_match '^table 5$'
expect_stdout_match '^import 0 "env" "tell" i32 f64 -> i64$'
expect_stdout_match '^export 41 "n40" func 2$'
