#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/lua-live: programs and people find what they know from lua5.4; what is
# different is said.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/lua.sh"

# ---- The chunk is no coroutine, neither in the first process nor in the next.
echo 'print(select(2, coroutine.running()), coroutine.isyieldable(), pcall(coroutine.yield, 1))
print(coroutine.wrap(function() return select(2, coroutine.running()), coroutine.isyieldable() end)())
print(coroutine.wrap(function() coroutine.yield(1, 2) end)())
print(save())
print(select(2, coroutine.running()), coroutine.isyieldable(), pcall(coroutine.yield, 1))' >main.lua
outside='true	false	false	attempt to yield from outside a coroutine'
succeeds "$lua" -i app.img /dev/null
succeeds "$lua" app.img main.lua
expect_stdout "$outside
false	true
1	2
saved
$outside"
succeeds "$lua" app.img
expect_stdout "restored
$outside"

# ---- C modules are refused with the reason.
: >module.so
says 'package.loadlib("module.so", "*")
package.cpath = "./?.so"
pcall(require, "absent")
pcall(require, "module")' 'nil	C modules cannot be loaded: the image would hold their addresses, which are others in each process	absent
false	module '\''absent'\'' not found:
	no field package.preload['\''absent'\'']
'"$(for place in /usr/local/share/lua/5.4/absent /usr/local/share/lua/5.4/absent/init \
    /usr/local/lib/lua/5.4/absent /usr/local/lib/lua/5.4/absent/init /usr/share/lua/5.4/absent \
    /usr/share/lua/5.4/absent/init ./absent ./absent/init; do
    echo "	no file '$place.lua'"
done)
	no file './absent.so'
false	error loading module 'module' from file './module.so':
	C modules cannot be loaded: the image would hold their addresses, which are others in each process" -i new.img

# ---- os.exit() ends the chunk; with -i that is committed, with any status.
cat >exit.lua <<'END'
x = (x or 0) + 1
local closed <close> = setmetatable({}, {__close = function() x = x + 10 end})
os.exit(...)
END
expect_status 3 "$lua" -i exit.img exit.lua 3
expect_status 1 "$lua" -i exit.img /dev/stdin <<'END'
os.exit(false)
END
expect_status 0 "$lua" -i exit.img /dev/stdin <<'END'
x = x + 100 os.exit()
END
expect_stderr ''
expect_status 4 "$lua" exit.img exit.lua 4
expect_stderr ''
says 'x, #(history():gsub("[^\n]", ""))' '111	3' exit.img
# Variables are closed only if that is asked for, or the state is committed.
cat >closing.lua <<'END'
local closed <close> = setmetatable({}, {__close = function() print("closed") end})
os.exit(6, ...)
END
for arguments in '' 1; do
    # shellcheck disable=SC2086
    expect_status 6 "$lua" exit.img closing.lua $arguments
    expect_stdout "${arguments:+closed}"
done
# Where that cannot be, it says so.
cp exit.img before.img
for call in 'coroutine.wrap(os.exit)(5)' 'table.sort({1, 2}, function() os.exit(5) end)'; do
    echo "x = 0; $call" >exit.lua
    expect_status 5 "$lua" -i exit.img exit.lua
    expect_stderr_match 'os.exit\(\) was called across a C function or in a coroutine: what was done since the last commit is lost'
    expect_same before.img exit.img
    expect_status 5 "$lua" exit.img exit.lua
    expect_stderr ''
done

# ---- Going back for ever ends with an error; going back as often as it is meant does not.
says 'n = 0 save() revert()
n' 0 -i ever.img
expect_stderr_match 'revert\(\) went back to the same commit 10000 times, .*"restored"'
echo 'for i = 1, 3 do if save(i) == "saved" then revert() end end print("end")' >ends.lua
succeeds "$lua" ever.img ends.lua
expect_stdout end
expect_stderr ''

# ---- FILE@N is an earlier commit. What is saved there becomes the newest.
for n in 1 2 3 4; do
    says "x = $n" '' -i old.img
done
says x 2 old.img@2
says x 3 old.img@-1
cp old.img old.img@2
says x 4 old.img@2
rm old.img@2
expect_status 1 "$lua" old.img@9
expect_stderr_match 'old.img.*commit 9'
expect_status 2 "$lua" -i old.img@2
expect_stderr_match 'FILE@N'
says 'x, save("again")' '2	saved' old.img@2
says 'x, history():match("[^\n]*again"):sub(1, 1)' '2	5' old.img

