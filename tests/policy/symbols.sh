#!/bin/sh
# SPDX-License-Identifier: MIT
# The functions that the public headers mark SFPM_API, those that libsfpm.map
# lists, those that libsfpm.so exports and those that debian/libsfpm0.symbols promises are
# the same, all with our prefix.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs nm awk

# declared DIR: the functions marked SFPM_API.
declared() {
    cat "$1"/lib/api/sfpm/*.h | awk '
        /^SFPM_API/ { text = ""; inside = 1 }
        inside { text = text " " $0 }
        inside && match(text, /[A-Za-z_0-9]+ *\(/) {
            name = substr(text, RSTART, RLENGTH)
            sub(/ *\(/, "", name)
            print name
            inside = 0
        }' | LC_ALL=C sort
}

# listed DIR: the functions in the symbol list.
listed() {
    sed -n 's/^ *\([A-Za-z_][A-Za-z_0-9]*\);$/\1/p' "$1/lib/libsfpm.map" | LC_ALL=C sort
}

# exported LIBRARY: what a shared library defines for others.
exported() {
    nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort
}

# packaged DIR: the functions that the Debian package promises.
packaged() {
    sed -n 's/^ \(sfpm_[a-z_0-9]*\)@.*/\1/p' "$1/debian/libsfpm0.symbols" | LC_ALL=C sort
}

# agree DIR LIBRARY
agree() {
    declared "$1" >declared
    listed "$1" >listed
    exported "$2" >exported
    packaged "$1" >packaged
    agree_status=0
    [ -s listed ] || return 1
    diff -u declared listed || agree_status=1
    diff -u listed exported || agree_status=1
    diff -u listed packaged || agree_status=1
    ! grep -v '^sfpm_' listed || agree_status=1
    return "$agree_status"
}

# prefixed ARCHIVE: the global names of the static library have the prefix too.
prefixed() {
    nm -g --defined-only "$1" | awk '
        NF == 3 && $3 !~ /^(__)?(sfpm_|asan_|odr_asan|ubsan_|gcov|llvm_|covrec|profc|DW\.ref\.__gcc)/ { print $3; bad = 1 }
        END { exit bad }'
}

library=$top_builddir/.libs/libsfpm.so
[ -f "$library" ] || skip "libsfpm.so was not built"
expect agree "$top_srcdir" "$library"
expect prefixed "$top_builddir/.libs/libsfpm-core.a"

copy_sources copy
echo 'SFPM_API int sfpm_only_declared(void);' >>copy/lib/api/sfpm/error.h
catches agree copy "$library"
copy_sources copy
sed -i '/sfpm_refuse;/d' copy/lib/libsfpm.map
catches agree copy "$library"
copy_sources copy
sed -i 's/sfpm_refuse;/&\n    sfpm_only_listed;/' copy/lib/libsfpm.map
catches agree copy "$library"
copy_sources copy
sed -i '/sfpm_refuse@/d' copy/debian/libsfpm0.symbols
catches agree copy "$library"
echo 'int helper(void); int helper(void) { return 0; }' >helper.c
$CC -c -o helper.o helper.c
catches prefixed helper.o
