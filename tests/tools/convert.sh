#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-convert: every re-encoding keeps the states, and nothing is lost on the way.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
umask 022

printf '%064d\n' 7 >key
printf '%064d\n' 8 >other
chmod 600 key other

# A build may lack libcrypto.
if sfpm-save --encrypt --key-file key -o x.img "$sum" 2>said; then
    sealing=true
    rm x.img
else
    expect grep -q 'libcrypto\|without' said
    sealing=false
fi

# digests IMAGE [OPTION...]: the states of its commits, the first one first
digests() {
    digests_of=$1
    shift
    sfpm-inspect --json "$@" "$digests_of" >json || return 1
    grep -o '"digest":"[0-9a-f]*","offset"' json | cut -d'"' -f4
}
# same_states IMAGE [OPTION...]: those of a.img, and not a bad byte
same_states() {
    digests "$@" >found
    expect_same found wanted
    same=$1
    shift
    succeeds sfpm-inspect --verify "$@" "$same"
    expect_stdout ''
    succeeds sfpm-run "$@" "$same"
    expect_stdout 40
}
commits() {
    sfpm-inspect --log "$@" >log && grep -c '^commit' log
}

# A program of 200,000 bytes that says little, with three commits.
{
    head -c 200000 /dev/zero | tr '\0' '\6'
    printf '\0\12\0\5\1\4\5'
} >long.bin
sfpm-save --raw -d 'much of nothing' -o a.img long.bin
sfpm-patch -q -i a.img 200003=20
sfpm-patch -q -i a.img 200003=30 5=0,1,0x1a
digests a.img >wanted
expect test "$(wc -l <wanted)" -eq 3
cp a.img before

# Compression, there and back.
methods=none
for method in lz4 zstd zstd:19 lz4:9; do
    if sfpm-convert --compress $method -o c.img a.img 2>said; then
        methods="$methods $method"
        same_states c.img
        expect test "$(size c.img)" -lt 40000
        succeeds sfpm-convert --compress $method --jobs 3 -o d.img a.img
        expect_same c.img d.img
        succeeds sfpm-convert --compress none -o d.img c.img
        same_states d.img
        expect test "$(size d.img)" -gt 200000
        # What follows is compressed as the image is, or as it is told.
        sfpm-patch -q -i c.img 100000=0,1,0x1a
        expect test "$(size c.img)" -lt 60000
        succeeds sfpm-run -i --compress none c.img
        expect_stdout 40
    else
        expect grep -q 'built without\|libzstd\|liblz4' said
    fi
done
succeeds sfpm-save --raw --compress "${methods##* }" --jobs 2 -o c.img long.bin
succeeds sfpm-run c.img
expect_stdout 15
sfpm-save --raw -o d.img long.bin
[ "$methods" = none ] || expect test "$(size c.img)" -lt "$(size d.img)"
for bad in gzip zstd:x '' zstd:99999; do
    expect_status 2 sfpm-convert --compress "$bad" -o x.img a.img
done
for bad in 0 x 99999; do
    expect_status 2 sfpm-convert --compress none --jobs $bad -o x.img a.img
done
expect_status 125 sfpm-run --compress none a.img
expect_stderr_match 'no image is written'

