#!/bin/sh
# SPDX-License-Identifier: MIT
# Every source of the library and the tools opens with a comment that says what it is
# for: a newcomer looks there first.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# unopened DIR: prints files whose second line, after the licence, begins no comment of
# at least four words.
unopened() {
    source_files "$1" lib bin | grep -E '\.(c|h|inc)$' >openings.files
    [ -s openings.files ] || return 1
    (cd "$1" && xargs awk '
        function judge() {
            if (file && words < 4) {
                print file ": no opening comment"
                bad = 1
            }
        }
        FNR == 1 { judge(); file = FILENAME; words = 0; inside = 0 }
        FNR == 2 { inside = /^\/\*/ }
        FNR >= 2 && inside {
            for (i = 1; i <= NF; i++)
                words += $i ~ /[A-Za-z]/ && $i !~ /^@/
            inside = !/\*\//
        }
        END { judge(); exit bad }') <openings.files
}

expect unopened "$top_srcdir"

copy_sources copy
# planted LINE...: a file of these lines is found.
planted() {
    printf '%s\n' '/* SPDX-License-Identifier: MIT */' "$@" >copy/lib/base/planted.c
    catches unopened copy
}
planted '#include <stdio.h>' '/* What this file is for. */'
planted '' '/* What this file is for. */'
planted '/* planted.c */' 'int x;'
planted '/*' ' */' '/* What this file is for. */'
rm copy/lib/base/planted.c
printf '%s\n' '/* SPDX-License-Identifier: MIT */' '#ifndef X' '#define X' '#endif' >copy/bin/planted.h
catches unopened copy
rm copy/bin/planted.h
printf '%s\n' '/* SPDX-License-Identifier: MIT */' '/*' ' * What this file is for.' ' */' >copy/lib/planted.inc
expect unopened copy
