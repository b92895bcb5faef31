#!/bin/sh
# SPDX-License-Identifier: MIT
# The README shows examples/counter.c as it is, names every tool and manual page
# in its table and no other, and names only files and folders that exist. That its
# commands print what it says is tested in examples.sh.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# shown README: the one C program in it.
shown() {
    awk '
        /^    \/\* Counts/ { block = 1 }
        /^[^ ]/ { block = 0 }
        block { sub(/^    /, ""); print }' "$1" | sed -e '${' -e '/^$/d' -e '}'
}

# shows_counter DIR: it is the example without its licence line.
shows_counter() {
    shown "$1/README" >readme.shown
    sed 1d "$1/examples/counter.c" | diff -u - readme.shown
}

# lists_pages DIR: the pages in the table are those that there are.
lists_pages() {
    sed -n 's/^| \([a-z_-]*\)(\([1-8]\)) .*/\1.\2/p' "$1/README" | LC_ALL=C sort >readme.listed
    (cd "$1/man" && ls -- *.[1-8]) | LC_ALL=C sort | diff -u - readme.listed
}

# names_files DIR: what looks like a file of the sources is one.
names_files() {
    grep -oE '`(lib|bin|tests|examples|man|\.ci|\.clang)[^` ]*`' "$1/README" |
        tr -d '`' | LC_ALL=C sort -u >readme.named
    [ -s readme.named ] || return 1
    readme_status=0
    while read -r file; do
        [ -e "$1/$file" ] || {
            echo "README: there is no $file"
            readme_status=1
        }
    done <readme.named
    return "$readme_status"
}

# short DIR: no line of the README is wider than 90 columns.
short() {
    ! grep -nE '^.{91}' "$1/README"
}

for check in shows_counter lists_pages names_files short; do
    expect "$check" "$top_srcdir"
done

copy_sources copy
# planted CHECK FROM TO: with the first FROM in the README changed to TO.
planted() {
    sed "s,$2,$3," "$top_srcdir/README" >copy/README
    expect_not cmp -s "$top_srcdir/README" copy/README
    catches "$1" copy
}
planted shows_counter '++count' 'count++'
planted lists_pages '| sfpm-run(1) ' '| sfpm-walk(1) '
planted names_files 'examples/longrun.c' 'examples/longwalk.c'
planted short '^It needs' "$(seq 100 | tr '\n' ' ')"
