#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that are compiled with wasi-libc: their files stay open when they are stopped at
# random places and go on in another process, and they get nothing but what was given.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/wasm/lib.sh"

needs clang wasm-ld
cp "$top_srcdir/tests/wasm/wasi_files.c" "$top_srcdir/tests/wasm/wasi_outside.c" .
clang --target=wasm32-wasi -O2 -o files.wasm wasi_files.c 2>messages ||
    skip "this clang cannot compile for WASI: $(tail -n 1 messages)"
clang --target=wasm32-wasi -O2 -o outside.wasm wasi_outside.c

# fresh DIR: a directory for files.wasm.
fresh() {
    rm -rf "$1"
    mkdir "$1"
    seq 30 >"$1/table"
}

# In one go, with either engine.
fresh whole
expect_status 7 sfpm-run --deterministic --dir whole::/data --env WORD=word -o whole.img \
    files.wasm /data 7
expect_stdout_match '^3 7 word$'
expect_stdout_match '^sum [0-9]+$'
cp "$stdout" expected
cp whole/log log
fresh simple
expect_status 7 sfpm-run --engine simple --deterministic --dir simple::/data \
    --env WORD=word files.wasm /data 7
expect_same "$stdout" expected
expect_same simple/log log

# Stopped at random instructions, and resumed with the other engine. (The final image has
# times and inodes of the directory in it.)
fresh parts
expect_status 124 sfpm-run --deterministic --dir parts::/data --env WORD=word --steps 1 \
    --stdout out -o parts.img files.wasm /data 7
engine=fast
places "$(instructions whole.img)" 25 >places
while read -r steps <&3; do
    status=0
    sfpm-run --deterministic --engine $engine --dir parts::/data --stdout out \
        --steps "$steps" -i parts.img || status=$?
    [ "$status" -eq 124 ] || break
    if [ $engine = fast ]; then engine=simple; else engine=fast; fi
done 3<places
[ "$status" -eq 7 ] || fail "with SFPM_SEED=$seed it ended with status $status"
expect_same out expected
expect_same parts/log log

# What it appended after its state was saved, it appends again: exactly once.
fresh twice
cut=$(($(instructions whole.img) / 6))
expect_status 124 sfpm-run --deterministic --dir twice::/data --env WORD=word \
    --stdout out --steps $cut -o twice.img files.wasm /data 7
cp twice.img first.img
cp twice/log early
expect_status 124 sfpm-run --deterministic --dir twice::/data --stdout out --steps 40000 \
    twice.img
expect_not cmp -s twice/log early
expect_status 7 sfpm-run --deterministic --dir twice::/data --stdout out -i twice.img
expect_same out expected
expect_same twice/log log

# Directories are given anew; nothing of an image opens one.
fresh twice
cp early twice/log
expect_status 125 sfpm-run --deterministic first.img
expect_stderr_match "directory '/data', which was not given: add --dir HOST::GUEST"
expect_status 125 sfpm-run --dir twice::/data --dir simple::/more first.img
expect_stderr_match "began without directory '/more'"

# Files that are others now are refused, but for those who accept them.
expect_status 125 sfpm-run --deterministic --dir twice::/data first.img
expect_stderr_match "file '/data/(table|log)' .* is not as it was: .*--accept-changed"
expect_status 124 sfpm-run --deterministic --accept-changed --dir twice::/data --steps 9 \
    first.img
rm twice/table
expect_status 125 sfpm-run --deterministic --accept-changed --dir twice::/data first.img
expect_stderr_match "file '/data/table' .* does not exist .*--detach-files"
expect_status 124 sfpm-run --deterministic --accept-changed --detach-files \
    --dir twice::/data --steps 9 first.img

# A file that was changed otherwise than by what the program appends.
fresh twice
expect_status 124 sfpm-run --deterministic --dir twice::/data --steps $cut -o twice.img \
    files.wasm
echo more >>twice/log
expect_status 124 sfpm-run --deterministic --dir twice::/data --steps 9 twice.img
expect_not grep more twice/log
echo more >>twice/table
expect_status 125 sfpm-run --deterministic --dir twice::/data twice.img
expect_stderr_match "'/data/table' .* modified since"

# A file that was removed while it was open is lost, with a warning.
fresh twice
expect_status 124 sfpm-run --deterministic --dir twice::/data --steps $cut -o twice.img \
    files.wasm
rm twice/log
cp twice.img lost.img
expect_status 125 sfpm-run --deterministic --dir twice::/data twice.img
expect_stderr_match "'/data/log' .* does not exist"

# A directory to be read alone.
fresh twice
: >twice/log
expect_status 3 sfpm-run --dir twice::/data:ro files.wasm
expect_stdout_match '^wrong: files of the directory'
expect test ! -s twice/log

# Options that make no sense.
expect_status 125 sfpm-run --dir nowhere::/data files.wasm
expect_stderr_match "directory 'nowhere' cannot be opened"
expect_status 125 sfpm-run --dir whole::/data --dir simple::/data files.wasm
expect_stderr_match "given twice"
printf '.func main\n halt\n' >halt.s
succeeds sfpm-save -o halt.img halt.s
expect_status 125 sfpm-run --dir whole halt.img
expect_stderr_match 'does not use WASI'

# Nothing outside is reached, nor opened on the way.
mkdir -p root/data/in
echo hidden >root/secret
seq 3 >root/data/table
ln -s ../secret root/data/out
ln -s "$PWD/root/secret" root/data/abs
ln -s .. root/data/up
ln -s ../.. root/data/in/up
ln -s ../table root/data/in/up1
ln -s loop root/data/loop
mkfifo root/data/pipe
# stays CMD...: the program found nothing.
stays() {
    rm -f root/data/in/inside
    succeeds "$@" sfpm-run --dir root/data::/data outside.wasm
    printf '/data/in/inside: 1\n2\n3\n\ndone\n' >inside
    expect_same "$stdout" inside
    expect test "$(cat root/secret)" = hidden
    expect_no_file root/made root/data/made root/data/up1
}
stays env
if strace -o /dev/null true 2>/dev/null; then
    needs_strace
    for inject in '' '-e inject=openat2:error=ENOSYS'; do
        # shellcheck disable=SC2086 # several words or none
        stays strace -y -o trace -e trace=open,openat,openat2 $inject
        awk -v root="$(pwd -P)/root/data" '
            / = [0-9]+<.*>/ && index($0, "root/data\"") { began = 1 }
            began && match($0, / = [0-9]+</) {
                path = substr($0, RSTART + RLENGTH)
                sub(/>.*/, "", path)
                if (index(path, root) != 1) { print; bad = 1 }
                count++
            }
            END { exit bad || count < 5 }' trace || fail "something outside was opened"
    done
fi
