#!/bin/sh
# SPDX-License-Identifier: MIT
# The packages that packages.sh made install over this system, in a root and a mount
# namespace of their own that nothing survives. The tours of the README and the tests of
# the packages run with them as a user without rights, and after a purge nothing is left.
# A step of .ci/run, not of make check.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs dpkg unshare setpriv

[ "$(id -u)" -eq 0 ] || skip 'only root can install packages'
deb=$top_builddir/deb
[ -n "$(find "$deb" -name 'sfpm-tools_*.deb' 2>/dev/null)" ] || skip 'there are no packages: make deb'
# The layers lie on a file system of their own, since not every one can carry them.
mkdir layers
unshare -m sh -c 'mount -t tmpfs none layers && mkdir layers/up layers/work layers/root &&
    mount -t overlay -o lowerdir=/,upperdir=layers/up,workdir=layers/work none layers/root' 2>/dev/null ||
    skip 'no root of its own can be mounted here'

mkdir -p packages/source
cp "$deb"/*.deb packages
(cd "$top_srcdir" && tar -cf - README debian examples/counter.c tests/readme.awk tests/transcript.sh man/sfpm-build.7) |
    tar -xf - -C packages/source
chmod -R a+rX packages

cat >inner.sh <<'END'
set -eu
# Smaller systems leave out documents and manuals.
rm -f /etc/dpkg/dpkg.cfg.d/* /etc/dpkg/dpkg.cfg
named_so() {
    find /etc /usr /var -xdev -name '*sfpm*' ! -path '/var/tmp/*'
}
named_so >/tmp/before
dpkg -i /packages/*.deb
test "$(command -v sfpm-run)" = /usr/bin/sfpm-run
sfpm --version
for test in /packages/source/debian/tests/*; do
    case $test in
    */control) continue ;;
    esac
    directory=$(mktemp -d)
    chown nobody "$directory"
    echo "== $test"
    (cd /packages/source && HOME=$directory AUTOPKGTEST_TMP=$directory \
        setpriv --reuid nobody --regid nogroup --clear-groups "$test")
done
dpkg -P sfpm-tools sfpm-tools-dbgsym libsfpm-dev libsfpm0 libsfpm0-dbgsym
named_so >/tmp/after
if grep -vxFf /tmp/before /tmp/after; then
    exit 1
fi
END
# The root is changed to the layers, with what the kernel offers mounted in it.
cat >outer.sh <<'END'
set -eu
mount -t tmpfs none layers
mkdir layers/up layers/work layers/root
mount -t overlay -o lowerdir=/,upperdir=layers/up,workdir=layers/work none layers/root
mkdir layers/root/packages
mount --bind packages layers/root/packages
mount --rbind /dev layers/root/dev
mount --rbind /proc layers/root/proc
mount -t tmpfs none layers/root/tmp
chmod 1777 layers/root/tmp
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot layers/root sh -s <inner.sh
END
succeeds unshare -m sh outer.sh
cat "$stdout"
expect_stdout_match '^sfpm [0-9]'
expect_stdout_match '^== .*/tours$'
expect_stdout_match '^static: built and run$'
# It happened in that root alone.
expect_not dpkg-query -s sfpm-tools 2>/dev/null
