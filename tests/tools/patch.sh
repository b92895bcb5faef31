#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-patch: edits, what they show, and what is refused.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

sfpm-save -o a.img "$sum"
cp a.img first.img
succeeds sfpm-patch -i a.img 3=20
expect_stdout ''
expect_stderr 'code[3]: 5 -> 20 (main+3)'
succeeds sfpm-run a.img
expect_stdout 30
succeeds sfpm-inspect --log a.img
expect_stdout_match '^    code\[3\]: 5 -> 20 \(main\+3\)$'

# Undo adds a commit; again, it goes further back; at the first it says so.
succeeds sfpm-patch -q -i a.img main+1=11
succeeds sfpm-run a.img
expect_stdout 31
succeeds sfpm-patch -i --undo a.img
expect_stderr 'undo of commit 3'
succeeds sfpm-run a.img
expect_stdout 30
succeeds sfpm-patch -i --undo a.img
expect_stderr 'undo of commit 2'
succeeds sfpm-run a.img
expect_stdout 15
cp a.img before
expect_status 1 sfpm-patch -i --undo a.img
expect_stderr_match '^sfpm-patch: a\.img: .*there is no earlier one to go back to'
expect_same a.img before
succeeds sfpm-inspect a.img
expect_stdout_match '^  commit +5 of 5, made on 4, the state of 1$'
# A change after an undo, and its undo.
succeeds sfpm-patch -q -i a.img 1=1
succeeds sfpm-patch -q -i --undo a.img
succeeds sfpm-run a.img
expect_stdout 15
succeeds sfpm-patch --undo -m 'back' -o u.img a.img@2
succeeds sfpm-run u.img
expect_stdout 15
expect_status 2 sfpm-patch -i --undo a.img 3=20
expect_status 2 sfpm-patch -i --undo -d text a.img

# To any commit and forward again; from there, step by step.
cp first.img u.img
sfpm-patch -q -i u.img 3=20
sfpm-patch -q -i u.img 3=30
sfpm-patch -q -i u.img 3=40
succeeds sfpm-patch -i --undo-to 2 u.img
expect_stdout ''
expect_stderr 'undo to commit 2'
succeeds sfpm-run u.img
expect_stdout 30
succeeds sfpm-inspect u.img
expect_stdout_match '^  commit +5 of 5, made on 4, the state of 2$'
succeeds sfpm-inspect --log u.img
expect_stdout_match '^    undo to commit 2$'
cp u.img back.img
succeeds sfpm-patch -q -i --undo-to 4 u.img # redo
succeeds sfpm-run u.img
expect_stdout 50
succeeds sfpm-inspect u.img
expect_stdout_match '^  commit +6 of 6, made on 5, the state of 4$'
succeeds sfpm-patch -q -i --undo-to 5 u.img # what went back itself
succeeds sfpm-run u.img
expect_stdout 30
succeeds sfpm-inspect u.img
expect_stdout_match '^  commit +7 of 7, made on 6, the state of 2$'
succeeds sfpm-patch -i --undo u.img
expect_stderr 'undo of commit 2'
succeeds sfpm-run u.img
expect_stdout 15
succeeds sfpm-inspect --verify u.img
succeeds sfpm-patch -n --undo-to 3 back.img
expect_stderr 'undo to commit 3'
succeeds sfpm-patch -q --undo-to 3 -m 'third' -o u.img back.img@1
succeeds sfpm-run u.img
expect_stdout 40
cp back.img before
expect_status 1 sfpm-patch -i --undo-to 6 back.img
expect_stderr_match '^sfpm-patch: back\.img: there is no commit 6: the image has commits 1 to 5'
for wrong in 0 -1 x '' 1.5 99999999999999999999; do
    expect_status 2 sfpm-patch -i "--undo-to=$wrong" back.img
    expect_stderr_match '^sfpm-patch: --undo-to: .* is not a commit number'
