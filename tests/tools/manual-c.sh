#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual's pages of section 3 tell of every function that is exported or inline
# in a header, and their programs compile without a warning and run.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
library=$top_builddir/.libs
[ -f "$library/libsfpm.so" ] || skip "libsfpm.so was not built"
sanitizers=''
if grep -q __asan_init "$library/libsfpm.so"; then
    sanitizers='-fsanitize=address,undefined'
fi

# told PAGE...: the functions that have a synopsis and stand under NAME.
told() {
    cat "$@" | awk '
        /^\.Sh / { section = $3 == "" ? $2 : $2 " " $3 }
        section == "NAME" && /^\.Nm / { named[$2] = 1 }
        section == "SYNOPSIS" && /^\.F[no] / { shown[$2] = 1 }
        END { for (name in shown) if (name in named) print name }' | LC_ALL=C sort
}

{
    sed -n 's/^ *\(sfpm_[a-z0-9_]*\);$/\1/p' "$top_srcdir/lib/libsfpm.map"
    sed -n 's/^static inline .*[ *]\(sfpm_[a-z0-9_]*\)(.*/\1/p' "$top_srcdir"/lib/api/sfpm/*.h
} | LC_ALL=C sort >exported
told "$top_srcdir"/man/*.3 >told
expect diff -u exported told
grep -v 'sfpm_snapshot_save$' exported >fewer
expect_not cmp -s fewer told

# programs PAGE: the literal displays that begin with an #include, as PAGE.N.c.
programs() {
    awk -v base="$(basename "$1")" '
        function plain(line) {
            gsub(/\\&/, "", line)
            gsub(/\\e/, "\\", line)
            return line
        }
        /^\.Ed/ { file = ""; fresh = 0 }
        fresh && /^#include/ { file = base "." ++n ".c" }
        fresh { fresh = 0 }
        file { print plain($0) >file }
        /^\.Bd .*-literal/ { fresh = 1 }' "$1"
}

for page in "$top_srcdir"/man/*.3; do
    programs "$page"
done
expect test -f libsfpm.3.1.c -a -f sfpm_image.3.1.c -a -f sfpm_snapshot.3.1.c
for program in *.c; do
    # shellcheck disable=SC2086
    succeeds $CC -std=c11 -Wall -Wextra -Wpedantic -Werror $sanitizers \
        -I "$top_srcdir/lib/api" -o "$program.run" "$program" -L "$library" -lsfpm
    succeeds "./$program.run"
    cp "$stdout" "$program.first"
    succeeds "./$program.run"
    cp "$stdout" "$program.second"
done

# What they print, and the smallest program is the one in examples.
printf 'Run 1\n' >wanted
expect_same wanted libsfpm.3.1.c.first
printf 'Run 2\n' >wanted
expect_same wanted libsfpm.3.1.c.second
sed 1,2d "$top_srcdir/examples/counter.c" >counter.c
expect_same counter.c libsfpm.3.1.c
printf '1000 steps, sum 500500\n' >wanted
expect_same wanted sfpm_snapshot.3.1.c.first
printf '2000 steps, sum 2001000\n' >wanted
expect_same wanted sfpm_snapshot.3.1.c.second
printf 'flushed\ndifferent, 0 bytes left\n' >wanted
expect_same wanted sfpm_hooks.3.1.c.second
printf '2\n' >wanted
expect_same wanted sfpm_heap.3.1.c.second
printf '42\n' >wanted
expect_same wanted sfpm_migrate.3.1.c.first
printf 'line 2: two\n' >wanted
expect_same wanted sfpm_resource.3.1.c.second
printf '49\n' >wanted
expect_same wanted sfpm_vm.3.1.c.second
printf '2: hello (in English)\n1: hallo ()\n' >wanted
expect_same wanted sfpm_image.3.1.c.second
