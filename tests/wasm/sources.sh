#!/bin/sh
# SPDX-License-Identifier: MIT
# sources.sh DIRECTORY: fetches the source packages that programs.sh compiles from where
# this system (Debian or Ubuntu) gets its packages. What the system knows of packages stays
# as it is. Exits with 77 if there are none. Not a test: .ci/run calls it.
set -eu
mkdir -p "$1"
cd "$1"
mkdir -p lists/partial cache/archives/partial parts

# The system's own list, with source packages in place of the others.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    case $file in
    *.list) [ ! -f "$file" ] || sed -n 's/^deb /deb-src /p' "$file" ;;
    esac
done >parts/source.list
for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"parts/${file##*/}"
done

apt_get() {
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$PWD/parts" \
        -o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
apt_get update || echo "sources.sh: some lists could not be fetched" >&2
# Of two versions the one that came last would be unpacked over the other.
rm -f ./*.tar.* ./*.dsc
apt_get source --download-only zlib lz4 sqlite3 || {
    echo "sources.sh: no source packages of zlib, lz4 and sqlite3 can be fetched" >&2
    exit 77
}
rm -r lists cache parts