done
expect_status 2 sfpm-patch -i --undo-to 1 --undo back.img
expect_status 2 sfpm-patch -i --undo-to 1 back.img 3=20
expect_stderr_match '^sfpm-patch: --undo-to takes no edits'
expect_same back.img before

# The same bytes by all ways.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH
cp first.img a.img
succeeds sfpm-patch -o b.img a.img 3=20
succeeds sfpm-patch a.img 3=20
expect_same "$stdout" b.img
sfpm-patch -q - 3=20 <a.img >c.img
expect_same c.img b.img
# shellcheck disable=SC2002 # a pipe is wanted
cat a.img | sfpm-patch -q - 3=20 | cat >c.img
expect_same c.img b.img
succeeds sfpm-patch -i a.img 3=20
expect_same a.img b.img
unset SOURCE_DATE_EPOCH

# Forms of edits. What -n shows is not done.
cp first.img a.img
succeeds sfpm-patch -n a.img 0x3=0x14 main+1=7,0x0 code:0=0 main/u8=0 main+0x1/hex=0c00,07 1/str=A code:1/i8=-1
expect_stdout ''
expect_stderr 'code[3]: 5 -> 20 (main+3)
code[1]: 10 -> 7 (main+1)
code[2]: 0 -> 0 (main+2)
code[0]: 0 -> 0 (main)
code[0]: 0 -> 0 (main)
code[1]/hex: 070014 -> 0c0007 (main+1)
code[1]/str: \x0c -> A (main+1)
code[1]/i8: 65 -> -1 (main+1)'
expect_same a.img first.img

# Every type, in the region's byte order: native regions have the machine's.
forge regions r.img
forge big big.img
# types IMAGE REGION
types() {
    sfpm-patch -q -o t.img "$1" "$2:0/u16=258" "$2:2/i16=-2" "$2:4/u32=16909060" &&
        sfpm-inspect --hex "$2" t.img | head -n 1
}
succeeds types r.img sim
expect_stdout_match '^00000000  02 01 fe ff 04 03 02 01  '
succeeds types big.img sim
expect_stdout_match '^00000000  01 02 ff fe 01 02 03 04  '
succeeds types big.img table
expect_stdout_match '^00000000  02 01 fe ff 04 03 02 01  '
succeeds sfpm-patch -o t.img r.img sim:0/u64=18446744073709551615 sim:8/i64=-9223372036854775808
expect_stderr 'sim[0]/u64: 578437695752307201 -> 18446744073709551615
sim[8]/i64: 0 -> -9223372036854775808'
succeeds sfpm-patch -o t.img big.img sim:0/f64=-1.5 sim:8/f32=1.5,2 sim:8/f32=inf
expect_stderr_match '^sim\[0\]/f64: .* -> -1\.5$'
expect_stderr_match '^sim\[12\]/f32: 0 -> 2$'
succeeds sfpm-inspect --hex sim t.img
expect_stdout_match '^00000000  bf f8 00 00 00 00 00 00  7f 80 00 00 40 00 00 00  '
succeeds sfpm-patch -q -o t.img r.img 'sim:0/str=a,b = /:c'
succeeds sfpm-inspect --hex sim t.img
expect_stdout_match '\|a,b = /:c\.'

# One literal, one value: as the assembler reads it, rounded once.
for literal in 1.00000017881393432617187499 1.00000005960464477539062501 0x1.000002ffffffffffp0 \
    3.4028235677973362e38 0x1.fffffefffffffp127 7.006492321624085e-46 0x1.00000100000001p0 \
    -0.0 +1.5 1e-400 inf -nan nan:0x1234 0x10 5.; do
    printf '.global a f32 %s\n.global b f64 %s\n.func main\nhalt\n' "$literal" "$literal" >literal.s
    sfpm-save -o wanted.img literal.s
    printf '.global a f32 0\n.global b f64 0\n.func main\nhalt\n' >literal.s
    sfpm-save -o zero.img literal.s
    sfpm-patch -q -i zero.img "globals:0/f32=$literal" "globals:8/f32=$literal" \
        "globals:16/f64=$literal" "globals:24/f64=$literal"
    sfpm-inspect --hex globals wanted.img | tail -n +1 >wanted
    succeeds sfpm-inspect --hex globals zero.img
    expect_same "$stdout" wanted
