#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/lua-live: the state of a Lua interpreter goes on in another process.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/lua.sh"

# ---- A program that is saved at a checkpoint, left, and finished by another process.
program=$top_srcdir/tests/tools/example-lua-live.lua
succeeds "$lua" -i whole.img "$program" 0
cp "$stdout" whole
checkpoints=$(sed -n 's/^checkpoints[^0-9]*//p' whole)
expect test "$checkpoints" -gt 500
step=19
[ "${SFPM_LONG:-0}" = 0 ] || step=1
n=1
succeeds "$lua" -i empty.img /dev/null
while [ "$n" -le "$checkpoints" ]; do
    cp empty.img app.img
    expect_status 9 "$lua" app.img "$program" "$n"
    expect_stderr ''
    cp "$stdout" both
    expect_not cmp -s both whole
    succeeds "$lua" app.img
    cat "$stdout" >>both
    expect_same whole both
    n=$((n + step))
done

# ---- What stays, at the prompt. Nothing is written without being asked for.
expect_status 1 "$lua" none.img
expect_stderr_match 'none.img'
expect_no_file none.img
says 'x, s = 1, "text"; function f() x = x + 1 return x end
c = coroutine.wrap(function() for i = 1, 9 do coroutine.yield(i) end end)
f(), c(), c()' '2	1	2' -i app2.img
cp app2.img before.img
says 'f(), s, c()' '3	text	3' app2.img
expect_same before.img app2.img
says 'f(), s, c()
save("once more")
y = 1 +
2
y
if true then
print("block") end' '3	text	3
saved
3
block' app2.img
says 'f(), c(), nil, #s
history():match("^2 .* once more") ~= nil, select(2, history():gsub("\n", ""))' '4	4	nil	4
true	2' app2.img

# ---- Going back.
says 'x = 10
save()
x = 11; t = {}; for i = 1, 100000 do t[i] = {} end
revert()
x, t' 'saved
restored
10	nil' app2.img
says 'n = 0; kept = save(); n = n + 1; gone = not gone; if kept == "saved" then revert() end print(kept, n, gone)
save()' 'restored	1	true
saved' app2.img
expect_status 1 "$lua" -i new.img /dev/stdin <<'END'
revert()
END
expect_stderr_match 'no commit to revert to'
says 'x = 11
revert()
x' 'restored
10' app2.img
# To what this process committed, whatever others did since; they are not written over.
cp app2.img shared.img
export lua
says 'x = "mine"
save()
os.execute("echo \"x = 17 save()\" | \"$lua\" shared.img")
x = "later"
revert()
x
save()' 'saved
true	exit	0
restored
mine
failed' shared.img
expect_stderr_match 'shared.img'
says 'x' '17' shared.img
# Files that are open are closed, so that they do not run out.
{
    echo 'kept = save()'
    i=0
    while [ $i -lt 40 ]; do
        echo 'f = assert(io.open("typed")); revert()'
        i=$((i + 1))
    done
    echo 'io.type(f), kept'
} >many
cp app2.img before.img
# shellcheck disable=SC3045 # every shell that this runs in has it
(ulimit -n 24 && succeeds "$lua" app2.img <many)
expect_stdout 'nil	restored'
# The control: so many are too many.
sed 's/ revert()/ t[#t + 1] = f/; s/^kept.*/t = {}/' many >typed
# shellcheck disable=SC3045 # every shell that this runs in has it
(ulimit -n 24 && expect_status 0 "$lua" app2.img <typed)
expect_stderr_match 'Too many open files'
cp before.img app2.img

# ---- save() where it cannot take effect says so, and does at the end of the chunk.
says 'x = 20; table.sort({2, 1}, function(a, b) if x == 20 then y = save("late") end x = 21 return a < b end)
x = 22' '' app2.img
expect_stderr_match 'save\(\) was called across a C function or in a coroutine'
says 'x, y' '21	deferred' app2.img
says 'coroutine.wrap(function() y = save() end)(); y = y .. "!"' '' app2.img
says 'y' 'deferred!' app2.img
says 'pcall(save)' 'true	saved' app2.img
says 'coroutine.wrap(function() print(pcall(revert)) end)()' \
    'false	revert() was called across a C function or in a coroutine; call it from the chunk itself' app2.img
says 'coroutine.yield()
x' '21' -i app2.img
expect_stderr_match 'attempt to yield from outside a coroutine'

# ---- Errors. A script that fails is not saved.
cp app2.img before.img
echo 'x = "lost"; error("failed here")' >fail.lua
expect_status 1 "$lua" -i app2.img fail.lua
expect_stderr_match 'fail.lua:1: failed here'
expect_stderr_match '^stack traceback'
expect_same before.img app2.img
echo 'x = = 1' >syntax.lua
expect_status 1 "$lua" -i app2.img syntax.lua
expect_stderr_match 'syntax.lua:1: unexpected symbol'
expect_status 1 "$lua" -i app2.img absent.lua
expect_status 2 "$lua"
expect_status 2 "$lua" -x
expect_stderr_match '^usage: lua-live '

