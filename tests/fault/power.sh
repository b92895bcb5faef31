#!/bin/sh
# SPDX-License-Identifier: MIT
# Power failures on ext4 and xfs. Each operation is done on a disk that remembers every
# write and flush (disk.c). From these, disks are made as the power failing at some time
# would have left them; each is mounted, which replays its journal. The image must be the
# old one or the new one, and the new one from when the operation has said so; then the
# operation must be possible once more. Of commits that were not synced, the newest whole
# one must be found, and at least the last that was synced. Controls leave out syncs:
# images are lost then.
if [ -z "${SFPM_POWER:-}" ] && [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
    # What is mounted here is gone with the last process of this test.
    SFPM_POWER=1 exec unshare -m "$0" "$@"
fi
# The disk that can fail is one in memory: it is quick.
if [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
    TMPDIR=/dev/shm
    export TMPDIR
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
[ -n "${SFPM_POWER:-}" ] || skip 'only root can mount disks here'
. "$top_srcdir/tests/fault/operations.sh"
disk=$top_builddir/tests/fault/disk
nosync=$top_builddir/tests/fault/.libs/nosync.so
[ -x "$disk" ] || skip 'the disk was not built'
needs mkfs.ext4 losetup

work=$test_state/mount
fuse=$test_state/fuse
mkdir "$work" "$fuse"

# Nothing may remain mounted where the files of this test are removed.
power_end() {
    power_status=$?
    set +e
    cd /
    umount -l "$work" "$fuse" 2>/dev/null
    (exit "$power_status")
    test_end
}
trap power_end EXIT

# new_disk TYPE: the file disk.img with a new file system.
new_disk() {
    rm -f "$test_state/disk.img"
    case $1 in
    ext4)
        truncate -s 24M "$test_state/disk.img"
        mkfs.ext4 -q -E nodiscard -N 64 "$test_state/disk.img"
        ;;
    xfs)
        # So small a one is made for tests alone. One that is not takes more memory.
        truncate -s 64M "$test_state/disk.img"
        mkfs.xfs -q -K -f --unsupported -l size=8m "$test_state/disk.img" >/dev/null 2>&1 ||
            { truncate -s 320M "$test_state/disk.img" && mkfs.xfs -q -K -f "$test_state/disk.img"; }
        ;;
    esac
}

mount_disk() {
    mount -o loop "$1" "$work" && cd "$work"
}

unmount_disk() {
    cd "$test_state" && umount "$work"
}

# The file marks says from which write on which commit is durable.
mark() {
    echo "$("$disk" count "$test_state/log") $1" >>"$test_state/marks"
}
unsynced_log=mark

# is_acceptable N STATE: whether this state may be found if the power fails after N writes.
is_acceptable() {
    case $2 in
    new) ;;
    old) [ "$1" -lt "$reported" ] ;;
    [1-9]) [ "$2" -ge "$(awk -v at="$1" '$1 <= at { n = $2 } END { print n }' \
        "$test_state/marks")" ] ;;
    *) false ;;
    esac
}

# record TYPE NAME PREFIX...: does the operation, with PREFIX before its command, on a
# disk that remembers. Sets $reported, the number of writes until the operation said that
# it was done, and $total, those until the file system was unmounted in the end.
record() {
    record_type=$1 record_name=$2
    shift 2
    new_disk "$record_type"
    mount_disk "$test_state/disk.img"
    "${record_name}_prepare"
    rm -rf "$test_state/old"
    mkdir "$test_state/old"
    cp -p a.img "$test_state/old" 2>/dev/null || :
    unmount_disk
    cp --sparse=always "$test_state/disk.img" "$test_state/base.img"
    "$disk" serve "$test_state/disk.img" "$test_state/log" "$fuse"
    mount_disk "$fuse/disk"
    echo 0 1 >"$test_state/marks"
    "${record_name}_run" "$@" >"$stdout" 2>"$stderr" || fail "$record_name does not succeed"
    reported=$("$disk" count "$test_state/log")
    unmount_disk
    umount "$fuse"
    total=$("$disk" count "$test_state/log")
}

