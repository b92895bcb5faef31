#!/bin/sh
# SPDX-License-Identifier: MIT
# C code that knows nothing of sfpm goes on after a restart: its blocks by
# <sfpm/malloc.h>, its static data by sfpm_snapshot_add_module(). Each run is a new
# process, in which address randomisation has moved what it can.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

library=$top_builddir/.libs
[ -f "$library/libsfpm.so" ] || skip "libsfpm.so was not built"
if grep -q __asan_init "$library/libsfpm.so"; then
    skip "programs with sanitizers are not linked here"
fi
printf 'int main(void)\n{\n    return 0;\n}\n' >main.c
# shellcheck disable=SC2086
$CC -fno-pie -no-pie -Wl,--build-id,-z,relro -o try main.c 2>/dev/null ||
    skip "programs at a fixed address cannot be linked"

compile() {
    # shellcheck disable=SC2086
    succeeds $CC -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I "$top_srcdir/lib/api" "$@"
}

# build NAME LINKER-FLAG COMPILER-FLAG...: the list in the program.
build() {
    build_name=$1
    build_link=$2
    shift 2
    compile "$@" -include sfpm/malloc.h -c -o list.o "$top_srcdir/tests/tools/adopted.c"
    compile "$@" -c -o main.o "$top_srcdir/tests/tools/adopt.c"
    compile "$build_link" -Wl,--build-id,-z,relro -o "$build_name" main.o list.o \
        -L "$library" -lsfpm
}

# build_shared FLAG...: the list in liblist.so, the program at a fixed address.
build_shared() {
    compile -fPIC -shared -include sfpm/malloc.h -Wl,--build-id,-z,relro "$@" \
        -o liblist.so "$top_srcdir/tests/tools/adopted.c"
    compile -fno-pie -no-pie -DLIBRARY -Wl,--build-id -rdynamic -o shared \
        "$top_srcdir/tests/tools/adopt.c" -L . -llist -Wl,-rpath,"$PWD" -L "$library" -lsfpm
}

# goes_on PROGRAM
goes_on() {
    rm -f list.img
    succeeds "$1" list.img one two
    expect_stdout 'one/3 two/3 2 one'
    succeeds "$1" list.img three
    expect_stdout 'one/3 two/3 three/5 3 three'
    succeeds "$1" list.img
    expect_stdout 'one/3 two/3 three/5 3 three'
}

# refused PROGRAM WHERE: the second run.
refused() {
    rm -f list.img
    succeeds "$1" list.img one two
    expect_status 1 "$1" list.img
    expect_stderr_match "point into $2, which was loaded at"
}

build fixed -no-pie -fno-pie
goes_on ./fixed
succeeds sfpm-inspect list.img
expect_stdout_match 'data of the program'
build now -no-pie -fno-pie -Wl,-z,now
goes_on ./now
build lazy -no-pie -fno-pie -Wl,-z,lazy
goes_on ./lazy

# Static data without addresses of itself may move.
build plain -pie -fPIE -DPLAIN
goes_on ./plain
build_shared -DPLAIN
goes_on ./shared
expect grep -q 'data of liblist.so' list.img
# Another build of the library may have other data at the same places.
build_shared -DPLAIN -Wl,--build-id=0x0123456789abcdef
expect_status 1 ./shared list.img
expect_stderr_match 'point into liblist\.so, which is not known to be the same build'

build moving -pie -fPIE
printf '#include <stdio.h>\nint main(void)\n{\n    return printf("%%p", (void *)main) < 0;\n}\n' >where.c
# shellcheck disable=SC2086
succeeds $CC -fPIE -pie -o where where.c
[ "$(./where)" != "$(./where)" ] || skip "the rest passed, but addresses are not randomised here"
refused ./moving 'the program'
build_shared
refused ./shared 'liblist\.so'
# The control: with all writable data come variables of the C library.
build naive -no-pie -fno-pie -DNAIVE
refused ./naive 'lib.*\.so.*'
