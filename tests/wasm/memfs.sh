#!/bin/sh
# SPDX-License-Identifier: MIT
# Files inside the image: a compiled program that is stopped at random places and goes on
# in another process leaves the same image as one run.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/wasm/lib.sh"

needs clang wasm-ld
cp "$top_srcdir/tests/wasm/memfs.c" .
clang --target=wasm32-wasi -O2 -o files.wasm memfs.c 2>messages ||
    skip "this clang cannot compile for WASI: $(tail -n 1 messages)"

# On a directory of the host and in the image: the same output.
mkdir host
expect_status 0 sfpm-run --deterministic --dir host::/data files.wasm /data
cp "$stdout" expected
expect_status 0 sfpm-run --deterministic --memfs /data -o whole.img files.wasm /data
expect_same "$stdout" expected

# Stopped at random instructions; the directory needs no option again.
expect_status 124 sfpm-run --deterministic --memfs /data --steps 1 --stdout out \
    -o parts.img files.wasm /data
engine=fast
places "$(instructions whole.img)" 25 >places
while read -r steps <&3; do
    status=0
    sfpm-run --deterministic --engine $engine --stdout out --steps "$steps" -i parts.img ||
        status=$?
    [ "$status" -eq 124 ] || break
    if [ $engine = fast ]; then engine=simple; else engine=fast; fi
done 3<places
[ "$status" -eq 0 ] || fail "with SFPM_SEED=$seed it ended with status $status"
expect_same out expected
for region in inodes blocks files; do
    sfpm-inspect --hex $region whole.img >one
    sfpm-inspect --hex $region parts.img >other
    expect_same one other
done

# What it wrote goes back with the rest of the state.
expect_status 0 sfpm-patch --undo -i parts.img
expect_status 0 sfpm-run --deterministic --stdout out parts.img
expect_same out expected

# It goes with the image through a pipe, encrypted and not.
(umask 077 && head -c 32 /dev/zero >key)
expect_status 124 sfpm-run --deterministic --memfs /data --steps 300000 -o half.img \
    files.wasm /data
sfpm-convert --encrypt --key-file key -o secret.img half.img
expect_status 0 sfpm-run --deterministic --key-file key secret.img
cp "$stdout" tail.secret
expect_status 0 sfpm-run --deterministic half.img
expect_same "$stdout" tail.secret

# There is no room.
expect_status 1 sfpm-run --deterministic --memfs /data --max-files 64K files.wasm /data
expect_stderr_match 'No space left'
expect_status 125 sfpm-run --deterministic --max-files 64K whole.img
expect_stderr_match 'raise it with --max-files'

# Another directory than that of the image, and a program that has no use for one.
expect_status 125 sfpm-run --deterministic --memfs /other half.img
expect_stderr_match '/other'
