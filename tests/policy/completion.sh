#!/bin/sh
# SPDX-License-Identifier: MIT
# The bash completion knows every long option that a tool's --help shows, and
# every tool.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs bash

# completed SCRIPT TOOL WORD: what the completion offers for WORD.
completed() {
    bash -c '
        source "$1" || exit 1
        complete -p "$2" >/dev/null || exit 1
        COMP_WORDS=("$2" "$3")
        COMP_CWORD=1
        _sfpm "$2" "$3" "$2"
        [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

# knows_all SCRIPT TOOL: the long options of --help are those completed.
knows_all() {
    "$2" --help | grep -Eo -e '(^|[ ,])--[a-z0-9-]+' | tr -d ' ,' | LC_ALL=C sort -u >shown
    completed "$1" "$2" -- >offered || return 1
    sed 's/=$//' offered | LC_ALL=C sort -u | diff -u shown - && [ "$(wc -l <shown)" -gt 2 ]
}

script=$top_srcdir/completion/sfpm.bash
for tool in $TOOLS; do
    [ "$tool" = bin/sfpm ] || expect knows_all "$script" "$(basename "$tool")"
done

# commands SCRIPT WORD...: what the completion offers for the last WORD of sfpm.
commands() {
    bash -c '
        source "$1" || exit 1
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _sfpm_command sfpm "${@: -1}" "${@: -2:1}"
        [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
succeeds commands "$script" sfpm ''
for tool in $TOOLS; do
    tool=$(basename "$tool")
    [ "$tool" = sfpm ] || expect_stdout_match "^${tool#sfpm-}$"
done
succeeds commands "$script" sfpm he
expect_stdout help
succeeds commands "$script" sfpm help by
expect_stdout bytecode
succeeds commands "$script" sfpm save --ra
expect_stdout --raw

# A tool of our own shows where the options come from, and the rest of it.
mkdir fake
PATH=$PWD/fake:$PATH
cat >fake/sfpm-save <<'END'
#!/bin/sh
[ "$1" = --help ] || exit 2
echo 'Usage: sfpm-save [OPTION...] PROGRAM
  -o, --output=FILE     write to FILE, as --version does not
  -q, --quiet           no output
      --version         print the version
Help options:
  -?, --help            Show this help message'
END
chmod +x fake/sfpm-save
succeeds completed "$script" sfpm-save --
expect_stdout '--output=
--quiet
--version
--help'
succeeds completed "$script" sfpm-save --o
expect_stdout '--output='
succeeds completed "$script" sfpm-save a.im
expect_stdout ''

sed 's/--help/--usage/' "$script" >other
catches knows_all other sfpm-save
sed 's/ sfpm-save / /' "$script" >other
catches knows_all other sfpm-save
