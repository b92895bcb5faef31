#!/bin/sh
# SPDX-License-Identifier: MIT
# file(1) knows images by the magic(5) entry.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs file

# says TEXT FILE
says() {
    succeeds file -b -m "$top_srcdir/misc/sfpm.magic" "$2"
    expect_stdout "$1"
}

printf 'MPFS\001\0\0\0\0\0\0\0' >v1.img
head -c 16 /dev/zero >>v1.img
printf '\002\0\0\0counter demo\0' >>v1.img
head -c 300 /dev/zero >>v1.img
says 'sfpm image, version 1, 2 regions, "counter demo"' v1.img

printf '\211SFP\r\n\032\n\003\0\0\0' >v3.img
head -c 100 /dev/zero >>v3.img
says 'sfpm image, version 3' v3.img

# What passed as text is no image any more.
tr -d '\r' <v3.img >bad.img
says data bad.img

command -v sfpm-save >/dev/null || skip "no sfpm-save; by hand all is well"
succeeds sfpm-save -o a.img "$top_srcdir/examples/sum.s"
says 'sfpm image, version 2' a.img
