#!/bin/sh
# SPDX-License-Identifier: MIT
# A full disk: each tool that writes says so, the image is as it was, and nothing else
# is left on the disk.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs unshare

printf 'push 10\npush 5\nadd\nprint\nhalt\n' >sum.s
mkdir disk
# on_disk SCRIPT: runs it on a disk of 64 KiB with a.img and sum.s; what is on the disk
# at the end is in after/.
on_disk() {
    rm -rf after
    mkdir after
    # shellcheck disable=SC2016 # for the inner shell
    unshare -rm sh -c 'mount -t tmpfs -o size=64k none disk && cp a.img sum.s disk && cd disk || exit 99
        status=0
        (eval "$1") || status=$?
        cp -p .[!.]* * ../after 2>/dev/null
        exit "$status"' sh "$1"
}
sfpm-save -o a.img sum.s
on_disk : 2>"$stderr" || skip "a small disk cannot be mounted here"

# Commits, until there is no room for another: the last one that was reported is there.
expect_status 1 on_disk 'i=1
    while sfpm-patch -q -i a.img 3=$i; do echo $i; i=$((i % 200 + 1)); done; exit 1'
expect_stderr_match '^sfpm-patch: a\.img: .*No space left on device'
expect test "$(wc -l <"$stdout")" -gt 20
expect sfpm-inspect --verify after/a.img
expect test "$(sfpm-run after/a.img)" = $((10 + $(tail -n 1 "$stdout")))
expect test "$(ls -A after)" = "$(printf 'a.img\nsum.s')"

# What is written anew finds no room beside the old one.
n=1
while [ "$(wc -c <a.img)" -lt 40000 ]; do
    sfpm-patch -q -i a.img 3=$((n % 200))
    n=$((n + 1))
done
for way in --compact '--keep 40' '--compress zstd'; do
    expect_status 1 on_disk "sfpm-convert -i $way a.img"
    expect_stderr_match '^sfpm-convert: a\.img: .*No space left on device'
    expect_same a.img after/a.img
    expect test "$(ls -A after)" = "$(printf 'a.img\nsum.s')"
done
expect_status 1 on_disk 'sfpm-patch -q -o b.img a.img 3=1'
expect_stderr_match '^sfpm-patch: b\.img: .*No space left on device'
expect test "$(ls -A after)" = "$(printf 'a.img\nsum.s')"
# Flattened it is small enough, and then there is room again.
succeeds on_disk 'sfpm-convert -i --flatten a.img && sfpm-patch -q -i a.img 3=20'
expect test "$(sfpm-run after/a.img)" = 30
