#!/bin/sh
# SPDX-License-Identifier: MIT
# What make install leaves below DESTDIR works from there, and make uninstall
# takes all of it away again.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs make pkg-config

unset MAKEFLAGS MFLAGS MAKELEVEL
# value NAME: that variable of the Makefile, which holds no other in it.
value() {
    sed -n "s/^$1 = //p" "$top_builddir/Makefile"
}
prefix=$(value prefix)
case $prefix in /?*) ;; *) fail "no prefix in the Makefile" ;; esac
root=$work/root
installed=$root$prefix
# there FILE...: installed, wherever the directories were told to be.
there() {
    for file; do
        [ -n "$(find "$root" -path "*/$file" -size +0)" ] || fail "$file is not installed"
    done
}

succeeds make -C "$top_builddir" install DESTDIR="$root"
for tool in $TOOLS; do
    tool=$(basename "$tool")
    there "bin/$tool" "man1/$tool.1" "completions/$tool"
done
for header in "$top_srcdir"/lib/api/sfpm/*.h; do
    there "sfpm/$(basename "$header")"
done
there man3/libsfpm.3 man3/sfpm_heap_alloc.3 man5/sfpm-image.5 man7/sfpm.7 man7/sfpm-git.7 man7/sfpm-live.7 man7/sfpm-wasm.7 \
    sfpm/sfpm.magic sfpm/README sfpm/NEWS sfpm/SECURITY sfpm/benchmarks.md

# What manuals refer to is there.
for example in "$top_srcdir"/examples/*.[chs]; do
    there "examples/$(basename "$example")"
done

# A page of a function leads to a page that is there, and that is no such page.
find "$root" -name '*.3' -exec grep -l '^\.so ' {} + >leading
for page in $(cat leading); do
    there "$(sed 's/^\.so //' "$page")"
    expect grep -q '^\.Sh NAME' "${page%/man3/*}/$(sed 's/^\.so //' "$page")"
done

# A program finds the library by pkg-config alone, and runs with it.
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name sfpm.pc)")
PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
succeeds pkg-config --modversion sfpm
expect_stdout "$(value PACKAGE_VERSION)"
expect_not grep -Eq '^[A-Z].*:.*(popt|check)' "$PKG_CONFIG_PATH/sfpm.pc"
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
sanitizers=$(value SFPM_LDFLAGS | grep -o -e '-fsanitize=[a-z,]*' || :)
# The words of both are arguments.
# shellcheck disable=SC2046
succeeds $CC $sanitizers -o counter "$top_srcdir/examples/counter.c" $(pkg-config --cflags --libs sfpm)
succeeds ./counter
succeeds ./counter
PATH=$installed/bin:$PATH
succeeds sfpm-save -o a.img "$top_srcdir/examples/sum.s"
succeeds sfpm-run a.img
expect_stdout 15
if command -v readelf >/dev/null; then
    readelf -d "$installed/bin/sfpm-run" >dynamic
    expect_not grep -F "$top_builddir" dynamic
    # The libraries that are opened when needed are named for packages.
    library=$(find "$root" -name 'libsfpm.so' | head -n 1)
    for soname in $(strings -a "$library" | sed -n 's/^\(lib\(zstd\|lz4\|crypto\)\.so\.[0-9]*\)$/\1/p' | sort -u); do
        readelf -p .note.dlopen "$library" >notes
        expect grep -qF "\"soname\":[\"$soname\"]" notes
    done
fi

succeeds make -C "$top_builddir" uninstall DESTDIR="$root"
find "$root" ! -type d >left
expect test ! -s left
# Nor a directory that is ours alone.
find "$installed" -mindepth 1 -name '*sfpm*' >left
expect test ! -s left
