#!/bin/sh
# SPDX-License-Identifier: MIT
# A large image that tools pass on: the same bytes whether the system hands over pages,
# cannot, or fails in the middle of it.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
forge large a.img 0
sfpm-patch -q -o first.img a.img large:1=2
sfpm-patch -q -o wanted.img first.img large:3=4

succeeds sh -c 'sfpm-patch -q a.img large:1=2 | sfpm-patch -q - large:3=4 | cat >got.img'
expect_same got.img wanted.img
succeeds sh -c 'sfpm-patch -q - large:1=2 <a.img | sfpm-patch -q - large:3=4 >got.img'
expect_same got.img wanted.img

needs_strace
# passed IMAGE FAULT...: the second edit, into a pipe of the usual size, which takes
# several calls, with faults in them
passed() {
    # shellcheck disable=SC2016
    sh -c '
        image=$1
        shift
        { strace -o trace -e inject=fcntl:error=EPERM "$@" sfpm-patch -q "$image" large:3=4; echo $? >ended; } | cat >got.img
        exit "$(cat ended)"' sh "$@"
}
: >said
cat first.img | strace -o said -e trace=vmsplice sfpm-patch -q - large:3=4 | cat >got.img
expect_same got.img wanted.img
grep -q vmsplice said || skip "built without the paths of Linux"
for fault in splice:error=EINVAL splice:error=EINVAL:when=2+ splice:error=EINTR:when=1 \
    splice:error=ENOSYS; do
    succeeds passed first.img -e inject="$fault"
    expect_same got.img wanted.img
done
for fault in EINVAL EINVAL:when=2+ EINTR:when=1; do
    succeeds sh -c "cat first.img |
        strace -o trace -e inject=fcntl:error=EPERM -e inject=vmsplice:error=$fault sfpm-patch -q - large:3=4 |
        cat >got.img"
    expect_same got.img wanted.img
done
for fault in splice:error=EIO splice:error=EIO:when=2; do
    expect_status 1 passed first.img -e inject="$fault"
    expect_stderr_match ': cannot write at offset [0-9]+: Input/output error$'
done
