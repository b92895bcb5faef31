#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-diff: what it shows in all its forms, and edits that it writes.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

sfpm-save -o a.img "$sum"
cp a.img first.img
sfpm-patch -q -i a.img 3=20

# Equal states: nothing is shown in any form but JSON, whatever the way there.
for how in '' --stat -q --brief --all; do
    # shellcheck disable=SC2086
    succeeds sfpm-diff $how a.img a.img
    expect_stdout ''
    expect_stderr ''
done
cp a.img back.img
sfpm-patch -q -i --undo back.img
succeeds sfpm-diff back.img first.img
succeeds sfpm-diff back.img@1 back.img
succeeds sfpm-diff back.img@-2 back.img

expect_status 1 sfpm-diff a.img@1 a.img
sed 's/, sfpm-.*//' "$stdout" >page
expect_same page - <<'END'
--- a.img@1  commit 1
+++ a.img  commit 2

Regions
           1 of 7 bytes  code

Instructions
  code[2]       main+2: push 5                     | main+2: push 20
END
expect_status 1 sfpm-diff --stat a.img@1 a.img
expect_stdout '           1 of 7 bytes  code'
expect_status 1 sfpm-diff -q a.img@1 a.img
expect_stdout 'a.img@1 and a.img differ'
expect_status 1 sfpm-diff --all a.img@1 a.img
expect_stdout_match '^  00000000  00 0a 00 05 01 04 05  *\| 00 0a 00 14 01 04 05$'

# One of the two from standard input.
expect_status 1 sfpm-diff - a.img <first.img
expect_stdout_match '^--- standard input  commit 1'
expect_stdout_match 'push 5  *\| main\+2: push 20$'
expect_status 1 sfpm-diff a.img - <first.img
expect_stdout_match 'push 20  *\| main\+2: push 5$'
succeeds sfpm-diff a.img - <a.img

# Metadata count, and are shown beside each other; who saved it does not.
sfpm-save -o d1.img -d 'first text' --attr a=1 --attr c=3 "$sum"
sfpm-save -o d2.img --attr b=2 --attr c=4 "$sum"
expect_status 1 sfpm-diff d1.img d2.img
expect_stdout_match '^  description   first text  *\| $'
expect_stdout_match '^  attribute a   1  *\| $'
expect_stdout_match '^  attribute b     *\| 2$'
expect_stdout_match '^  attribute c   3  *\| 4$'
expect_not grep -q Regions "$stdout"
expect_status 1 sfpm-diff -q d1.img d2.img
expect_status 1 sfpm-diff --stat d1.img d2.img
expect_stdout '           4 facts  (metadata)'
sfpm-patch -q -d '' -m 'only texts' -o d3.img first.img
succeeds sfpm-diff first.img d3.img

# The machine: state, pc, counters, calls, locals, stacks, globals.
cat >nested.s <<'END'
.global seen
.func main
        push 40
        push 2
        call inner
        print
        halt
.func inner i64 i64 -> i64
        push 7
        global.set seen
        local.get 0
        local.get 1
        add
        return
END
sfpm-save -o n.img nested.s
expect_status 124 sfpm-run --steps 6 -i n.img
expect_status 1 sfpm-diff n.img@1 n.img
expect_stdout_match '^  pc  *code\[0\] \(main\)  *\| code\[[0-9]+\] \(inner\+[0-9]+\)$'
expect_stdout_match '^  instructions  0  *\| 6$'
expect_stdout_match '^  starts  *0  *\| 1$'
expect_stdout_match '^  frame 0  *main at code\[0\] \(main\), nested\.s:[0-9]+  *\| main at code\[[0-9]+\] \(main\+[0-9]+\), nested\.s:[0-9]+$'
expect_stdout_match '^  frame 1  *\| inner at '
expect_stdout_match '^  local 1 0  *\| 40$'
expect_stdout_match '^  stack 0  *\| 40$'
expect_stdout_match '^  global 0  *seen = 0  *\| seen = 7$'
expect_not grep -q 'Bytes of' "$stdout"
expect_status 1 sfpm-diff --all n.img@1 n.img
expect_stdout_match '^Bytes of globals$'
sfpm-save -o z.img divide.s
expect_status 126 sfpm-run -i z.img
expect_status 1 sfpm-diff z.img@1 z.img
expect_stdout_match '^  state  *suspended  *\| trapped$'
expect_stdout_match '^  trap  *\| '

# Instructions of other lengths: both sides, each with its labels.
sfpm-patch -q --force -o odd.img a.img 2=1
expect_status 1 sfpm-diff a.img odd.img
expect_stdout_match '^  code\[2\]  *main\+2: push 20  *\| main\+2: add$'
expect_stdout_match '^  code\[3\]  *\| main\+3: '
expect_stdout_match '^  refused  *\| code\['