# The whole, the last commits, one state.
succeeds sfpm-convert --compact -o c.img a.img
same_states c.img
succeeds sh -c 'sfpm-convert --compact - <a.img >d.img'
expect_same c.img d.img
succeeds sfpm-convert --keep 2 -o c.img a.img
expect test "$(commits c.img)" -eq 2
digests c.img >found
tail -n 2 wanted >last
expect_same found last
succeeds sfpm-run c.img@2
expect_stdout 30
expect_status 1 sfpm-inspect c.img@1
expect_stderr_match 'there is no commit 1'
succeeds sfpm-convert --keep 99 -o c.img a.img
same_states c.img
succeeds sfpm-convert --flatten -o c.img a.img@2
expect test "$(commits c.img)" -eq 1
digests c.img >found
sed -n 2p wanted >second
expect_same found second
# Its number, time and message stay; what is added goes on from there.
sfpm-inspect --log a.img | sed -n '/^commit 2/,/^commit 1/p' | grep -v '^commit' >wanted2
sfpm-inspect --log c.img | grep -v '^commit' >found
expect_same found wanted2
succeeds sfpm-inspect c.img
expect_stdout_match '^  commit +2 of 2, of which 2 is the first kept$'
succeeds sfpm-run c.img@2
expect_status 1 sfpm-inspect c.img@1
expect_status 1 sfpm-patch -q --undo -o x.img c.img
sfpm-patch -q -i c.img 3=7
succeeds sfpm-inspect c.img
expect_stdout_match '^  commit +3 of 3'
succeeds sfpm-inspect --verify c.img
sfpm-patch -q -i --undo c.img
succeeds sfpm-run c.img
expect_stdout 30
expect_status 2 sfpm-convert --keep 0 -o x.img a.img
expect_status 2 sfpm-convert --compact -o x.img a.img@1
expect_stderr_match 'an earlier commit requires --flatten'

# What was patched away is still in the file, until its commit goes.
sfpm-save -o secret.img "$sum"
sfpm-patch -q -i secret.img 'symbols:0/str=hunter2' --force 2>/dev/null
sfpm-patch -q -i --undo secret.img
succeeds sfpm-run secret.img
expect grep -q hunter2 secret.img
sfpm-convert -i --compact secret.img
expect grep -q hunter2 secret.img
sfpm-convert -i --flatten secret.img
expect_not grep -q hunter2 secret.img
succeeds sfpm-run secret.img
expect_stdout 15

# Dead bytes of an interrupted write go.
cp a.img torn.img
head -c 100 /dev/zero >>torn.img
expect_status 1 sfpm-inspect --verify torn.img
sfpm-patch -q -i torn.img 7=6 2>/dev/null
sfpm-convert --compact -o c.img torn.img
succeeds sfpm-inspect --verify c.img
expect test "$(size c.img)" -lt "$(size torn.img)"

# Deltas: small, useless alone, and whole again.
succeeds sfpm-convert --base a.img@1 -o delta.img a.img
expect test "$(size delta.img)" -lt 20000
succeeds sfpm-run delta.img
expect_stdout 40
succeeds sfpm-inspect --verify delta.img
succeeds sfpm-convert --flatten -o c.img delta.img
digests c.img >found
tail -n 1 wanted >last
expect_same found last
mkdir elsewhere
mv a.img elsewhere/base
expect_status 125 sfpm-run delta.img
expect_stderr_match '^sfpm-run: delta\.img: cannot use its base image a\.img@1 .*No such file'
succeeds sfpm-run --base elsewhere/base delta.img
expect_stdout 40
succeeds sfpm-run c.img
expect_stdout 40
sfpm-save -o a.img "$sum"
expect_status 1 sfpm-inspect delta.img
expect_stderr_match 'its base image .* has digest [0-9a-f]{32} at commit 1, but the delta was made on [0-9a-f]{32}$'
# A damaged one, in its header and where the delta needs it.
for at in 20 8192; do
    cp elsewhere/base a.img
    printf '\377' | dd of=a.img bs=1 seek="$at" conv=notrunc status=none
    expect_not cmp -s a.img elsewhere/base
    expect_status 125 sfpm-run delta.img
    expect_stderr_match '^sfpm-run: delta\.img: .*damaged'
    expect_stdout ''
done
cp elsewhere/base a.img
succeeds sfpm-run delta.img
# A base that was written anew in other ways is still the same base.
succeeds sfpm-convert -i --compress "${methods##* }" a.img
succeeds sfpm-run delta.img
expect_stdout 40
cp before a.img

