#!/bin/sh
# SPDX-License-Identifier: MIT
# What a tool was writing when a signal ended it: the tool removes the temporary file and
# ends by the signal. What SIGKILL left is removed by the next tool that writes there,
# and nothing that a living process still writes.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
needs_strace
# shellcheck disable=SC3045 # all shells that there are know -c
ulimit -c 0

sfpm-save -o good.img "$sum"
sfpm-patch -q -i good.img 3=20
sfpm-convert --to-v1 -o v1.img good.img
mkdir d
cd d || exit

# A shell ignores SIGINT and SIGQUIT in what it starts in the background, nohup SIGHUP.
heed=
! env --default-signal=HUP,INT,QUIT true 2>/dev/null || heed='env --default-signal=HUP,INT,QUIT'

# at CALL SIGNAL CMD...: CMD gets the signal when it first makes that system call.
at() {
    at_call=$1
    at_signal=$2
    shift 2
    # shellcheck disable=SC2086 # a command or nothing
    $heed strace -f -o ../calls -e "trace=$at_call" -e "inject=$at_call:signal=$at_signal:when=1" "$@"
}

# every ACTION: does it with each way to make a file anew, as a.img or as b.img.
every() {
    for file in a.img b.img; do
        "$1" sfpm-save -o $file "$sum"
        "$1" sfpm-patch -q -o $file ../good.img 3=7
        for way in --flatten --salvage --to-v1 '--compress lz4' '--base ../good.img@1'; do
            # shellcheck disable=SC2086 # an option and its value
            "$1" sfpm-convert -o $file $way ../good.img
        done
    done
    "$1" sfpm-convert -i --compact a.img
    cp ../v1.img a.img
    "$1" sfpm-patch -q -i a.img 3=9
    "$1" sfpm-convert -i --to-v2 a.img
}

# same_files: the directory has the files, with the contents, that it had `before`.
same_files() {
    ls -A >../after
    expect_same ../before ../after
    expect_same a.img ../a.before
}

# begin: notes what there is.
begin() {
    ls -A >../before
    cp a.img ../a.before
}

# ended_by SIGNAL STATUS CALL CMD...
ended_by() {
    ended_signal=$1
    ended_status=$2
    ended_call=$3
    shift 3
    begin
    expect_status "$ended_status" at "$ended_call" "$ended_signal" "$@"
    expect_not grep -q '^sfpm-' "$stderr"
    same_files
}
cp ../good.img a.img
terminated() {
    ended_by TERM 143 fsync "$@"
}
every terminated
cp ../good.img a.img
for call in write fsync; do
    for signal in HUP:129 INT:130 QUIT:131 TERM:143; do
        ended_by "${signal%:*}" "${signal#*:}" $call sfpm-convert -o b.img --flatten a.img
    done
done

# A signal that is ignored stays so.
# shellcheck disable=SC2016 # for the inner shell
succeeds sh -c 'trap "" HUP; exec "$@"' sh \
    strace -f -o ../calls -e trace=fsync -e inject=fsync:signal=HUP:when=1 \
    sfpm-convert -o b.img --flatten a.img
rm b.img

# left: prints what is there beside images.
left() {
    find . ! -name . ! -name '[ab].img'
}

# What SIGKILL left, and what it left between two names for one file.
killed() {
    begin
    expect_status 137 at fsync KILL "$@"
    expect test "$(left | wc -l)" = 1
    expect test "$(left | grep -c '^\./\.[ab]\.img\.sfpm-[0-7]$')" = 1
    expect_same a.img ../a.before
    succeeds "$@"
    expect test -z "$(left)"
    rm -f b.img
    cp ../good.img a.img
}
every killed
expect_status 137 strace -f -o ../calls -e trace=renameat2,linkat,unlinkat \
    -e inject=renameat2:error=EINVAL -e inject=unlinkat:signal=KILL:error=EIO:when=1 sfpm-save -o b.img "$sum"
expect test "$(left | wc -l)" = 1
succeeds sfpm-save -o b.img "$sum"
expect test -z "$(left)"
expect test "$(stat -c %h b.img)" = 1

# All that are dead go; files of other users, and what is no file, stay.
rm b.img
mkdir .b.img.sfpm-0
ln -s .a.img.sfpm-0 .b.img.sfpm-1
mkfifo .b.img.sfpm-2
touch .a.img.sfpm-0 .b.img.sfpm- .b.img.sfpm .b.img.sfpm-03 .b.img.sfpm-x .xb.img.sfpm-3
[ "$(id -u)" -ne 0 ] || { touch .b.img.sfpm-3 && chown 1 .b.img.sfpm-3; }
ls -A >../before
touch .b.img.sfpm-4 .b.img.sfpm-5 .b.img.sfpm-7
succeeds sfpm-save -o b.img "$sum"
rm b.img
ls -A >../after
expect_same ../before ../after
# Another name is found where all those are occupied.
for n in 3 4 5 6 7; do
    [ -e .b.img.sfpm-$n ] || mkdir .b.img.sfpm-$n
done
succeeds sfpm-save -o b.img "$sum"
expect sfpm-inspect --verify b.img
rm -rf .[ab]* .x* b.img

# A file that is being written stays, also while its writer does nothing.
at fsync STOP sfpm-save -o b.img "$sum" 2>../said &
writer=$!
go_on() {
    kill -s CONT "$(sed -n 's/^\([0-9]*\) .*stopped by SIGSTOP.*/\1/p' ../calls)"
}
stopped() {
    [ -n "$(left)" ] && [ -s "$(left)" ] && grep -q 'stopped by SIGSTOP' ../calls
}
until_true stopped
name=$(left)
succeeds sfpm-save -o b.img "$sum"
expect test "$(left)" = "$name"
succeeds sfpm-patch -q -i b.img 3=20
expect test "$(left)" = "$name"
go_on
wait "$writer" || :
expect grep -q 'b\.img: was created by another process meanwhile' ../said
expect test -z "$(left)"
expect test "$(sfpm-run b.img)" = 30
# So it does when it is complete and closed, and is renamed next.
rm b.img
succeeds strace -o ../calls -e trace=close,fsync sfpm-save -o b.img "$sum"
closed=$(awk '/^close/ { n++; if (synced) { print n; exit } } /^fsync/ { synced = 1 }' ../calls)
rm b.img
strace -f -o ../calls -e trace=close -e "inject=close:signal=STOP:when=$closed" \
    sfpm-save -o b.img "$sum" 2>../said &
writer=$!
until_true stopped
name=$(left)
succeeds sfpm-save -o b.img "$sum"
expect test "$(left)" = "$name"
go_on
wait "$writer" || :
expect grep -q 'b\.img: was created by another process meanwhile' ../said
expect test -z "$(left)"
