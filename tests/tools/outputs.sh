#!/bin/sh
# SPDX-License-Identifier: MIT
# No tool writes over what it reads, nor two outputs into one file, by whatever name.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

cp "$top_srcdir/examples/primes.s" .
sfpm-save -o a.img primes.s
sfpm-run --steps 500 -i a.img >before.txt || :
sfpm-convert -o d.img --base a.img@1 a.img
sfpm-convert -o e.img --base d.img a.img
head -c 32 /dev/urandom >key
chmod 600 key
echo 'a passphrase' >words
sfpm-save --encrypt --key-file key -o k.img primes.s
sfpm-save --encrypt --passphrase-fd 3 -o w.img primes.s 3<words
printf 'globals:0=4\n' >edits
ln -s a.img sym.img
ln a.img hard.img
ln -s new.out dangling
mkdir sub
cp ./*.img key words edits primes.s sub

# refused STATUS REGEX CMD...: nothing is changed, nothing is left.
refused() {
    refused_status=$1
    refused_text=$2
    shift 2
    expect_status "$refused_status" "$@"
    expect_stderr_match "$refused_text"
    for file in a.img d.img e.img k.img w.img key words edits primes.s; do
        expect_same "$file" "sub/$file"
    done
    expect_no_file new.out
    expect_stdout ''
}

# The image, through each of its names; sfpm-run's output and its image alike.
for name in a.img ./a.img sub/../a.img "$PWD/a.img" sym.img hard.img; do
    for option in --stdout -o; do
        refused 125 "$option: '$name' is the image that is read" \
            sfpm-run "$option" "$name" a.img
        refused 125 "$option: '$name' is the image that is read" \
            sfpm-run "$option" "$name" a.img@1
    done
    refused 125 "--stdout: '$name' is the image" sfpm-run --force -i --stdout "$name" a.img
    refused 2 "-o: '$name' is the image that is read: use -i" sfpm-patch -o "$name" a.img globals:0=4
    refused 2 "-o: '$name' is the image that is read" sfpm-convert --flatten -o "$name" a.img
    refused 2 "-o: '$name' is the image that is read" \
        sfpm-convert --salvage -o "$name" a.img
done
refused 2 "-o: 'a.img' is the image that is read" \
    sh -c 'sfpm-patch -o a.img - globals:0=4 <a.img'
refused 2 'standard output is the image that is read' \
    sh -c 'sfpm-patch a.img globals:0=4 >>a.img'

# Each image of a chain: e.img stands on d.img, which stands on a.img.
for name in a.img d.img sym.img hard.img; do
    base="'$name' is a base image of the image that is read"
    refused 125 "--stdout: $base" sfpm-run --stdout "$name" e.img
    refused 125 "-o: $base" sfpm-run -o "$name" e.img
    refused 2 "-o: $base" sfpm-patch -o "$name" e.img globals:0=4
    refused 2 "-o: $base" sfpm-convert --flatten -o "$name" e.img
    refused 1 'a delta cannot replace an image that it is based on' \
        sfpm-convert --salvage -o "$name" e.img
done
mv a.img moved.img
expect_status 125 sfpm-run --base moved.img --stdout moved.img d.img
expect_stderr_match "'moved.img' is a base image"
expect_same moved.img sub/a.img
mv moved.img a.img

# Keys, edits, programs, and what a program reads.
refused 125 "--stdout: 'key' is the key file" sfpm-run --key-file key --stdout key k.img
refused 125 "-o: 'key' is the key file" env SFPM_KEY_FILE=key sfpm-run -o key k.img
refused 2 "-o: 'key' is the key file" sfpm-save --encrypt --key-file key -o key primes.s
refused 2 "-o: 'key' is the key file" sfpm-patch --key-file key -o key k.img globals:0=4
refused 2 "-o: 'key' is the key file" sfpm-convert --key-file key --decrypt -o key k.img
refused 2 "-o: 'key' is the key file" \
    sfpm-convert --encrypt --new-key-file key -o key a.img
refused 2 "-o: 'words' is the file with the passphrase" \
    sh -c 'sfpm-save --encrypt --passphrase-fd 3 -o words primes.s 3<words'
refused 2 "-o: 'edits' is the file of edits" sfpm-patch -f edits -o edits a.img
refused 2 "-o: 'edits' is the file of edits" sh -c 'sfpm-patch -f - -o edits a.img <edits'
refused 2 "-o: 'primes.s' is the program" sfpm-save -o primes.s primes.s
refused 2 "-o: 'primes.s' is the program" sh -c 'sfpm-save -o primes.s - <primes.s'
refused 125 "--stdout: 'edits' is standard input" \
    sh -c 'sfpm-run --stdout edits a.img <edits'

# Two outputs: also one that does not exist yet, and one that a link leads to.
for name in new.out ./new.out sub/../new.out dangling; do
    refused 125 "--stdout: '$name' is -o" sfpm-run -o new.out --stdout "$name" a.img
    refused 125 "--stdout: 'new.out' is -o" sfpm-run -o "$name" --stdout new.out a.img
done
touch new.out
expect_status 125 sfpm-run -o new.out --stdout "$PWD/new.out" a.img
expect_stderr_match 'is -o: name another file'
expect test ! -s new.out
rm new.out

# What is no file may be both; other files are written as ever.
succeeds sfpm-run -o /dev/null a.img
expect test -s "$stdout"
succeeds sfpm-run --stdout sub/out -o sub/new.out a.img
expect test -s sub/out
expect sfpm-inspect --verify sub/new.out
succeeds sfpm-patch -q -o dangling a.img globals:0=4
expect sfpm-inspect --verify new.out
succeeds sfpm-patch -q -o sub/new.out e.img globals:0=4
mv sub/new.out e2.img
expect sfpm-inspect --verify e2.img

# --stdout - is standard output, as elsewhere.
succeeds sfpm-run --stdout - a.img
expect_no_file ./-
expect test -s "$stdout"
expect_status 125 sfpm-run --stdout - -o - a.img
expect_stderr_match 'cannot both be standard output'
