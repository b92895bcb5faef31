# SPDX-License-Identifier: MIT
# What the tests of lua-live share. Read after lib.sh.
# shellcheck shell=sh

lua=$top_builddir/examples/lua-live
[ -x "$lua" ] || skip "lua-live is not built: a static library of Lua 5.4 is needed"

# says INPUT OUTPUT ARGUMENT...: what lua-live prints for what is typed.
says() {
    printf '%s\n' "$1" >typed
    says_text=$2
    shift 2
    says_input "$@" <typed
    expect_stdout "$says_text"
}
says_input() {
    succeeds "$lua" "$@"
}
