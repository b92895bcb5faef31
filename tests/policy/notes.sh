#!/bin/sh
# SPDX-License-Identifier: MIT
# The notes that name the libraries opened at run time follow each other without the gaps
# that AddressSanitizer of clang leaves behind variables: a program's notes are read one
# after the other.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

command -v readelf >/dev/null || skip 'no readelf'
command -v clang >/dev/null || skip 'no clang'

# whole_notes DIR: two notes made with the headers of DIR are found.
whole_notes() {
    for source in one another; do
        printf '#include "codec/library.h"\nSFPM_LIBRARY_NOTE("%s", "a library", "lib%s.so.1")\n' \
            "$source" "$source" >"$source.c"
        clang -std=c11 -fsanitize=address -I "$1/lib" -c "$source.c" || return 1
    done
    ld -r -o both.o one.o another.o || return 1
    readelf -n both.o >notes 2>&1 || : # it does not know this type of notes
    [ "$(grep -c '^  FDO ' notes)" = 2 ]
}

echo 'int main(void) { return 0; }' >empty.c
clang -fsanitize=address -c empty.c 2>/dev/null || skip 'no AddressSanitizer of clang'
expect whole_notes "$top_srcdir"

mkdir -p bad/lib/codec
sed 's/, no_sanitize("address")//' "$top_srcdir/lib/codec/library.h" >bad/lib/codec/library.h
catches whole_notes bad
