#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion: what the tools offer, and what bash, zsh and fish make of it, with hostile
# names in the image.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

cat >sum.s <<'END'
.global seen
.func main
        push 10
here:   push 5
        add
there:
        print
        halt
.func helper
        return
END
sed 's/^here:   /here:\n/' sum.s >lines.s
sfpm-save -o a.img lines.s
sfpm-patch -q -i -m 'second one' a.img 1=20
sfpm-patch -q -i -m "$(printf 'third\033[31m one')" a.img 1=30

# Options are those of the table, with what --help says of them; more of them after =.
succeeds sfpm-inspect --complete --di
expect_stdout "$(printf -- '--disassemble\tprint the program as assembly text\n--digest=\taccept only the state with this digest')"
succeeds sfpm-run --complete ''
expect_stdout :files
succeeds sfpm-run --complete --key-file ''
expect_stdout :files
succeeds sfpm-run --complete --engine ''
expect_stdout "$(printf 'fast\t\nsimple\t')"
succeeds sfpm-run --complete --engine=s
expect_stdout "$(printf -- '--engine=simple\t')"
succeeds sfpm-inspect --complete --color=a
expect_stdout "$(printf -- '--color=always\t\n--color=auto\t')"
succeeds sfpm-convert --complete --compress=z
expect_stdout "$(printf -- '--compress=zstd\t')"
# Commits, regions and labels are those of the image, whatever options come before it.
succeeds sfpm-inspect --complete a.img@
expect_stdout "$(printf ':files\na.img@3\tthird\\x1b[31m one\na.img@2\tsecond one\na.img@1\t')"
succeeds sfpm-inspect --complete --max-memory 1G a.img --hex sta
expect_stdout_match '^state.region of [0-9]+ bytes$'
expect_stdout_match '^stack.region of [0-9]+ bytes$'
expect test "$(wc -l <"$stdout")" -eq 2
succeeds sfpm-run --complete a.img --until he
expect_stdout "$(printf 'here\tlabel\nhelper\tfunction')"
succeeds sfpm-patch --complete -i a.img@2 the
expect_stdout "$(printf ':files\nthere=\tlabel')"
succeeds sfpm-patch --complete -i a.img cod
expect_stdout_match '^code:'
# Without an image, with one that is none, and for what has no list.
for words in 'missing.img --hex s' 'lines.s --hex s' 'missing.img@' '--no-such= x' '--max-memory '; do
    # shellcheck disable=SC2086 # several words
    succeeds sfpm-inspect --complete $words
    expect_stderr ''
done
succeeds sfpm --complete he
expect_stdout "$(printf 'help\tshow a manual page')"
succeeds sfpm --complete help ba
expect_stdout "$(printf 'batch\tmanual page')"
succeeds sfpm --complete inspect --verif
expect_stdout_match '^--verify'

# Names that do harm where they are not quoted, and some that are not offered at all.
needs python3
PATH=$top_builddir/tests/tools/.libs:$top_builddir/tests/tools:$PATH
# shellcheck disable=SC2016 # not for this shell
game bad.img 1 '$(touch owned) ; `touch owned` "x'\''y' || fail 'no image'
game worse.img 1 "$(printf '\033]0;owned\007\n')" || fail 'no image'
succeeds sfpm-inspect --complete worse.img --hex ''
expect_stdout_match '^settings'
expect_not grep -qE 'world|journal' "$stdout"

# offered_by SHELL LINE: the words that completion of LINE leads to, one a line.
offered_by() {
    case $1 in
    bash)
        bash --norc -c 'source "$1"
            COMP_LINE=$2 COMP_POINT=${#2}
            _sfpm "${2%% *}"
            [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' \
            bash "$top_srcdir/completion/sfpm.bash" "$2"
        ;;
    zsh)
        python3 "$top_srcdir/tests/tools/zsh.py" "$top_srcdir/completion" "$2"
        ;;
    fish)
        HOME=$PWD fish --no-config -c "source $top_srcdir/completion/sfpm.fish
            complete -C \$argv[1]" "$2" | cut -f 1
        ;;
    esac
}
for shell in bash fish; do
    command -v $shell >/dev/null || {
        echo "complete: no $shell: its completion was not tried" >&9
        continue
    }
    succeeds offered_by $shell 'sfpm-inspect --disas'
    expect_stdout_match '^--disassemble$'
    succeeds offered_by $shell 'sfpm-run --engine s'
    expect_stdout simple
    succeeds offered_by $shell 'sfpm inspect a.img --hex sym'
    expect_stdout symbols
    succeeds offered_by $shell 'sfpm pat'
    expect_stdout_match '^patch$'
    succeeds offered_by $shell 'sfpm-save lin'
    expect_stdout lines.s
    succeeds offered_by $shell 'sfpm-run -i a.img --until=the'
    expect_stdout_match '^(--until=)?there$'
    succeeds offered_by $shell 'sfpm-inspect a.img@2'
    expect_stdout_match '^(a.img@)?2$'
    succeeds offered_by $shell 'sfpm-inspect bad.img --hex wor'
    expect test "$(wc -l <"$stdout")" -eq 1
    expect_no_file owned
done
# What bash inserts is one word with that name.
if command -v bash >/dev/null; then
    succeeds offered_by bash 'sfpm-inspect bad.img --hex wor'
    word=$(cat "$stdout")
    succeeds bash -c "sfpm-inspect bad.img --hex $word"
    expect_stdout_match '^00000000'
    expect_no_file owned
fi
# zsh completes only in a terminal.
if command -v zsh >/dev/null; then
    succeeds offered_by zsh 'sfpm-inspect --disas'
    expect_stdout_match '^sfpm-inspect --disassemble *$'
    succeeds offered_by zsh 'sfpm-run --engine s'
    expect_stdout_match '^sfpm-run --engine simple *$'
    succeeds offered_by zsh 'sfpm inspect a.img --hex sym'
    expect_stdout_match '^sfpm inspect a.img --hex symbols *$'
    succeeds offered_by zsh 'sfpm-save lin'
    expect_stdout_match '^sfpm-save lines.s *$'
    succeeds offered_by zsh 'sfpm-inspect bad.img --hex wor'
    sed -n 's/ *$//p' "$stdout" >line.zsh
    succeeds zsh -f line.zsh
    expect_stdout_match '^00000000'
    expect_no_file owned
else
    echo "complete: no zsh: its completion was not tried" >&9
fi
