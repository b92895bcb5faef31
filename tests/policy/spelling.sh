#!/bin/sh
# SPDX-License-Identifier: MIT
# Words are spelt as a dictionary of common mistakes (codespell) wants it.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs codespell

# What codespell takes for mistakes: Nd and Fo are macros of the manuals.
accepted='nd,fo'

# spelt DIR
spelt() {
    source_files "$1" >spelling.files
    [ -s spelling.files ] || return 1
    (cd "$1" && xargs codespell -L "$accepted") <spelling.files
}

expect spelt "$top_srcdir"

mkdir copy
printf 'This file is writ%s wrongly, and re%s again.\n' en cieved >copy/README
catches spelt copy
