# SPDX-License-Identifier: MIT
# What every shell test shares. A test begins with
#
#     #!/bin/sh
#     # SPDX-License-Identifier: MIT
#     . "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
#
# and then runs in an empty directory of its own, $work, which is removed at the
# end. Tools and examples are in PATH as the real programs, not as libtool's wrappers, so
# that strace and kill meet them directly. Standard input is empty. The first
# expectation that fails ends the test; so does any command that fails (set -e).
# A test that expected nothing fails too.
#
#   needs PROGRAM...           skips the test unless all are there
#   needs_strace               the same, and that tracing is allowed here
#   skip WHY, fail WHY         end the test
#   succeeds CMD...            runs CMD, expects exit status 0
#   expect_status N CMD...     runs CMD, expects exit status N
#   expect_stdout TEXT         what the last CMD printed, with the newline at its
#   expect_stderr TEXT         end left out of TEXT; '' means nothing at all
#   expect_stdout_match RE     a line printed by the last CMD matches the extended
#   expect_stderr_match RE     regular expression RE
#   expect_same A B            two files hold the same bytes
#   expect_no_file FILE...     none of them exists
#   expect CMD...              CMD, usually a test, succeeds: `expect test -s a.img`
#   expect_not CMD...          CMD fails
#   unprivileged CMD...        runs CMD without root's right to ignore permissions
#   until_true CMD...          waits for what another process does: CMD succeeds then
#
# $stdout and $stderr name the files that hold what the last CMD printed.
# shellcheck shell=sh

set -eu
# 9 is the log, for what is said while a command's output is being caught.
exec </dev/null 9>&1

top_srcdir=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
if [ -z "${top_builddir:-}" ]; then
    top_builddir=$top_srcdir
    [ ! -f "$top_srcdir/_build/Makefile" ] || top_builddir=$top_srcdir/_build
fi
top_builddir=$(cd "$top_builddir" && pwd)
PATH=$top_builddir/bin/.libs:$top_builddir/bin:$top_builddir/examples/.libs:$top_builddir/examples:$PATH
LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
CC=${CC:-cc}
export PATH LD_LIBRARY_PATH top_srcdir top_builddir CC
unset SOURCE_DATE_EPOCH SFPM_KEY_FILE POSIXLY_CORRECT
# A test that runs on a terminal has nobody there to leave a pager.
SFPM_PAGER='cat'
export SFPM_PAGER

test_name=$(basename "$0" .sh)
test_state=$(mktemp -d "${TMPDIR:-/tmp}/sfpm-$test_name.XXXXXX")
work=$test_state/work
stdout=$test_state/stdout
stderr=$test_state/stderr
mkdir "$work"
: >"$stdout"
: >"$stderr"

test_end() {
    test_status=$?
    trap - EXIT
    cd /
    if [ "$test_status" -eq 0 ] && [ ! -e "$test_state/expected" ]; then
        echo "$test_name: nothing was expected, so nothing was tested" >&2
        test_status=1
    fi
    chmod -R u+rwx "$test_state" 2>/dev/null || :
    rm -rf "$test_state"
    exit "$test_status"
}
trap test_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"

skip() {
    echo "$test_name: skipped: $*" >&9
    exit 77
}

fail() {
    {
        echo "$test_name: FAILED: $*"
        echo "--- standard output of the last command"
        head -n 40 "$stdout"
        echo "--- standard error of the last command"
        head -n 40 "$stderr"
    } >&9
    exit 1
}

needs() {
    for test_program; do
        command -v "$test_program" >/dev/null 2>&1 || skip "$test_program is not installed"
    done
}

needs_strace() {
    needs strace
    # LeakSanitizer cannot work under another tracer.
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    export ASAN_OPTIONS
    strace -o /dev/null true 2>/dev/null || skip "tracing is not allowed here"
}

expect_status() {
    : >"$test_state/expected"
    test_wanted=$1
    shift
    test_got=0
    "$@" >"$stdout" 2>"$stderr" || test_got=$?
    [ "$test_got" -eq "$test_wanted" ] || fail "exit status $test_got, expected $test_wanted: $*"
}

succeeds() {
    expect_status 0 "$@"
}

# test_text FILE TEXT NAME
test_text() {
    : >"$test_state/expected"
    printf '%s' "$2${2:+
}" >"$test_state/wanted"
    cmp -s "$test_state/wanted" "$1" && return
    diff -u "$test_state/wanted" "$1" >&9 || :
    fail "$3 is not what was expected"
}

expect_stdout() {
    test_text "$stdout" "$1" "standard output"
}

expect_stderr() {
    test_text "$stderr" "$1" "standard error"
}

expect_stdout_match() {
    : >"$test_state/expected"
    grep -Eq -e "$1" "$stdout" || fail "no line of standard output matches: $1"
}

expect_stderr_match() {
    : >"$test_state/expected"
    grep -Eq -e "$1" "$stderr" || fail "no line of standard error matches: $1"
}

expect_same() {
    : >"$test_state/expected"
    cmp "$1" "$2" >&9 || fail "$1 and $2 differ"
}

expect_no_file() {
    : >"$test_state/expected"
    for test_file; do
        if [ -e "$test_file" ] || [ -L "$test_file" ]; then
            fail "$test_file is there"
        fi
    done
}

expect() {
    : >"$test_state/expected"
    "$@" || fail "expected to succeed: $*"
}

expect_not() {
    : >"$test_state/expected"
    if "$@"; then
        fail "expected to fail: $*"
    fi
}

# However busy the machine is: only what never comes is given up, after an hour or so.
until_true() {
    until_rounds=0
    until "$@"; do
        until_rounds=$((until_rounds + 1))
        [ "$until_rounds" -lt 150000 ] || fail "never came true: $*"
        sleep 0.02
    done
}

unprivileged() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
        return
    fi
    setpriv --bounding-set=-dac_override,-dac_read_search true 2>/dev/null ||
        skip "root's rights cannot be dropped here (setpriv)"
    setpriv --bounding-set=-dac_override,-dac_read_search "$@"
}