# ---- --keep N: the image holds N commits and at most as many more.
i=0
while [ $i -lt 9 ]; do
    says "x = $i" '' -i --keep 2 old.img
    i=$((i + 1))
done
says 'x, #(history():gsub("[^\n]", "")) < 4' '8	true' old.img
printf '%s\n' 'for i = 1, 9 do save() end print(#(history():gsub("[^\n]", "")) < 4)' >keep.lua
succeeds "$lua" -k2 old.img keep.lua
expect_stdout true
expect_status 2 "$lua" --keep two old.img
expect_status 2 "$lua" --keep

# ---- A commit holds what changed, not the marks of the garbage collector: after such
# growth Lua collects incrementally, and leaves others in each object each time.
cat >marks.lua <<'END'
t = {}
for i = 1, 20000 do t[i] = {n = i} end
for round = 1, 4 do
    collectgarbage()
    t[round].n = -round
    save()
end
collectgarbage("incremental")
save()
print(collectgarbage("generational"))
END
succeeds "$lua" -i marks.img marks.lua
expect_stdout incremental
succeeds sfpm-inspect --log marks.img
expect test "$(sed -n 's/^commit [234] .*UTC *\([0-9]*\) bytes.*/\1/p' "$stdout" | sort -n | tail -n 1)" -lt 100000

# ---- Ctrl-C ends what is being run, or typed, but not lua-live.
if [ -r /proc/self/status ]; then
    mkfifo keys
    "$lua" -i keys.img <keys >screen 2>errors &
    pid=$!
    exec 3>keys
    waits_for_input() {
        grep -q "$1" screen && grep -q '^State:.S' "/proc/$pid/status"
    }
    printf '%s\n' 'print("ready")' >&3
    until_true waits_for_input ready
    kill -INT "$pid"
    until_true grep -q 'interrupted!' errors
    printf '%s\n' 'x = 0; print("loop"); io.stdout:flush(); while true do x = x + 1 end' >&3
    until_true grep -q loop screen
    until_true test "$(grep -c 'interrupted!' errors)" -eq 1
    kill -INT "$pid"
    until_true grep -q 'stdin:1: in main chunk' errors
    printf '%s\n' 'print(x > 0)' 'pcall(function() print("caught"); io.stdout:flush(); while true do end end)' >&3
    until_true grep -q caught screen
    kill -INT "$pid"
    until_true grep -q 'false.*interrupted!' screen
    exec 3>&-
    expect wait "$pid"
    expect grep -q true screen
    # A script it ends, and that is not committed.
    echo 'x = "lost"; print("loop"); io.stdout:flush(); while true do end' >loop.lua
    cp keys.img before.img
    rm screen # which says "loop" as well
    "$lua" -i keys.img loop.lua >screen 2>errors &
    pid=$!
    until_true grep -qs loop screen
    kill -INT "$pid"
    expect_status 1 wait "$pid"
    expect grep -q 'interrupted!' errors
    expect_same before.img keys.img
fi

# ---- On a terminal names are completed, and lines of earlier runs can be had back.
if command -v script >/dev/null 2>&1 && grep -q '^LUA_CFLAGS.*-DHAVE_LIBEDIT' "$top_builddir/Makefile"; then
    HOME=$work
    TERM=vt100
    export HOME TERM
    # At the prompt, where keys are read one by one: those that come before may be lost.
    at_prompt() {
        [ "$(tail -n 1 screen | tail -c 2)" = '> ' ]
    }
    # types KEYS TEXT: on a terminal; when TEXT was printed, the end.
    types() {
        : >screen
        {
            until_true at_prompt
            # shellcheck disable=SC2059 # it holds escapes
            printf "$1"
            until_true grep -q "$2" screen
            until_true at_prompt
            printf '\004'
        } | script -qfec "'$lua' -i terminal.img" /dev/null >screen 2>&1
    }
    types 'mine = {longname = {value = "com" .. "pleted"}}\nmine.lo\t.va\t\n' completed
    expect test -s .lua_live_history
    types '\033[A\033[A\nprint(mine.longname == nil, "re" .. "called")\n' recalled
    expect grep -q 'false.recalled' screen
    types '("x"):re\tp(4) .. "!"\n' 'xxxx!'
fi
