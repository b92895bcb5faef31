#!/bin/sh
# SPDX-License-Identifier: MIT
# Encrypted images: keys, passphrases, and what happens without the right one.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
umask 022

hex=00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF
printf '%s\n' "$hex" >key
printf '%s' "$hex" >key.bare
printf '\000\021\042\063\104\125\146\167\210\231\252\273\314\335\356\377' >key.half
cat key.half key.half >key.raw
sed 's/^0/1/' key >other
chmod 600 key*  other

if ! sfpm-save --encrypt --key-file key -o a.img "$sum" 2>said; then
    ! grep -q 'without libcrypto\|libcrypto' said || skip "encryption is not built in: $(cat said)"
    cat said
    fail "no encrypted image could be made"
fi
expect test ! -s said
mode() {
    # shellcheck disable=SC2012 # the name is ours
    ls -l "$1" | cut -c1-10
}
expect test "$(mode a.img)" = -rw-------

# The same key in its three forms, and from the environment.
for key in key key.bare key.raw; do
    succeeds sfpm-run --key-file $key a.img
    expect_stdout 15
    expect_stderr ''
done
succeeds env SFPM_KEY_FILE=key sfpm-run a.img
expect_stdout 15
succeeds env SFPM_KEY_FILE=other sfpm-run --key-file key a.img
succeeds sfpm-inspect --key-file key --verify a.img
expect_stdout ''

# It goes through pipes, and stays encrypted.
succeeds sh -c 'sfpm-patch -q --key-file key - 3=20 <a.img | sfpm-run --key-file key -'
expect_stdout 30
succeeds sfpm-patch -q --key-file key -i a.img 3=20
succeeds sfpm-run --key-file key --steps 2 --resumable-status 0 -o b.img a.img
expect test "$(mode b.img)" = -rw-------
succeeds sfpm-run --key-file key b.img
expect_stdout 30
succeeds sfpm-inspect --key-file key --log b.img
expect test "$(grep -c '^commit' "$stdout")" -eq 3

# Nothing that it says can be read in the file; the control is a plain one.
sfpm-save -d 'a telling text' -o plain.img "$sum"
sfpm-save --encrypt --key-file key -d 'a telling text' -o sealed.img "$sum"
expect grep -q 'telling' plain.img
expect_not grep -q 'telling\|sfpm-save\|code\|main' sealed.img
# The salt is always another.
SOURCE_DATE_EPOCH=1000000000 sfpm-save --encrypt --key-file key -o one.img "$sum"
SOURCE_DATE_EPOCH=1000000000 sfpm-save --encrypt --key-file key -o two.img "$sum"
expect_not cmp -s one.img two.img

# Three different errors: a wrong key, damage, plain where encrypted was expected; and
# none at all.
expect_status 125 sfpm-run --key-file other a.img
expect_stdout ''
expect_stderr_match '^sfpm-run: a\.img: the key is wrong'
cp a.img damaged.img
flip damaged.img $(($(size damaged.img) - 200))
expect_status 125 sfpm-run --key-file key damaged.img
expect_stderr_match '^sfpm-run: damaged\.img: .*(damaged|checksum)'
expect_status 125 sfpm-run --key-file key plain.img
expect_stderr 'sfpm-run: plain.img: the image is not encrypted, but a key was given'
expect_status 1 env SFPM_KEY_FILE=key sfpm-inspect plain.img
expect_status 1 sfpm-inspect a.img
expect_stderr_match '^sfpm-inspect: a\.img: the image is encrypted, but no key was given: use --key-file'

# What is no key: exit 2, naming the file and what is expected.
head -c 31 key.raw >short
cat key.raw key.half >long
printf '%s0' "$hex" >long.hex
printf 'x%s\n' "${hex#0}" >bad.hex
: >empty
chmod 600 short long long.hex bad.hex empty
for bad in short long long.hex bad.hex empty; do
    expect_status 2 sfpm-inspect --key-file $bad a.img
    expect_stdout ''
    expect_stderr "sfpm-inspect: $bad: not a key file: must contain 32 bytes or 64 hexadecimal digits"
