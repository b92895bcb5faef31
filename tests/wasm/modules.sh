#!/bin/sh
# SPDX-License-Identifier: MIT
# modules.sh DIRECTORY: fetches with npm, from the registry that it is set to, packages
# that hold WebAssembly modules, and unpacks the modules. Exits with 77 if one cannot be
# fetched. Not a test: .ci/run calls it.
set -eu
mkdir -p "$1"
cd "$1"

# fetch NAME VERSION SHA512 MODULE: one package, and the module in it.
fetch() {
    npm pack --silent --cache cache "$1@$2" || {
        echo "modules.sh: $1 $2 cannot be fetched" >&2
        exit 77
    }
    echo "$3  $1-$2.tgz" | sha512sum -c - || {
        echo "modules.sh: $1-$2.tgz is not the package that was tested" >&2
        exit 1
    }
    tar -xzf "$1-$2.tgz" --strip-components=1 "package/$4"
    rm "$1-$2.tgz"
}

command -v npm >/dev/null || {
    echo "modules.sh: npm is not installed; it fetches modules for tests" >&2
    exit 1
}
fetch quickjs-wasi 3.7.0 \
    ea7392841b42825ad02fac87fa1a6d21f11d0355a54a6bd8fcc9b96299fd22fb6c683b2b60883cc7ec6821742dd36c3ae9ad1fd5e2d3023d6585f8006c9e1657 \
    quickjs.wasm
rm -rf cache
