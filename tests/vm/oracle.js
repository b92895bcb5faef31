// SPDX-License-Identifier: MIT
// Reads what tests/vm/operations prints and compares it with the WebAssembly of this
// node. Any NaN that WebAssembly leaves open must be the canonical one.
"use strict";
const lines = require("fs").readFileSync(0, "utf8").trimEnd().split("\n");

// Numbers of the instructions, from their own list. The first argument is the header.
const header = require("fs").readFileSync(process.argv[2], "utf8");
const numbers = new Map();
for (const match of header.matchAll(/X\((0x[0-9A-F]{2}), \w+, "([^"]+)"/g))
    numbers.set(match[2], Number(match[1]));
const original = { add: 0x7C, sub: 0x7D, mul: 0x7E };

const TYPES = { i: 0x7F, I: 0x7E, f: 0x7D, F: 0x7C };
const IN = { i: [0xA7], I: [], f: [0xA7, 0xBE], F: [0xBF] };
const OUT = { i: [0xAD], I: [], f: [0xBC, 0xAD], F: [0xBD] };

function u32(value) {
    const bytes = [];
    for (; value > 0x7F; value >>>= 7)
        bytes.push(value & 0x7F | 0x80);
    return [...bytes, value];
}
const vector = items => [...u32(items.length), ...items.flat()];
const section = (id, bytes) => [id, ...u32(bytes.length), ...bytes];
const text = name => vector([...Buffer.from(name)]);

function encoding(mnemonic) {
    const number = original[mnemonic] ?? numbers.get(mnemonic);
    return number >= 0xE0 ? [0xFC, number - 0xE0] : [number];
}

// A function that takes and gives the bits of each value as an i64.
function body(mnemonic, signature) {
    const [from, to] = signature.split(":");
    const code = [...from].flatMap((type, i) => [0x20, i, ...IN[type]]);
    const all = [0, ...code, ...encoding(mnemonic), ...OUT[to], 0x0B];
    return [...u32(all.length), ...all];
}

const signatures = new Map(lines.map(line => line.split(" ").slice(0, 2)));
const names = [...signatures.keys()];
const I64 = TYPES.I;
const bytes = Uint8Array.from([
    0, 0x61, 0x73, 0x6D, 1, 0, 0, 0,
    ...section(1, vector([[0x60, 1, I64, 1, I64], [0x60, 2, I64, I64, 1, I64]])),
    ...section(3, vector(names.map(name => [signatures.get(name).indexOf(":") - 1]))),
    ...section(7, vector(names.map((name, i) => [...text(name), 0, ...u32(i)]))),
    ...section(10, vector(names.map(name => body(name, signatures.get(name))))),
]);
const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;

const TRAPS = [[/divide by zero|remainder by zero/, "division by zero"],
               [/divide result unrepresentable/, "integer overflow"],
               [/float unrepresentable/, "conversion"]];
const isNan32 = bits => (bits & 0x7FFFFFFFn) > 0x7F800000n;
const isNan64 = bits => (bits & 0x7FFFFFFFFFFFFFFFn) > 0x7FF0000000000000n;
const BITWISE = /\.(abs|neg|copysign|reinterpret_.*)$/;

function expected(mnemonic, signature, a, b) {
    let bits;
    try {
        bits = BigInt.asUintN(64, wasm[mnemonic](a, b));
    } catch (error) {
        return (TRAPS.find(([message]) => message.test(error.message)) ??
                [null, error.message])[1];
    }
    if (!BITWISE.test(mnemonic) && signature.endsWith("f") && isNan32(bits))
        bits = 0x7FC00000n;
    if (!BITWISE.test(mnemonic) && signature.endsWith("F") && isNan64(bits))
        bits = 0x7FF8000000000000n;
    return bits.toString(16);
}

let wrong = 0;
for (const line of lines) {
    const [mnemonic, signature, a, b, ...rest] = line.split(" ");
    let got = rest.join(" ").replace(/^trap /, "");
    const want = expected(mnemonic, signature, BigInt("0x" + a), BigInt("0x" + b));
    if (want === "conversion" && rest[0] === "trap") {
        const nan = signature[0] === "f" ? isNan32(BigInt("0x" + a))
                                         : isNan64(BigInt("0x" + a));
        got = got === (nan ? "invalid conversion to integer" : "integer overflow") ?
            "conversion" : got;
    }
    if (got !== want && wrong++ < 20)
        console.log(`${line}: WebAssembly gives ${want}`);
}
console.log(`${lines.length} results of ${names.length} instructions, ${wrong} wrong`);
process.exit(wrong ? 1 : 0);
