#!/bin/sh
# SPDX-License-Identifier: MIT
# One command for all the tools, and what somebody is told who mistypes.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

cp "$top_srcdir/examples/sum.s" .
sfpm-save -o sum.img sum.s
sfpm-run sum.img >expected
sfpm save sum.s | sfpm run - >result
expect_same result expected
expect_status 124 sfpm run --steps 3 -o stopped.img sum.img
succeeds sfpm inspect stopped.img
expect_stdout_match '^  instructions 3$'
expect_status 1 sfpm diff stopped.img sum.img

# The tools beside it are meant, and no others; the environment and the name are theirs.
mkdir elsewhere other
cp "$(command -v sfpm)" elsewhere/
for place in elsewhere other; do
    printf '#!/bin/sh\necho %s "$@"\n' "$place" >$place/sfpm-run
    chmod +x $place/sfpm-run
done
succeeds env "PATH=$work/other:$PATH" elsewhere/sfpm run a 'b c'
expect_stdout 'elsewhere a b c'
expect_status 1 elsewhere/sfpm save
expect_stderr_match '^sfpm: .*/elsewhere/sfpm-save: No such file or directory$'
succeeds sfpm patch --help
expect_stdout_match '^Usage: .*sfpm-patch '

# What there is, in one screen.
for ask in '' help -h --help; do
    # shellcheck disable=SC2086 # perhaps none
    succeeds sfpm $ask
    expect test "$(wc -l <"$stdout")" -le 24
    for tool in "$top_builddir"/bin/sfpm-*; do
        tool=${tool##*/sfpm-}
        expect_stdout_match "^  $tool +[a-z]"
    done
done
succeeds sfpm --version
expect_stdout "$(sfpm-run --version | sed 's/^sfpm-run/sfpm/')"

# Mistyped.
expect_status 2 sfpm rnu a.img
expect_stdout ''
expect_stderr "sfpm: rnu: no such command; did you mean 'run'?"
expect_status 2 sfpm helo
expect_stderr_match "did you mean 'help'"
expect_status 2 sfpm help convret
expect_stderr_match "did you mean 'convert'"
expect_status 2 sfpm "$(printf 'x\033[2J')"
expect_stderr "sfpm: x?[2J: no such command
Try 'sfpm help'."
expect_status 2 sfpm-save --ouput=x sum.s
expect_stderr_match '^sfpm-save: --ouput=x: unknown option; did you mean --output\?$'
expect_status 125 sfpm-run --chekpoint-every 1 sum.img
expect_stderr_match 'did you mean --checkpoint-every\?$'
expect_status 2 sfpm-save --nothing-like-it sum.s
expect_stderr_match '^sfpm-save: --nothing-like-it: unknown option$'
for tool in save run patch inspect diff convert; do
    succeeds sfpm-$tool -h
    cp "$stdout" short
    succeeds sfpm-$tool --help
    expect_same "$stdout" short
done

# The pages: man(1) is asked for the tool's, also where it would not look.
printf '#!/bin/sh\necho "$MANPATH" "$@"\n' >other/man
chmod +x other/man
succeeds env "PATH=$work/other:$PATH" MANPATH=/elsewhere sfpm help patch
expect_stdout_match '^/.*/man:/elsewhere sfpm-patch$'
succeeds env "PATH=$work/other:$PATH" sfpm help image
expect_stdout_match ' sfpm-image$'
succeeds env "PATH=$work/other:$PATH" sfpm help help
expect_stdout_match ' sfpm$'

# A full device is an error.
if [ -c /dev/full ]; then
    status=0
    sfpm >/dev/full 2>messages || status=$?
    expect test "$status" -eq 1
    expect test -s messages
fi
