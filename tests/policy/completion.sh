#!/bin/sh
# SPDX-License-Identifier: MIT
# The completion knows every long option that a tool's --help shows, and every tool, in each
# shell. What it makes of images is in tests/tools/complete.sh.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs bash

# completed SCRIPT LINE: what the completion offers at the end of the line.
completed() {
    bash --norc -c '
        source "$1" || exit 1
        complete -p "${2%% *}" >/dev/null || exit 1
        COMP_LINE=$2 COMP_POINT=${#2}
        _sfpm "${2%% *}"
        [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

# knows_all SCRIPT TOOL: the long options of --help are those completed.
knows_all() {
    "$2" --help | grep -Eo -e '(^|[ ,])--[a-z0-9-]+' | tr -d ' ,' | LC_ALL=C sort -u >shown
    completed "$1" "$2 --" >offered || return 1
    sed 's/=$//' offered | LC_ALL=C sort -u | diff -u shown - && [ "$(wc -l <shown)" -gt 2 ]
}

# listed SCRIPT: all tools are named in the script.
listed() {
    for tool in $TOOLS; do
        grep -qE "[ ]$(basename "$tool")( |\$)" "$1" || return 1
    done
}

script=$top_srcdir/completion/sfpm.bash
for tool in $TOOLS; do
    [ "$tool" = bin/sfpm ] || expect knows_all "$script" "$(basename "$tool")"
done
for file in sfpm.bash _sfpm sfpm.fish; do
    expect listed "$top_srcdir/completion/$file"
done

succeeds completed "$script" 'sfpm '
for tool in $TOOLS; do
    tool=$(basename "$tool")
    [ "$tool" = sfpm ] || expect_stdout_match "^${tool#sfpm-}$"
done
succeeds completed "$script" 'sfpm he'
expect_stdout help
succeeds completed "$script" 'sfpm help by'
expect_stdout bytecode
succeeds completed "$script" 'sfpm save --ra'
expect_stdout --raw
succeeds completed "$script" 'sfpm-save --outp'
expect_stdout '--output='
succeeds completed "$script" 'sfpm-save nothing-here'
expect_stdout ''

sed 's/--complete/--usage/' "$script" >other
catches knows_all other sfpm-save
sed 's/ sfpm-save / /' "$script" >other
catches knows_all other sfpm-save
catches listed other
