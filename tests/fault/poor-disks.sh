#!/bin/sh
# SPDX-License-Identifier: MIT
# Poor file systems. Real ones that fill up during an operation, with every amount of free
# space: it says so and the old image is there, or it succeeds. And ones without locks,
# without space reserved, without names that replace others, and without syncs of
# directories: the operation succeeds, or says what is missing and leaves the old image.
if [ -z "${SFPM_POOR:-}" ] && unshare -rm true 2>/dev/null; then
    # What is mounted here is gone with the last process of this test. Root stays the real
    # one, which may also mount ext4.
    SFPM_POOR=1
    export SFPM_POOR
    [ "$(id -u)" -ne 0 ] || exec unshare -m "$0" "$@"
    exec unshare -rm "$0" "$@"
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"

# Nothing may remain mounted where the files of this test are removed.
poor_end() {
    poor_status=$?
    set +e
    cd /
    umount -l "$work" 2>/dev/null
    (exit "$poor_status")
    test_end
}
trap poor_end EXIT

# ---- without what other file systems have ----

# without NAME OUTCOME CALLS ERROR: all these calls fail. OUTCOME is new or old.
without() {
    prepare "$1"
    begin
    got=0
    "$1_run" strace -f -o /dev/null -e trace="$3" -e inject="$3:error=$4" -- \
        >"$stdout" 2>"$stderr" || got=$?
    tried=$((tried + 1))
    look "$1"
    case $2:$state:$got in
    new:new:0) ;;
    old:old:0) blame "$1 without $3: silent" || return ;;
    old:old:*) [ -s "$stderr" ] || blame "$1 without $3: failed without a word" || return ;;
    *) blame "$1 without $3: status $got, and the image is $state" || return ;;
    esac
    [ -z "$(leftovers)" ] || blame "$1 without $3: leaves $(leftovers)"
}

all='new_file save commit background patch undo run tool compact'
for operation in $all; do
    expect without "$operation" new flock ENOLCK
    # The library has nobody to tell; the tools say it.
    case $operation in
    new_file | save | commit | background | tool) ;;
    *) expect grep -q 'cannot be locked here: make sure that nobody else writes to it' "$stderr" ;;
    esac
    expect without "$operation" new fallocate EOPNOTSUPP
    expect without "$operation" new sync_file_range ENOSYS
done
# A new name can be given by a link; one that is taken is kept.
expect without new_file new rename,renameat,renameat2 EPERM
for operation in save tool compact; do
    expect without "$operation" old rename,renameat,renameat2 EPERM
    expect without "$operation" old rename,renameat,renameat2 EEXIST
done

# ---- that fill up ----

# mount_small TYPE: an empty disk of 8 MiB, where we are.
mount_small() {
    cd "$test_state"
    umount "$work" 2>/dev/null || :
    case $1 in
    tmpfs) mount -t tmpfs -o size=8m small "$work" || return ;;
    ext4)
        rm -f small.img
        truncate -s 8M small.img
        mkfs.ext4 -q -m 0 -N 64 small.img
        mount -o loop small.img "$work" || return
        ;;
    esac
    cd "$work"
}

# fills NAME FREE: the operation with so many KiB free on the disk; leaves that empty.
fills() {
    begin
    free=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "$free" -le "$2" ] || head -c $(((free - $2) * 1024)) /dev/zero >"$work/ballast" 2>/dev/null || :
    got=0
    "$1_run" env >"$stdout" 2>"$stderr" || got=$?
    tried=$((tried + 1))
    rm -f "$work/ballast"
    look "$1"
    case $got:$state in
    0:new) full=false ;;
    0:*) blame "$1 with $2 KiB free: silent, and the image is $state" || return ;;
    *:old) [ -s "$stderr" ] || blame "$1 with $2 KiB free: failed without a word" || return ;;
    *) blame "$1 with $2 KiB free: status $got, and the image is $state" || return ;;
    esac
    [ -z "$(leftovers)" ] || blame "$1 with $2 KiB free: leaves $(leftovers)" || return
    "$1_again" >"$stdout" 2>"$stderr" || blame "$1 with $2 KiB free: cannot be repeated"
}

# fill TYPE NAME STEP: more and more is free, until it is enough.
fill() {
    mount_small "$1" && prepare "$2"
    full=true at=0
    while $full; do
        fills "$2" "$at" || return
        at=$((at + $3))
    done
}

types=
for type in tmpfs ext4; do
    if (mount_small "$type") >"$stderr" 2>&1; then
        types="$types $type"
        umount "$work"
    else
        echo "$test_name: without $type, which cannot be mounted here" >&9
    fi
done
large=400 small=12
[ "${SFPM_LONG:-0}" = 0 ] || large=16 small=2
for type in $types; do
    for operation in new_file save commit background; do
        expect fill "$type" "$operation" "$large"
    done
    for operation in patch run tool compact; do
        expect fill "$type" "$operation" "$small"
    done
done
echo "$tried times on a poor disk" >&9

# The controls: a write that nobody looks at, over an image and where none is.
lost_prepare() { "$driver" save a.img.new new; }
lost_run() { overwrite_run "$@"; }
lost_again() { overwrite_again; }
lost_state() { new_file_state; }
exec 9>/dev/null
expect_not without overwrite old write EOPNOTSUPP
for type in $types; do
    expect_not fill "$type" lost "$large"
done
