#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that know nothing but the snapshot API as it was given compile as
# C11 and as C++17, link with the library, and thaw what the other has frozen.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

library=$top_builddir/.libs
[ -f "$library/libsfpm.so" ] || skip "libsfpm.so was not built"
# A library with sanitizers wants programs with them.
sanitizers=''
if grep -q __asan_init "$library/libsfpm.so"; then
    sanitizers='-fsanitize=address,undefined'
fi
CXX=${CXX:-}
if [ -z "$CXX" ]; then
    CXX=c++
    case $(basename "${CC%% *}") in
    clang*) CXX=$(echo "${CC%% *}" | sed 's/clang/clang++/') ;;
    esac
fi

# build NAME COMPILER...: api.c as a program.
build() {
    build_name=$1
    shift
    # shellcheck disable=SC2086
    succeeds "$@" -Wall -Wextra -Wpedantic -Werror $sanitizers -I "$top_srcdir/lib/api" \
        -o "$build_name" "$top_srcdir/tests/policy/api.c" -L "$library" -lsfpm
}

# shellcheck disable=SC2086
build in-c $CC -std=c11
succeeds ./in-c save c.img
succeeds ./in-c restore c.img
# The control: what was not saved is not restored.
head -c 1000 c.img >cut.img
expect_status 1 ./in-c restore cut.img
expect_status 1 ./in-c restore none.img

printf 'int main() { return 0; }\n' >try.cc
# shellcheck disable=SC2086
${CXX%% *} $sanitizers -o try try.cc 2>/dev/null || skip "no C++ compiler; in C all is well"
build in-c++ ${CXX%% *} -std=c++17 -x c++
succeeds ./in-c++ save c++.img
succeeds ./in-c++ restore c++.img
succeeds ./in-c++ restore c.img
succeeds ./in-c restore c++.img
