#!/bin/sh
# SPDX-License-Identifier: MIT
# A type name has one meaning. Types that several files know, those of headers and those
# with the prefix sfpm_, are defined once in the library and the tools together. What is
# private to a source may be called as what is private to another one.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# definitions DIR: prints "NAME FILE:LINE" of each type and tag that gets a body or a
# meaning, in headers and sources, without its _t; typedef struct x x_t; gives none.
definitions() {
    source_files "$1" lib bin | grep -E '\.(c|h|inc)$' >names.files
    [ -s names.files ] || return 1
    (cd "$1" && xargs awk '
        function define(name) {
            sub(/_t$/, "", name)
            print name, FILENAME ":" FNR
        }
        FNR == 1 { open = 0 }
        /^(typedef )?(struct|union|enum) [a-z_0-9]+ [{]/ {
            split($0, word, " ")
            define(word[1] == "typedef" ? word[3] : word[2])
        }
        /^typedef (struct|union|enum).*[{]/ { open = 1 }
        /^(typedef .*)?[}] [a-z_0-9]+;/ && open {
            name = $0
            sub(/.*[}] /, "", name)
            sub(/;.*/, "", name)
            define(name)
        }
        /^(typedef .*)?[}].*;/ { open = 0 }
        /^typedef / && !/[{]/ && !/^typedef (struct|union|enum) [a-z_0-9]+ [a-z_0-9]+;/ {
            name = $0
            if (match(name, /[(][*][a-z_0-9]+[)]/))
                name = substr(name, RSTART + 2, RLENGTH - 3)
            else {
                sub(/(\[.*)?;.*/, "", name)
                sub(/.*[^a-z_0-9]/, "", name)
            }
            if (name != "")
                define(name)
        }') <names.files
}

# ambiguous DIR: prints the names with more than one meaning.
ambiguous() {
    definitions "$1" | awk '
        function folder(file) {
            sub(/\/[^\/]*$/, "", file)
            return file
        }
        # Whether two files must not give one name a meaning each.
        function meet(name, one, other,    header, source) {
            if (one == other)
                return 0
            if (name ~ /^sfpm_/ || (one ~ /\.h$/ && other ~ /\.h$/))
                return 1
            header = one ~ /\.h$/ ? one : other
            source = one ~ /\.h$/ ? other : one
            return header ~ /\.h$/ && (folder(header) == folder(source) ||
                (header ~ /^bin\/common\// && source ~ /^bin\//))
        }
        {
            file = $2
            sub(/:.*/, "", file)
            lines++
            if (index(files[$1], " " file " "))
                next
            n = split(seen[$1], before, " ")
            for (i = 1; i <= n; i++) {
                earlier = before[i]
                sub(/:.*/, "", earlier)
                if (meet($1, earlier, file)) {
                    print $1 ": " before[i] ", " $2
                    bad = 1
                }
            }
            seen[$1] = seen[$1] " " $2
            files[$1] = files[$1] " " file " "
        }
        END { exit bad || !lines }'
}

expect ambiguous "$top_srcdir"

copy_sources copy
expect ambiguous copy
# planted FILE LINE...: a second meaning that these lines give is found.
planted() {
    planted_file=copy/$1
    shift
    printf '%s\n' "$@" >"$planted_file"
    catches ambiguous copy
    rm "$planted_file"
}
planted lib/heap/planted.c 'typedef struct sfpm_buffer {' '    int x;' '} sfpm_other_t;'
planted lib/heap/planted.c 'typedef struct {' '    int x;' '} sfpm_buffer_t;'
planted bin/planted.h 'typedef int sfpm_buffer_t;'
planted lib/vm/planted.h 'typedef bool (*sfpm_handler_t)(int x);'
planted lib/vm/planted.c 'typedef uint8_t sfpm_value_t[8];'
planted bin/run/planted.c 'struct operand {' '    int x;' '};'
planted lib/heap/planted.c 'typedef enum { A, B } walk_t;'
printf '%s\n' 'typedef struct sfpm_buffer sfpm_buffer_t;' 'typedef struct share {' '    int x;' \
    '} share_t;' >copy/lib/heap/planted.c
expect ambiguous copy
