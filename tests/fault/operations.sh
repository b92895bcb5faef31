# SPDX-License-Identifier: MIT
# The operations that are disturbed by faults, killed, or cut off from their disk.
# Each describes an operation on a.img by four functions and gives its name:
#
#   NAME_prepare   puts a.img into its old state (nothing else is in the directory)
#   NAME_run ...   runs the command, as the argument of the one given
#   NAME_state     prints the state that a.img is in: old, new or anything else,
#                  which is wrong
#   NAME_again     repeats the operation undisturbed, after which it must be new
#
# shellcheck shell=sh

driver=$top_builddir/tests/fault/driver
[ -x "$driver" ] || skip "the driver was not built"
# The same bytes whenever an operation is repeated.
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

show_driver() {
    "$driver" show a.img
}

new_file_prepare() { :; }
new_file_run() { "$@" "$driver" save a.img new; }
new_file_again() { "$driver" save a.img new; }
# No file is the old state here.
new_file_state() { if [ -e a.img ]; then show_driver; else echo old; fi; }

save_prepare() { "$driver" save a.img old; }
save_run() { "$@" "$driver" save a.img new; }
save_again() { "$driver" save a.img new; }
save_state() { show_driver; }

commit_prepare() { "$driver" save a.img old; }
commit_run() { "$@" "$driver" commit a.img new; }
commit_again() { "$driver" commit a.img new && "$driver" commit a.img new; }
commit_state() { show_driver; }

# Five commits, of which those are synced whose number $unsynced_every divides. What a
# user does who finds the last one damaged: looks for the newest one that is not, with
# FILE@N or in what --salvage finds. The states are the commits' numbers. $unsynced_log,
# if set, is called after each commit that is durable, with its number.
unsynced_last=5
unsynced_every=3
unsynced_log=:
unsynced_prepare() { "$driver" save a.img 1; }
unsynced_run() {
    for unsynced_number in 2 3 4 5; do
        "$@" "$driver" commit a.img "$unsynced_number" "$unsynced_every" || return
        [ "$unsynced_every" = none ] || [ $((unsynced_number % unsynced_every)) -ne 0 ] ||
            "$unsynced_log" "$unsynced_number"
    done
}
unsynced_state() {
    unsynced_number=$unsynced_last
    "$driver" show a.img 0 2>/dev/null && return
    while [ "$unsynced_number" -gt 0 ]; do
        "$driver" show a.img "$unsynced_number" 2>/dev/null && return
        unsynced_number=$((unsynced_number - 1))
    done
    sfpm-convert --salvage -o salvaged.img a.img 2>/dev/null && "$driver" show salvaged.img
}
unsynced_again() {
    if ! "$driver" show a.img 0 2>/dev/null; then
        sfpm-convert --salvage -o salvaged.img a.img && mv salvaged.img a.img || return
    fi
    "$driver" commit a.img new
}

# Checkpoints of a run that are not synced; the state at its end is.
checkpoints_prepare() {
    printf '%s\n' '.func main' '.local i64' 'again: local.get 0' 'push 1' 'add' \
        'local.set 0' 'local.get 0' 'i64.const 20000000' 'i64.lt_u' 'br_if again' 'halt' >loop.s
    sfpm-save -o a.img loop.s
}
checkpoints_run() { "$@" sfpm-run -i --checkpoint-every 0.01 --sync none a.img; }
checkpoints_of() {
    case $(sfpm-inspect --text "$1" | grep '^machine') in
    *suspended*) sfpm-run "$1" && echo old ;;
    *halted*) echo new ;;
    *) return 1 ;;
    esac
}
checkpoints_state() {
    checkpoints_of a.img 2>/dev/null && return
    checkpoints_number=$(sfpm-inspect --log a.img 2>/dev/null | wc -l)
    while [ "$checkpoints_number" -gt 0 ]; do
        checkpoints_of a.img@"$checkpoints_number" 2>/dev/null && return
        checkpoints_number=$((checkpoints_number - 1))
    done
    sfpm-convert --salvage -o salvaged.img a.img 2>/dev/null && checkpoints_of salvaged.img
}
checkpoints_again() {
    if ! checkpoints_of a.img >/dev/null 2>&1; then
        sfpm-convert --salvage -o salvaged.img a.img && mv salvaged.img a.img || return
    fi
    sfpm-run -i a.img
}

