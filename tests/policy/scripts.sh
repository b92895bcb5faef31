#!/bin/sh
# SPDX-License-Identifier: MIT
# The scripts pass shellcheck without a warning.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs shellcheck

# checked DIR
checked() {
    source_files "$1" | grep -E '\.(sh|bash)$|^bootstrap$|^\.ci/run$|^debian/tests/' >scripts.files
    [ -s scripts.files ] || return 1
    # What the sourced files define and use is not followed: their paths depend
    # on the build. Sourced files are checked by themselves.
    (cd "$1" && xargs shellcheck -S warning -e SC1090,SC1091,SC2034,SC2154) <scripts.files
}

expect checked "$top_srcdir"

mkdir copy
printf '#!/bin/sh\ncd somewhere\nlocal x=1\n' >copy/x.sh
catches checked copy

# runnable DIR: what begins with #! can be run.
runnable() {
    source_files "$1" | grep -E '\.sh$' | while read -r file; do
        [ "$(head -c 2 "$1/$file")" != '#!' ] || [ -x "$1/$file" ] || echo "$file: not executable"
    done >scripts.found
    cat scripts.found
    [ ! -s scripts.found ]
}

expect runnable "$top_srcdir"
printf '#!/bin/sh\n:\n' >copy/x.sh
catches runnable copy
