#!/bin/sh
# SPDX-License-Identifier: MIT
# The house limits: no source over 500 lines, no function over 60, no #else over 15, a
# licence line in every source, no white space at line ends, no path of one machine, no
# test that a busy machine could fail.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# Dispatch loops, which have one case for each instruction: FILE:FUNCTION.
long_functions='lib/engine/interpret.c:sfpm_execute lib/engine/fast_execute.c:execute'

# long_code DIR: prints files and functions that are too long.
long_code() {
    source_files "$1" lib bin examples | grep -E '\.(c|h|inc)$' >limits.files
    [ -s limits.files ] || return 1
    (cd "$1" && xargs awk -v known=" $long_functions " '
        FNR == 1 { body = 0; name = "" }
        FNR == 501 { print FILENAME ": over 500 lines"; bad = 1 }
        /^[A-Za-z].*\(/ && !body {
            name = $0
            sub(/\(.*/, "", name)
            sub(/.*[^A-Za-z_0-9]/, "", name)
        }
        /^[{]$/ { body = FNR }
        /^[}]$/ {
            if (body && FNR - body - 1 > 60 && !index(known, " " FILENAME ":" name " ")) {
                print FILENAME ":" body ": " name "() has " FNR - body - 1 " lines"
                bad = 1
            }
            body = 0
        }
        END { exit bad }') <limits.files
}

# stubs DIR: prints the #else parts that are long: what a system lacks gets a file of
# its own then, or is left out at the call. fast_execute.c has two dispatch loops.
stubs() {
    source_files "$1" lib bin | grep -E '\.[ch]$' | grep -vx lib/engine/fast_execute.c >limits.files
    [ -s limits.files ] || return 1
    (cd "$1" && xargs awk '
        FNR == 1 { depth = 0 }
        /^#if/ { from[++depth] = 0 }
        /^#else/ { from[depth] = FNR }
        /^#endif/ {
            if (from[depth] && FNR - from[depth] - 1 > 15) {
                print FILENAME ":" from[depth] ": #else of " FNR - from[depth] - 1 " lines"
                bad = 1
            }
            depth--
        }
        END { exit bad }') <limits.files
}

# unlicensed DIR: prints sources without the licence line where it belongs.
unlicensed() {
    source_files "$1" | grep -E '\.([chs]|inc|sh|bash)$|^bootstrap$|^\.ci/run$' >limits.files
    [ -s limits.files ] || return 1
    (cd "$1" && xargs awk '
        FNR == 1 { wanted = /^#!/ ? 2 : 1 }
        FNR == wanted && !/SPDX-License-Identifier: MIT/ { print FILENAME ": no licence line"; bad = 1 }
        END { exit bad }') <limits.files
}

# untidy DIR: prints white space at line ends, tabs in C, and what a merge left behind.
untidy() {
    source_files "$1" >limits.files
    [ -s limits.files ] || return 1
    untidy_status=0
    ! (cd "$1" && xargs grep -Hn '[[:blank:]]$' /dev/null) <limits.files || untidy_status=1
    ! (cd "$1" && grep -E '\.(c|h|inc)$' | xargs grep -Hn '	' /dev/null) <limits.files || untidy_status=1
    ! (cd "$1" && xargs grep -EHn '^(<{7}|>{7}) |^={7}$' /dev/null) <limits.files |
        grep -v '/README:2:' || untidy_status=1
    return "$untidy_status"
}

# foreign DIR: prints absolute paths that exist on one machine only.
foreign() {
    source_files "$1" >limits.files
    [ -s limits.files ] || return 1
    ! (cd "$1" && xargs grep -EHn '(^|[^A-Za-z0-9_.})~])/(home|root|Users|mnt)/' /dev/null) <limits.files
}

# hurried DIR: prints tests that a busy machine could fail: those with a limit of
# wall-clock time, and suites that do not run as tests/unit/common.h has it.
hurried() {
    source_files "$1" tests | grep -E '\.(c|h|am|sh)$' | grep -v '^tests/bench/' |
        grep -vxE 'tests/unit/(check_)?common\.c|tests/policy/limits\.sh' >limits.files
    [ -s limits.files ] || return 1
    ! (cd "$1" && xargs grep -EHn \
        'tcase_create|tcase_set_timeout|srunner_create|usleep\(|CK_[A-Z]*_?TIMEOUT|(^|[ ;|(])timeout [0-9]' \
        /dev/null) <limits.files
}

expect long_code "$top_srcdir"
expect stubs "$top_srcdir"
expect hurried "$top_srcdir"
expect unlicensed "$top_srcdir"
expect untidy "$top_srcdir"
expect foreign "$top_srcdir"

copy_sources copy
# planted CHECK FILE COMMAND...: what COMMAND prints, added to FILE, is found.
planted() {
    planted_check=$1 planted_file=copy/$2
    shift 2
    mkdir -p "$(dirname "$planted_file")"
    [ ! -e "$planted_file" ] || cp "$planted_file" saved
    "$@" >>"$planted_file"
    catches "$planted_check" copy
    rm "$planted_file"
    [ ! -e saved ] || mv saved "$planted_file"
}
long_stub() {
    printf '#if SFPM_LINUX_PATHS\n#else\n'
    seq -f 'void stub%.0f(int x) { (void)x; }' 16
    printf '#endif\n'
}
long_function() {
    printf 'static int longest(int x)\n{\n'
    seq -f '    x += %.0f;' 60
    printf '    return x;\n}\n'
}
slash=/
planted long_code lib/base/memory.c long_function
planted long_code lib/x.c seq -f '/* %.0f */' 501
planted stubs lib/base/memory.c long_stub
planted unlicensed bin/x.c echo 'int x;'
planted unlicensed tests/x.sh printf '#!/bin/sh\necho hello\n'
planted hurried tests/unit/check_x.c echo 'TCase *tests = tcase_create("x");'
planted hurried tests/unit/check_x.c echo '    usleep(20000);'
planted hurried tests/tools/x.sh echo 'timeout 20 sfpm-run a.img'
planted untidy README printf 'text \n'
planted untidy lib/base/memory.c printf '\tint x;\n'
planted untidy man/sfpm.7 echo '======''='
planted untidy lib/base/memory.c echo '<<<<<<''< HEAD'
planted foreign man/x.1 echo "see ${slash}home/somebody/x"
planted foreign tests/x.sh echo "cd ${slash}root/x"
expect long_code copy
expect stubs copy
expect unlicensed copy
expect untidy copy
expect foreign copy
