#!/bin/sh
# SPDX-License-Identifier: MIT
# ./configure --disable-tools needs a C compiler, make and xxhash.h, and nothing else: the
# library is built and used where no other header of a library can be included, and no
# pkg-config is found. The build takes minutes on a slow machine: make check-long.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
[ "${SFPM_LONG:-0}" != 0 ] || skip 'it builds the library, in make check-long'
needs make

unset MAKEFLAGS MFLAGS MAKELEVEL CONFIG_SITE
# It would not notice a header that is hidden later.
CCACHE_DISABLE=1
export CCACHE_DISABLE
source=$(cd "$top_srcdir" && pwd)
[ ! -e "$source/config.status" ] || skip 'the source directory is configured'

# A header that is found before any other, and that no compiler accepts.
mkdir hidden
hide() {
    mkdir -p "$(dirname "hidden/$1")"
    echo "#error $1 is hidden" >"hidden/$1"
}
for header in popt.h check.h zstd.h lz4.h lz4hc.h openssl/evp.h openssl/kdf.h lauxlib.h \
    lua.h editline/readline.h mruby.h; do
    hide "$header"
done
hidden=$PWD/hidden
configured() {
    configured_in=$1
    shift
    mkdir "$configured_in"
    (cd "$configured_in" && "$source/configure" -q CC="$CC" CFLAGS=-O0 \
        CPPFLAGS="-I$hidden" PKG_CONFIG=false --disable-static "$@")
}
# Control: the tools need more.
expect_status 1 configured tools
expect_stderr_match 'popt is needed by the tools'

succeeds configured alone --disable-tools
succeeds make -C alone -s -j2 libsfpm.la
cat >program.c <<'END'
#include <sfpm/sfpm.h>
#include <stdio.h>

int main(void)
{
    static int number = 5;
    const sfpm_memory_region_t region = {&number, sizeof number, "number", false};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = snapshot && sfpm_snapshot_add_region(snapshot, &region) &&
              sfpm_snapshot_save(snapshot, "n.img");
    number = 0;
    ok = ok && sfpm_snapshot_restore("n.img", snapshot) && number == 5;
    sfpm_snapshot_destroy(snapshot);
    puts(ok ? "restored" : sfpm_last_error());
    return !ok;
}
END
succeeds $CC -I"$source/lib/api" -o program program.c -Lalone/.libs -lsfpm
LD_LIBRARY_PATH=$PWD/alone/.libs
export LD_LIBRARY_PATH
succeeds ./program
expect_stdout restored

# Control: without xxhash.h there is no library.
hide xxhash.h
catches configured none --disable-tools
