# SPDX-License-Identifier: MIT
# Programs and images that the tests of the tools share. Read after lib.sh.
# shellcheck shell=sh

PATH=$top_builddir/tests/tools:$PATH

sum=$top_srcdir/examples/sum.s

# 10 / 0, then prints 5 and halts: offset 3 holds the divisor.
cat >divide.s <<'END'
        push 10
divisor:
        push 0
        i64.div_s
        print
        halt
END

# Counts in a global, which outlives a start: prints the count.
cat >starts.s <<'END'
.global count
        global.get count
        push 1
        add
        print
        global.set count
        halt
END

# size FILE
size() {
    wc -c <"$1" | tr -d ' '
}

# flip FILE OFFSET: changes one bit of the byte there.
flip() {
    flip_byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $((flip_byte ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# zeros N
zeros() {
    head -c "$1" /dev/zero
}

# u32 N, u64 N: little-endian
u32() {
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) \
        $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}
u64() {
    u32 $(($1 & 4294967295))
    u32 $(($1 >> 32))
}

# original_header SIZE: version 1, one region `vm_state` of SIZE bytes
original_header() {
    printf MPFS
    u32 1
    u32 0
    u64 1700000000
    u64 "$1"
    u32 1
    printf 'hello from before'
    zeros 239
    u32 0
    u64 "$1"
    printf '\0'
    u32 8
    printf vm_state
}

# original_image: the original program that prints 15, before its first
# instruction
original_image() {
    original_header 2080
    zeros 1024
    u32 4294967295
    printf '\0\12\0\5\1\4\5'
    zeros 1017
    u32 0
    u64 7
    u64 0
    u32 0
    u32 0
}
