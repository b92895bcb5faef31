#!/bin/sh
# SPDX-License-Identifier: MIT
# A decoder written from sfpm-image(5) alone agrees with the library about every
# sample: the same facts of the good ones, and the same ones refused.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs python3

images=$top_builddir/tests/images/make_samples
decoder=$top_srcdir/tests/decoder
programs=$top_builddir/tests/decoder
for program in "$images" "$programs/make_more" "$programs/facts"; do
    [ -x "$program" ] || skip "$program was not built"
done
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# both KEY WHAT IMAGE...: what the two decoders say of the images is the same, and so is
# their exit status. KEY is none, key or phrase; WHAT is facts, verdict, or N to flip
# each Nth bit.
both() {
    key=$1
    what=$2
    shift 2
    case $what in
    facts) what='--flips=0 -f0' ;;
    verdict) what='--verdict -v' ;;
    *) what="--flips=$what -f$what" ;;
    esac
    case $key in
    none) keys='' ;;
    key) keys='--key-file=key.bin -kkey.bin' ;;
    phrase) keys='--passphrase=secret -psecret' ;;
    esac
    status_one=0
    status_two=0
    # shellcheck disable=SC2086 # the key is one word or none
    python3 "$decoder/sfpm_decode.py" ${keys% *} ${what% *} "$@" >one 2>why-one ||
        status_one=$?
    # shellcheck disable=SC2086
    "$programs/facts" ${keys#* } ${what#* } "$@" >two 2>why-two || status_two=$?
    agree && return
    diff one two >&9 || :
    cat why-one why-two >&9
    fail "exit status $status_one and $status_two: $*"
}

agree() {
    [ "$status_one" = "$status_two" ] && [ "$status_one" -le 1 ] && cmp -s one two
}

# verdicts WHICH: all images in the output are `accepted` or `rejected`.
verdicts() {
    grep -E '^(accepted|rejected)$' one | uniq >found
    [ "$(cat found)" = "$1" ]
}

succeeds python3 "$decoder/self_test.py"
expect_stdout ''
succeeds "$images" .
succeeds "$programs/make_more" .
mkdir bad bad-sealed torn sealed sealed-torn phrase
for name in splice hidden unbound; do
    mv "bad-$name-sealed.img" bad-sealed
done
mv bad-*.img unsupported-*.img bad
mv good-torn*.img torn
mv good-sealed-torn.img sealed-torn
mv ./*-sealed.* ./*-sealed-*.img sealed 2>why-one || :
mv ./*-phrase.img phrase 2>why-one || :

both none facts ./*.img
expect verdicts accepted
both none facts torn/*.img
expect verdicts rejected
both none verdict bad/*.img
expect verdicts rejected
if [ -f sealed/small-sealed.img ]; then
    both key facts sealed/*.img
    expect verdicts accepted
    both key verdict bad-sealed/*.img
    expect verdicts rejected
    cp "$top_srcdir/tests/images/references.img" kept.img
    both none facts kept.img
    expect verdicts accepted
    # Written before commits named the one before; and with one that does.
    cp "$top_srcdir/tests/images/sealed-unbound.img" old-sealed.img
    chmod u+w old-sealed.img
    chmod 600 key.bin
    both key facts old-sealed.img
    expect verdicts accepted
    succeeds sfpm-patch -q -i --key-file key.bin old-sealed.img 3=40
    both key facts old-sealed.img
    expect verdicts accepted
    both key facts sealed-torn/*.img
    expect verdicts rejected
    both phrase facts phrase/*.img
    expect verdicts accepted
    both none verdict sealed/*.img phrase/*.img
    expect verdicts rejected
fi

# flips KEY STEP IMAGE: no bit is without a meaning. All of them in the long test.
flips() {
    [ -f "$3" ] || return 0 # this build cannot write it
    both "$1" "${SFPM_LONG:-$2}" "$3"
    expect grep -qE '^flips ([0-9]+) rejected \1$' one
}
flips none 13 good-piece.img
flips none 13 good-nothing.img
flips none 13 small-lz4.img
flips none 43 small-zstd.img
flips none 71 small-delta.img
flips none 71 good-delta-lz4.img
flips key 71 sealed/small-sealed.img

# The comparison finds two that differ.
"$programs/facts" good-piece.img >two
expect_not agree
