#!/bin/sh
# SPDX-License-Identifier: MIT
# No conditional expression stands inside another one, in whichever operand: an if with
# else, or a function, says the same to readers at once.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# nested DIR: prints the places of inner and outer question marks. Comments, strings and
# characters are passed over; arguments and initializers end at their commas.
nested() {
    source_files "$1" lib bin examples | grep -E '\.(c|h|inc)$' >conditionals.files
    [ -s conditionals.files ] || return 1
    (cd "$1" && xargs awk '
        function reset() { depth = 0; marks[0] = inner[0] = any[0] = 0 }
        function mark(    i) {
            for (i = 0; i <= depth; i++)
                if (marks[i] || (i == depth && inner[i])) {
                    if (last != FILENAME ":" FNR)
                        print FILENAME ":" FNR ": a conditional expression in another one"
                    last = FILENAME ":" FNR
                    bad = 1
                    break
                }
            marks[depth]++
            any[depth] = 1
        }
        function close_group(    had) {
            had = any[depth]
            if (depth > 0)
                depth--
            if (had)
                inner[depth] = any[depth] = 1
        }
        FNR == 1 { comment = 0; reset() }
        {
            line = $0
            continued = line ~ /\\$/
            if (line ~ /^[ \t]*#/ && !comment)
                reset()
            gsub(/\\./, "", line)
            n = length(line)
            for (i = 1; i <= n; i++) {
                c = substr(line, i, 1)
                pair = substr(line, i, 2)
                if (comment) {
                    if (pair == "*/") { comment = 0; i++ }
                } else if (pair == "/*") {
                    comment = 1
                    i++
                } else if (pair == "//")
                    break
                else if (c == "\"" || c == "\047") {
                    rest = substr(line, i + 1)
                    end = index(rest, c)
                    i += end ? end : length(rest)
                } else if (c == "(" || c == "[" || (c == "{" && depth > 0)) {
                    depth++
                    marks[depth] = inner[depth] = any[depth] = 0
                } else if (c == ")" || c == "]" || (c == "}" && depth > 0))
                    close_group()
                else if (c == ",")
                    marks[depth] = inner[depth] = 0
                else if (c == ";" || c == "{" || c == "}") {
                    if (depth > 0 && c == ";")
                        marks[depth] = inner[depth] = 0
                    else
                        reset()
                } else if (c == "?")
                    mark()
            }
            if (line ~ /^[ \t]*#/ && !continued)
                reset()
        }
        END { exit bad }') <conditionals.files
}

expect nested "$top_srcdir"

copy_sources copy
expect nested copy
# planted LINE...: these lines are found in a function.
planted() {
    printf '%s\n' 'int planted(int a, int b)' '{' "$@" '}' >copy/lib/base/planted.c
    catches nested copy
}
planted '    return a ? 1 : b ? 2 : 3;'
planted '    return a ? b ? 1 : 2 : 3;'
planted '    return a == 1   ? 1' '           : b == 2 ? 2' '                    : 3;'
planted '    return a ? 1 : (b ? 2 : 3);'
planted '    return (a ? 1 : b) ? 2 : 3;'
planted '    return a ? f(b ? 2 : 3) : 4;'
planted '    return f(1, a ? 1 : g(2, b ? 2 : 3));'
planted '    int x[] = {a ? 1 : b ? 2 : 3};'
planted '#define X(a, b) ((a) ? 1 : \' '    (b) ? 2 : 3)'
printf '%s\n' 'int plain(int a, int b)' '{' \
    '    f(a ? 1 : 2, b ? 1 : 2); /* a ? b ? c : d : e */' \
    '    int x[] = {a ? 1 : 2, b ? 1 : 2};' \
    '    for (int i = a ? 1 : 2; i < (b ? 3 : 4); i++)' \
    '        g("a ? b ? c", '"'?'"', a ? 1 : 2);' \
    '    return (a ? 1 : 2) + (b ? 1 : 2);' '}' >copy/lib/base/planted.c
expect nested copy
