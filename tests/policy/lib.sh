# SPDX-License-Identifier: MIT
# What the policy tests share besides tests/tools/lib.sh. Each of them has a
# function that prints what is wrong under a directory and fails then; it must
# succeed for the project, and fail for copies in which a fault was planted.
# shellcheck shell=sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# The tools, for a test that is run by hand.
[ -n "${TOOLS+set}" ] || TOOLS=$(cd "$top_builddir" && ls bin/sfpm-*)

# source_files DIR [PART...]: the files written by hand (in DIR's PARTs), by
# their names, since a build in the source tree puts others beside them.
source_files() {
    source_root=$1
    shift
    (
        cd "$source_root" || exit 1
        [ $# -gt 0 ] || set -- .
        find "$@" \( -name _build -o -name .git -o -name build-aux -o -name m4 -o \
            -name autom4te.cache -o -name '.libs' -o -name '.deps' -o -name 'sfpm-[0-9]*' \) -prune -o \
            -type f \( -name '*.[chs1357]' -o -name '*.sh' -o -name '*.bash' -o -name '*.md' -o \
            -name '*.inc' -o -name '*.am' -o -name '*.ac' -o -name '*.map' -o -name '*.pc.in' -o -name '*.txt' -o \
            -name '*.magic' -o -name README -o -name HACKING -o -name NEWS -o -name SECURITY -o \
            -name COPYING -o -name bootstrap -o -path '*/.ci/run' -o \
            -path '*/debian/changelog' -o -name '*.symbols' -o -path '*/debian/tests/build' -o -path '*/debian/tests/tours' \) \
            -print
    ) | sed 's,^\./,,' | LC_ALL=C sort
}

# copy_sources DIR: a copy of the project's sources to plant faults in.
copy_sources() {
    mkdir -p "$1"
    source_files "$top_srcdir" >"$test_state/files"
    (cd "$top_srcdir" && tar -cf - -T "$test_state/files") | (cd "$1" && tar -xf -)
    chmod -R u+w "$1"
}

# catches CHECK DIR: the control. CHECK must fail for DIR, and quietly here.
catches() {
    "$@" >"$test_state/control" 2>&1 || return 0
    fail "the planted fault was not found: $*"
}
