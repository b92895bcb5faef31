#!/bin/sh
# SPDX-License-Identifier: MIT
# Addresses of functions in a heap are those of the process that restores it, wherever
# address randomisation has put the program and its libraries.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
hosts=$top_builddir/tests/tools/.libs/hosts
[ -x "$hosts" ] || hosts=$top_builddir/tests/tools/hosts

succeeds "$hosts" save h.img
cp "$stdout" saved
expect test "$(wc -l <saved)" = 4
# ran HOW: does it, and tells whether everything was elsewhere than when it was saved.
elsewhere=true
ran() {
    succeeds "$hosts" "$1" h.img
    paste saved "$stdout" >both
    while read -r one two; do
        [ "$one" != "$two" ] || elsewhere=false
    done <both
}
ran restore
ran restore
ran move
cp h.img before.img
ran move
expect_same before.img h.img

# Where nothing is randomised all is where it was.
if command -v setarch >/dev/null 2>&1 && setarch -R true 2>/dev/null; then
    setarch -R "$hosts" save h.img >fixed
    succeeds setarch -R "$hosts" restore h.img
    expect_same fixed "$stdout"
fi

# Another build of the program: what has a symbol could be found, the rest cannot.
if command -v readelf >/dev/null 2>&1; then
    at=$(readelf -SW "$hosts" | sed -n 's/^.*\.note\.gnu\.build-id *NOTE *[0-9a-f]* *\([0-9a-f]*\) .*/\1/p')
    expect test -n "$at"
    cp "$hosts" program
    succeeds ./program save other.img
    succeeds ./program restore other.img
    printf 'other!' | dd of=program bs=1 seek=$((0x$at + 20)) conv=notrunc 2>/dev/null
    expect_status 1 ./program restore other.img
    expect_stderr_match 'an address lies in .*program, which is another build'
fi

$elsewhere || skip "all passed, but addresses are not randomised here"
# The control: addresses that are restored as they were saved are found.
succeeds "$hosts" raw-save raw.img
expect_status 1 "$hosts" raw-restore raw.img
expect_stderr 'hosts: an address is not the one of this process'
