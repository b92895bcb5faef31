#!/bin/sh
# SPDX-License-Identifier: MIT
# The README is a page that shows examples/counter.c as it is, sfpm(7) names every
# manual page, examples/README every example, and the documents name only files, folders
# and functions that exist, and a function next to the file that has it. That the README's
# commands print what it says is tested in examples.sh.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

documents='README NEWS SECURITY HACKING examples/README doc/architecture.md doc/benchmarks.md'

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

# lists_pages DIR: sfpm(7) refers to all other pages under SEE ALSO, and to no other.
lists_pages() {
    sed -n '/^\.Sh SEE ALSO/,$s/^\.Xr \([a-z_-]*\) \([1-8]\).*/\1.\2/p' "$1/man/sfpm.7" |
        LC_ALL=C sort >readme.listed
    (cd "$1/man" && ls -- *.[1-8]) | grep -vx sfpm.7 | LC_ALL=C sort | diff -u - readme.listed
}

# lists_examples DIR: all examples but the parts of others, and no other.
lists_examples() {
    sed -n 's/^\([a-z-]*\.[cs]\)  .*/\1/p' "$1/examples/README" | LC_ALL=C sort >readme.listed
    (cd "$1/examples" && ls -- *.[cs]) | grep -vxE '(js-host|lua-(library|prompt))\.c' | LC_ALL=C sort |
        diff -u - readme.listed
}

# names_files DIR: what looks like a file of the sources is one.
names_files() {
    for document in $documents; do
        grep -oE '`((man )?((lib|bin|tests|examples|man|doc|\.ci)/|\.clang)[^` ]*|[A-Z]{4,})`' "$1/$document" |
            tr -d '`' | sed "s,^man ,,; s,\$, $document,"
    done | LC_ALL=C sort -u >readme.named
    [ -s readme.named ] || return 1
    readme_status=0
    while read -r file document; do
        [ -e "$1/$file" ] || {
            echo "$document: there is no $file"
            readme_status=1
        }
    done <readme.named
    return "$readme_status"
}

# names_functions DIR: what looks like a function is called so in the sources.
names_functions() {
    # The documents are words.
    # shellcheck disable=SC2086
    (cd "$1" && grep -ohE '`[a-z_0-9]+\(\)`' $documents) | tr -d '`()' | LC_ALL=C sort -u >readme.named
    [ -s readme.named ] || return 1
    (cd "$1" && grep -rohE '[a-z_0-9]+\(' lib bin) | tr -d '(' | LC_ALL=C sort -u >readme.there
    LC_ALL=C comm -23 readme.named readme.there >readme.absent
    sed 's/$/(): there is no such function/' readme.absent
    [ ! -s readme.absent ]
}

# places_functions DIR: a function is in the file that is named next to it.
places_functions() {
    # The documents are words.
    # shellcheck disable=SC2086
    (cd "$1" && cat $documents) | tr -s '\n ' ' ' |
        grep -oE '`[a-z_0-9]+\(\)`,? (in |\()`(lib|bin)/[^`]*`' |
        sed 's/^`\([^(]*\).*`\(.*\)`$/\1 \2/' >readme.named
    [ -s readme.named ] || return 1
    readme_status=0
    while read -r function file; do
        grep -qE "(^|[^a-z_0-9])$function\(" "$1/$file" || {
            echo "$function() is not in $file"
            readme_status=1
        }
    done <readme.named
    return "$readme_status"
}

# short DIR: the README is a page, and no line is wider than 90 columns.
short() {
    [ "$(wc -l <"$1/README")" -le 150 ] || {
        echo "README: over 150 lines"
        return 1
    }
    # The names are words.
    # shellcheck disable=SC2086
    ! (cd "$1" && grep -nE '^.{91}' $documents)
}

# one_version DIR: the version is in version.h; NEWS and the changelog of the packages
# begin with it, and the project's placeholders for addresses are in configure.ac alone.
one_version() {
    version=$(sed -n 's/^#define SFPM_VERSION_STRING *"\(.*\)"/\1/p' "$1/lib/api/sfpm/version.h")
    grep -m 1 '^[0-9]' "$1/NEWS" | grep -qF "$version (" || {
        echo "NEWS: does not begin with $version"
        return 1
    }
    head -n 1 "$1/debian/changelog" | grep -qF "sfpm ($version)" || {
        echo "debian/changelog: does not begin with $version"
        return 1
    }
    ! (cd "$1" && source_files . | grep -vxE 'NEWS|configure.ac|debian/.*|lib/api/sfpm/version.h' |
        xargs grep -nw -e "$(echo "$version" | sed 's/[.]/[.]/g')" -e 'sfpm[.]example[.]org')
}

for check in one_version shows_counter lists_pages lists_examples names_files names_functions \
    places_functions short; do
    expect "$check" "$top_srcdir"
done

copy_sources copy
# planted CHECK FILE FROM TO: with the first FROM in FILE changed to TO.
planted() {
    sed "s,$3,$4," "$top_srcdir/$2" >"copy/$2"
    expect_not cmp -s "$top_srcdir/$2" "copy/$2"
    catches "$1" copy
    cp "$top_srcdir/$2" "copy/$2"
}
planted one_version NEWS '^0\.3' '0.4'
planted one_version debian/changelog '^sfpm (0' 'sfpm (1'
planted one_version HACKING '^Commits' "Version $version"
planted one_version SECURITY '^How to report' 'sfpm.example.or''g'
planted shows_counter README '++count' 'count++'
planted lists_pages man/sfpm.7 '^\.Xr sfpm-git 7' '.Xr sfpm-got 7'
planted lists_examples examples/README '^embed\.c ' 'embid.c '
planted names_files README 'examples/counter\.c' 'examples/caunter.c'
planted names_files README 'man/sfpm-git' 'man/sfpm-got'
planted names_files README '`SECURITY`' '`INSECURITY`'
planted names_functions doc/architecture.md 'write_trailer()' 'write_tailer()'
planted places_functions doc/architecture.md 'bytecode/raw_code' 'vm/v1_decode'
planted names_files HACKING 'policy/limits' 'policy/lamits'
planted short README '^A machine' "$(seq 100 | tr '\n' ' ')"
planted short HACKING '^- C11' "$(seq 100 | tr '\n' ' ')"
seq 151 >copy/README
catches short copy
