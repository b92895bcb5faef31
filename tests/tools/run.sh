#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-run: start, stop, resume, trap.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

# Stopped again and again and resumed in new processes, a program prints what it
# prints in one go.
# in_pieces PROGRAM STEPS: leaves its output in `pieces`, the last image in p.img
in_pieces() {
    sfpm-save -o p.img "$1"
    : >pieces
    rounds=0
    while :; do
        status=0
        sfpm-run --steps "$2" -i p.img >>pieces || status=$?
        rounds=$((rounds + 1))
        [ "$status" -eq 124 ] || break
    done
    [ "$status" -eq 0 ]
}
for program in factorial primes; do
    source=$top_srcdir/examples/$program.s
    sfpm-save -o whole.img "$source"
    succeeds sfpm-run -i whole.img
    cp "$stdout" whole
    expect test -s whole
    expect in_pieces "$source" 1000
    expect test "$rounds" -gt 1
    expect_same pieces whole
    sfpm-inspect --text p.img >p.txt
    sfpm-inspect --text whole.img >whole.txt
    expect_same p.txt whole.txt
done
expect in_pieces "$sum" 1
expect test "$rounds" -eq 5
succeeds cat pieces
expect_stdout 15

# Without -o and -i the image stays as it is.
sfpm-save -o a.img "$sum"
cp a.img before
expect_status 124 sfpm-run --steps 2 a.img
succeeds sfpm-run a.img
expect_stdout 15
expect_same a.img before

# -o and -i leave the same bytes.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH
expect_status 124 sfpm-run --steps 2 -o b.img a.img
expect_same a.img before
expect_status 124 sfpm-run --steps 2 -o - a.img
expect_same "$stdout" b.img
expect_status 124 sfpm-run --steps 2 -i a.img
expect_same a.img b.img
unset SOURCE_DATE_EPOCH
# With -o - the program speaks to standard error.
succeeds sfpm-run -o - a.img
expect_stderr 15
succeeds sfpm-inspect --log a.img
expect_stdout_match '^    suspended at code\[4\] \(main\+4\)$'
expect_status 124 sfpm-run --steps 1 -m 'one step' -i a.img
succeeds sfpm-inspect --log a.img
expect_stdout_match '^    one step$'

# A halted program starts again and keeps its globals.
sfpm-save -o s.img starts.s
succeeds sfpm-run -i s.img
expect_stdout 1
succeeds sfpm-run -i s.img
expect_stdout 2
cp s.img before
succeeds sfpm-run --resume -i s.img
expect_stdout ''
expect_same s.img before
expect_status 124 sfpm-run --steps 3 -i s.img
succeeds sfpm-run --resume s.img
expect_stdout 3
succeeds sfpm-run --restart s.img
expect_stdout 3
succeeds sfpm-run --fresh s.img
expect_stdout 1

# A trap is told and saved, patched, and the program goes on where it was.
sfpm-save -o d.img divide.s
expect_status 126 sfpm-run -i d.img
expect_stdout ''
expect_stderr 'sfpm-run: d.img: code[4] (divisor+2): division by zero'
succeeds sfpm-inspect d.img
expect_stdout_match '^  state +trapped at code\[4\] \(divisor\+2\): i64\.div_s$'
expect_stdout_match '^  trap +division by zero$'
expect_stdout_match '^      stack  10 0$'
expect_status 126 sfpm-run -i d.img
# The divisor is on the stack already: change it there.
sfpm-inspect --hex stack d.img >hex
place=$(($(sfpm-inspect --text d.img | sed -n 's/^region stack size \([0-9]*\) .*/\1/p') - 8))
succeeds sfpm-patch -i d.img "stack:$place/i64=2"
succeeds sfpm-run -i d.img
expect_stdout 5
# Or the instruction, and start again.
succeeds sfpm-patch -i d.img divisor+1=5
succeeds sfpm-run --restart d.img
expect_stdout 2
# Or the trapping instruction itself.
sfpm-save -o d.img divide.s
expect_status 126 sfpm-run -i d.img
succeeds sfpm-patch -i d.img 4=1
succeeds sfpm-run d.img
expect_stdout 10

# Endless recursion ends.
printf '.func main\ncall main\nhalt\n' >deep.s
sfpm-save -o deep.img deep.s
expect_status 126 sfpm-run -o deeper.img deep.img
expect_stderr_match '^sfpm-run: deep\.img: code\[0\] \(main\): stack overflow'
succeeds sfpm-inspect deeper.img
expect_stdout_match '^  \.\.\. [0-9]+ more calls$'

expect_status 77 sfpm-run --resumable-status=77 --steps 1 a.img

# Memory is bounded: where it is loaded, and where it grows.
printf '.memory 32\n.func main\ni32.const 8\nmemory.grow\ni64.extend_i32_s\nprint\nhalt\n' >grow.s
sfpm-save -o grow.img grow.s
succeeds sfpm-run grow.img
expect_stdout 32
succeeds sfpm-run --max-memory 2M grow.img
expect_stdout -1
expect_status 125 sfpm-run --max-memory 1M grow.img
expect_stderr_match "^sfpm-run: grow\.img: region 'memory' of 2097152 bytes exceeds the memory limit of 1048576: raise it with --max-memory$"
expect_status 125 sfpm-run --max-memory 1 grow.img
expect_stderr_match 'exceeds the memory limit of 1: raise it with --max-memory$'

# An image without a machine is for its own program.
forge regions r.img
expect_status 125 sfpm-run r.img
expect_stderr 'sfpm-run: r.img: holds no machine: it is restored by its own program (creator simulator 2)'

for wrong in '--steps 0' '--steps x' '--restart --fresh' '--resume --restart' '--resumable-status 256' \
    '-i -o x.img' '--no-such' '--max-memory 1X'; do
    # shellcheck disable=SC2086
    expect_status 125 sfpm-run $wrong a.img
    expect_stdout ''
done
expect_status 125 sfpm-run
expect_status 125 sfpm-run a.img --steps 1
expect_stderr_match 'takes no arguments'
expect_status 125 sfpm-run -i - <a.img
expect_no_file x.img

succeeds sfpm-run --version
expect_stdout_match '^sfpm-run [0-9]'
succeeds sfpm-run --help
expect_stdout_match '^  sfpm-run sum\.img$'

# Both engines come to the same image, in one go and one after the other.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH
sfpm-save -o start.img "$top_srcdir/examples/primes.s"
for engine in simple fast; do
    succeeds sfpm-run --engine=$engine -o $engine.img start.img
    succeeds sfpm-run --engine=$engine --steps 777 --resumable-status=0 -o $engine-part.img start.img
done
expect_same simple.img fast.img
expect_same simple-part.img fast-part.img
succeeds sfpm-run --engine=simple -o both.img fast-part.img
sfpm-inspect --text both.img | grep -v '^commit' >both.txt
sfpm-inspect --text simple.img | grep -v '^commit' >simple.txt
expect_same both.txt simple.txt
expect_status 125 sfpm-run --engine=other start.img
expect_stderr_match "^sfpm-run: --engine: 'other' is not simple or fast"
