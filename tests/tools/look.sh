#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-inspect --log on a terminal: colours, pager, ages and sizes; --graph and -n; what a
# script gets is the same as ever.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs python3
unset NO_COLOR SFPM_PAGER PAGER LESS LC_ALL LC_CTYPE
TERM=xterm LANG=C.UTF-8
export TERM LANG

terminal() {
    python3 "$top_srcdir/tests/tools/terminal.py" "$@"
}
escape=$(printf '\033')

# at SECONDS-AGO COMMAND...
at() {
    SOURCE_DATE_EPOCH=$(($(date +%s) - $1))
    export SOURCE_DATE_EPOCH
    shift
    "$@"
    unset SOURCE_DATE_EPOCH
}
printf 'push 10\npush 5\nadd\nprint\nhalt\n' >sum.s
at 7000000 sfpm-save -o a.img sum.s
at 200000 sfpm-patch -q -i -m "$(printf 'one\ntwo \033[31m')" a.img 3=20
at 600 sfpm-patch -q -i a.img 3=7

# A script gets exact figures, no colour and no pager, whatever the environment says.
SFPM_PAGER='sed s/^/paged/'
export SFPM_PAGER
succeeds sfpm-inspect --log a.img
expect_stdout_match '^commit 3  20[0-9-]{8} [0-9:]{8} UTC  [0-9]+ bytes  sfpm-patch [0-9.]+$'
expect_stdout_match '^    one\\x0atwo \\x1b\[31m$'
expect test "$(wc -l <"$stdout")" -eq 5
cp "$stdout" plain
NO_COLOR='' LC_ALL=C succeeds sfpm-inspect --log --color=auto a.img
expect_same plain "$stdout"
succeeds sfpm-inspect --color --log a.img
expect_stdout_match "^$escape\[33mcommit 3$escape\[0m  20"
NO_COLOR=1 succeeds sfpm-inspect --color=always --log a.img
expect_stdout_match "^$escape\[33mcommit 3"
expect_status 2 sfpm-inspect --color=sometimes --log a.img
expect_stderr_match "--color: 'sometimes' is not always, never or auto"

# On a terminal it is paged; a reader gets ages, rounded sizes, and lines as they are.
succeeds terminal sfpm-inspect --log a.img
expect_stdout_match "^paged$escape\[33mcommit 3$escape\[0m  (10|11|12) minutes ago  [0-9]+ bytes"
expect_stdout_match "^paged$escape\[33mcommit 2$escape\[0m  2 days ago"
expect_stdout_match "^paged$escape\[33mcommit 1$escape\[0m  3 months ago  1\.[0-9] KiB  sfpm-save"
expect_stdout_match '^paged    one$'
expect_stdout_match '^paged    two \\x1b\[31m$'
for mode in --usage --disassemble '--hex code' ''; do
    # shellcheck disable=SC2086 # two words
    succeeds terminal sfpm-inspect $mode a.img
    expect_not grep -qv ^paged "$stdout"
done
# Not what is for programs.
for mode in --json --verify; do
    succeeds terminal sfpm-inspect $mode a.img
    expect_not grep -q ^paged "$stdout"
done
NO_COLOR=1 succeeds terminal sfpm-inspect --log a.img
expect_not grep -q "$escape" "$stdout"
TERM=dumb succeeds terminal sfpm-inspect --log a.img
expect_stdout_match '^commit 3  1. minutes ago'

# Which pager: SFPM_PAGER, then PAGER; none if it is "" or cat.
PAGER='sed s/^/other/'
export PAGER
succeeds terminal sfpm-inspect --log a.img
expect_stdout_match '^paged'
for none in '' cat; do
    SFPM_PAGER=$none succeeds terminal sfpm-inspect --log a.img
    expect_stdout_match "^$escape\[33mcommit 3"
done
unset SFPM_PAGER
succeeds terminal sfpm-inspect --log a.img
expect_stdout_match '^other'
# less gets LESS=FRX unless the user has other wishes.
PAGER="sh -c 'echo LESS=\$LESS; cat'" succeeds terminal sfpm-inspect --log a.img
expect_stdout_match '^LESS=FRX$'
LESS=S PAGER="sh -c 'echo LESS=\$LESS; cat'" succeeds terminal sfpm-inspect --log a.img
expect_stdout_match '^LESS=S$'

# A pager that ends early is no failure, even if much is left; what comes with it is.
succeeds terminal env PAGER='head -n 1' sfpm-inspect --hex code a.img
sfpm-convert --to-v1 -o big.img a.img
python3 - <<'END'
import os, struct
size = 1 << 20
head = struct.pack("<II4xQQI256s4x", 0x5346504D, 1, 0, size, 1, b"")
with open("big.img", "wb") as file:
    file.write(head + struct.pack("<QBI4s", size, 0, 4, b"data") + os.urandom(size))
