#!/bin/sh
# SPDX-License-Identifier: MIT
# Lua's own test suite under examples/lua-live, each file in a process of its own, all of
# them in one image. LUA_TESTS names the directory of the suite, of the release that
# lua-live was built with: lua-5.4.N-tests of https://www.lua.org/tests/. Debian's source
# package does not hold it.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/lua.sh"
[ -n "${LUA_TESTS:-}" ] || skip "LUA_TESTS does not name a directory with Lua's test suite"
[ -f "$LUA_TESTS/all.lua" ] || fail "LUA_TESTS: there is no Lua test suite in $LUA_TESTS"
cp -R "$LUA_TESTS" suite
chmod -R u+w suite
cd suite

# As all.lua does; heavy.lua takes gigabytes, and two others only help the rest.
run=0
for file in *.lua; do
    case $file in all.lua | heavy.lua | tracegc.lua | bwcoercion.lua) continue ;; esac
    run=$((run + 1))
    # What all.lua sets, and `arg` for main.lua: lua-live's own would be of this run.
    echo "_U, _port, _soft, _nomsg = true, true, true, true" >../options.lua
    succeeds "$lua" -i ../app.img ../options.lua
    succeeds "$lua" -i ../app.img "$file"
done
expect test "$run" -gt 20

# The control: a test that is wrong fails.
echo 'assert(coroutine.isyieldable())' >wrong.lua
expect_status 1 "$lua" -i ../app.img wrong.lua
