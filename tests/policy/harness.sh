#!/bin/sh
# SPDX-License-Identifier: MIT
# The harness of the shell tests itself: what it must catch, it catches. And each test of
# a rule has a control.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

mkdir tmp
# inner STATUS COMMANDS: a test made of COMMANDS ends with STATUS.
inner() {
    {
        echo ". '$top_srcdir/tests/tools/lib.sh'"
        printf '%s\n' "$2"
    } >inner.sh
    inner_status=0
    TMPDIR=$work/tmp sh inner.sh >inner.log 2>&1 || inner_status=$?
    [ "$inner_status" -eq "$1" ] || {
        cat inner.log
        fail "status $inner_status, expected $1, from a test made of: $2"
    }
    : >"$test_state/expected"
}

inner 0 'succeeds true'
inner 1 'succeeds false'
inner 1 ':'
inner 77 'skip "no reason"; fail "went on"'
inner 77 'needs sh a-program-that-is-not-there'
inner 0 'expect_status 3 sh -c "exit 3"'
inner 1 'expect_status 3 sh -c "exit 4"'
inner 1 'expect_status 3 true'
inner 0 'succeeds echo yes; expect_stdout yes; expect_stderr ""'
inner 1 'succeeds echo yes; expect_stdout no'
inner 1 'succeeds printf yes; expect_stdout yes'
inner 1 'succeeds echo yes; expect_stdout ""'
inner 1 'succeeds echo; expect_stdout ""'
inner 0 'succeeds sh -c "echo bad: 12 >&2"; expect_stderr_match "^bad: [0-9]+$"'
inner 1 'succeeds sh -c "echo bad: x >&2"; expect_stderr_match "^bad: [0-9]+$"'
inner 1 'succeeds echo; expect_stdout_match "[0-9]"'
inner 1 'expect test -e missing'
inner 1 'expect_not true'
inner 1 'echo a >a; expect_no_file b a'
inner 1 'echo a >a; echo b >b; expect_same a b'
inner 1 'succeeds true; false; true'
inner 1 'succeeds true; echo x | succeeds grep -q y; true'
inner 0 'echo x | succeeds cat; expect_stdout x'
inner 0 'echo x >a; chmod 0 a; if [ -x "$(command -v setpriv)" ]; then expect_not unprivileged cat a; else succeeds true; fi'
inner 0 'succeeds test "$(pwd)" = "$work"; test -z "$(ls -A)"'

# controlled DIR: each test of a rule that HACKING names shows a fault that it finds.
controlled() {
    grep -o 'tests/policy/[a-z-]*\.sh' "$1/HACKING" >controlled.tests || return 1
    controlled_status=0
    while read -r test; do
        grep -qE '^ *(\[.*\] (&&|\|\|) )?(catches|expect_not) ' "$1/$test" || {
            echo "$test: no control"
            controlled_status=1
        }
    done <controlled.tests
    return "$controlled_status"
}
expect controlled "$top_srcdir"
mkdir -p copy/tests/policy
echo 'Tabs: tests/policy/x.sh' >copy/HACKING
echo 'expect true' >copy/tests/policy/x.sh
expect_not controlled copy

# Nothing is left behind.
expect rmdir tmp
