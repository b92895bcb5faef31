#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone and twice, as C11 and as C++17, without a
# warning and without our own flags; so does a program that knows nothing but
# the snapshot API as it was given. Each public function is documented.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

strict='-Wall -Wextra -Wpedantic -Werror -Wconversion -fsyntax-only'
CXX=${CXX:-c++}
${CXX%% *} --version >/dev/null 2>&1 || CXX=

# compiles DIR FILE: FILE.c, which includes headers of DIR, as C11 and C++17.
compiles() {
    {
        $CC -std=c11 $strict -Wshadow -Wstrict-prototypes -I "$1/lib/api" "$2" || return 1
        [ -z "$CXX" ] || $CXX -std=c++17 $strict -x c++ -I "$1/lib/api" "$2"
    }
}

# headers DIR
headers() {
    headers_status=0
    for header in "$1"/lib/api/sfpm/*.h; do
        header=$(basename "$header")
        printf '#include <sfpm/%s>\n#include <sfpm/%s>\nint main(void) { return 0; }\n' \
            "$header" "$header" >"include-$header.c"
        compiles "$1" "include-$header.c" || headers_status=1
    done
    return "$headers_status"
}

# documented DIR: each function follows a comment, alone or in a group without blank lines.
documented() {
    grep -q '^SFPM_API' "$1"/lib/api/sfpm/*.h &&
        awk '
            /^[ \t]*$/ { documented = 0 }
            /\*\/[ \t]*$/ { documented = 1 }
            /^SFPM_API/ && !documented {
                print FILENAME ":" FNR ": not documented"
                bad = 1
            }
            END { exit bad }' "$1"/lib/api/sfpm/*.h
}

expect headers "$top_srcdir"
expect documented "$top_srcdir"
expect compiles "$top_srcdir" "$top_srcdir/tests/policy/api.c"

# planted LINE: a header ending in LINE is found.
planted() {
    rm -rf copy
    copy_sources copy
    printf '%s\n' "$1" >>copy/lib/api/sfpm/error.h
    catches headers copy
}
planted 'int sfpm_no_guard = 0;'
planted 'SFPM_API size_t sfpm_size_without_its_header(void);'
[ -z "$CXX" ] || planted '#ifndef PLANTED
#define PLANTED
SFPM_API int sfpm_reserved(int class);
#endif'
copy_sources copy
printf '\nSFPM_API int sfpm_silent(void);\n' >>copy/lib/api/sfpm/error.h
catches documented copy
sed -i 's/bool sfpm_snapshot_save(const sfpm_snapshot_t/int sfpm_snapshot_save(sfpm_snapshot_t/' copy/lib/api/sfpm/snapshot.h
catches compiles copy "$top_srcdir/tests/policy/api.c"

[ -n "$CXX" ] || skip "no C++ compiler; as C all is well"
