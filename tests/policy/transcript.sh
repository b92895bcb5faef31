#!/bin/sh
# SPDX-License-Identifier: MIT
# The runner of transcripts itself: what it must catch, it catches.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# transcript STATUS LINE...
transcript() {
    transcript_status=$1
    shift
    printf '%s\n' "$@" >t
    expect_status "$transcript_status" "$top_srcdir/tests/transcript.sh" t
}

transcript 0 '# a comment' '$ echo hello; echo world |' '> cat' hello world '' ''
transcript 1 '$ echo hello' helo
transcript 1 '$ echo hello' 'hello '
transcript 1 '$ echo hello'
transcript 1 '$ echo hello' hello more
transcript 1 '$ true' 'something'
transcript 1 '$ echo a' b '$ echo c' c
transcript 2 'no command'
transcript 1 '$ exit 0'
# One shell for all, both outputs, exit status as the user sees it.
transcript 0 '$ x=5' '$ echo $x' 5 '$ echo bad >&2' bad '$ sh -c "exit 3"; echo $?' 3
# Empty lines count inside the output, not at its end.
transcript 0 '$ echo a; echo; echo b' a '' b '' '$ true'
transcript 1 '$ echo a; echo b' a '' b
transcript 1 '$ echo a; echo; echo b' a b
# Any text, any lines; everything else is literal.
transcript 0 '$ echo took 12 ms, 4096 bytes' 'took ... ms, 4096 bytes'
transcript 0 '$ echo took 12 ms' 'took … ms'
transcript 1 '$ echo took 12 ms, 4096 bytes' 'took ... ms, 409 bytes'
transcript 0 '$ seq 5' 1 ... 5
transcript 0 '$ seq 2' 1 ... 2
transcript 1 '$ seq 5' 1 ... 4
transcript 0 '$ printf "%s\n" "a[3]: 5 -> 20 (m+3)^ {*} \\ | \$ ?"' 'a[3]: 5 -> 20 (m+3)^ {*} \ | $ ?'
transcript 1 '$ echo abc' 'a.c'
transcript 1 '$ echo aa' 'a*'
# What a command reads is empty, not the transcript.
transcript 0 '$ cat' '$ echo end' end
# A first line of output like a continuation needs nothing before it to differ.
transcript 0 '$ diff -u /dev/null t | head -n 1' '--- ...'

expect_status 0 "$top_srcdir/tests/transcript.sh" --play t
expect_stdout_match '^\$ diff'
expect_stdout_match '^--- /dev/null'