# A delta never takes the place of what it stands on.
cp delta.img top.img
expect_status 1 sfpm-convert -i --base delta.img a.img
expect_stderr_match 'a delta cannot replace an image that it is based on'
expect_status 1 sfpm-convert -i --base a.img@1 a.img
expect_status 2 sfpm-convert --base a.img -o a.img delta.img
expect_same a.img before
# Two that were renamed to be each other's base: an end, not a loop.
sfpm-convert --base a.img -o x.img a.img@1
mv x.img y.img
mkdir cycle
sfpm-convert --base y.img -o cycle/x.img a.img
mv y.img cycle/y.img
cp cycle/x.img cycle/a.img
expect_status 1 sfpm-inspect cycle/x.img
expect_stderr_match 'chain of base images is circular or longer than 16'
# A long chain, and one that is too long.
cp a.img n0.img
for i in $(seq 16); do
    sfpm-patch -q -o next.img n$((i - 1)).img "$((100 + i))=6" || fail "step $i"
    sfpm-convert --base n$((i - 1)).img -o n"$i".img next.img
done
succeeds sfpm-run n16.img
expect_stdout 40
expect_status 1 sfpm-convert --base n16.img -o n17.img a.img
expect_stderr_match 'n16\.img: is already based on 16 base images'
expect_no_file n17.img
succeeds sfpm-convert --flatten -o c.img n16.img
succeeds sfpm-run c.img
rm n*.img

# Version 1, both ways.
original_image >v1.img
succeeds sfpm-convert --to-v2 -o c.img v1.img
succeeds sfpm-run c.img
expect_stdout 15
succeeds sfpm-inspect --verify c.img
succeeds sfpm-convert --to-v1 -o d.img c.img
expect_same d.img v1.img
# The state keeps its time, whatever the time of the conversion.
SOURCE_DATE_EPOCH=1600000000 sfpm-convert --to-v1 -o d.img c.img
expect_same d.img v1.img
succeeds sfpm-inspect c.img
expect_stdout_match '^  time +2023-11-14 22:13:20 UTC$'
SOURCE_DATE_EPOCH=1500000000 sfpm-save -o old.img "$sum"
sfpm-convert --to-v1 -o old1.img old.img
sfpm-convert --to-v2 -o old2.img old1.img
succeeds sfpm-inspect old2.img
expect_stdout_match '^  time +2017-07-14 02:40:00 UTC$'
# An edit is a change, and has its own.
SOURCE_DATE_EPOCH=1600000000 sfpm-patch -q -i old1.img 3=6
succeeds sfpm-inspect old1.img
expect_stdout_match '^  time +2020-09-13 12:26:40 UTC$'
succeeds sfpm-convert --to-v1 -o d.img a.img@2
succeeds sfpm-run d.img
expect_stdout 30
if $sealing; then
    succeeds sfpm-convert -i --to-v2 --encrypt --key-file key d.img
    succeeds sfpm-run --key-file key d.img
    expect_stdout 30
    expect_status 2 sfpm-convert --to-v1 --key-file key -o x.img d.img
    expect_stderr_match 'version 1 does not support encryption: add --decrypt'
    succeeds sfpm-convert -i --to-v1 --decrypt --key-file key d.img
    succeeds sfpm-run d.img
    expect_stdout 30
fi
expect_status 2 sfpm-convert --compress none -o x.img v1.img
expect_stderr_match -- '--to-v2 only'

