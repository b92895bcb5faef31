#!/bin/sh
# SPDX-License-Identifier: MIT
# The tools are position-independent; they and the library are linked with
# RELRO and bound at start, have no executable stack, and use the stack
# protector and FORTIFY. Looked at where configure uses all of these.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs readelf
grep -q '^PIE_LDFLAGS = .*-pie' "$top_builddir/Makefile" || skip "built without hardening"

# hardened FILE
hardened() {
    readelf -W -h -l -d "$1" >elf 2>/dev/null || return 1
    hardened_status=0
    for wanted in 'Type: *DYN' GNU_RELRO 'BIND_NOW|FLAGS_1.* NOW' 'GNU_STACK .* RW '; do
        grep -Eq "$wanted" elf || {
            echo "$1: no $wanted"
            hardened_status=1
        }
    done
    return "$hardened_status"
}

# protected FILE: calls the stack protector, and checked functions of libc.
protected() {
    readelf -W --dyn-syms "$1" >elf 2>/dev/null || return 1
    grep -q __stack_chk_fail elf || return 1
    ! grep -q '^SFPM_CPPFLAGS = .*-D_FORTIFY_SOURCE' "$top_builddir/Makefile" || grep -q '_chk@' elf
}

for tool in $TOOLS; do
    expect hardened "$(command -v "$(basename "$tool")")"
done
if [ -f "$top_builddir/.libs/libsfpm.so" ]; then
    expect hardened "$top_builddir/.libs/libsfpm.so"
    expect protected "$top_builddir/.libs/libsfpm.so"
fi

echo 'int main(void) { return 0; }' >soft.c
$CC -no-pie -Wl,-z,norelro -o soft soft.c || skip "no soft program for the control"
catches hardened "$PWD/soft"
catches protected "$PWD/soft"
