#!/bin/sh
# SPDX-License-Identifier: MIT
# What cannot be replaced by a new file: devices, pipes, open descriptors. What would
# leave old bytes behind the image, or write into what is being read, is refused.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

sfpm-save -o a.img "$sum"
for byte in 20 21 22; do sfpm-patch -q -i a.img 3=$byte; done
sfpm-convert --to-v1 -o v1.img a.img
cp a.img before

# A file that is open for reading and writing keeps what lies behind the image.
old_bytes='standard output: holds old data \([0-9]+ B\) that would follow the image: use > or -o FILE'
# shellcheck disable=SC2016
keeps_old() {
    keeps_status=$1
    shift
    cp before b.img
    expect_status "$keeps_status" sh -c '"$@" 1<>b.img' sh "$@"
    expect_stderr_match "$old_bytes"
    expect_same b.img before
}
keeps_old 1 sfpm-save "$sum"
keeps_old 1 sfpm-save -o - "$sum"
keeps_old 1 sfpm-save -o /dev/stdout "$sum"
keeps_old 1 sfpm-patch -q v1.img 3=7
keeps_old 1 sfpm-convert --flatten a.img
keeps_old 125 sfpm-run -o - a.img
cp before b.img
expect_status 1 sh -c "sfpm-save -o /dev/fd/3 '$sum' 3<>b.img"
expect_stderr_match '/dev/fd/3: holds old data \([0-9]+ B\) that would follow the image'
expect_same b.img before
# A shorter file, an empty one and one that is appended to are what they were.
succeeds sh -c "sfpm-save '$sum' 1<>new.img"
expect test "$(sfpm-run new.img)" = 15
printf 'head' >new.img
succeeds sh -c "sfpm-save '$sum' >>new.img"
# shellcheck disable=SC2016
succeeds sh -c '{ dd bs=4 count=1 of=/dev/null 2>/dev/null; sfpm-run -; } <new.img'
expect_stdout 15

# Nor is an image written over that is only opened after others were printed.
for into in '1<>' '>>'; do
    cp before b.img
    expect_status 2 sh -c "sfpm-inspect a.img b.img ${into}b.img"
    expect_stderr_match "standard output is the image that is read: print to another file"
    expect_same b.img before
done

# The image itself as standard output, of images and of text.
for into in '1<>' '>>'; do
    for tool in 'sfpm-patch a.img 3=7' 'sfpm-patch -o - a.img 3=7' 'sfpm-convert --flatten a.img' \
        'sfpm-patch -o /dev/stdout a.img 3=7'; do
        expect_status 2 sh -c "$tool ${into}a.img"
        expect_stderr_match 'standard output is the image that is read'
        expect_same a.img before
    done
    for tool in 'sfpm-inspect a.img' 'sfpm-inspect --json a.img v1.img' 'sfpm-diff a.img v1.img'; do
        expect_status 2 sh -c "$tool ${into}a.img"
        expect_stderr_match 'standard output is the image that is read: print to another file'
        expect_same a.img before
    done
    for tool in 'sfpm-run a.img' 'sfpm-run -i a.img' 'sfpm-run -o b.img a.img' 'sfpm-run -o - a.img'; do
        expect_status 125 sh -c "$tool ${into}a.img"
        expect_stderr_match 'standard output is the image that is read'
        expect_same a.img before
    done
done
expect_status 125 sh -c 'sfpm-run -o out.img a.img >out.img'
expect_stderr_match 'standard output is -o: print to another file'

# A descriptor's name is the descriptor: what was written before stays.
succeeds sh -c "{ printf head; sfpm-save -o /dev/stdout '$sum'; } >new.img"
expect test "$(head -c 4 new.img)" = head
succeeds sh -c "sfpm-save -o /dev/fd/3 '$sum' 3>new.img"
expect test "$(sfpm-run new.img)" = 15
expect_status 1 sh -c "sfpm-save -o /dev/fd/7 '$sum' 7>&-"
expect_stderr_match '^sfpm-save: /dev/fd/7: Bad file descriptor'
succeeds sh -c "sfpm-save -o /dev/stdout '$sum' | sfpm-run -"
expect_stdout 15
# One whose file has gone is not taken for the file that has such a name.
cp before gone.img
cp before 'gone.img (deleted)'
# shellcheck disable=SC2016
expect_status 1 sh -c 'exec 3<>gone.img; rm gone.img; sfpm-patch -q -i /dev/fd/3 3=9'
expect_same 'gone.img (deleted)' before

# A pipe has no file to change.
mkfifo pipe
for command in 'sfpm-convert -i --to-v2' 'sfpm-convert -i --to-v1'; do
    cat v1.img >pipe &
    expect_status 1 $command pipe
    expect_stderr_match 'pipe: is not a regular file, and cannot be changed in place: use -o FILE'
    wait $!
done
cat v1.img >pipe &
expect_status 1 sfpm-patch -q -i pipe 3=7
wait $!
expect test -p pipe
cat pipe >got &
succeeds sfpm-save -o pipe "$sum"
wait $!
expect test "$(sfpm-run got)" = 15

# A block device keeps its size, so old bytes would follow a shorter image.
[ "$(id -u)" -eq 0 ] || skip 'only root can make block devices'
needs losetup
# An image that ends where the device does.
n=0
cp a.img disk
until [ $(($(stat -c %s disk) % 512)) -eq 0 ]; do
    sfpm-patch -q -i disk -m "$(printf "%0$((n % 500))d" 0)" 1=$((n % 7 + 1)) 3=70
    n=$((n + 1))
done
device=$(losetup -f --show disk 2>/dev/null) || skip 'no loop devices here'
trap 'losetup -d "$device" 2>/dev/null || :; test_end' EXIT
cp disk old
sfpm-convert --to-v1 -o v1.img a.img
for command in "sfpm-save -o $device $sum" "sfpm-patch -q -o $device a.img 3=7" \
    "sfpm-convert --flatten -o $device a.img" "sfpm-convert --flatten -o $device $device" \
    "sfpm-convert --salvage -o $device a.img" "sfpm-save $sum >$device" \
    "sfpm-save -o /dev/stdout $sum >$device" "sfpm-save -o /dev/fd/3 $sum 3>$device"; do
    expect_status 1 sh -c "$command"
    expect_stderr_match 'is a block device, where old data would follow the image: write to a file'
    cmp "$device" old || fail "the device was written to by $command"
done
expect_status 125 sfpm-run -o "$device" a.img
expect_stderr_match 'is a block device'
for command in 'sfpm-patch -q -i' 'sfpm-convert -i --flatten' 'sfpm-convert -i --to-v1'; do
    edit=
    [ "$command" != 'sfpm-patch -q -i' ] || edit=3=7
    # shellcheck disable=SC2086
    expect_status 1 $command "$device" $edit
    expect_stderr_match 'is not a regular file, and cannot be changed in place'
    cmp "$device" old || fail "the device was written to by $command"
done
expect_status 125 sfpm-run -i "$device"
expect_same "$device" old
# It can be read.
succeeds sfpm-inspect --verify "$device"