# Regions: added, removed, other sizes and flags, another order; and bytes.
forge regions r.img
sfpm-patch -q -o r2.img r.img sim:0/u16=258 sim:15=9
expect_status 1 sfpm-diff r.img r2.img
expect_stdout_match '^           3 of 16 bytes  sim$'
expect_stdout_match '^Bytes of sim$'
expect_stdout_match '^  00000000  01 02 03 04 05 06 07 08 00 00 00 00 00 00 00 00 \| 02 01 03 04 05 06 07 08 00 00 00 00 00 00 00 09$'
forge other o.img
expect_status 1 sfpm-diff r.img o.img
expect_stdout_match '^  the order differs$'
expect_stdout_match '^ +1 of 20 bytes  sim  size 16 -> 20$|^ +[0-9]+ of 20 bytes  sim  size 16 -> 20$'
expect_stdout_match '^ +0 of 8 bytes  table  flags portable -> none$'
expect_stdout_match '^ +5 of 5 bytes  more  added$'
expect_stdout_match '^  schema  *0  *\| 3$'
expect_status 1 sfpm-diff --stat o.img r.img
expect_stdout_match '^ +5 of 5 bytes  more  removed$'
expect_status 1 sfpm-diff o.img a.img
expect_stdout_match '^  state  *\| suspended$'

# Long lists are cut, and counted or shown with --all.
forge large l1.img 0
forge large l2.img 1
expect_status 1 sfpm-diff l1.img l2.img
expect test "$(grep -c '^  0000' "$stdout")" -eq 32
expect_stdout_match '^  \.\.\. more; --all shows them$'
expect_status 1 sfpm-diff --all l1.img l2.img
expect test "$(grep -Ec '^  [0-9a-f]{8} ' "$stdout")" -eq 12500
expect_not grep -q 'more;' "$stdout"
expect_status 1 sfpm-diff --stat l1.img l2.img
expect_stdout '      200000 of 200000 bytes  large'

# Version 1 against version 2 of the same content.
original_image >v1.img
cp v1.img v2.img
forge second v2.img
sfpm-patch -q -d 'hello from before' -i v2.img
succeeds sfpm-diff v1.img v2.img
succeeds sfpm-diff v2.img v1.img
sfpm-patch -q -i v1.img 3=20
expect_status 1 sfpm-diff v1.img v2.img
expect_stdout_match '^           1 of 2080 bytes  vm_state$'
expect_stdout_match 'push 20  *\| .*push 5$'
sfpm-diff --patch v1.img v2.img >edits || expect test $? -eq 1
succeeds sfpm-patch -f edits -o v3.img v1.img
succeeds sfpm-diff v3.img v2.img

# digest FILE: of the state
digest() {
    sfpm-inspect --json "$1" | sed 's/.*"digest":"\([0-9a-f]*\)","offset".*/\1/'
}

# becomes A B: the edits make A's state B's, and change no other state.
becomes() {
    expect_status 1 sfpm-diff --patch "$1" "$2"
    cp "$stdout" edits
    succeeds sfpm-patch -q -f edits -o c.img "$1"
    expect test "$(digest c.img)" = "$(digest "$2")"
    cp "$2" not-a.img
    expect_status 1 sfpm-patch -q -f edits -i not-a.img
    expect_stderr_match ': expected [0-9a-f]+, found [0-9a-f]+; nothing is written$'
    expect_same not-a.img "$2"
}
becomes first.img a.img
expect grep -qx 'code:3/hex=14 was 05' edits
becomes r.img r2.img
becomes l1.img l2.img
cat >loop.s <<'END'
.global count
again:
        global.get count
        push 1
        add
        global.set count
        br again
END
sfpm-save -o loop.img loop.s
sfpm-run --steps 50 -o loop1.img loop.img || :
sfpm-run --steps 500 -o loop2.img loop1.img || :
expect test -s loop2.img
becomes loop1.img loop2.img
# Other instructions, and other places in the code; frames may be where edits say.
sfpm-patch -q -o loop3.img loop1.img 'again+5: push 2; sub was push 1; add'
becomes loop1.img loop3.img
sfpm-run --steps 1 -o loop4.img loop3.img || :
sfpm-run --steps 2 -o loop5.img loop4.img || :
becomes loop4.img loop5.img
sfpm-run --steps 1 -o loop6.img loop2.img || :
becomes loop6.img loop5.img
expect grep -q '^code:' edits
expect grep -q '^state:' edits
grep -v '^st' edits >code-alone
succeeds sfpm-patch -q -f code-alone -o c.img loop6.img

# Values are told by their types.
cat >typed.s <<'END'
.memory 1 2
.global pi f64 3.25
.func main
.local f32
        f64.const -0.5
        global.set pi
        f32.const 0.1
        local.set 0
        i32.const 1
        memory.grow
        halt
