#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: tests/transcript.sh [--play] FILE
#
# Runs the commands of a transcript and compares what they print, on both
# outputs together, with what the transcript says. With --play everything is
# also shown as it happens. A transcript looks like what a terminal shows:
#
#     # a comment: what follows says hello
#     $ echo hello; echo world |
#     > cat
#     hello
#     world
#
# `$ ` starts a command, `> ` after it continues it, `# ` starts a comment; the
# other lines up to the next of these are the expected output, empty lines at
# its end left out. In it `...` stands for any text, and as a line of its own
# for any lines. All commands run in one shell, in the current directory.
#
# Exit status: 0 all as expected, 1 something was not, 2 no command in FILE.
set -u

play=false
if [ "${1:-}" = --play ]; then
    play=true
    shift
fi
transcript=$1
state=$(mktemp -d "${TMPDIR:-/tmp}/sfpm-transcript.XXXXXX")
# A command that ends this shell must not pass for success.
at_end=false
trap 'rm -rf "$state"; $at_end || exit 1' EXIT
bold='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m')
    plain=$(printf '\033[0m')
fi

# as_expected: $state/output matches the pattern $state/expected.
as_expected() {
    LC_ALL=C awk -v expected="$state/expected" -v output="$state/output" '
        function escape(text,    escaped, i, c) {
            for (i = 1; i <= length(text); i++) {
                c = substr(text, i, 1)
                if (c == "\\" || c == "^")
                    c = "\\" c
                else if (index("[].$*+?(){}|", c))
                    c = "[" c "]"
                escaped = escaped c
            }
            return escaped
        }
        function pattern(line,    parts, n, i, regex) {
            gsub(/\342\200\246/, "...", line)
            if (line == "...")
                return "([^\n]*\n)*"
            n = split(line, parts, /[.][.][.]/)
            for (i = 1; i <= n; i++)
                regex = regex (i > 1 ? "[^\n]*" : "") escape(parts[i])
            return regex "\n"
        }
        BEGIN {
            while ((getline line < expected) > 0) {
                blanks = blanks "\n"
                if (line == "")
                    continue
                regex = regex substr(blanks, 2) pattern(line)
                blanks = ""
            }
            while ((getline line < output) > 0)
                text = text line "\n"
            exit text ~ ("^" regex "$") ? 0 : 1
        }'
}

# finish: runs the command gathered so far, if there is one, and judges it.
commands=0 failures=0 command='' start=0
finish() {
    [ -n "$command" ] || return 0
    commands=$((commands + 1))
    eval "$command" >"$state/output" 2>&1 </dev/null 8<&-
    command=''
    if $play; then
        cat "$state/output"
    fi
    if ! as_expected; then
        failures=$((failures + 1))
        echo "$transcript:$start: this was not the output:"
        diff -u "$state/expected" "$state/output" | sed -e 1,3d
    fi
}

number=0 in_command=false in_comment=false
while IFS= read -r line <&8 || [ -n "$line" ]; do
    number=$((number + 1))
    case $line in
    '$ '*)
        finish
        command=${line#??} start=$number in_command=true
        : >"$state/expected"
        if $play; then
            printf '%s\n' "$bold$line$plain"
        fi
        ;;
    '# '*)
        finish
        in_command=false
        if $play; then
            $in_comment || echo
            printf '%s\n' "${line#??}"
        fi
        in_comment=true
        continue
        ;;
    '> '*)
        if $in_command; then
            command="$command
${line#??}"
            if $play; then
                printf '%s\n' "$bold$line$plain"
            fi
            continue
        fi
        printf '%s\n' "$line" >>"$state/expected"
        ;;
    *)
        [ -z "$command" ] || printf '%s\n' "$line" >>"$state/expected"
        in_command=false
        ;;
    esac
    in_comment=false
done 8<"$transcript"
finish
at_end=true

[ "$commands" -gt 0 ] || {
    echo "$transcript: no command in it"
    exit 2
}
[ "$failures" -eq 0 ]