done
expect_status 2 sfpm-inspect --key-file nowhere a.img
expect_stderr_match '^sfpm-inspect: nowhere: cannot read the key: No such file'
expect_status 2 env SFPM_KEY_FILE=nowhere sfpm-inspect a.img
expect_status 125 sfpm-run --key-file short a.img
expect_status 2 sfpm-patch --key-file . a.img 3=1

# A key that others can read is taken, with a warning.
for bits in 640 604 644; do
    chmod $bits key
    succeeds sfpm-run --key-file key a.img
    expect_stdout 30
    expect_stderr_match '^sfpm-run: key: warning: other users can read this key file'
done
chmod 400 key
succeeds sfpm-run --key-file key a.img
expect_stderr ''
chmod 600 key

# Passphrases from a descriptor: up to the newline, or to the end.
# shellcheck disable=SC2016 # $1 is the inner shell's
succeeds sh -c 'echo "open sesame" | sfpm-save --encrypt --passphrase-fd 0 -o p.img "$1"' sh "$sum"
printf 'open sesame' >phrase
succeeds sfpm-run --passphrase-fd 3 p.img 3<phrase
expect_stdout 15
(
    cat phrase
    echo
    cat p.img
) >both
succeeds sfpm-run --passphrase-fd 0 - <both
expect_stdout 15
# What a passphrase may cost.
succeeds sfpm-run --max-scrypt 128M --passphrase-fd 3 p.img 3<phrase
expect_status 125 sfpm-run --max-scrypt 127M --passphrase-fd 3 p.img 3<phrase
expect_stderr 'sfpm-run: p.img: the passphrase requires 134217728 bytes of memory 1 times (scrypt with log2 N = 17, r = 8, p = 1), which exceeds the limit of 133169152: raise it with --max-scrypt'
expect_status 2 sfpm-inspect --max-scrypt 0 p.img
expect_stderr_match "^sfpm-inspect: --max-scrypt: '0' is not a size such as 64M$"
expect_status 125 sh -c 'echo "open sesam" | sfpm-run --passphrase-fd 0 p.img'
expect_stderr_match '^sfpm-run: p\.img: the key is wrong'
expect_status 1 sfpm-inspect --key-file key p.img
expect_stderr_match 'encrypted with a passphrase, but a key was given'
expect_status 1 sfpm-inspect --passphrase-fd 3 a.img 3<phrase
expect_stderr_match 'encrypted with a key file, but a passphrase was given'
expect_status 1 sfpm-inspect p.img
expect_stderr_match 'the image is encrypted, but no passphrase was given: use --passphrase-fd'
expect_status 2 sfpm-inspect --passphrase-fd 3 p.img 3</dev/null
expect_stderr 'sfpm-inspect: --passphrase-fd: no passphrase was given on descriptor 3'
expect_status 2 sfpm-inspect --passphrase-fd 33 p.img
expect_stderr_match 'descriptor 33: Bad file descriptor'
expect_status 2 sfpm-inspect --passphrase-fd x p.img
expect_status 2 sfpm-inspect --passphrase-fd -1 p.img
expect_status 2 sfpm-inspect --passphrase-fd 3 --key-file key p.img 3<phrase
expect_stderr_match 'cannot be used together'
head -c 2000 /dev/zero | tr '\0' x >endless
expect_status 2 sfpm-inspect --passphrase-fd 3 p.img 3<endless
expect_stderr_match 'too long'

# A key is never taken and then not used.
expect_status 2 sfpm-save --key-file key -o x.img "$sum"
expect_stderr_match -- '--encrypt'
expect_status 2 env SFPM_KEY_FILE=key sfpm-save -o x.img "$sum"
expect_stderr_match 'SFPM_KEY_FILE was set, but --encrypt was not given'
expect_status 2 sfpm-save --encrypt -o x.img "$sum"
expect_stderr_match 'no key or passphrase was given: use --key-file or --passphrase-fd'
expect_no_file x.img

