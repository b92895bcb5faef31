#!/bin/sh
# SPDX-License-Identifier: MIT
# The sandboxes of sfpm(7): with the system calls and files that they allow, sfpm-inspect and
# sfpm-run work, and others fail. The lists are those of the manual page.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
page=$top_srcdir/man/sfpm.7
if grep -q '^SFPM_LDFLAGS = .*-fsanitize' "$top_builddir/Makefile"; then
    skip "sanitizers make calls that the sandboxes forbid"
fi

printf 'push 10\npush 5\nadd\nprint\nhalt\n' >sum.s
mkdir images secret
sfpm-save -o images/a.img sum.s
sfpm-save -o secret/b.img sum.s
tried=

# libraries: where programs and their libraries are, separated by colons.
libraries() {
    for library in /usr /bin /lib /lib64 /etc/ld.so.cache /dev/null "$top_builddir"; do
        [ ! -e "$library" ] || printf '%s:' "$library"
    done
}

# calls GROUP...: the system calls in groups of systemd, one a line.
calls() {
    for call; do
        case $call in
        @*)
            systemd-analyze syscall-filter "$call" | sed '1d; s/#.*//' >"list$call"
            # shellcheck disable=SC2046 # a word each
            (calls $(cat "list$call"))
            ;;
        *) echo "$call" ;;
        esac
    done
}

if command -v systemd-analyze >/dev/null && command -v python3 >/dev/null &&
    ! grep -q __asan_init "$top_builddir/bin/.libs/sfpm-inspect" 2>/dev/null; then
    groups=$(sed -n 's/.*SystemCallFilter=\([^"]*\)".*/\1/p' "$page")
    expect test -n "$groups"
    # shellcheck disable=SC2086 # a word each
    calls $groups >names
    # confined READ WRITE COMMAND...
    confined() {
        confined_read=$1 confined_write=$2
        shift 2
        python3 "$top_srcdir/tests/tools/sandbox.py" names "$(libraries)$confined_read" \
            "$confined_write" "$@"
    }
    status=0
    confined '' '' true 2>"$stderr" || status=$?
    if [ "$status" -eq 77 ]; then
        echo "sandbox: no landlock or seccomp here: $(cat "$stderr")" >&9
    else
        tried="$tried seccomp landlock"
        succeeds confined images '' sfpm-inspect images/a.img
        expect_stdout_match 'suspended'
        succeeds confined images '' sfpm-inspect --verify images/a.img
        succeeds confined images '' sfpm-run images/a.img
        expect_stdout 15
        succeeds confined '' images sfpm-run --steps 2 -i --resumable-status=0 images/a.img
        succeeds confined '' images sfpm-run -i images/a.img
        expect_stdout 15
        succeeds confined '' images sfpm-inspect --html images/a.html images/a.img
        # What is not allowed fails, and the tools say so.
        expect_status 1 confined images '' sfpm-inspect secret/b.img
        expect_stderr_match 'secret/b.img: .*Permission denied'
        expect_status 125 confined images '' sfpm-run -i --restart images/a.img
        expect_stderr_match 'Permission denied'
        succeeds sfpm-inspect --verify images/a.img
        grep -vx write names >fewer
        mv fewer names
        expect_not confined images '' sfpm-inspect images/a.img
    fi
fi

# The command of the page for bubblewrap, as it stands there.
if command -v bwrap >/dev/null && bwrap --ro-bind / / --unshare-all true 2>/dev/null; then
    tried="$tried bwrap"
    sed -n '/^bwrap/,/^\.Ed/s/\\e$//p' "$page" | tr '\n' ' ' >options
    expect grep -q 'bwrap .*--unshare-all' options
    cp images/a.img app.img
    # shellcheck disable=SC2046 # as the shell would split it
    set -- $(cat options)
    # The tools under test are not installed.
    inside="--ro-bind $top_builddir $top_builddir --setenv LD_LIBRARY_PATH $LD_LIBRARY_PATH"
    # shellcheck disable=SC2086
    succeeds "$@" $inside "$(command -v sfpm-inspect)" app.img
    expect_stdout_match '^app.img: sfpm image'
    # shellcheck disable=SC2086
    expect_not "$@" $inside "$(command -v sfpm-inspect)" "$PWD/secret/b.img"
fi
[ -n "$tried" ] || skip "neither bwrap nor landlock and seccomp work here"
echo "sandbox: tried$tried" >&9
