#!/bin/sh
# SPDX-License-Identifier: MIT
# The library says of each vector what it must, soon and in little memory; so does
# the decoder that was written from sfpm-image(5), of every fourth one, or of all in
# the long test.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

program=$top_builddir/tests/images/check_vectors
vectors=$top_srcdir/tests/images/vectors
[ -x "$program" ] || skip "check_vectors was not built"

succeeds "$program" check "$vectors"
expect_stdout_match '^[0-9]+ vectors, [0-9]+ must fail, 0 wrong$'
expect awk '{ exit !($1 >= 500 && $3 * 100 >= 60 * $1) }' "$stdout"

# A wrong expectation is found, and so is another image.
grep -m 1 ' 9$' "$vectors" | sed 's/9$/0/' >control
expect_status 1 "$program" check control
grep -m 1 ' 9$' "$vectors" | sed 's/ [0-9a-f]* 9$/ 0 9/' >control
expect_status 99 "$program" check control

command -v python3 >/dev/null || exit 0
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
mkdir images
succeeds "$program" write "$vectors" images "${SFPM_LONG:-4}"
cp "$stdout" expected
sed -n 's/^image //p' expected |
    xargs python3 "$top_srcdir/tests/decoder/sfpm_decode.py" --verdict >found 2>why || :
expect_same expected found