# mount_crashed TYPE: the journal is replayed. The superblock of ext4 is longer than a sector,
# and not in the journal: torn, it is first repaired from a copy, as when booting.
mount_crashed() {
    mount_disk "$test_state/crash.img" 2>"$stderr" && return
    [ "$1" = ext4 ] || return
    e2fsck -fy "$test_state/crash.img" >"$stderr" 2>&1 || [ $? -eq 1 ] || return
    mount_disk "$test_state/crash.img"
}

# fails_at TYPE NAME N KIND SEED: the power fails after N writes; the image survives.
fails_at() {
    cp --sparse=always "$test_state/base.img" "$test_state/crash.img"
    "$disk" crash "$test_state/log" "$3" "$4" "$5" "$test_state/crash.img"
    mount_crashed "$1" || fail "$1 cannot be mounted after a power failure ($3, $4, $5)"
    tried=$((tried + 1))
    power_what="$2 on $1, power lost at write $3 of $reported ($4, $5)"
    power_state=$("$2_state" 2>"$stderr") || power_state=damaged
    power_good=true
    if ! is_acceptable "$3" "$power_state"; then
        power_good=false
        echo "$power_what: the image is $power_state" >&9
        sed 's/^/    /' "$stderr" >&9
    elif ! "$2_again" >"$stdout" 2>"$stderr" || [ "$("$2_state" 2>&1)" != new ]; then
        power_good=false
        echo "$power_what: $power_state, and cannot be repeated" >&9
        sed 's/^/    /' "$stderr" >&9
    fi
    unmount_disk
    $power_good
}

# power TYPE NAME COUNT PREFIX...: the power fails COUNT times. All are tried; fails if
# any is not survived.
power() {
    power_type=$1 power_name=$2 power_count=$3
    shift 3
    record "$power_type" "$power_name" "$@"
    power_status=0
    power_i=0
    while [ "$power_i" -lt "$power_count" ]; do
        # Over all the writes; and each fourth time when it had just been said to be done.
        at=$((power_i * (total + 1) / power_count))
        [ $((power_i % 4)) -ne 3 ] || at=$reported
        case $(((power_i + power_i / 4) % 4)) in
        0) kind=sector ;;
        1) kind=block ;;
        2) kind=subset ;;
        3) kind=prefix ;;
        esac
        fails_at "$power_type" "$power_name" "$at" "$kind" "$power_i" || power_status=1
        power_i=$((power_i + 1))
    done
    return "$power_status"
}

tried=0
operations='new_file save commit background patch run tool compact encrypt'
count=4
[ "${SFPM_LONG:-0}" = 0 ] || count=120

"$disk" serve /dev/null "$test_state/log" "$fuse" 2>"$stderr" || skip "$(cat "$stderr")"
umount "$fuse"
new_disk ext4
(mount_disk "$test_state/disk.img") 2>"$stderr" || skip "$(cat "$stderr")"
unmount_disk

types=ext4
if command -v mkfs.xfs >/dev/null && grep -qw xfs /proc/filesystems; then
    types='ext4 xfs'
else
    echo "$test_name: without xfs, which is not installed" >&9
fi
for type in $types; do
    for operation in $operations; do
        expect power "$type" "$operation" "$count"
    done
    for unsynced_every in 3 none; do
        expect power "$type" unsynced "$count"
    done
    expect power "$type" checkpoints "$count"
done
echo "the power failed $tried times" >&9

# The controls: where the syncs of all, of files alone or of directories alone do nothing,
# what was said to be done is lost, or damaged.
loses() {
    expect_not power "$1" "$2" 4 env LD_PRELOAD="$nosync" SFPM_NO_SYNC="$3"
}
exec 9>/dev/null
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS
for type in $types; do
    for operation in new_file save commit patch compact; do
        loses "$type" "$operation" all
    done
    unsynced_every=3
    loses "$type" unsynced all
    loses "$type" new_file files
    loses "$type" new_file directories
done
