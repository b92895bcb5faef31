#!/bin/sh
# SPDX-License-Identifier: MIT
# What an image costs is bounded by what it stores, not by what it claims: every tool
# takes less than a second of processor time and 64 MiB for a small image of a tebibyte of
# zeros, and for images that must be refused.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

# ---- control: what takes too much is found ----

# With sanitizers only the time is limited.
grep -q __asan_init "$(command -v bounded)" ||
    expect_status 99 bounded sh -c 'head -c 100M /dev/zero | { dd bs=100M count=1 iflag=fullblock of=/dev/null; }'
expect_status 98 bounded sh -c 'while :; do :; done'
expect_status 3 bounded sh -c 'exit 3'

# ---- a tebibyte of zeros ----

forge zeros zero.img
region=$(sfpm-inspect --text zero.img | sed -n 's/^region zero size \([0-9]*\) .*/\1/p')
expect test "$region" -ge 1073741824
expect test "$(size zero.img)" -lt 4000000
succeeds bounded sfpm-inspect zero.img
succeeds bounded sfpm-inspect --log zero.img
succeeds bounded sfpm-inspect --json zero.img
succeeds bounded sfpm-inspect --text zero.img
succeeds bounded sfpm-inspect --verify zero.img
succeeds bounded sfpm-inspect --hex zero zero.img
expect test "$(wc -l <"$stdout")" -eq 3
expect_status 125 bounded sfpm-run zero.img

# A byte in the middle of it.
middle=$((region / 2 + 5))
succeeds bounded sfpm-patch -o one.img zero.img zero:$middle=0x41
succeeds bounded sfpm-patch -i one.img zero:7=0x42
succeeds bounded sfpm-inspect --verify one.img
succeeds bounded sfpm-inspect --hex zero one.img
expect test "$(wc -l <"$stdout")" -eq 7
expect_stdout_match '^00000000  00 00 00 00 00 00 00 42  00 .*\|\.\.\.\.\.\.\.B'
expect_stdout_match '00  00 00 00 00 00 00 00 00  \|\.\.\.\.\.A\.\.'
for how in '' --stat --json --patch -q; do
    # shellcheck disable=SC2086
    expect_status 1 bounded sfpm-diff $how zero.img one.img
done
sfpm-inspect --text one.img | grep ^region >wanted
for how in --flatten --compact '--keep 1' '--compress zstd' '--base zero.img'; do
    # shellcheck disable=SC2086
    succeeds bounded sfpm-convert $how -o new.img one.img
    succeeds bounded sfpm-inspect --verify new.img
    sfpm-inspect --text new.img | grep ^region >found
    expect_same found wanted
    expect test "$(size new.img)" -lt 12000000
done
succeeds bounded sfpm-convert --salvage -o new.img one.img
succeeds bounded sfpm-inspect --verify new.img

# ---- a machine's empty memory ----

# A gibibyte, in which the program writes a few words.
cat >empty.s <<'END'
.memory 16384
.func main
.local i32
again: local.get 0
local.get 0
i32.store
local.get 0
i32.const 33554432
i32.add
local.set 0
local.get 0
i32.const 1073741824
i32.lt_u
br_if again
halt
END
succeeds bounded sfpm-save -o fresh.img empty.s
expect_status 124 bounded sfpm-run --steps 100 -o empty.img fresh.img
expect test "$(size empty.img)" -lt 100000
for image in fresh.img empty.img; do
    for how in '' --json --text --disassemble --verify; do
        # shellcheck disable=SC2086
        succeeds bounded sfpm-inspect $how $image
    done
    succeeds bounded sfpm-run $image
    succeeds bounded sfpm-run -o new.img $image
    succeeds bounded sfpm-inspect --verify new.img
    succeeds bounded sfpm-patch -o new.img $image memory:5=7
    succeeds bounded sfpm-inspect --verify new.img
    for how in '' --stat --json --patch; do
        # shellcheck disable=SC2086
        expect_status 1 bounded sfpm-diff $how $image new.img
    done
    cp $image new.img
    succeeds bounded sfpm-run -i new.img
    succeeds bounded sfpm-patch -i new.img memory:5=7
done

# ---- a leaf that stands for many ----

