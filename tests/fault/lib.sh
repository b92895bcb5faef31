# SPDX-License-Identifier: MIT
# What the tests share that make single system calls of an operation (operations.sh) fail
# or fatal.
#
# Most faults leave bytes that another one has left before: what those are worth, and
# whether the operation can be repeated on them, is looked at once.
#
# shellcheck shell=sh

# Nothing is told here from what really reached a disk, so a disk in memory will do.
if [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
    TMPDIR=/dev/shm
    export TMPDIR
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/fault/operations.sh"
needs_strace
mkdir "$test_state/old"

# What writes, and meets a full disk; and what else an error may meet.
writing=' write pwrite64 writev fsync fdatasync rename renameat renameat2 ftruncate fallocate close fchmod fchown '
looking=' openat flock unlinkat lseek fstat newfstatat pread64 read mmap fcntl poll getrandom '
# What is done again when a signal interrupts it.
interruptible=' openat flock read pread64 write pwrite64 fsync fdatasync fallocate ftruncate '
short=$top_builddir/tests/fault/.libs/short.so

# Sanitized programs take ten times as long to start: there a sample must do, but for
# controls, which make few calls. And their own memory does not survive an error of mmap.
stride=1
if grep -q __asan_init "$driver"; then
    looking=$(echo "$looking" | sed 's/ mmap / /')
    [ "${SFPM_LONG:-0}" != 0 ] || stride=9
fi

tried=0

# begin: the directory as it was prepared.
begin() {
    rm -rf "${work:?}"/* "$work"/.[!.]*
    cp -pR "$test_state/old/." "$work"
}

# look NAME: sets $state to the state of a.img, or to damaged, and $seen to what names its
# bytes.
look() {
    seen=none
    [ ! -e a.img ] || seen=$(cksum <a.img)
    if [ -e "$test_state/seen/$seen" ]; then
        read -r state <"$test_state/seen/$seen"
        return
    fi
    state=$("$1_state" 2>"$test_state/why") || state=damaged
    echo "$state" >"$test_state/seen/$seen"
}

# calls NAME: prints "CALL K" for each system call (its K-th of that name) from the
# first one on that has to do with the image, or with standard input.
calls() {
    begin
    "$1_run" strace -o "$test_state/trace" -- >/dev/null 2>&1 || return 1
    awk -v stride="$stride" '
        /^[a-z0-9_]+\(/ {
            name = $0
            sub(/\(.*/, "", name)
            count[name]++
            if (($0 ~ /a\.img|sum\.s/ || $0 ~ /^[a-z0-9]+\(0,/) && name != "execve")
                begun = 1
            if (begun && name !~ /^exit/ && seen++ % stride == 0)
                print name, count[name]
        }' "$test_state/trace"
}

# disturb NAME CALL K WHAT: runs the operation with WHAT injected; sets $got.
disturb() {
    begin
    got=0
    "$1_run" strace -o /dev/null -e trace="$2" -e inject="$2:$4:when=$3" -- \
        >"$stdout" 2>"$stderr" || got=$?
    tried=$((tried + 1))
}

blame() {
    echo "$test_name: $*" >&9
    sed 's/^/    /' "$stderr" >&9
    return 1
}

# leftovers: prints files that were not there before.
leftovers() {
    for left in "$work"/* "$work"/.[!.]*; do
        left=${left##*/}
        # What a run saves beside its image, and says so, is to remain.
        ! grep -qsF "$left: holds the state" "$stderr" || continue
        if [ -e "$work/$left" ] && [ "$left" != a.img ] && [ ! -e "$test_state/old/$left" ]; then
            echo "$left"
        fi
    done
}