done
for literal in infinity NAN 'nan(1)' 1e39 0x 1_0; do
    expect_status 2 sfpm-patch -o bad.img zero.img "a=$literal"
    printf '.global a f32 %s\n.func main\nhalt\n' "$literal" >literal.s
    expect_status 1 sfpm-save -o bad.img literal.s
done
expect_status 2 sfpm-patch -o bad.img zero.img 'a= 1'
for literal in +5 -5; do
    expect_status 2 sfpm-patch -o bad.img r.img "sim:0=$literal"
done
expect_stderr_match "^sfpm-patch: r\.img: sim:0=-5: '-5' is not a u8 \(0 to 255\)\$"
succeeds sfpm-patch -n r.img sim:0/i8=+5
expect_status 2 sfpm-patch -n r.img sim:+1=0

# Edits from a file.
printf '# two changes\n\n  1=1\n3=2\r\n' >edits
succeeds sfpm-patch -f edits -o b.img a.img
succeeds sfpm-run b.img
expect_stdout 3
printf '1=4\n3=5' >edits
sfpm-patch -q -f - -o b.img a.img <edits
succeeds sfpm-run b.img
expect_stdout 9
printf '1=4\nnowhere=5\n' >edits
expect_status 2 sfpm-patch -f edits -o bad.img a.img
expect_stderr_match '^sfpm-patch: a\.img: edits:2: nowhere=5: '
expect_status 2 sfpm-patch -f - -o bad.img - <edits
expect_status 1 sfpm-patch -f nofile -o bad.img a.img

# Old values: a mismatch is told, and nothing is written.
cp a.img before
succeeds sfpm-patch -o b.img a.img '3=20 was 5' 'code:0/hex=000b was 000a' '0/u16=0xa00 was 0xb00'
expect_stderr_match '^code\[3\]: 5 -> 20 \(main\+3\)$'
succeeds sfpm-run b.img
expect_stdout 30
succeeds sfpm-patch -q -o b.img r.img 'sim:0/i16=-1,-2 was 513,1027' 'table:0/str=x was y'
for edit in '3=20 was 7' 'main/hex=000b000714 was 000a000714' '0/u8=0,11,0 was 0,10,4'; do
    expect_status 1 sfpm-patch -i a.img "$edit"
    expect_same a.img before
    expect_status 1 sfpm-patch -n a.img "$edit"
done
expect_stderr 'sfpm-patch: a.img: code[2] (main+2): expected 4, found 0; nothing is written'
expect_status 1 sfpm-patch -i a.img 'code:0/hex=000b00 was 000aff'
expect_stderr 'sfpm-patch: a.img: code[2] (main+2): expected ff, found 00; nothing is written'
expect_status 1 sfpm-patch -o bad.img r.img 'sim:0/i16=-1,-2 was 513,-9'
expect_stderr 'sfpm-patch: r.img: sim[2]: expected -9, found 1027; nothing is written'
# Edits see what those before them did.
succeeds sfpm-patch -q -o b.img a.img '3=6 was 5' '3=7 was 6'
expect_status 1 sfpm-patch -q -o bad.img a.img '3=6 was 5' '3=7 was 5'
for edit in '3=20 was 5,6' '3=20 was ' '3=20 was x' '3=20 was' '3=20 was 5 was 5' '3 was 5=20' '3= was 5'; do
    expect_status 2 sfpm-patch -i a.img "$edit"
    expect_stderr_match "^sfpm-patch: a\.img: $edit: "
    expect_same a.img before
