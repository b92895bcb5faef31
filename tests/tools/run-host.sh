#!/bin/sh
# SPDX-License-Identifier: MIT
# The native functions of sfpm-run, and what of them lasts in the image.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# Copies standard input to standard output, eight bytes at a time, and exits with 7.
cat >cat.s <<'END'
.import sfpm read read i32 i32 i32 -> i32
.import sfpm write write i32 i32 i32 -> i32
.import sfpm exit exit i32
.memory 1
.func main
.local i32
more:   i32.const 0
        i32.const 100
        i32.const 8
        call read
        local.tee 0
        i32.eqz
        br_if end
        i32.const 1
        i32.const 100
        local.get 0
        call write
        drop
        br more
end:    i32.const 7
        call exit
        halt
END
sfpm-save -o cat.img cat.s
printf 'one two three four five' >text
expect_status 7 sfpm-run cat.img <text
expect_same "$stdout" text
expect_status 7 sh -c 'cat text | sfpm-run cat.img'
expect_same "$stdout" text
# The image took standard input: there is nothing left.
expect_status 7 sh -c 'cat cat.img | sfpm-run -'
expect_stdout ''
# The statuses above 123 are the tool's.
for number in 123 124 200 -1; do
    printf '.import sfpm exit exit i32\n.func main\ni32.const %s\ncall exit\nhalt\n' "$number" >exit.s
    sfpm-save -o exit.img exit.s
    expect_status 123 sfpm-run exit.img
done
# A program that cannot ask for its arguments gets none: most likely they are options.
expect_status 125 sfpm-run exit.img --steps 1 -i
expect_stderr_match "^sfpm-run: exit\.img: the program takes no arguments, but '--steps' was given; options come before IMAGE$"

# In pieces, a file is read on from where the program was.
cp cat.img a.img
: >pieces
while :; do
    status=0
    sfpm-run -i --steps 5 a.img <text >>pieces || status=$?
    [ "$status" -eq 124 ] || break
done
expect test "$status" -eq 7
expect_same pieces text
# Waiting for input, it is stopped, saved and resumed.
cp cat.img a.img
mkfifo silent
exec 8<>silent
expect_status 124 sfpm-run -i --timeout 0.3 a.img <&8
exec 8<&-
expect_stdout ''
expect_status 7 sfpm-run -i a.img <text
expect_same "$stdout" text
# What cannot be written is no success, and what was not written is written later.
if [ -c /dev/full ]; then
    cp cat.img a.img
    expect_status 125 sh -c 'sfpm-run -i a.img <text >/dev/full'
    expect_same a.img cat.img
fi

# Arguments and variables are those of the beginning.
cat >show.s <<'END'
.import sfpm arguments arguments -> i32
.import sfpm argument argument i32 i32 i32 -> i32
.import sfpm environment environment i32 i32 i32 i32 -> i32
.import sfpm write write i32 i32 i32 -> i32
.memory 1
.data 0 "HOME_OF_IT\n"
.func show i32
        i32.const 1
        i32.const 100
        local.get 0
        i32.const 0
        local.get 0
        i32.const 0
        i32.gt_s
        select
        call write
        drop
        i32.const 1
        i32.const 10
        i32.const 1
        call write
        drop
        return
.func main
.local i32
next:   local.get 0
        call arguments
        i32.lt_s
        br_unless rest
        local.get 0
        i32.const 100
        i32.const 50
        call argument
        call show
        local.get 0
        i32.const 1
        i32.add
        local.set 0
        br next
rest:   local.get 0
        i32.const 100
        i32.const 50
        call argument
        call show
        i32.const 0
        i32.const 10
        i32.const 100
        i32.const 50
        call environment
        call show
        halt
END
sfpm-save -o show.img show.s
succeeds sfpm-run show.img
expect_stdout '
'
HOME_OF_IT=here
export HOME_OF_IT
succeeds sfpm-run show.img first 'second one' --third
expect_stdout 'first
second one
--third

'
succeeds sfpm-run --env HOME_OF_IT show.img
expect_stdout '
here'
succeeds sfpm-run --env HOME_OF_IT=there=x --env NOT_SET show.img
expect_stdout '
there=x'
cp show.img a.img
expect_status 124 sfpm-run -i --steps 1 --env HOME_OF_IT a.img x y
unset HOME_OF_IT
expect_status 125 sfpm-run a.img z
expect_stderr_match '^sfpm-run: a\.img: the program has started, so its arguments'
succeeds sfpm-run -i a.img
expect_stdout 'x
y

here'
succeeds sfpm-run -i a.img z
expect_stdout 'z

'

