#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-save: what it makes, and what it refuses.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

succeeds sfpm-save -o a.img "$sum"
expect_stdout ''
expect_stderr ''
succeeds sfpm-run a.img
expect_stdout 15

# The same image by all ways.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH
succeeds sfpm-save -o a.img "$sum"
succeeds sfpm-save "$sum"
expect_same "$stdout" a.img
succeeds sfpm-save -o - "$sum"
expect_same "$stdout" a.img
sfpm-save "$sum" | cat >b.img
expect_same b.img a.img
cp "$sum" sum.s
sfpm-save - <sum.s >b.img
succeeds sfpm-run b.img
expect_stdout 15
succeeds sfpm-inspect a.img
expect_stdout_match '^  time +2001-09-09 01:46:40 UTC$'
expect_stdout_match '^  creator +sfpm-save [0-9.]+$'
# Who sets it wants equal bytes: it is not left aside, and that is said before any work.
for date in x 12x '1 ' ' 1' +1 -1 0x10 1.5 9223372036854775808 99999999999999999999; do
    SOURCE_DATE_EPOCH=$date
    expect_status 2 sfpm-save -o bad.img "$sum"
    expect_stderr "sfpm-save: SOURCE_DATE_EPOCH: '$date' is not a number of seconds"
    expect_status 125 sfpm-run -i a.img
    expect_stdout ''
done
expect_no_file bad.img
SOURCE_DATE_EPOCH=
succeeds sfpm-save -o b.img "$sum"
unset SOURCE_DATE_EPOCH

printf '\0\12\0\5\1\4\5' >sum.bin
succeeds sfpm-save --raw -o raw.img sum.bin
succeeds sfpm-run raw.img
expect_stdout 15

succeeds sfpm-save -d 'adds two' -m 'a start' --attr b=2 --attr a=1=1 --attr c= -o c.img "$sum"
succeeds sfpm-inspect c.img
expect_stdout_match '^  description +adds two$'
expect_stdout_match '^  message +a start$'
expect_stdout_match '^  attributes +a=1=1$'
expect_stdout_match '^ +b=2$'

# Replaced as a whole, also through -o.
succeeds sfpm-save -o c.img divide.s
succeeds sfpm-inspect --log c.img
expect test "$(grep -c '^commit' "$stdout")" -eq 1

# All mistakes, each with its place; nothing is written.
printf 'push 1000\nfly\n  br nowhere\n' >bad.s
expect_status 1 sfpm-save -o bad.img bad.s
expect_stderr_match '^bad\.s:1:6: '
expect_stderr_match '^bad\.s:2:1: .*fly'
expect_stderr_match '^bad\.s:3:6: .*nowhere'
expect_no_file bad.img
expect_status 1 sfpm-save - <bad.s
expect_stdout ''
expect_stderr_match '^<stdin>:1:6: '
# An image is no program.
expect_status 1 sfpm-save -o bad.img a.img
expect_stderr_match '^sfpm-save: a\.img: not assembly text: byte [0-9]+ is zero .*sfpm-run'
expect_no_file bad.img
# What the verifier refuses.
printf 'push 1\nadd\nhalt\n' >bad.s
expect_status 1 sfpm-save -o bad.img bad.s
expect_stderr_match '^bad\.s:2:[0-9]+: .*add'
printf '\0\1\1\5' >bad.bin
expect_status 1 sfpm-save --raw -o bad.img bad.bin
expect_stderr_match '^sfpm-save: bad\.bin: code\[2\] \(main\+2\): .*add'
printf '\0' >bad.bin
expect_status 1 sfpm-save --raw -o bad.img bad.bin
: >empty
expect_status 1 sfpm-save --raw -o bad.img empty
expect_status 1 sfpm-save -o bad.img empty
expect_no_file bad.img

expect_status 1 sfpm-save -o bad.img nothing.s
expect_stderr 'sfpm-save: nothing.s: No such file or directory'
expect_status 1 sfpm-save -o bad.img .
expect_stderr 'sfpm-save: .: Is a directory'
expect_status 1 sfpm-save -o no/such/place.img "$sum"
expect_stderr_match '^sfpm-save: no/such/place\.img: .*No such file'

expect_status 2 sfpm-save
expect_status 2 sfpm-save -o x.img "$sum" "$sum"
expect_status 2 sfpm-save --no-such-option "$sum"
expect_stderr_match '^sfpm-save: --no-such-option: '
expect_status 2 sfpm-save -o x.img --attr novalue "$sum"
expect_status 2 sfpm-save -o x.img --attr =novalue "$sum"
expect_status 2 sfpm-save -o sum.s sum.s
expect_stderr_match "-o: 'sum.s' is the program"
expect_same sum.s "$sum"
expect_no_file x.img

succeeds sfpm-save --version
expect_stdout_match '^sfpm-save [0-9]+\.[0-9]+\.[0-9]+$'
succeeds sfpm-save --help
expect_stdout_match '^Examples:$'
expect_stdout_match '^  sfpm-save .*\| sfpm-run -$'

# Without names and lines; and with the custom sections of a module, which may be empty and
# have one name.
succeeds sfpm-save --strip -o stripped.img "$sum"
succeeds sfpm-inspect stripped.img
expect_stdout_match '^  state +suspended at code\[0\]: push 10$'
expect_not grep -q symbols "$stdout"
succeeds sfpm-run stripped.img
expect_stdout 15
printf '\0asm\1\0\0\0\0\7\1xhello\0\4\1xhi\0\4\3end' >custom.wasm
succeeds sfpm-save --keep-sections -o custom.img custom.wasm
succeeds sfpm-inspect custom.img
expect_stdout_match '^ +5  [0-9a-f]{16}  section\.x  portable$'
expect_stdout_match '^ +2  [0-9a-f]{16}  section\.x  portable$'
expect_stdout_match '^ +0  [0-9a-f]{16}  section\.end  portable$'
succeeds sfpm-inspect --hex section.x custom.img
expect_stdout_match '68 65 6[cC] 6[cC] 6[fF]'
succeeds sfpm-run -i custom.img
succeeds sfpm-inspect custom.img
expect_stdout_match 'section\.end'
succeeds sfpm-save -o custom.img custom.wasm
succeeds sfpm-inspect custom.img
expect_not grep -q section "$stdout"
awk 'BEGIN { printf "AAAA"; for (i = 0; i < 1001; i++) printf "BBBB" }' |
    sed 's/AAAA/\x00asm\x01\x00\x00\x00/; s/BBBB/\x00\x02\x01x/g' >many.wasm
expect_status 1 sfpm-save --keep-sections -o many.img many.wasm
expect_stderr 'sfpm-save: many.wasm: has more custom sections than the 1000 that can be kept'
expect_no_file many.img
expect_status 1 sfpm-save --keep-sections -o many.img "$sum"
expect_stderr_match ': is not a WebAssembly module: there are no sections to keep$'