done
# Comments alone: the state stays. An empty file is rather a mistake.
echo '# nothing' >edits
succeeds sfpm-patch -f edits -o b.img a.img
expect_status 2 sfpm-patch -f /dev/null -o bad.img a.img
succeeds sfpm-run b.img
expect_stdout 15

# Texts alone make a commit, too.
succeeds sfpm-patch -d 'new text' --attr k=v -o b.img a.img
expect_stderr ''
succeeds sfpm-inspect b.img
expect_stdout_match '^  description +new text$'
expect_stdout_match '^  attributes +k=v$'

# Wrong edits: all are told, nothing is written.
cp a.img before
for edit in 7=0 6=1,2 0x10=1 18446744073709551615=1 18446744073709551616=1 main+7=0 nowhere=1 \
    main+x=1 nothing:0=1 3=256 3=-1 3= '3=1,' 3=x 3 =1 3/u9=1 3/i8=128 3/i8=-129 3/u16=65536 \
    3/f32=1e99 3/f64=1x 3/hex=0 3/hex=0g 3/str= stack:x=1 code:7=1; do
    expect_status 2 sfpm-patch -i a.img "$edit"
    expect_stderr_match "^sfpm-patch: a\.img: $(printf %s "$edit" | sed 's/[+]/[+]/g'): "
    expect_same a.img before
done
expect_status 2 sfpm-patch -i a.img 3=20 nowhere=1
expect_stderr_match "there is no label 'nowhere'"
expect_stderr_match '^sfpm-patch: a\.img: nothing is written$'
expect_same a.img before
expect_status 2 sfpm-patch -o bad.img r.img 3=20
expect_stderr_match 'holds no machine: use REGION:OFFSET; the regions are: sim table$'

# What cannot run is refused; it can be forced, then it is not run.
expect_status 1 sfpm-patch -i a.img 4=0xFE
expect_stderr_match '^sfpm-patch: a\.img: code\[4\] \(main\+4\): unknown opcode 0xFE'
expect_status 1 sfpm-patch -n a.img 4=0xFE
expect_same a.img before
succeeds sfpm-patch --force -i a.img 4=0xFE
expect_status 125 sfpm-run a.img
expect_stderr 'sfpm-run: a.img: code[4] (main+4): unknown opcode 0xFE'
expect_stdout ''
succeeds sfpm-inspect a.img
expect_stdout_match '^  cannot run +code\[4\] \(main\+4\): unknown opcode 0xFE$'
succeeds sfpm-patch -q -i a.img 4=1
succeeds sfpm-run a.img
expect_stdout 15

# A machine that is damaged: edits of it could not be checked.
at=100
damaged=
while [ -z "$damaged" ] && [ "$at" -lt "$(size a.img)" ]; do
    cp first.img flipped.img
    flip flipped.img "$at"
    ! sfpm-run flipped.img 2>err && grep -q "region 'functions'" err && damaged=flipped.img
    at=$((at + 8))
done
cp "$damaged" before
expect_status 1 sfpm-patch -i "$damaged" 3=20
expect_stderr_match "^sfpm-patch: flipped\.img: region 'functions'.*; nothing is written \(--force writes it.*sfpm-convert --salvage"
expect_status 1 sfpm-patch -n "$damaged" 3=20
expect_same "$damaged" before
succeeds sfpm-patch --force -i "$damaged" 3=20
expect_stderr_match '^sfpm-patch: flipped\.img: warning: the machine cannot be read, so edits are not checked: '

# A global goes by its name, with its own type; a label of that name comes first.
printf '.global n i32 7\n.global x f64 1.5\n.global main i64 3\n.func main\nglobal.get n\ni64.extend_i32_s\nprint\nhalt\n' >globals.s
sfpm-save -o globals.img globals.s
succeeds sfpm-patch -o b.img globals.img n=-3 'x=2.5 was 1.5' n/i32=5 main=0x00
expect_stderr_match '^globals\[0\]/i32: 7 -> -3$'
expect_stderr_match '^globals\[16\]/f64: 1\.5 -> 2\.5$'
expect_stderr_match '^code\[0\]: '
expect_status 2 sfpm-patch -i globals.img n=x