# What is stored of 16 MiB is read and written once, not 1024 times.
forge reused reused.img
expect test "$(size reused.img)" -lt 1000000
sfpm-inspect --text reused.img | grep ^region >wanted
expect grep -q 'size 17179869184 ' wanted
succeeds bounded sfpm-inspect --verify reused.img
for how in --flatten --compact '--keep 1' --salvage; do
    # shellcheck disable=SC2086
    succeeds bounded sfpm-convert $how -o new.img reused.img
    expect test "$(size new.img)" -lt 1000000
    succeeds bounded sfpm-inspect --verify new.img
    sfpm-inspect --text new.img | grep ^region >found
    expect_same found wanted
done

# Two leaves at 1024 places each are compared once: whether they differ in a byte of each
# page, in every other byte, or in all but one.
forge reused other.img 1
forge spread spread.img 0
forge spread spread1.img 1
forge filled filled.img 0
forge filled filled1.img 1
# differ A B BYTES
differ() {
    for how in '' --stat --json -q; do
        # shellcheck disable=SC2086
        expect_status 1 bounded sfpm-diff $how "$1" "$2"
    done
    expect_status 1 sfpm-diff --stat "$1" "$2"
    expect_stdout_match "^ *$3 of 17179869184 bytes  leaf$"
}
differ reused.img other.img 4194304
differ spread.img spread1.img 8589934592
differ filled.img filled1.img 17179868160

# ---- a heap that claims much ----

# All its segments but the first four are one leaf: 100 GiB of tables and blocks.
if forge heap heap.img 2>"$stderr"; then
    expect test "$(size heap.img)" -lt 2000000
    for how in '' --json --text --verify; do
        # shellcheck disable=SC2086
        succeeds bounded sfpm-inspect $how heap.img
    done
    for how in '' --stat --json -q; do
        # shellcheck disable=SC2086
        expect_status 1 bounded sfpm-diff $how heap.img heap.img@1
    done
    expect_status 1 bounded sfpm-patch -o new.img heap.img heap:$((5 << 20))=7
fi

# ---- version 1 stores zeros ----

expect_status 1 bounded sfpm-convert --to-v1 -o v1.img one.img
expect_stderr_match '^sfpm-convert: one\.img: its regions have more than 1073741824 bytes, all of which version 1 stores: raise the limit with --max-size$'
expect_status 1 bounded sfpm-convert --to-v1 --max-size $((region - 1)) -o v1.img one.img
expect_no_file v1.img
if bounded sfpm-convert --to-v1 --max-size $region -o v1.img one.img 2>"$stderr"; then
    expect test "$(size v1.img)" -gt "$region"
    expect test "$(du -k v1.img | cut -f 1)" -lt 1000
    expect test "$(tail -c $((region - middle)) v1.img | head -c 1)" = A
    rm v1.img
else
    expect_stderr_match 'File too large' # for this file system
fi
expect_status 2 sfpm-convert --max-size 1G --flatten -o v1.img one.img
expect_status 2 sfpm-convert --max-size 0 --to-v1 -o v1.img one.img

# ---- images that must be refused ----

[ -x "$top_builddir/tests/images/check_vectors" ] || exit 0
mkdir images
"$top_builddir/tests/images/check_vectors" write "$top_srcdir/tests/images/vectors" \
    images "${SFPM_LONG:-8}" | sed -n 's/^image //p' >list
expect test "$(wc -l <list)" -gt 50
printf %s 'thirty-two bytes that are no key' >key.bin
SFPM_KEY_FILE=$PWD/key.bin
export SFPM_KEY_FILE
# each COMMAND ARGUMENT...
each() {
    succeeds bounded --each list "$@"
}
each sfpm-inspect
each sfpm-inspect --verify
each sfpm-inspect --log
each sfpm-inspect --json
each sfpm-run
each sfpm-run --steps 10 -o new.img
each sfpm-patch --undo -o new.img
each sfpm-diff zero.img
each sfpm-convert --flatten -o new.img
each sfpm-convert --to-v1 -o new.img
each sfpm-convert --salvage -o new.img

# Control: each image is tried.
expect_status 98 bounded --each list sh -c 'case $1 in */'"$(tail -n 1 list | sed 's,.*/,,')"') kill -9 $$ ;; esac' sh