# survives NAME CALL K: killed there, the operation leaves the old or the new state,
# and what else it leaves can be removed and does not hinder the next one.
survives() {
    disturb "$1" "$2" "$3" signal=SIGKILL
    look "$1"
    case $state in
    old | new) ;;
    *)
        cat "$test_state/why" >"$stderr"
        blame "$1 killed at $2 $3: the image is $state" || return
        ;;
    esac
    for left in $(leftovers); do
        case $left in
        .a.img.sfpm-*) ;; # as sfpm(7) says
        *) blame "$1 killed at $2 $3: leaves $left" || return ;;
        esac
        rm "$work/$left" || blame "$1 killed at $2 $3: $left cannot be removed" || return
    done
    [ ! -e "$test_state/seen/again $seen" ] || return 0
    : >"$test_state/seen/again $seen"
    "$1_again" >"$stdout" 2>"$stderr" ||
        blame "$1 killed at $2 $3: cannot be repeated" || return
    look "$1"
    [ "$state" = new ] || blame "$1 killed at $2 $3 and repeated: the image is $state"
}

# endures NAME CALL K ERROR: that call failing, the operation says so and leaves a
# whole state and no other file; or it succeeds all the same, as it must when a signal
# interrupts what can be done again.
endures() {
    disturb "$1" "$2" "$3" "error=$4"
    look "$1"
    case $got:$state in
    0:new) return ;;
    0:*) blame "$1 with $4 in $2 $3: silent, and the image is $state" || return ;;
    *:old) ;;
    # Renamed, but its directory could not be synced: said, and complete.
    *:new) ;;
    *) blame "$1 with $4 in $2 $3: the image is $state" || return ;;
    esac
    case $4:$interruptible in
    EINTR:*" $2 "*) blame "$1 with $4 in $2 $3: was not repeated" || return ;;
    esac
    [ "$got" -lt 126 ] || blame "$1 with $4 in $2 $3: exit status $got" || return
    [ -s "$stderr" ] || blame "$1 with $4 in $2 $3: failed without a word" || return
    case $2 in unlink*) return ;; esac
    [ -z "$(leftovers)" ] || blame "$1 with $4 in $2 $3: leaves $(leftovers)"
}

# completes NAME N: its N-th transfer moving only one byte, or each half of what it was
# asked for (N is 0), the operation succeeds all the same. Sets $came: whether there was
# an N-th.
completes() {
    begin
    got=0
    rm -f "$test_state/came"
    "$1_run" env LD_PRELOAD="$short" SFPM_SHORT="$2" SFPM_SHORT_CAME="$test_state/came" \
        >"$stdout" 2>"$stderr" || got=$?
    came=false
    [ ! -e "$test_state/came" ] || came=true
    tried=$((tried + 1))
    look "$1"
    [ "$got:$state" = 0:new ] ||
        blame "$1 with transfer $2 cut short: status $got, and the image is $state"
}

# sweep_short NAME: with each transfer cut short (each $stride-th), and then with all.
sweep_short() {
    prepare "$1"
    sweep_status=0
    sweep_n=$((1 - stride))
    came=true
    while $came; do
        sweep_n=$((sweep_n + stride))
        completes "$1" "$sweep_n" || sweep_status=1
    done
    completes "$1" 0 || sweep_status=1
    return "$sweep_status"
}

# prepare NAME: makes the old state, once.
prepare() {
    rm -rf "$test_state/old" "$test_state/seen" "${work:?}"/* "$work"/.[!.]*
    "$1_prepare"
    mkdir "$test_state/old" "$test_state/seen"
    cp -pR "$work/." "$test_state/old"
    calls "$1" >"$test_state/calls" || fail "$1 does not succeed undisturbed"
    [ -s "$test_state/calls" ] || fail "$1 has no system calls"
}

# sweep_kill NAME: killed at each system call. All are tried; fails if any is not survived.
sweep_kill() {
    prepare "$1"
    sweep_status=0
    while read -r call k; do
        survives "$1" "$call" "$k" || sweep_status=1
    done <"$test_state/calls"
    return "$sweep_status"
}

# sweep_errors NAME ERROR...
sweep_errors() {
    prepare "$1"
    sweep_name=$1
    shift
    sweep_status=0
    while read -r call k; do
        for error; do
            case $error:$writing:$looking in
            *:*" $call "*:* | E[!N]*" $call "*)
                endures "$sweep_name" "$call" "$k" "$error" || sweep_status=1
                ;;
            esac
        done
    done <"$test_state/calls"
    return "$sweep_status"
}
