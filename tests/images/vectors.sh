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
printf %s 'thirty-two bytes that are no key' >key.bin
# verdicts PATTERN OPTION...: what the other decoder says of the images that match.
verdicts() {
    grep -e "$1" list >some || return 0
    shift
    xargs python3 "$top_srcdir/tests/decoder/sfpm_decode.py" --verdict "$@" <some \
        >>found 2>>why || :
}
sed -n 's/^image //p' expected >list
verdicts -sealed --key-file=key.bin
grep -v -e -sealed list >plain && mv plain list
verdicts .
# Both lists in one order: an image and what is said of it.
paste - - <expected | sort >one
paste - - <found | sort >two
expect_same one two