# An edit goes no further than what it names. A bare offset names the whole region.
printf '.global x f64 1.5\n.global i i32 1\n.global y i64 7\n.func main\npush 1\ncall other\nhalt\n.func other\npush 2\nend: print\nreturn\n' >within.s
sfpm-save -o within.img within.s
cp within.img before
# beyond EDIT...: is refused
beyond() {
    for edit; do
        expect_status 2 sfpm-patch -i within.img "$edit"
        expect_same within.img before
    done
}
beyond x=1,2,3 x/u8=1,2,3,4,5,6,7,8,9 i=1,2 i/i64=1 i/hex=0000000000 y/str=123456789
expect_stderr_match '^sfpm-patch: within\.img: y/str=123456789: the global is one value of 8 bytes, but 9 were given: use globals:32 '
beyond main+7=6,0 main+8=0 other+2=4,5,6 end/u32=0 'main+7: halt; push 3' 'main: nop; nop; nop; nop' \
    code:end/u64=1
beyond main+6/hex=000600
expect_stderr_match "^sfpm-patch: within\\.img: main\\+6/hex=000600: 'main\\+6' ends before code\\[8\\], but the edit would change up to code\\[8\\]: use code:6 "
beyond globals:48=1 globals:40/u64=1,2 code:11=6,6,6 globals:0x30=1 'memory:0=1'
succeeds sfpm-patch -n within.img x=2 x/u8=1,2,3,4,5,6,7,8 i/hex=01000000 main+7=5 other=0,3 end=6 code:7=5,0
succeeds sfpm-patch -n within.img 'main+7: halt' 'other: push 3; nop' globals:0/f64=1,2
expect_status 2 sfpm-patch -i globals.img m=1
expect_stderr_match "there is no label 'm'"

# A file with several names is not changed behind the others' back.
ln a.img other.img
expect_status 1 sfpm-patch -i a.img 3=20
expect_stderr_match 'a\.img: .*names'
succeeds sfpm-patch --force -i a.img 3=20
rm other.img

expect_status 2 sfpm-patch
expect_status 2 sfpm-patch a.img
expect_status 2 sfpm-patch -i -o x.img a.img 3=20
cp a.img before
expect_status 2 sfpm-patch -o a.img a.img 3=20
expect_stderr_match "-o: 'a.img' is the image that is read: use -i"
ln -s a.img link.img
expect_status 2 sfpm-patch -o link.img a.img 3=20
expect_status 2 sfpm-patch -o a.img - 3=20 <a.img
append() {
    sfpm-patch a.img 3=20 >>a.img
}
expect_status 2 append
expect_same a.img before
expect_status 2 sfpm-patch -i - 3=20 <a.img
expect_status 2 sfpm-patch -i a.img@1 3=20
expect_no_file bad.img x.img

succeeds sfpm-patch --version
expect_stdout_match '^sfpm-patch [0-9]'
succeeds sfpm-patch --help
expect_stdout_match '^  sfpm-patch -i app\.img 3=20 '

