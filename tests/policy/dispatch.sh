#!/bin/sh
# SPDX-License-Identifier: MIT
# Where handlers of the fast engine are functions, each jumps to the next one: none
# returns, and none calls through a pointer, which would use up the C stack.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs objdump
grep -q '^SFPM_CPPFLAGS = .*-DSFPM_TAIL_CALLS=1' "$top_builddir/Makefile" ||
    skip "this compiler makes no jumps of calls: the engine is one function"
case $(uname -m) in
    x86_64) indirect='call +[*]' ;;
    aarch64) indirect='blr' ;;
    *) skip "no pattern for the code of $(uname -m)" ;;
esac

# jumping OBJECT LEAST: tells what is wrong with its handlers, of which there are at
# least so many.
jumping() {
    objdump -d --no-show-raw-insn "$1" >code || return 1
    awk -v indirect="$indirect" -v least="$2" '
        /^[0-9a-f]+ <.*>:$/ { name = $2; inside = name ~ /^<fast_[A-Z]/; count += inside }
        inside && $0 ~ "[ \t]" indirect { print name " calls through a pointer"; bad = 1 }
        inside && /[ \t]ret[ \t]*$/ { print name " returns"; bad = 1 }
        END { if (count < least) print count + 0 " handlers"; exit bad || count < least }
        ' code
}

expect jumping "$(echo "$top_builddir"/lib/engine/.libs/*fast_execute.o)" 1000

cat >slow.c <<'EOF'
typedef struct cell { int (*handler)(const struct cell *, long); } cell_t;
int fast_SLOW(const cell_t *ip, long acc);
int fast_SLOW(const cell_t *ip, long acc) { return ip->handler(ip, acc) + 1; }
EOF
$CC -c -O2 -o slow.o slow.c || skip "no slow handler for the control"
catches jumping slow.o 1
sed 's/ + 1//' slow.c >quick.c
$CC -c -O2 -o quick.o quick.c && expect jumping quick.o 1
catches jumping quick.o 2
