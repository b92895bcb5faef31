#!/bin/sh
# SPDX-License-Identifier: MIT
# Regions of addresses are restored only where all lies that their words lead to:
# programs that address randomisation moves, and programs that it does not.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

library=$top_builddir/.libs
[ -f "$library/libsfpm.so" ] || skip "libsfpm.so was not built"
if grep -q __asan_init "$library/libsfpm.so"; then
    skip "programs with sanitizers are not linked here"
fi

# build NAME SOURCE FLAG...: with a build-id.
build() {
    build_name=$1
    build_source=$2
    shift 2
    # shellcheck disable=SC2086
    succeeds $CC -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror "$@" -Wl,--build-id \
        -I "$top_srcdir/lib/api" -o "$build_name" "$build_source" -L "$library" -lsfpm -ldl
}

source=$top_srcdir/tests/tools/addresses.c
printf 'int plugin(void);\nint plugin(void)\n{\n    return 1;\n}\n' >plugin.c
printf 'int main(void)\n{\n    return 0;\n}\n' >try.c
# shellcheck disable=SC2086
$CC -fno-pie -no-pie -Wl,--build-id -o try try.c 2>/dev/null ||
    skip "programs at a fixed address cannot be linked"
build plugin.so plugin.c -fPIC -shared
build moving "$source" -fPIE -pie
build fixed "$source" -fno-pie -no-pie
expect test "$(./fixed where)" = "$(./fixed where)"
[ "$(./moving where)" != "$(./moving where)" ] || skip "addresses are not randomised here"

# refused WHAT: as the last command said.
refused() {
    expect_stderr_match "point into $1, which was loaded at 0x.* when the image was saved, and is at 0x"
    expect_stderr_match '-static -no-pie.* types .*symbols'
}

# The program's own functions, on all ways to save and to restore.
for how in save async child delta commit; do
    succeeds ./fixed "$how" program f.img
    succeeds ./fixed restore program f.img
    expect_stdout 42
    succeeds ./fixed lazy program f.img
    expect_stdout 42
    succeeds ./moving "$how" program m.img
    expect_status 1 ./moving restore program m.img
    refused 'the program'
    expect_status 1 ./moving lazy program m.img
    refused 'the program'
    rm -f f.img* m.img*
done
succeeds ./fixed heap-save program f.img
succeeds ./fixed heap-restore program f.img
expect_stdout 42
succeeds ./moving heap-save program m.img
expect_status 1 ./moving heap-restore program m.img
refused 'the program'
succeeds ./moving revert program m.img

# What is recorded stays with the commit.
succeeds sfpm-inspect m.img
expect_stdout_match 'sfpm\.pointers\.000001 *= *module base=0x[0-9a-f]* build-id=[0-9a-f]* name='
succeeds sfpm-convert --compress=zstd -o c.img m.img
expect_status 1 ./moving restore program c.img
refused 'the program'
# Where the region is not restored nothing is refused.
succeeds ./moving accept program m.img

# A program without addresses may move; so may what no address leads to.
for program in moving fixed; do
    succeeds ./$program save none n.img
    succeeds ./$program restore none n.img
    expect_stdout restored
    succeeds ./$program heap-save none n.img
    succeeds ./$program heap-restore none n.img
    expect_stdout restored
    # Libraries move, whatever the program does.
    for kind in library libc; do
        succeeds ./$program save $kind l.img
        expect_status 1 ./$program restore $kind l.img
        refused 'lib.*\.so.*'
    done
    # The region itself, which lies elsewhere in every process.
    succeeds ./$program save own o.img
    expect_status 1 ./$program restore own o.img
    expect_stderr_match "point into region 'memory', which was at 0x.*, and is at 0x"
done

# A module that is not loaded, and one that was built again.
succeeds ./fixed save plugin p.img
expect_status 1 ./fixed restore plugin p.img
expect_stderr_match 'point into plugin\.so, which is not loaded'

# with_record TEXT OUT: m.img with another first record.
with_record() {
    succeeds sfpm-patch --attr="sfpm.pointers.000001=$1" -o "$2" m.img counter:0=0
}
with_record 'module base=12 build-id=12 name=x' bad.img
expect_status 1 ./moving restore program bad.img
expect_stderr_match "sfpm\.pointers\.000001.* is not the record of a module or a region"
with_record 'module base=0x1 build-id=12 name=libother.so' bad.img
expect_status 1 ./moving restore program bad.img
expect_stderr_match 'point into libother\.so, which is not loaded'
id=$(sfpm-inspect m.img | sed -n 's/.*build-id=\([0-9a-f]*\) name=$/\1/p')
expect test -n "$id"
with_record "module base=0x1 build-id=${id}00 name=" bad.img
expect_status 1 ./moving restore program bad.img
expect_stderr_match 'point into the program, which is not known to be the same build'

# The control: without a base in the record the stale address is called.
with_record "module base=any build-id=$id name=" control.img
expect_not ./moving restore program control.img >out 2>err
expect_not grep -q 'addresses:' err
expect_not grep -q 42 out