END
sfpm-save -o t1.img typed.s
sfpm-run -o t2.img t1.img
expect_status 1 sfpm-diff t1.img t2.img
expect_stdout_match '^  global 0 +pi = 3\.25 +\| pi = -0\.5$'
expect_stdout_match '^  local 0 0 +0 +\| 0\.1$'
expect_stdout_match '^  memory +65536 +\| 131072$'
expect_stdout_match '^  stack 0 .*\| 1$'

# Equal states give edits that change nothing; so do differences in texts alone.
succeeds sfpm-diff --patch a.img a.img
expect_not grep -v '^#' "$stdout"
cp "$stdout" edits
succeeds sfpm-patch -q -f edits -o c.img a.img
succeeds sfpm-diff a.img c.img
expect_status 1 sfpm-diff --patch d1.img d2.img
expect_stdout_match '^# not in these edits: attribute b$'
expect_not grep -v '^#' "$stdout"

# What edits cannot express: no edits, so that none are applied.
expect_status 2 sfpm-diff --patch r.img o.img
expect_stdout ''
expect_stderr_match "^sfpm-diff: edits cannot express that region 'sim' differs in size$"
expect_stderr_match "^sfpm-diff: edits cannot express that region 'table' differs in flags$"
expect_stderr_match "^sfpm-diff: edits cannot express that region 'more' is only in the right image$"
expect_stderr_match 'order of regions differs$'
expect_status 2 sfpm-patch -f "$stdout" -o bad.img r.img
forge names m1.img 0
forge names m2.img 1
expect_status 2 sfpm-diff --patch m1.img m2.img
expect_stdout ''
expect test "$(grep -c 'has a name that an edit cannot contain$' "$stderr")" -eq 5

# Bad images, damage, hostile texts: exit 2, or both shown without harm.
expect_status 2 sfpm-diff a.img nothing.img
expect_stderr 'sfpm-diff: nothing.img: No such file or directory'
expect_status 2 sfpm-diff a.img@9 a.img
expect_status 2 sfpm-diff - a.img </dev/null
head -c $(($(size a.img) - 1)) a.img >torn.img
expect_status 1 sfpm-diff torn.img a.img
expect_stderr_match '^sfpm-diff: torn\.img: warning: '
forge hostile h.img
for how in '' --stat --json --all --patch -q; do
    sfpm-diff $how r.img h.img >out 2>&1 || expect test $? -le 2
    LC_ALL=C
    expect_not grep -q "$(printf '[\001-\011\013-\037\177]')" out
    LC_ALL=C.UTF-8
done
offset=0
damaged=0
while [ "$offset" -lt "$(size l2.img)" ]; do
    cp l2.img bad.img
    flip bad.img "$offset"
    status=0
    sfpm-diff --all l1.img bad.img >out 2>&1 || status=$?
    expect test "$status" -eq 1 -o "$status" -eq 2
    [ "$status" -ne 2 ] || damaged=$((damaged + 1))
    offset=$((offset + 9973))
done
expect test "$damaged" -ge 15

expect_status 2 sfpm-diff
expect_status 2 sfpm-diff a.img
expect_status 2 sfpm-diff a.img a.img a.img
expect_status 2 sfpm-diff - - <a.img
for wrong in '--stat --json' '-q --patch' --no-such '--max-memory 0'; do
    # shellcheck disable=SC2086
    expect_status 2 sfpm-diff $wrong a.img a.img
done
expect_status 2 sh -c 'sfpm-diff a.img@1 a.img >/dev/full'
expect_stderr_match '^sfpm-diff: standard output: '
succeeds sfpm-diff --version
expect_stdout_match '^sfpm-diff [0-9]'
succeeds sfpm-diff --help
expect_stdout_match '^  sfpm-diff a\.img@1 a\.img '

# Storage is no difference: compressed, delta, encrypted images of one state. A key
# opens what is encrypted; a wrong or missing one is trouble.
for method in zstd lz4; do
    if sfpm-convert --compress $method -o packed.img l1.img 2>/dev/null; then
        succeeds sfpm-diff l1.img packed.img
        expect_status 1 sfpm-diff -q packed.img l2.img
    fi