# ---- Files. Standard ones go on; others are closed, and can be opened again.
says 'f = io.open("f.txt", "w"); f:write("abc"); io.output("g.txt"); io.write("def"); save()' '' app2.img
says 'io.type(f), io.type(io.output()), pcall(io.write, "x")
io.output(io.stdout); io.write("out\n"); io.stderr:write("err\n")
io.read(), io.read("n")
a line
17
f = io.open("f.txt"); print(f:read("a"), io.open("g.txt"):read("a"), os.remove("g.txt"))
os.time() > 0, os.getenv("SAID")' 'closed file	closed file	false	default output file is closed
out
a line	17
abc	def	true
true	nil' app2.img
expect_stderr 'err'

# ---- The place where the state must lie is taken: by the program, as the image is made
# to say that it belongs there.
cp app2.img before.img
cp app2.img taken.img
succeeds sfpm-inspect app2.img
place=$(sed -n 's/^  address  *\(0x[0-9a-f]*\),.*/\1/p' "$stdout")
expect test -n "$place"
succeeds sfpm-patch -q -i taken.img lua:65552/u64=0x400000
cp taken.img refused.img
expect_status 1 "$lua" -i taken.img
expect_stderr_match "taken.img: heap 'lua': its address 0x400000 is already in use, and a heap with same_build cannot move"
expect_same refused.img taken.img
# The control: back at its own place it is whole.
succeeds sfpm-patch -q -i taken.img "lua:65552/u64=$place"
says 'x' '21' taken.img
expect_same before.img app2.img

# ---- Images that are trusted are not read before they are used.
says 'x, c ~= nil' '21	true' -t app2.img
says 'x = x + 1; save()
revert()
x' '22' -t app2.img
says 'x' '22' -i -t app2.img

# ---- Another build keeps its hands off.
if command -v readelf >/dev/null 2>&1; then
    at=$(readelf -SW "$lua" | sed -n 's/^.*\.note\.gnu\.build-id *NOTE *[0-9a-f]* *\([0-9a-f]*\) .*/\1/p')
    expect test -n "$at"
    cp "$lua" other
    printf 'other!' | dd of=other bs=1 seek=$((0x$at + 20)) conv=notrunc 2>/dev/null
    cp app2.img before.img
    expect_status 1 ./other -i app2.img
    expect_stderr_match 'not known to be of this build'
    expect_same before.img app2.img
    cp "$lua" same
    succeeds ./same app2.img
fi

# ---- A damaged image is not used.
cp whole.img bad.img
succeeds "$lua" bad.img
printf X | dd of=bad.img bs=1 seek=20000 conv=notrunc 2>/dev/null
expect_status 1 "$lua" -i bad.img
expect_stderr_match 'bad.img'

# ---- SIGKILL at any moment: what was reported as saved is there.
cat >count.lua <<'END'
t = {}
a, b = 0, 0
while true do
    a = a + 1
    for i = 1, 200 do t[i] = {a, tostring(a)} end
    b = b + 1
    local state = save()
    if os.getenv("LOOK") then
        for i = 1, 200 do assert(t[i][1] == a and t[i][2] == tostring(b)) end
        print(a, b)
        os.exit(0)
    end
    assert(state == "saved" or state == "restored")
    print(a)
    io.stdout:flush()
end
END
# is_there N: the image holds a state as it was at count N or later.
is_there() {
    LOOK=1 "$lua" count.img >state 2>&1 && read -r a b <state && [ "$a" = "$b" ] && [ "$a" -ge "$1" ]
}
for pause in 0.05 0.1 0.02 0.15 0.07 0.12; do
    rm -f reported # that of the process before
    if [ -f count.img ]; then
        "$lua" count.img >reported &
    else
        "$lua" -i count.img count.lua >reported &
    fi
    pid=$!
    # The first commit was made.
    until_true test -s reported
    sleep "$pause"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || :
    last=$(grep -E '^[0-9]+$' reported | tail -n 1)
    expect test -n "$last"
    expect is_there "$last"
done
# The control.
expect_not is_there 1000000

# ---- On a terminal there is a prompt.
if command -v script >/dev/null 2>&1; then
    printf '6 * 7\nx = 1\nos.exit(true)\n' >typed
    script -qec "'$lua' -i terminal.img" /dev/null <typed >"$stdout" 2>&1
    expect_stdout_match '> '
    expect_stdout_match '^42'
fi

# ---- All this under address randomisation: the stack is elsewhere in each process, and
# the interpreter's functions are where they were.
cat >addresses.lua <<'END'
print(print)
for line in io.lines("/proc/self/maps") do
    if line:find("[stack]", 1, true) then print(line:match("^%x+")) end
end
END
succeeds "$lua" app2.img addresses.lua
cp "$stdout" addresses
succeeds "$lua" app2.img addresses.lua
[ -n "$(sed 1d addresses)" ] || skip "all passed, but this system does not tell where the stack is"
[ "$(sed 1d addresses)" != "$(sed 1d "$stdout")" ] || skip "all passed, but addresses are not randomised here"
expect test "$(sed 1q addresses)" = "$(sed 1q "$stdout")"
