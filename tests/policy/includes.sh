#!/bin/sh
# SPDX-License-Identifier: MIT
# A source includes none of the common headers of C of which it uses nothing.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# unused DIR: prints the includes of C files of which nothing is used.
unused() {
    source_files "$1" lib bin examples | grep '\.c$' >includes.files
    [ -s includes.files ] || return 1
    (cd "$1" && xargs awk '
        BEGIN {
            uses["errno.h"] = "errno|E[A-Z]+|program_invocation_short_name"
            uses["inttypes.h"] = "PRI[a-zA-Z0-9]+|strto[iu]max|[iu]max[a-z]+"
            uses["stdio.h"] = "FILE|EOF|BUFSIZ|std(in|out|err)|[a-z]*(printf|put[cs]|putchar|get[cs]|getline)|" \
                "f[a-z]+|rename(at)?|remove|perror|tmpfile|setvbuf|ungetc|P_tmpdir"
            uses["stdlib.h"] = "EXIT_[A-Z]+|[a-z_]*alloc|free|qsort|bsearch|exit|_Exit|abort|atexit|abs|strto[a-z]+|" \
                "[a-z_]*(getenv|setenv|unsetenv)|mk[ds]?temp|mkdtemp|realpath|system|s?rand|MB_CUR_MAX"
            uses["string.h"] = "mem(cpy|pcpy|ccpy|set|cmp|r?chr|move|mem)|stpcpy|explicit_bzero|" \
                "str(n?len|n?cmp|r?chr|str|c?spn|error|error_r|n?dup|pbrk|tok_r|n?cpy|n?cat|coll|signal)"
        }
        function report(header) {
            for (header in at)
                if (!(header in used)) {
                    print file ":" at[header] ": <" header "> is not used"
                    bad = 1
                }
            split("", at)
            split("", used)
        }
        # What of a line is not in comments.
        function outside(line,  at, text) {
            while (line != "") {
                at = index(line, comment ? "*/" : "/*")
                if (!comment)
                    text = text (at ? substr(line, 1, at - 1) " " : line)
                if (!at)
                    return text
                comment = !comment
                line = substr(line, at + 2)
            }
            return text
        }
        FNR == 1 { report(); file = FILENAME; comment = 0 }
        match($0, /^#include <[a-z]+\.h>/) {
            name = substr($0, 11, RLENGTH - 11)
            if (name in uses)
                at[name] = FNR
            next
        }
        {
            line = $0
            gsub(/\\./, "", line)
            gsub(/"[^"]*"/, "", line)
            line = " " outside(line) " "
            for (name in at)
                if (!(name in used) &&
                    line ~ "[^A-Za-z0-9_](" uses[name] ")[^A-Za-z0-9_]")
                    used[name] = 1
        }
        END { report(); exit bad }') <includes.files
}

expect unused "$top_srcdir"
copy_sources copy
expect unused copy
# planted HEADER: its include is found where it is not used.
planted() {
    printf '/* memcpy(), free() */\n#include <%s>\nint x; /* errno,\n * FILE, PRIu64 */\n' "$1" >copy/lib/base/x.c
    catches unused copy
}
for header in errno inttypes stdio stdlib string; do
    planted "$header.h"
done
printf '#include <string.h>\nint f(const char *s) { return strlen(s) > 0; }\n' >copy/lib/base/x.c
expect unused copy
