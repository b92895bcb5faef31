#!/bin/sh
# SPDX-License-Identifier: MIT
# What sfpm-build(7) says works with a library that was installed below a home directory.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs make pkg-config
[ -f "$top_builddir/.libs/libsfpm.so" ] || skip 'libsfpm.so was not built'
! grep -q __asan_init "$top_builddir/.libs/libsfpm.so" || skip 'programs of others are not built with sanitizers'

unset MAKEFLAGS MFLAGS MAKELEVEL
HOME=$work/home
prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
make -C "$top_builddir" install-data install-exec DESTDIR="$work/root" >/dev/null 2>&1 || fail 'make install'
mkdir home
mv "root$prefix" home/.local
library=$(find home/.local -name sfpm.pc)
sed -i "s,^prefix=.*,prefix=$HOME/.local,; s,=$prefix/,=$HOME/.local/," "$library"
# As the page says, but for the build itself.
awk '/^\.Sh WITHOUT ROOT/ { inside = 1 } /^\.Ed/ { inside = 0 }
    inside && /^export / { print }' "$top_srcdir/man/sfpm-build.7" >exports
expect test "$(wc -l <exports)" -eq 3
sed -i "s,\$HOME/.local/lib,$work/$(dirname "$(dirname "$library")"),g" exports
unset LD_LIBRARY_PATH
. ./exports
mkdir bin there
ln -s "$(command -v "${CC%% *}")" bin/cc
PATH=$work/bin:$PATH
cd "$top_srcdir"
AUTOPKGTEST_TMP=$work/there
export AUTOPKGTEST_TMP HOME
succeeds debian/tests/build
cp "$stdout" "$work/said"
expect grep -qx 'pkgconfig: built and run' "$work/said"
grep ' installed$\|no static' "$work/said" >&9 || :
# Without the path it is not found: the control.
PKG_CONFIG_LIBDIR=$work/nowhere
AUTOPKGTEST_TMP=$work/again
export PKG_CONFIG_LIBDIR
unset PKG_CONFIG_PATH
mkdir "$AUTOPKGTEST_TMP"
expect_status 1 debian/tests/build
