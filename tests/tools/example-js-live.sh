#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/js-live: a JavaScript engine as a live image, stopped in the middle of loops.
# SFPM_MODULES is a directory with the module, which tests/wasm/modules.sh fetches.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

JS_ENGINE=${SFPM_MODULES:-$top_builddir/modules}/quickjs.wasm
export JS_ENGINE
[ -e "$JS_ENGINE" ] || skip "there is no $JS_ENGINE: see tests/wasm/modules.sh"

# run CODE TEXT [ARGUMENT...]: the code prints the text.
run() {
    code=$1 text=$2
    shift 2
    succeeds js-live -e "$code" "$@"
    expect_stdout "$text"
}

# ---- A new image needs the engine; afterwards it is in the image.
(
    unset JS_ENGINE
    expect_status 1 js-live none.img
    expect_stderr_match 'a new image needs the engine'
    expect_no_file none.img
)
run '6 * 7' 42 app.img
run 'let x = 1; const f = () => ++x; var m = new Map([["a", [1, "b"]], ["c", { d: null }]]); m' \
    'Map {a => [1, "b"], c => {d: null}}' app.img
engine=$JS_ENGINE
unset JS_ENGINE
run 'f(); print("täglich", "\u{1F600}", f(), m.size)' 'täglich 😀 3 2' app.img
expect_status 2 js-live
expect_stderr_match '^usage: js-live '
expect_status 2 js-live --steps many app.img
succeeds sfpm-save -o other.img "$top_srcdir/examples/sum.s"
expect_status 1 js-live other.img
expect_stderr_match 'other.img: the image is not one of js-live'

# ---- A loop is stopped again and again by the number of instructions; what it printed in
# all processes is what it prints in one go, and the end is what arithmetic says.
cat >loop.js <<'END'
const squares = function* (n) { for (let i = 1; i <= n; i++) yield i * i; };
let sum = 0, parts = [];
for (const square of squares(3000)) {
    sum += square;
    try {
        if (square % 500 === 0) throw new Error('at ' + square);
        parts.push({ square, text: `${square}` });
    } catch (error) {
        print(error.message, parts.map((part) => part.text.length).reduce((a, b) => a + b));
    }
}
const later = async (n) => {
    let all = 0;
    for (let i = 1; i <= n; i++) all += await new Promise((done) => done(i));
    return all;
};
later(2000).then((all) => print(sum, 3000 * 3001 * 6001 / 6, all, 2000 * 2001 / 2));
END
cp app.img whole.img
succeeds js-live whole.img loop.js
cp "$stdout" whole
expect test "$(tail -n 1 whole)" = '9004500500 9004500500 2001000 2001000'
cp app.img parts.img
expect_status 124 js-live --steps 100000 parts.img loop.js
cp "$stdout" parts
stops=1 steps=500009
while status=0 && js-live --steps $steps parts.img >>parts || status=$? && [ $status -eq 124 ]; do
    stops=$((stops + 1)) steps=$((steps + 700001))
done
expect test $status -eq 0
expect test $stops -gt 8
expect_same parts whole
run 'sum + parts.length' "$((9004500500 + 3000 - 3000 / 50))" parts.img

# ---- SIGTERM at any moment: no count is lost, none is made twice.
cat >count.js <<'END'
let n = 0, seen = [];
while (n < 1e9) { seen[n % 1000] = n; if (++n % 1000 === 0) print(n); }
END
: >counted
# counts ARGUMENT...: runs until it has printed something, and stops it.
counts() {
    rm -f part # that of the process before
    js-live "$@" >part &
    until_true test -s part
    kill -TERM $!
    status=0
    wait $! || status=$?
    cat part >>counted
    expect test "$status" -eq 124
}
# Lines are written when a buffer is full.
counts parts.img count.js
for round in 1 2 3 4; do
    counts parts.img
done
seq 1000 1000 "$(tail -n 1 counted)" >wanted
expect_same counted wanted
# It is ended by an error that it cannot catch; what it did is there.
succeeds js-live --abandon -e 'print(n >= 1000, seen.length, seen[999] % 1000)' parts.img
expect_stdout_match '^true 1000 999$'
expect_stderr_match 'InternalError: interrupted'

# ---- SIGKILL among commits, in the midst of a generator: what was reported after save()
# is there, and goes on; nothing is left out.
cat >kill.js <<'END'
var a = 0, b = 0;
const steps = function* () { for (;;) { a++; save(); b++; yield a; } };
for (const step of steps()) print(step);
END
JS_ENGINE=$engine
export JS_ENGINE
last=0
for round in 1 2 3; do
    rm -f reported # that of the process before
    if [ $round -eq 1 ]; then
        js-live kill.img kill.js >reported &
    else
        js-live kill.img >reported &
    fi
    pid=$!
    until_true test -s reported
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || :
    first=$(head -n 1 reported)
    expect test "$first" -ge "$last"
    expect test "$first" -le $((last + 1))
    last=$(grep -E '^[0-9]+$' reported | tail -n 1)
    seq "$first" "$last" >wanted
    expect_same reported wanted
done
succeeds js-live --abandon -e "print(a - b, a >= $last)" kill.img
expect_stdout_match '^[01] true$'

# ---- Errors and promises. A file that fails is not kept, a line is.
cp app.img before.img
echo 'x = "lost"; throw new RangeError("failed here")' >fail.js
expect_status 1 js-live app.img fail.js
expect_stderr_match 'Uncaught RangeError: failed here'
expect_stderr_match 'fail.js:1'
expect_same before.img app.img
expect_status 1 js-live -e 'Promise.reject(new TypeError("nobody cares"))' app.img
expect_stderr_match 'Uncaught \(in promise\) TypeError: nobody cares'
expect_same before.img app.img
run 'for (let i = 0; i < 900; i++) Promise.reject(i).catch(() => {}); (async () => { try { await Promise.reject("handled") } catch (error) { return error } })()' 'handled' app.img
printf '%s\n' 'x = 17' 'absent' 'x' >typed
expect_status 0 js-live app.img <typed
expect_stdout '17
17'
expect_stderr_match "Uncaught ReferenceError: absent is not defined"
run 'x' 17 app.img
expect_status 1 js-live app.img absent.js
expect_stderr_match 'absent.js'

# ---- Recursion ends as JavaScript ends it, not by a trap of the machine.
run 'let depth = 0; const dive = () => { depth++; dive() }; try { dive() } catch (error) { print(error.message, depth > 1000) }
try { eval("[".repeat(50000)) } catch (error) { print(error.message) }
let nest = []; for (let i = 0; i < 10000; i++) nest = [nest]; JSON.stringify(nest).length' \
    'Maximum call stack size exceeded true
Maximum call stack size exceeded
20002' app.img