if $sealing; then
    # Encryption, there and back, and with another key.
    succeeds sfpm-convert --encrypt --key-file key -o s.img a.img
    same_states s.img --key-file key
    expect_not grep -q 'much of nothing' s.img
    expect_status 2 sfpm-convert --encrypt --key-file key -o x.img s.img
    expect_stderr_match 'already encrypted: use --new-key-file'
    succeeds sfpm-convert -i --encrypt --key-file key --new-key-file other s.img
    same_states s.img --key-file other
    expect_status 125 sfpm-run --key-file key s.img
    expect_stderr_match 'the key is wrong'
    echo 'a phrase' >phrase
    succeeds sfpm-convert -i --encrypt --key-file other --new-passphrase-fd 3 s.img 3<phrase
    succeeds sfpm-run --passphrase-fd 3 s.img 3<phrase
    expect_stdout 40
    rm c.img
    succeeds sfpm-convert --decrypt --passphrase-fd 3 -o c.img s.img 3<phrase
    same_states c.img
    # shellcheck disable=SC2012 # the name is ours
    expect test "$(ls -l c.img | cut -c1-10)" = -rw-------
    succeeds sfpm-convert --compress "${methods##* }" --encrypt --key-file key -o s.img a.img
    same_states s.img --key-file key
    succeeds sfpm-convert --keep 1 --key-file key -o c.img s.img
    expect_status 1 sfpm-inspect c.img
    succeeds sfpm-run --key-file key c.img
    expect_stdout 40
    expect_status 2 sfpm-convert --decrypt -o x.img a.img
    expect_stderr_match 'the image is not encrypted'
    expect_status 1 sfpm-convert --decrypt -o x.img s.img
    expect_stderr_match 'encrypted, but no key was given'
    expect_status 2 sfpm-convert --encrypt --decrypt -o x.img a.img
    expect_status 2 sfpm-convert --encrypt -o x.img a.img
    expect_status 2 sfpm-convert --new-key-file key --compact -o x.img a.img
    # Deltas are as encrypted as their base.
    succeeds sfpm-convert --base s.img@1 --key-file key -o d.img s.img
    succeeds sfpm-run --key-file key d.img
    expect_stdout 40
    expect_status 1 sfpm-convert --base s.img@1 --key-file key --decrypt -o x.img s.img
    expect_stderr_match 'the base image is encrypted, so its delta must be'
    expect_status 1 sfpm-convert --base s.img --key-file key --encrypt --new-key-file other -o x.img s.img
    succeeds sfpm-convert --base s.img --encrypt --key-file key -o d.img a.img
    succeeds sfpm-run --key-file key d.img
    expect_no_file x.img
fi

