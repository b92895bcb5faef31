#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-inspect --json: valid, complete, and exact.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"
needs python3

cat >check.py <<'END'
import json, re, sys

def no_constant(name):
    raise ValueError(name)

def digest(value):
    assert re.fullmatch("[0-9a-f]{32}", value), value

with open(sys.argv[1], "rb") as file:
    lines = file.read().decode("utf-8", "strict").splitlines()
for line in lines:
    image = json.loads(line, parse_constant=no_constant)
    assert list(image) == ["schema", "image", "format", "id", "commit", "commits", "regions", "heaps",
                           "machine", "warnings"], list(image)
    assert image["schema"] == 1
    if image["format"] == 2:
        digest(image["id"])
    numbers = [commit["number"] for commit in image["commits"]]
    assert numbers == list(range(1, len(numbers) + 1)) and image["commit"] in numbers
    for region in image["regions"]:
        assert list(region) == ["name", "size", "flags", "digest"]
        if image["format"] == 2:
            digest(region["digest"])
    machine = image["machine"]
    if machine is not None:
        assert list(machine) == ["state", "pc", "instructions", "starts", "stack",
                                 "globals", "memory", "table", "imports", "exports",
                                 "backtrace"]
    for expression in sys.argv[2:]:
        assert eval(expression), expression
assert lines
END

# holds IMAGE EXPRESSION...
holds() {
    holds_image=$1
    shift
    sfpm-inspect --json "$holds_image" >json && python3 check.py json "$@"
}

cat >large.s <<'END'
        i64.const 9007199254740992
        i64.const 9007199254740993
        i64.const -9007199254740993
        i64.const -9223372036854775808
        push 1
        halt
END
sfpm-save -o a.img -d 'with "quotes", \ and é' --attr k=v large.s
expect holds a.img 'image["image"] == "a.img"' 'image["machine"]["state"] == "suspended"' 'image["machine"]["stack"] == []' \
    'image["commits"][0]["description"] == "with \"quotes\", \\ and \u00e9"' \
    'image["commits"][0]["attributes"] == {"k": "v"}' 'image["warnings"] == []' \
    '[r["flags"] for r in image["regions"] if r["name"] == "code"] == [["dynamic", "portable"]]'
expect_not holds a.img 'image["commit"] == 2' 2>/dev/null
succeeds sfpm-run -i a.img
expect holds a.img 'image["commit"] == 2' 'image["machine"]["state"] == "halted"' \
    'image["machine"]["instructions"] == 6' 'image["machine"]["starts"] == 1' \
    'image["machine"]["stack"] == [9007199254740992, "9007199254740993", "-9007199254740993",
     "-9223372036854775808", 1]'
expect holds a.img 'len(image["machine"]["backtrace"]) == 1' \
    'image["machine"]["backtrace"][0]["function"] == "main"' \
    'image["machine"]["backtrace"][0]["offset"] == image["machine"]["pc"]' \
    'image["machine"]["backtrace"][0]["line"] > 0'
expect holds a.img@1 'image["commit"] == 1' 'len(image["commits"]) == 2' 'image["machine"]["pc"] == 0'

# Values by their types, and what the program has beside code.
cat >typed.s <<'END'
.import "env" "tell \\ \"us\"" tell i32 f64 -> i64
.memory 2 3
.global pi const f64 3.25
.global _ -9007199254740993
.table 5
.export "mem" memory
.export "run" func main
.export "\xc3\xa9" global pi
.func main
        i32.const -7
        f64.const nan
        f32.const 0.1
        f64.const -inf
        f64.const -0
        f64.const 1e300
        halt
END
sfpm-save -o typed.img typed.s
expect holds typed.img 'image["machine"]["memory"] == {"size": 131072, "max": 196608}' \
    'image["machine"]["table"] == 5' \
    'image["machine"]["globals"] == [{"name": "pi", "value": 3.25},
     {"name": None, "value": "-9007199254740993"}]' \
    'image["machine"]["imports"] == [{"module": "env", "field": "tell \\ \"us\"",
     "signature": "i32 f64 -> i64"}]' \
    'image["machine"]["exports"] == [{"name": "mem", "kind": "memory", "index": 0},
     {"name": "run", "kind": "func", "index": 1}, {"name": "\u00e9", "kind": "global", "index": 0}]'
sed '/^.import/d' typed.s >values.s
sfpm-save -o values.img values.s
succeeds sfpm-run -i values.img
expect holds values.img 'image["machine"]["stack"] == [-7, "nan", 0.1, "-inf", 0, 1e300]' \
    'image["machine"]["imports"] == []'
expect holds a.img 'image["machine"]["memory"] is None'

forge hostile h.img
expect holds h.img 'image["machine"] is None' \
    'image["regions"][0]["name"] == "a\x1b[31m\\xff\"\\b"' \
    'image["commits"][0]["description"] == "one\ntwo\r\x1b]0;title\x07\u202e\u00e9"'

original_image >o.img
expect holds o.img 'image["format"] == 1' 'image["id"] is None' 'image["regions"][0]["digest"] is None' \
    'image["machine"]["instructions"] is None' 'image["machine"]["stack"] == []'

# Warnings, and one object for each image.
head -c $(($(size a.img) - 1)) a.img >torn.img
expect holds torn.img 'len(image["warnings"]) == 1' 'image["commit"] == 1'
succeeds sfpm-inspect --json a.img h.img
expect test "$(wc -l <"$stdout")" -eq 2
expect python3 check.py "$stdout" 'image["image"] in ("a.img", "h.img")'
sfpm-patch --force -q -i a.img 0=0xFE
expect holds a.img '"0xFE" in image["warnings"][0]'