# A commit that a child process writes.
background_prepare() { "$driver" save a.img old; }
background_run() { "$@" "$driver" background a.img new; }
background_again() { "$driver" commit a.img new; }
background_state() { show_driver; }

# A control: what a program does that knows no better.
overwrite_prepare() {
    "$driver" save a.img old
    "$driver" save a.img.new new
}
overwrite_run() { "$@" "$driver" overwrite a.img new; }
overwrite_again() { "$driver" overwrite a.img new; }
overwrite_state() { show_driver; }

# A machine that prints 15, patched to print 30.
machine_state() {
    sfpm-inspect --verify a.img 2>"$test_state/verify" ||
        grep -q 'unfinished commit' "$test_state/verify" || return
    case $(sfpm-run a.img) in
    15) echo old ;;
    30) echo new ;;
    *) echo neither ;;
    esac
}

make_machine() {
    printf 'push 10\npush 5\nadd\nprint\nhalt\n' >sum.s
    sfpm-save -o a.img sum.s
}

patch_prepare() { make_machine; }
patch_run() { "$@" sfpm-patch -q -i a.img 3=20; }
patch_again() { sfpm-patch -q -i a.img 3=20; }
patch_state() { machine_state; }

# The program runs to its end.
run_prepare() { make_machine; }
run_run() { "$@" sfpm-run -i a.img; }
run_again() { sfpm-run -i a.img; }
run_state() {
    machine_state >/dev/null || return
    case $(sfpm-inspect --text a.img | grep '^machine') in
    *suspended*) echo old ;;
    *halted*) echo new ;;
    *) echo neither ;;
    esac
}

undo_prepare() {
    make_machine
    sfpm-patch -q -i a.img 3=20
    sfpm-patch -q -i a.img 3=5
}
undo_run() { "$@" sfpm-patch -q -i --undo a.img; }
undo_again() { [ "$(machine_state)" = new ] || sfpm-patch -q -i --undo a.img; }
undo_state() { machine_state; }

tool_prepare() {
    make_machine
    printf 'push 10\npush 20\nadd\nprint\nhalt\n' >sum.s
}
tool_run() { "$@" sfpm-save -o a.img sum.s; }
tool_again() { sfpm-save -o a.img sum.s; }
tool_state() { machine_state; }

# Three commits of a machine, which print 15, 30 and 17, and the remains of another
# between them.
make_history() {
    make_machine
    sfpm-patch -q -i a.img 3=20
    cp a.img b.img
    sfpm-patch -q -i b.img 3=9
    head -c $(($(wc -c <b.img) - 60)) b.img >a.img
    rm b.img
    sfpm-patch -q -i a.img 3=7 2>/dev/null
}

# rewrite_prepare OPTION...: the image, and aside what sfpm-convert is to make of it.
rewrite_prepare() {
    make_history
    sfpm-convert "$@" -o "$test_state/rewritten" a.img
    [ "$(sfpm-inspect --log a.img | wc -l)" -ge 3 ] && ! cmp -s a.img "$test_state/rewritten"
}

# The bytes are those of before, all of them, or those that were to be made.
rewrite_state() {
    if cmp -s a.img "$test_state/old/a.img"; then
        echo old
    elif cmp -s a.img "$test_state/rewritten"; then
        echo new
    else
        echo neither
    fi
}

compact_prepare() { rewrite_prepare --compact; }
compact_run() { "$@" sfpm-convert -i --compact a.img; }
compact_again() { sfpm-convert -i --compact a.img; }
compact_state() { rewrite_state; }

