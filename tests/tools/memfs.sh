#!/bin/sh
# SPDX-License-Identifier: MIT
# Files inside an image: put there, listed and printed by the tools.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

cp "$top_srcdir/examples/sum.s" sum.s
mkdir -p data/deep/er
seq 2000 >data/numbers
printf 'a text\n' >data/deep/er/text
: >data/empty
ln -s deep/er data/link
touch -h -d @1000000000 data/numbers data/deep/er/text data/empty data/link data/deep/er \
    data/deep data

expect_status 0 sfpm-save --add data -o app.img sum.s
expect_status 0 sfpm-inspect --files app.img
cat >expected <<'END'
directory /
d            0 .
d            0 data
d            0 data/deep
d            0 data/deep/er
-            7 data/deep/er/text
-            0 data/empty
l            7 data/link -> deep/er
-         8893 data/numbers
END
expect_same "$stdout" expected
expect_status 0 sfpm-inspect --cat /data/numbers app.img
expect_same "$stdout" data/numbers
expect_status 0 sfpm-inspect --cat data/link/text app.img
expect_same "$stdout" data/deep/er/text
expect_status 1 sfpm-inspect --cat data/none app.img
expect_stderr_match "no file 'data/none'"
expect_status 0 sfpm-inspect --verify app.img
expect_status 0 sfpm-run app.img

# The same files give the same image.
SOURCE_DATE_EPOCH=0 sfpm-save --add data -o one.img sum.s
SOURCE_DATE_EPOCH=0 sfpm-save --add data -o other.img sum.s
expect_same one.img other.img

# Under another name; in another directory.
expect_status 0 sfpm-save --memfs /files --add data/numbers::/files/a/b -o app.img sum.s
expect_status 0 sfpm-inspect --cat /files/a/b app.img
expect_same "$stdout" data/numbers
expect_status 1 sfpm-save --memfs /files --add data/numbers::/other/b -o no.img sum.s
expect_stderr_match "does not lie in '/files'"
[ ! -e no.img ] || fail "an image was left"

# What cannot be there.
mkfifo fifo
expect_status 1 sfpm-save --add fifo -o no.img sum.s
expect_stderr_match 'fifo: is neither a file nor a directory'
expect_status 1 sfpm-save --add none -o no.img sum.s
expect_stderr_match 'none: cannot be read: No such file'
expect_status 1 sfpm-save --add sum.s::../up -o no.img sum.s
expect_stderr_match 'leads out of the files'
expect_status 1 sfpm-inspect --files sum.s
sfpm-save -o plain.img sum.s
expect_status 1 sfpm-inspect --files plain.img
expect_stderr_match "inodes"
