#!/bin/sh
# SPDX-License-Identifier: MIT
# Images in git: the settings that the README shows make git diff and git difftool
# tell what changed.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
needs git

HOME=$work
GIT_CONFIG_NOSYSTEM=1
GIT_CONFIG_GLOBAL=/dev/null
GIT_PAGER="cat"
export HOME GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL GIT_PAGER
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

git init -q repository
cd repository
git config user.name tester
git config user.email tester@example.org
sfpm-save -o app.img "$sum"
sfpm-save -o large.img "$top_srcdir/examples/primes.s"
git add .
git commit -qm first
sfpm-patch -q -i app.img 3=20

# The control: without settings, git knows only that bytes differ.
succeeds git diff
expect_stdout_match '^Binary files a/app\.img and b/app\.img differ$'

# The settings are the README's lines.
readme=$top_srcdir/README
sed -n 's/^    \(\*\.img diff=sfpm\)$/\1/p' "$readme" >.gitattributes
expect test -s .gitattributes
sed -n 's/^    \(git config .*\)$/\1/p' "$readme" >settings
expect test "$(wc -l <settings)" -eq 2
. ./settings

succeeds git diff app.img
expect_stdout_match '^-code 2 push 5$'
expect_stdout_match '^[+]code 2 push 20$'
expect test "$(grep -c '^[-+]code' "$stdout")" -eq 2
expect_not grep -q Binary "$stdout"
# Another commit of the same state changes the file, but no fact.
git commit -qam second
sfpm-patch -q -i app.img 1=10
succeeds git diff app.img
expect_not grep -q '^[-+][a-z]' "$stdout"
succeeds git log -p -1 -- app.img
expect_stdout_match '^[+]code 2 push 20$'

succeeds git difftool -y -t sfpm HEAD~1 -- app.img
expect_stdout_match '^  code\[2\]  *main\+2: push 5  *\| main\+2: push 20$'

# A merge by edits: two changes in different places, then in one place.
sfpm-save -o base.img "$sum"
sfpm-patch -q -o theirs.img base.img 3=20
sfpm-patch -q -o mine.img base.img 1=1
sed -n 's/^    \(sfpm-diff --patch base.*\)$/\1/p' "$readme" >merge
expect test -s merge
succeeds sh ./merge
succeeds sfpm-run mine.img
expect_stdout 21
sfpm-patch -q -o mine.img base.img 3=6
cp mine.img before
expect_status 1 sh ./merge
expect_stderr_match 'mine\.img: code\[3\] \(main\+3\): expected 05, found 06; nothing is written$'
expect_same mine.img before