# Random numbers and clock.
cat >random.s <<'END'
.import sfpm random random -> i64
.import sfpm clock clock -> i64
.func main
        call random
        print
        drop
        call clock
        print
        drop
        call clock
        print
        drop
        call random
        print
        halt
END
sfpm-save -o random.img random.s
succeeds sfpm-run --seed 0 --clock frozen random.img
# The first numbers of SplitMix64 from 0.
expect_stdout '-2152535657050944081
0
0
7960286522194355700'
succeeds sfpm-run --deterministic random.img
expect_stdout '-2152535657050944081
0
1000
7960286522194355700'
SOURCE_DATE_EPOCH=1000000000 succeeds sfpm-run --deterministic --seed 1 --clock frozen random.img
expect_stdout_match '^1000000000000000000$'
sfpm-run random.img >one
sfpm-run random.img >two
expect_not cmp -s one two
expect test "$(sed -n 2p one)" -gt 1600000000000000000
# A resumed program goes on in the same sequence, and all images are the same.
cp random.img whole.img
cp random.img pieces.img
succeeds sfpm-run --deterministic -i whole.img
cp "$stdout" whole
: >pieces
while :; do
    status=0
    sfpm-run --deterministic -i --steps 1 pieces.img >>pieces || status=$?
    [ "$status" -eq 124 ] || break
done
expect_same pieces whole
succeeds sfpm-run --deterministic --engine=simple -o simple.img random.img
expect_same simple.img whole.img

# Memory that is not there, and functions that are not.
printf '.import sfpm write write i32 i32 i32 -> i32\n.memory 1\n.func main\ni32.const 1\ni32.const 65530\ni32.const 7\ncall write\ndrop\nhalt\n' >bounds.s
sfpm-save -o bounds.img bounds.s
expect_status 126 sfpm-run bounds.img
expect_stderr_match 'out of bounds memory access$'
printf '.import sfpm wrote wrote i32\n.import env sin sin f64 -> f64\n.import sfpm exit exit i64\n.func main\nhalt\n' >absent.s
sfpm-save -o absent.img absent.s
expect_status 125 sfpm-run absent.img
expect_stderr 'sfpm-run: absent.img: the program imports native functions that are missing: sfpm.wrote (i32), env.sin (f64 -> f64)'
printf '.import sfpm exit exit i64\n.func main\nhalt\n' >other.s
sfpm-save -o other.img other.s
expect_status 125 sfpm-run other.img
expect_stderr_match 'with types other than theirs: sfpm\.exit \(i64\)$'

# A region of that name that is another's.
expect_status 124 sfpm-run -i --steps 1 --seed 1 random.img
succeeds sfpm-patch -q -i random.img host:4=200
expect_status 125 sfpm-run random.img
expect_stderr_match "^sfpm-run: random\.img: region 'host' was not written by sfpm-run"
succeeds sfpm-run --fresh --deterministic random.img

# A variable without its sign, and a name beside it that is none.
printf '.memory 1\n.import sfpm environment environment i32 i32 i32 i32 -> i32\n.func main\ni32.const 0\ni32.const 3\ni32.const 0\ni32.const 0\ncall environment\ndrop\nhalt\n' >variable.s
sfpm-save -o variable.img variable.s
expect_status 124 sfpm-run -i --steps 1 --seed 1 --env A=1 variable.img
cp variable.img sound.img
succeeds sfpm-run sound.img
succeeds sfpm-patch -q -i variable.img host:61=95
expect_status 125 sfpm-run variable.img
expect_stderr_match "^sfpm-run: variable\.img: region 'host' was not written by sfpm-run"

for wrong in '--clock never' '--seed x' '--seed -1'; do
    # shellcheck disable=SC2086
    expect_status 125 sfpm-run $wrong show.img
    expect_stdout ''
done

# Without the system's random numbers a program starts all the same.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    sfpm-save -o seeded.img "$top_srcdir/examples/sum.s"
    succeeds env ASAN_OPTIONS=detect_leaks=0 strace -f -o calls -e trace=getrandom,openat \
        -e inject=getrandom:error=ENOSYS -P /dev/urandom -e inject=openat:error=ENOENT sfpm-run seeded.img
    expect_stdout 15
fi

# An empty SOURCE_DATE_EPOCH is none.
sfpm-save -o epoch.img "$top_srcdir/examples/sum.s"
succeeds env SOURCE_DATE_EPOCH= sfpm-run --deterministic -o epoch1.img epoch.img
succeeds env SOURCE_DATE_EPOCH=0 sfpm-run --deterministic -o epoch2.img epoch.img
expect_same epoch1.img epoch2.img