done
forge large l3.img 1
sfpm-patch -q -i l3.img large:7=0
succeeds sfpm-convert --base l3.img -o delta.img l2.img
succeeds sfpm-diff delta.img l2.img
expect_status 1 sfpm-diff --stat delta.img l3.img
expect_stdout '           1 of 200000 bytes  large'
mkdir away
mv delta.img away
expect_status 2 sfpm-diff away/delta.img l2.img
succeeds sfpm-diff --base l3.img away/delta.img l2.img
succeeds sfpm-diff --digest "$(digest l1.img)" l1.img l1.img
expect_status 1 sfpm-diff --digest "$(digest l1.img)" l1.img l2.img
expect_status 2 sfpm-diff --digest "$(digest l2.img)" l1.img l2.img
printf %064d 7 >key
printf %064d 8 >wrong
chmod 600 key wrong
if sfpm-convert --encrypt --key-file key -o e1.img first.img 2>said; then
    sfpm-convert --encrypt --key-file key -o e2.img a.img
    expect_not cmp -s e1.img first.img
    expect_status 1 sfpm-diff --key-file key e1.img e2.img
    expect_stdout_match 'push 5  *\| main\+2: push 20$'
    succeeds env SFPM_KEY_FILE=key sfpm-diff e2.img@1 e1.img
    succeeds sfpm-diff --key-file key e1.img first.img
    succeeds sfpm-diff --key-file key a.img e2.img
    expect_status 2 sfpm-diff --key-file key a.img a.img
    expect_stderr_match 'neither image is encrypted'
    expect_status 2 sfpm-diff e1.img e2.img
    expect_status 2 sfpm-diff e1.img first.img
    expect_status 2 sfpm-diff first.img e1.img
    expect_stdout ''
    expect_status 2 sfpm-diff --key-file wrong e1.img e2.img
    expect_stdout ''
    sfpm-diff --key-file key --patch e1.img e2.img >edits || expect test $? -eq 1
    succeeds sfpm-patch -q --key-file key -f edits -o e3.img e1.img
    succeeds sfpm-diff --key-file key e3.img e2.img
else
    expect grep -q libcrypto said
fi

# JSON.
if command -v python3 >/dev/null; then
    cat >check.py <<'END'
import json, sys
text = sys.stdin.read()
assert text.endswith("\n") and text.count("\n") == 1
diff = json.loads(text)
assert list(diff) == ["schema", "equal", "a", "b", "metadata", "reordered", "regions",
                      "machine", "instructions", "code", "truncated"], list(diff)
assert diff["schema"] == 1
for region in diff["regions"]:
    assert list(region) == ["name", "a", "b", "bytes", "ranges", "blocks"]
    if region["a"] and region["b"] and not diff["truncated"]:
        assert sum(length for _, length in region["ranges"]) == region["bytes"]
for row in diff["metadata"] + diff["machine"]:
    assert list(row) == ["name", "key", "a", "b"] and row["a"] != row["b"]
for expression in sys.argv[1:]:
    assert eval(expression), expression
END
    # holds A B EXPRESSION...
    holds() {
        sfpm-diff --json "$1" "$2" >json || expect test $? -eq 1
        shift 2
        python3 check.py "$@" <json
    }
    expect holds a.img a.img 'diff["equal"]' 'diff["regions"] == []' 'diff["machine"] == []'
    expect_not holds a.img a.img 'not diff["equal"]' 2>/dev/null
    expect holds a.img@1 a.img 'not diff["equal"]' 'diff["regions"][0]["ranges"] == [[3, 1]]' \
        'diff["instructions"] == [{"offset": 2, "a": "main+2: push 5", "b": "main+2: push 20"}]' \
        'diff["a"]["image"] == "a.img@1" and diff["a"]["commit"] == 1 and diff["b"]["commit"] == 2'
    expect holds n.img@1 n.img \
        '{"name": "local", "key": "1 0", "a": None, "b": "40"} in diff["machine"]' \
        '{"name": "instructions", "key": None, "a": "0", "b": "6"} in diff["machine"]'
    expect holds t1.img t2.img \
        '{"name": "local", "key": "0 0", "a": "0", "b": "0.1"} in diff["machine"]'
    expect holds d1.img d2.img '{"name": "attribute", "key": "b", "a": None, "b": "2"} in diff["metadata"]'
    expect holds r.img o.img 'diff["reordered"]' 'diff["regions"][-1]["a"] is None' \
        'diff["regions"][-1]["b"] == {"size": 5, "flags": []}'
    expect holds l1.img l2.img 'diff["regions"][0]["ranges"] == [[0, 200000]]' 'not diff["truncated"]'
    expect holds r.img h.img 'diff["regions"]'
    expect holds v1.img v2.img 'diff["a"]["digest"] is None and diff["a"]["format"] == 1'
fi

# Colours on a terminal only, and not with NO_COLOR.
needs script
escape=$(printf '\033')
script -qec 'TERM=xterm sfpm-diff a.img@1 a.img' /dev/null >typed </dev/null || expect test $? -eq 1
expect grep -q "${escape}\[31m" typed
script -qec 'TERM=xterm NO_COLOR=1 sfpm-diff a.img@1 a.img' /dev/null >typed </dev/null || expect test $? -eq 1
expect_not grep -q "$escape" typed
expect grep -q 'push 5' typed