# ---- Instructions ---------------------------------------------------------------
sfpm-save -o a.img "$sum"
cp a.img first.img
succeeds sfpm-patch -i a.img 'main+4: mul'
expect_stderr 'code[4]: add -> mul (main+4)'
succeeds sfpm-run a.img
expect_stdout 50
succeeds sfpm-inspect --log a.img
expect_stdout_match '^    code\[4\]: add -> mul \(main\+4\)$'
# Several, shorter ones with nop behind them, and from a file, among edits of bytes.
cat >edits <<'END'
# the difference of 7 and 10
main: push 7; push 10
4: sub
3=9
END
succeeds sfpm-patch -i -f edits first.img
expect_stderr 'code[0]: push 10; push 5 -> push 7; push 10 (main)
code[4]: add -> sub (main+4)
code[3]: 10 -> 9 (main+3)'
succeeds sfpm-run first.img
expect_stdout -2
succeeds sfpm-patch -n first.img "main: push ';'; push 1" '2: dup; add'
expect_stderr "code[0]: push 7; push 9 -> push ';'; push 1 (main)
code[2]: push 9; sub -> dup; add (main+2)"
succeeds sfpm-patch -q -o b.img first.img '2: dup'
succeeds sfpm-inspect --disassemble b.img
expect_stdout_match '^        nop                      ; 3: 06$'
succeeds sfpm-run b.img
expect_stdout 0

# refused WHY EDIT: of an image that stays as it is
refused() {
    cp "$image" before
    expect_not sfpm-patch -i "$image" "$2" 2>"$stderr"
    expect_stderr_match "$1"
    expect_same "$image" before
}
image=first.img
refused '1 instruction of 9 bytes does not fit the 2 bytes of the one it replaces' 'main: i64.const 1'
refused 'no instruction begins here; the one around it begins at 0' 'main+1: nop'
refused 'the function has only 5 instructions from here on, not the 6' 'main: nop;nop;nop;nop;nop;nop'
refused "unknown instruction 'i64.ad'; did you mean 'i64.add'" '4: i64.ad'
refused "label 'there' is not defined" 'main: br there'
refused "bytecode version 1 has no 'f64.add'" '4: f64.add'
refused 'cannot be a label here' '4: here: nop'
refused "unknown directive '.byte'" '4: .byte 1'
refused "there is no label 'nowhere'" 'nowhere: nop'
refused 'no instruction was given' '4: '
refused 'code\[4\] \(main\+4\): expected mul, found sub' '4: add was mul'
refused 'code\[2\] \(main\+2\): expected push 5; add, found push 9; sub' '2: push 6; mul was push 5; add'
refused 'the old instructions have 1 bytes, but the new ones replace 2' '4: add; print was sub'
refused "the old instructions: .*unknown instruction 'ad'" '4: add was ad'
refused "unknown instruction 'was'" '4: was sub'
succeeds sfpm-patch -o b.img first.img '4: mul was sub' 'main+2: push 6; add was push 9; mul'
expect_stderr_match '^code\[4\]: sub -> mul \(main\+4\)$'
succeeds sfpm-run b.img
expect_stdout 13

# A machine that stands in the middle of it all: f was called and has pushed 2 and 3.
cat >calls.s <<'END'
.func main
        push 1
        call f
        print
        halt
.func f i64 -> i64
        local.get 0
        push 2
        push 3
at:     add
        add
        return
END
sfpm-save -o calls.img calls.s
expect_status 124 sfpm-run --steps 5 -i calls.img
image=calls.img
refused '\(at\): frame 0 \(f\) is stopped here, among the instructions to be replaced' 'f: dup; nop; drop; nop'
refused 'frame 1 \(main\) waits for this call to return' '2: nop'
refused 'stack underflow: add takes 2 values, the stack has 1' 'f+3: nop'
succeeds sfpm-patch -o b.img calls.img 'at: mul; sub' '7: nop'
succeeds sfpm-run b.img
expect_stdout ''
succeeds sfpm-patch -o b.img calls.img 'at: mul; sub'
succeeds sfpm-run b.img
expect_stdout -5

# The same number of values, but of other types.
cat >types.s <<'END'
.func main
        f64.const 1
        i64.const 2
        drop
        drop
        halt
END
sfpm-save -o types.img types.s
expect_status 124 sfpm-run --steps 2 -i types.img
image=types.img
refused 'frame 0 \(main\): value 1 on its stack is i64, but the new instructions expect f64' 'main+9: f64.const 2'
