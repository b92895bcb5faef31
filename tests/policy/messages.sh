#!/bin/sh
# SPDX-License-Identifier: MIT
# The form of messages: the tools and callers put a subject before them and may put more
# behind them, so they begin in lower case and end without a period or a newline.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# The functions that take a message. Those of the log (sfpm_snapshot_log) print sentences.
takers='sfpm_fail|sfpm_fail_at|sfpm_fail_errno|sfpm_fail_code|sfpm_fail_prefix|sfpm_refuse|sfpm_faults_add|tool_fail|tool_mistake|tool_usage|tool_warn'

# messages DIR: prints "FILE:LINE<tab>text" for the literal texts of each call.
messages() {
    source_files "$1" lib bin | grep -E '\.(c|h|inc)$' >messages.files
    [ -s messages.files ] || return 1
    (cd "$1" && while read -r file; do
        takers=$takers name=$file awk '
            # The literals between the parenthesis at `at` and its partner, joined.
            function literals(text, at,    depth, c, all) {
                for (depth = 0; at <= length(text); at++) {
                    c = substr(text, at, 1)
                    if (c == "\"") {
                        for (at++; (c = substr(text, at, 1)) != "\"" && at <= length(text); at++) {
                            all = all c
                            if (c == "\\")
                                all = all substr(text, ++at, 1)
                        }
                    } else if (c == "\047")
                        at += substr(text, at + 1, 1) == "\\" ? 3 : 2
                    else if (c == "(")
                        depth++
                    else if (c == ")" && --depth == 0)
                        break
                }
                return all
            }
            /^[ \t]*\/\*.*\*\/[ \t]*$/ { $0 = "" }
            {
                text = text $0 " "
                starts[NR] = length(text)
            }
            END {
                pattern = "(^|[^A-Za-z_0-9])(" ENVIRON["takers"] ")[(]"
                from = 1
                line = 1
                while (match(substr(text, from), pattern)) {
                    from += RSTART + RLENGTH - 2
                    while (starts[line] < from)
                        line++
                    found = literals(text, from)
                    if (found != "")
                        printf "%s:%d\t%s\n", ENVIRON["name"], line, found
                }
            }' "$file"
    done) <messages.files
}

# malformed DIR: prints messages that end in a period or a newline, or begin as a
# sentence does. Names in capitals (AES, SOURCE_DATE_EPOCH) may begin one.
malformed() {
    messages "$1" >messages.found
    [ "$(wc -l <messages.found)" -ge "${2:-1}" ] || {
        echo "only $(wc -l <messages.found) messages were found"
        return 1
    }
    ! grep -E '(\\n|[.!])$|	[A-Z][a-z]' messages.found
}

expect malformed "$top_srcdir" 300

copy_sources copy
# planted CALL: a message in it is found.
planted() {
    printf '%s\n' 'void planted(void)' '{' "$@" '}' >copy/lib/base/planted.c
    catches malformed copy
}
planted '    sfpm_fail(SFPM_ERR_SYSTEM, "it is broken.");'
planted '    sfpm_fail(SFPM_ERR_SYSTEM, "it is "' '              "broken\n");'
planted '    return sfpm_fail_at(f(1, (2)), SFPM_ERR_SYSTEM, 12, "It is broken");'
planted '    if (x)' '        tool_fail(name, "%s: it is broken!", text);'
planted '    tool_usage(' '        "No IMAGE");'
printf '%s\n' 'void planted(void)' '{' '    sfpm_fail(0, "AES is broken");' \
    '    puts("Broken.");' '    sfpm_fail(0, text); puts("Broken.");' '}' >copy/lib/base/planted.c
expect malformed copy
