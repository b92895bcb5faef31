#!/bin/sh
# SPDX-License-Identifier: MIT
# `make deb`: the packages hold what they should, lintian has nothing to say, and their
# source, unpacked and built elsewhere in another environment, gives the same bytes. Takes
# minutes: a step of .ci/run, not of make check.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs dpkg-buildpackage dh lintian readelf file

unset MAKEFLAGS MFLAGS MAKELEVEL DEB_BUILD_OPTIONS DEB_BUILD_PROFILES LD_LIBRARY_PATH
deb=$top_builddir/deb
succeeds make -C "$top_builddir" deb
for package in libsfpm0 libsfpm-dev sfpm-tools; do
    succeeds dpkg-deb -x "$deb/${package}"_[0-9]*.deb "$package"
done

# there PACKAGE FILE...: it is in that package, and in no other.
there() {
    package=$1
    shift
    for file; do
        found=$(find libsfpm0 libsfpm-dev sfpm-tools -path "*/$file" -size +0)
        case $found in
        "$package/"*) ;;
        *) fail "$file is to be in $package, and there is: $found" ;;
        esac
    done
}
for tool in "$top_builddir"/bin/sfpm*; do
    [ -d "$tool" ] || there sfpm-tools "bin/$(basename "$tool")" "man1/$(basename "$tool").1.gz" \
        "completions/$(basename "$tool")"
done
for header in "$top_srcdir"/lib/api/sfpm/*.h; do
    there libsfpm-dev "include/sfpm/$(basename "$header")"
done
there libsfpm0 'libsfpm.so.0.[0-9]*'
there libsfpm-dev libsfpm.a pkgconfig/sfpm.pc man3/libsfpm.3.gz man3/sfpm_snapshot_save.3.gz \
    examples/counter.c
there sfpm-tools man5/sfpm-image.5.gz man7/sfpm.7.gz examples/primes.s sfpm/sfpm.magic \
    doc/sfpm-tools/README.gz
for page in "$top_srcdir"/man/*.7; do
    find libsfpm-dev sfpm-tools -name "$(basename "$page").gz" >found
    expect test "$(wc -l <found)" -eq 1
done

# The notes of what is loaded when it is needed survive, and the package recommends it.
readelf -p .note.dlopen libsfpm0/usr/lib/*/libsfpm.so.0 >notes
succeeds dpkg-deb -f "$deb"/libsfpm0_[0-9]*.deb Recommends
for library in zstd lz4 crypto; do
    soname=$(grep -o "lib$library\.so\.[0-9]*" notes | head -n 1)
    expect test -n "$soname"
    expect grep -qw "$(dpkg-query -S "*/$soname" | sed 's/:.*//' | head -n 1)" "$stdout"
done

succeeds file -b -m sfpm-tools/usr/share/sfpm/sfpm.magic "$top_srcdir/tests/images/sealed-unbound.img"
expect_stdout_match '^sfpm image, version 2'

# lintian, and its control: a program that everybody may change.
succeeds lintian --allow-root -I --fail-on error,warning,info "$deb"/*.changes
expect_stdout ''
cp -R sfpm-tools bad
mkdir bad/DEBIAN
dpkg-deb -e "$deb"/sfpm-tools_[0-9]*.deb bad/DEBIAN
chmod 777 bad/usr/bin/sfpm-run
dpkg-deb --root-owner-group -b bad bad.deb >/dev/null
expect_not lintian --allow-root -I --fail-on error,warning,info bad.deb >/dev/null

# The same bytes, whoever builds it, where and when.
mkdir -p 'else/where'
succeeds dpkg-source --no-check -x "$deb"/*.dsc else/where/source
(
    umask 077
    cd else/where/source
    TZ=Pacific/Kiritimati LC_ALL=C LANG=C HOME=$work/home USER=builder \
        DEB_BUILD_OPTIONS='nocheck parallel=3' DEB_BUILD_PROFILES=nocheck \
        dpkg-buildpackage -us -uc -b
) >build.log 2>&1 || {
    tail -n 30 build.log
    fail 'the unpacked source does not build'
}
packages=0
for package in "$deb"/*.deb; do
    expect_same "$package" "else/where/$(basename "$package")"
    packages=$((packages + 1))
done
expect test "$packages" -ge 3
