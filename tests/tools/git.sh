#!/bin/sh
# SPDX-License-Identifier: MIT
# Images in git: with the settings of sfpm-git(7), git diff and git difftool show what
# changed, and git merge merges it.
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

# The settings are the lines of the manual.
page=$top_srcdir/man/sfpm-git.7
# lines: the displays of the section, without the escapes of mdoc.
lines() {
    awk -v section="$1" '/^\.Sh / { inside = $0 == ".Sh " section } inside' "$page" |
        sed -e '/^\./d' -e "s/\\\\(aq/'/g"
}
lines SETTINGS | grep '^\*\.img ' >.gitattributes
lines SETTINGS | grep '^git config .*sfpm\.' >settings
expect test "$(cat .gitattributes)" = '*.img diff=sfpm merge=sfpm'
expect test "$(wc -l <settings)" -eq 4
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

# A merge of two changes in different places takes both, as one more commit of ours.
branch=$(git symbolic-ref --short HEAD)
# change BRANCH COMMAND...: a new branch from base on which COMMAND changed app.img.
change() {
    git checkout -q -b "$1" base
    shift
    "$@"
    git commit -qam "$*"
}
sfpm-save -o app.img "$sum"
git commit -qam base && git tag base
change theirs sfpm-patch -q -i app.img 3=20
change mine sfpm-patch -q -i app.img 1=1
succeeds git merge -q -m both theirs
succeeds sfpm-run app.img
expect_stdout 21
succeeds sfpm-inspect --log app.img
expect test "$(grep -c '^commit' "$stdout")" -eq 3
expect test -z "$(git status --porcelain -uno)"

# In the same place, or where no edit can say it: a conflict, and our image as it was.
change six sfpm-patch -q -i app.img 3=6
cp app.img before
expect_status 1 git merge -q -m both theirs
expect_stderr_match ': code\[3\] \(main\+3\): expected 05, found 06; nothing is written$'
expect_same app.img before
expect test "$(git ls-files -u | wc -l)" -eq 3
git merge --abort
change other sfpm-save -o app.img "$top_srcdir/examples/primes.s"
git checkout -q six
expect_status 1 git merge -q -m both other
expect_same app.img before
git merge --abort
git checkout -q "$branch"

# By hand.
sfpm-save -o base.img "$sum"
sfpm-patch -q -o theirs.img base.img 3=20
sfpm-patch -q -o mine.img base.img 1=1
lines MERGING | grep '^sfpm-diff --patch base' >merge
expect test -s merge
succeeds sh ./merge
succeeds sfpm-run mine.img
expect_stdout 21