# --digest accepts one state only, in every tool.
digest=$(sfpm-inspect --json plain.img | sed 's/.*"digest":"\([0-9a-f]*\)","offset".*/\1/')
expect test ${#digest} -eq 32
succeeds sfpm-run --digest "$digest" plain.img
succeeds sfpm-inspect --digest "$(echo "$digest" | tr a-f A-F)" --verify plain.img
sfpm-patch -q -o changed.img plain.img 3=20
for tool in sfpm-run sfpm-inspect 'sfpm-patch -n' 'sfpm-convert --flatten -o x.img'; do
    wanted=1
    [ "$tool" != sfpm-run ] || wanted=125
    # shellcheck disable=SC2086
    expect_status $wanted $tool --digest "$digest" changed.img
    expect_stderr_match 'commit 2 does not have the requested digest'
done
succeeds sfpm-run --digest "$digest" changed.img@1
expect_status 2 sfpm-inspect --digest "${digest%?}" plain.img
expect_status 2 sfpm-inspect --digest "${digest%?}g" plain.img
expect_stderr_match 'is not 32 hexadecimal digits'
expect_no_file x.img

# libcrypto is in no process that does not encrypt; the control is one that does.
mapped() {
    LD_DEBUG=files LD_DEBUG_OUTPUT=loaded "$@" >/dev/null 2>&1 || return 2
    cat loaded.* >loads
    rm -f loaded.*
    grep -q 'libcrypto' loads
}
mapped sfpm-run --key-file key a.img || crypto=$?
if [ "${crypto:-0}" -eq 0 ]; then
    expect_not mapped sfpm-run plain.img
    expect grep -q 'libsfpm' loads
    expect_not mapped sfpm-convert --compress zstd -o x.img plain.img
    expect_not mapped sfpm-save -o x.img "$sum"
else
    echo "encrypt: LD_DEBUG shows nothing here, so what is mapped was not looked at" >&9
fi

# Each commit names the one before it, whatever wrote it; users do not see that.
cp "$top_srcdir/tests/images/sealed-unbound.img" bound.img
printf %s 'thirty-two bytes that are no key' >sample.key
chmod 600 bound.img sample.key
# bound COMMITS: how many there are in bound.img, all of them sound
bound() {
    succeeds sfpm-inspect --verify --key-file sample.key bound.img
    succeeds sfpm-inspect --text --key-file sample.key bound.img
    expect_not grep -q 'sfpm\.previous' "$stdout"
    succeeds sfpm-inspect --log --key-file sample.key bound.img
    expect test "$(grep -c '^commit ' "$stdout")" -eq "$1"
}
bound 3
succeeds sfpm-patch -q -i --key-file sample.key bound.img 3=40
bound 4
succeeds sfpm-convert -i --compact --key-file sample.key bound.img
bound 4
succeeds sfpm-convert -i --keep 2 --key-file sample.key bound.img
bound 2
succeeds sfpm-run -i --key-file sample.key bound.img
bound 3
succeeds sfpm-patch -q -i --undo --key-file sample.key bound.img
bound 4
succeeds sfpm-convert -o plain.img --decrypt --key-file sample.key bound.img
succeeds sfpm-inspect --verify plain.img
succeeds sfpm-inspect --text plain.img
expect_not grep -q 'sfpm\.previous' "$stdout"

# On a terminal the passphrase is asked for, without echo, once; a new one twice.
needs script
# answer PROMPT TEXT: types TEXT once the terminal shows PROMPT
answer() {
    until_true grep -q "$1" shown
    printf '%s\n' "$2"
}
# typed COMMAND: what the terminal shows is in `shown`; the answers are read from
# standard input
typed() {
    script -qfec "$1" /dev/null >shown
}
: >shown
answer 'Passphrase for p' 'open sesame' | typed "sfpm-run p.img; echo \"status \$?\""
expect grep -q 'Passphrase for p\.img: ' shown
expect grep -q '^15' shown
expect grep -q '^status 0' shown
expect_not grep -q 'sesame' shown

# new FIRST SECOND
new() {
    : >shown
    {
        answer 'New passphrase for q' "$1"
        answer 'Repeat the passphrase for q' "$2"
    } | typed "sfpm-save --encrypt -o q.img '$sum'; echo \"status \$?\""
    expect grep -q 'New passphrase for q\.img: ' shown
}
new 'new one' 'new one'
expect grep -q '^status 0' shown
expect_not grep -q 'new one' shown
succeeds sh -c 'echo new one | sfpm-run --passphrase-fd 0 q.img'
expect_stdout 15
rm q.img
new 'new one' 'new two'
expect grep -q '^status 1' shown
expect grep -q 'the passphrases do not match' shown
expect_no_file q.img