# A damaged image: all that is intact, and a list of the rest.
cp a.img damaged.img
succeeds sfpm-convert --salvage -o c.img damaged.img
expect_stderr ''
digests c.img >found
expect_same found wanted
sfpm-inspect --json a.img >json
place=$(grep -o '"offset":[0-9]*,"size":[0-9]*' json | sed -n '2s/"offset":\([0-9]*\),"size":\([0-9]*\)/\1 \2/p')
flip damaged.img $((${place% *} + ${place#* } - 130))
expect_status 1 sfpm-inspect --verify damaged.img
succeeds sfpm-convert --salvage -o c.img damaged.img
expect_stderr_match '^sfpm-convert: damaged\.img: lost: commit 2: '
# A region is damaged: the input is blamed, and each fault told once.
sfpm-save -o machine.img "$sum"
at=100
damaged=
while [ -z "$damaged" ] && [ "$at" -lt "$(size machine.img)" ]; do
    cp machine.img flipped.img
    flip flipped.img "$at"
    ! sfpm-run flipped.img 2>err && grep -q "region 'functions'" err && damaged=flipped.img
    at=$((at + 8))
done
for output in "-o x.img" ""; do
    # shellcheck disable=SC2086
    expect_status 1 sfpm-convert --compact $output "$damaged"
    expect_stderr_match "^sfpm-convert: flipped\.img: region 'functions'"
done
expect_no_file x.img
expect_status 1 sfpm-inspect --verify "$damaged"
expect test "$(grep -c functions "$stderr")" -eq 1
expect test "$(sort "$stderr" | sed "s/region '[a-z]*': //" | uniq -d | wc -l)" -eq 0
succeeds sfpm-convert --salvage -o s.img "$damaged"
expect_stderr_match "^sfpm-convert: flipped\.img: lost: commit 1, region 'functions'"
expect_not grep -q "functions.*functions" "$stderr"
expect_status 125 sfpm-run s.img
expect_stderr "sfpm-run: s.img: the machine is incomplete: region 'functions' is missing"
expect test "$(commits c.img)" -eq 2
succeeds sfpm-inspect --verify c.img
zeros 5000 >damaged.img
expect_status 1 sfpm-convert --salvage -o x.img damaged.img
expect_stderr 'sfpm-convert: damaged.img: not an sfpm image: no complete commit was found in the file'
expect_status 2 sfpm-convert --salvage a.img
expect_status 2 sfpm-convert --salvage -o a.img a.img
expect_status 2 sfpm-convert --salvage --compact -o x.img a.img
expect_no_file x.img

# In place: the same file as elsewhere; links, other names, modes.
cp a.img b.img
chmod 640 b.img
sfpm-convert --keep 1 -o c.img b.img
ln -s b.img link.img
succeeds sfpm-convert -i --keep 1 link.img
expect_same b.img c.img
expect test -L link.img
# shellcheck disable=SC2012
expect test "$(ls -l b.img | cut -c1-10)" = -rw-r-----
ln b.img second.img
expect_status 1 sfpm-convert -i --compact b.img
expect_stderr_match 'the file has 2 names'
succeeds sfpm-convert -i --force --compact b.img

# What makes no sense.
expect_status 2 sfpm-convert a.img
expect_stderr_match 'no conversion was given: use --compress'
expect_status 2 sfpm-convert --compact
expect_status 2 sfpm-convert --compact -o x.img a.img b.img
expect_status 2 sfpm-convert -i --compact - <a.img
expect_status 2 sfpm-convert -i --flatten a.img@1
expect_status 2 sfpm-convert --compact -o a.img a.img
expect_status 2 sfpm-convert --base - -o x.img a.img
expect_status 2 sfpm-convert --keep 1 --flatten -o x.img a.img
expect_status 2 sfpm-convert --to-v1 --to-v2 -o x.img a.img
expect_status 2 sfpm-convert --to-v1 --compress none -o x.img a.img
expect_status 1 sfpm-convert --compact -o x.img nothing.img
expect_status 1 sfpm-convert --base nothing.img -o x.img a.img
expect_status 1 sfpm-convert --base v1.img -o x.img a.img
expect_no_file x.img
expect_same a.img before

# A full disk leaves the old image and nothing else.
if [ -c /dev/full ]; then
    expect_status 1 sh -c 'sfpm-convert --compact a.img >/dev/full'
    expect_stderr_match 'standard output: .*No space left'
    expect_status 1 sfpm-convert --compact -o /dev/full a.img
fi
mkdir full
cp a.img full
for change in '--compact' '--flatten' '--compress none' '--to-v1' '--encrypt --key-file key'; do
    case $change in
    --encrypt*) $sealing || break ;;
    esac
    # shellcheck disable=SC2016,SC2086
    expect_status 1 sh -c 'trap "" XFSZ; ulimit -f 64; exec "$@"' sh \
        sfpm-convert -i $change full/a.img
    expect_stderr_match 'File too large'
    expect_same full/a.img before
    expect test "$(ls full)" = a.img
done

# What happens to the image when it is killed is in tests/fault/kill-convert.sh.

# Two writers: whoever comes second is told, and no commit is lost.
needs_strace
cp before b.img
rm -f second.img
strace -o trace -e trace=fsync,fdatasync -e inject=fsync,fdatasync:signal=STOP:when=1 \
    sh -c 'echo $$ >writer; exec sfpm-convert -i --compact b.img' &
slow=$!
until_true grep -qs 'stopped by SIGSTOP' trace
expect_status 1 sfpm-patch -q -i b.img 200003=50
expect_stderr_match 'being written|another|locked'
expect_status 1 sfpm-convert -i --flatten b.img
kill -s CONT "$(cat writer)"
wait $slow
same_states b.img