keep_prepare() { rewrite_prepare --keep 2; }
keep_run() { "$@" sfpm-convert -i --keep 2 a.img; }
keep_again() { sfpm-convert -i --keep 2 a.img; }
keep_state() { rewrite_state; }

flatten_prepare() { rewrite_prepare --flatten; }
flatten_run() { "$@" sfpm-convert -i --flatten a.img; }
flatten_again() { sfpm-convert -i --flatten a.img; }
flatten_state() { rewrite_state; }

recode_prepare() { rewrite_prepare --compress lz4; }
recode_run() { "$@" sfpm-convert -i --compress lz4 a.img; }
recode_again() { sfpm-convert -i --compress lz4 a.img; }
recode_state() { rewrite_state; }

# Every commit is encrypted, under salts of its own: compared is what comes out again.
encrypt_prepare() {
    rewrite_prepare --compact
    printf '%032d' 7 >key
    chmod 600 key
}
encrypt_run() { "$@" sfpm-convert -i --encrypt --key-file key a.img; }
encrypt_again() {
    [ "$(encrypt_state)" = new ] || sfpm-convert -i --encrypt --key-file key a.img
}
encrypt_state() {
    if cmp -s a.img "$test_state/old/a.img"; then
        echo old
        return
    fi
    sfpm-inspect --verify --key-file key a.img || return
    sfpm-convert --decrypt --key-file key a.img >"$test_state/plain" || return
    if cmp -s "$test_state/plain" "$test_state/rewritten"; then
        echo new
    else
        echo neither
    fi
}

# A control: writes over the file what was to be made, as one should not.
careless_prepare() {
    rewrite_prepare --compact
    cp "$test_state/rewritten" b.img
}
careless_run() { "$@" dd if=b.img of=a.img bs=100 status=none; }
careless_again() { dd if=b.img of=a.img bs=100 status=none; }
careless_state() { rewrite_state; }

# What prints: its new state is what it prints undisturbed, and anything else the old one.
# printed NAME INPUT COMMAND [WRAPPER]: NAME is COMMAND, which reads data.img, or standard
# input: this file when INPUT is `file`, and when it is `pipe` what cat(1) reads from it.
# A WRAPPER may look at its exit status.
printings=
printed() {
    printings="$printings $1"
    eval "$1_run() { ${4:-} printed_run $2 \"\$@\" $3 >a.img; }
        $1_again() { $1_run env; }
        $1_prepare() {
            make_history
            mv a.img data.img
            ${4:-} printed_run $2 $3 >\"\$test_state/printed\"
        }
        $1_state() {
            if cmp -s a.img \"\$test_state/printed\"; then echo new; else echo old; fi
        }"
}

printed_run() {
    printed_input=$1
    shift
    # shellcheck disable=SC2002 # a pipe is wanted
    case $printed_input in
    none) "$@" ;;
    file) "$@" <data.img ;;
    pipe) cat data.img | "$@" ;;
    esac
}

# Of sfpm-diff, that there are differences is a success.
differs() {
    differs_status=0
    "$@" || differs_status=$?
    [ "$differs_status" -eq 1 ]
}

printed inspect none 'sfpm-inspect data.img'
printed verify none 'sfpm-inspect --verify data.img'
printed history none 'sfpm-inspect --log data.img'
printed json pipe 'sfpm-inspect --json -'
printed hex file 'sfpm-inspect --hex code -'
printed listing pipe 'sfpm-inspect --disassemble -'
printed diff none 'sfpm-diff data.img@1 data.img' differs
printed result pipe 'sfpm-run -'
printed assembled none 'sfpm-save sum.s'
printed patched file 'sfpm-patch -q - 3=20'
printed packed none 'sfpm-convert --compress zstd data.img'
printed flattened pipe 'sfpm-convert --flatten -'