END
succeeds terminal env PAGER='head -n 1' sfpm-inspect --hex data big.img
expect test "$(wc -l <"$stdout")" -eq 1
succeeds terminal env PAGER=true sfpm-inspect --hex data big.img
expect_stdout ''
cp a.img damaged.img
offset=$(LC_ALL=C grep -obUa LEAF a.img | tail -n 1 | cut -d: -f1)
printf X | dd of=damaged.img bs=1 seek=$((offset + 40)) conv=notrunc status=none
expect_status 1 terminal env PAGER='sed s/^/paged/' sfpm-inspect damaged.img
expect_stdout_match '^pagedsfpm-inspect: damaged.img: .*damage'

# One that is not there.
PAGER=no-such-pager succeeds terminal sfpm-inspect --log a.img
expect_stdout_match '^sfpm-inspect: no-such-pager: cannot run this pager: No such file'
expect_stdout_match 'commit 1'
expect_status 1 terminal env PAGER='no-such-pager -x' sfpm-inspect --log a.img
expect_stdout_match '^sfpm-inspect: no-such-pager -x: the shell finds no such pager: set SFPM_PAGER'
unset PAGER

# A signal waits until the user has left the pager, which would be without a terminal.
cat >stubborn.sh <<'END'
echo $PPID >tool.new
mv tool.new tool
until test -e sent; do sleep 0.02; done
echo left
END
(
    until_true test -e tool
    kill -TERM "$(cat tool)"
    : >sent
) &
sender=$!
terminal env PAGER='exec sh stubborn.sh' sfpm-inspect --hex data big.img >"$stdout" 2>"$stderr" || :
expect_stdout_match '^left$'
wait "$sender"

# A terminal without UTF-8: a byte over 127 may control it.
sfpm-patch -q -i -m "$(printf 'gr\303\274n')" a.img 3=8
SFPM_PAGER='cat'
export SFPM_PAGER
succeeds terminal sfpm-inspect --log a.img
expect_stdout_match "^    $(printf 'gr\303\274n')$"
for locale in C de_DE.ISO-8859-1 ''; do
    # Python itself sets LC_CTYPE.
    succeeds terminal env -u LC_CTYPE LANG=$locale sfpm-inspect --log a.img
    expect_stdout_match '^    gr\\xc3\\xbcn$'
done
LANG=C succeeds sfpm-inspect --log a.img
expect_stdout_match "^    $(printf 'gr\303\274n')$"

# The last ones only.
succeeds sfpm-inspect --log -n 2 a.img
expect test "$(grep -c ^commit "$stdout")" -eq 2
expect_stdout_match '^commit 4 '
succeeds sfpm-inspect --log -n 1000 a.img
expect test "$(grep -c ^commit "$stdout")" -eq 4
succeeds sfpm-inspect --usage --max-count=1 a.img@3
expect_stdout_match '^commit 3 '
expect test "$(grep -c ^commit "$stdout")" -eq 1
expect_status 2 sfpm-inspect --log -n 0 a.img
expect_status 2 sfpm-inspect -n 1 a.img
expect_stderr_match '-n is for --log, --usage and --html'
expect_status 2 sfpm-inspect --graph a.img
expect_stderr_match '--graph is for --log'

# The graph: forks of commits, deltas on their bases, copies that have a common start.
at 90000 sfpm-save -o base.img sum.s
at 80000 sfpm-patch -q -i base.img 3=20
at 70000 sfpm-patch -q -i -m main base.img 3=7
at 60000 sfpm-patch -q -o side.img -m side base.img@2 3=9
fork=$(printf 'fork\033.img')
sfpm-convert --base base.img@2 -o "$fork" side.img
at 50000 sfpm-patch -q -i -m top "$fork" 1=4
# shape FILE...: the lines of the graph without times and sizes.
shape() {
    sfpm-inspect --log --graph "$@" | sed 's/  20.*//; s/     code.*//; s/ *$//'
}
succeeds shape "$fork"
expect_stdout '* commit fork\x1b.img@5
|     top
* commit fork\x1b.img@4
|     side
* commit base.img@2
|
* commit base.img@1'
succeeds shape base.img side.img
expect_stdout '* commit side.img@4
|     side
| * commit base.img@3
| |     main
|/
* commit base.img@2
|
* commit base.img@1'
succeeds shape base.img "$fork" a.img
expect_stdout_match '^\* commit a.img@4$'
expect_stdout_match '^\| \* commit base.img@3$'
expect test "$(grep -c 'commit base.img@1' "$stdout")" -eq 1
succeeds sfpm-inspect --log --graph -n 3 base.img side.img
expect test "$(grep -c commit "$stdout")" -eq 3
# Without its base there is nothing to stand on; the others are shown.
mv base.img elsewhere.img
expect_status 1 sfpm-inspect --log --graph "$fork" side.img
expect_stderr_match 'base.img'
expect_stdout_match '^\* commit side.img@4'
