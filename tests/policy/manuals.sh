#!/bin/sh
# SPDX-License-Identifier: MIT
# Every tool has a page that lists the options which its --help shows, and no
# others; all pages are clean mdoc; pages of ours that they name exist.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# helped TOOL: the options in --help, one a line: -o --output …
helped() {
    "$1" --help | awk '
        /^ +-/ {
            sub(/^ +/, "")
            if (match($0, /^-[^-]/))
                print substr($0, 1, 2)
            if (match($0, /^(-[^-], *)?--[a-z0-9-]+/)) {
                name = substr($0, 1, RLENGTH)
                sub(/^-[^-], */, "", name)
                print name
            }
        }' | LC_ALL=C sort
}

# documented PAGE: the options that have an item in a list.
documented() {
    awk '
        /^\.It Fl / {
            gsub(/\\&/, "")
            n = split($0, word, " ")
            for (i = 2; i < n; i++)
                if (word[i] == "Fl")
                    print "-" word[i + 1]
        }' "$1" | LC_ALL=C sort
}

# agree TOOL PAGE
agree() {
    helped "$1" >helped
    documented "$2" >documented
    diff -u helped documented && [ -s helped ]
}

# linked DIR: prints references to pages of ours that do not exist.
linked() {
    cat "$1"/man/*.[1-8] | awk '/^\.Xr (lib)?sfpm/ { print $2 "." $3 }' | LC_ALL=C sort -u >references
    linked_status=0
    while read -r page; do
        [ -f "$1/man/$page" ] || {
            echo "no page $page"
            linked_status=1
        }
    done <references
    return "$linked_status"
}

# clean PAGE...: mandoc has nothing to say.
clean() {
    mandoc -Tlint -W warning "$@"
}

for tool in $TOOLS; do
    tool=$(basename "$tool")
    expect agree "$tool" "$top_srcdir/man/$tool.1"
done

expect linked "$top_srcdir"

tool=$(basename "${TOOLS%% *}")
sed '/^\.It Fl .*-version/d' "$top_srcdir/man/$tool.1" >less.1
catches agree "$tool" less.1
{
    cat "$top_srcdir/man/$tool.1"
    echo '.It Fl -no-such-option'
} >more.1
catches agree "$tool" more.1
mkdir -p copy/man
echo '.Xr sfpm-nowhere 1 ,' >copy/man/x.1
catches linked copy

needs mandoc
expect clean "$top_srcdir"/man/*.[1-8]
{
    cat "$top_srcdir/man/$tool.1"
    echo '.Xy no such macro'
} >bad.1
catches clean bad.1
