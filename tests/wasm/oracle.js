// SPDX-License-Identifier: MIT
// For each module named on the command line writes FILE.expected: what run_module is to
// print of it, by the engine of Node.js.
'use strict';
const fs = require('fs');
const view = new DataView(new ArrayBuffer(8));
const sets = [
    { i32: 0, i64: 0n, f32: 0, f64: 0, funcref: null, externref: null },
    { i32: 7, i64: -3n, f32: 1.5, f64: -0.5, funcref: null, externref: {} },
    { i32: -2147483648, i64: 1234567890123n, f32: -65537, f64: 1e300, funcref: null, externref: {} },
];

function leb(bytes, state) {
    let value = 0, factor = 1, byte;
    do {
        byte = bytes[state.at++];
        value += (byte & 127) * factor;
        factor *= 128;
    } while (byte > 127);
    return value;
}

// The signatures of exported functions by name: JavaScript does not give them.
function signatures(bytes) {
    const types = [], functions = [], found = {}, names = { 0x7f: 'i32', 0x7e: 'i64', 0x7d: 'f32', 0x7c: 'f64', 0x70: 'funcref', 0x6f: 'externref' };
    const state = { at: 8 };
    const name = () => {
        const length = leb(bytes, state);
        state.at += length;
        return bytes.slice(state.at - length, state.at).toString();
    };
    const limits = () => {
        const most = bytes[state.at++] & 1;
        leb(bytes, state);
        if (most)
            leb(bytes, state);
    };
    while (state.at < bytes.length) {
        const section = bytes[state.at++], size = leb(bytes, state), end = state.at + size;
        if (section === 1) {
            for (let n = leb(bytes, state); n > 0; n--) {
                state.at++;
                const list = () => Array.from({ length: leb(bytes, state) }, () => names[bytes[state.at++]]);
                types.push([list(), list()]);
            }
        } else if (section === 2) {
            for (let n = leb(bytes, state); n > 0; n--) {
                name();
                name();
                const kind = bytes[state.at++];
                if (kind === 0)
                    functions.push(leb(bytes, state));
                else if (kind === 1) {
                    state.at++;
                    limits();
                } else if (kind === 2)
                    limits();
                else
                    state.at += 2;
            }
        } else if (section === 3) {
            for (let n = leb(bytes, state); n > 0; n--)
                functions.push(leb(bytes, state));
        } else if (section === 7) {
            for (let n = leb(bytes, state); n > 0; n--) {
                const exported = name(), kind = bytes[state.at++], index = leb(bytes, state);
                if (kind === 0)
                    found[exported] = types[functions[index]];
            }
        }
        state.at = end;
    }
    return found;
}

function text(type, value) {
    if (type === 'i32')
        return ' i32:' + (value >>> 0);
    if (type === 'i64')
        return ' i64:' + BigInt.asUintN(64, value);
    if (type === 'funcref' || type === 'externref')
        return value === null ? ' ref:null' : ' ref';
    if (Number.isNaN(value))
        return ` ${type}:nan`;
    if (type === 'f32') {
        view.setFloat32(0, value);
        return ' f32:' + view.getUint32(0);
    }
    view.setFloat64(0, value);
    return ' f64:' + view.getBigUint64(0);
}

function kind(error) {
    const message = String(error.message);
    if (error instanceof RangeError)
        return 'stack';
    for (const [part, name] of [['unreachable', 'unreachable'], ['divide by zero', 'division by zero'],
        ['remainder by zero', 'division by zero'], ['unrepresentable', 'number'], ['memory access', 'memory'],
        ['memory.init', 'memory'], ['table index', 'element'], ['table access', 'element'],
        ['table.', 'element'], ['signature mismatch', 'signature']])
        if (message.includes(part))
            return name;
    return 'another: ' + message;
}

function run(bytes) {
    let lines = '', instance;
    try {
        const module = new WebAssembly.Module(bytes), imports = {};
        for (const wanted of WebAssembly.Module.imports(module)) {
            imports[wanted.module] = imports[wanted.module] || {};
            imports[wanted.module][wanted.name] = () => 0;
        }
        instance = new WebAssembly.Instance(module, imports);
        const begin = instance.exports._start || instance.exports._initialize;
        if (typeof begin === 'function' && begin.length === 0)
            begin();
    } catch (error) {
        return `trap ${kind(error)}\n`;
    }
    let memory;
    const declared = signatures(bytes);
    for (const [name, value] of Object.entries(instance.exports)) {
        if (value instanceof WebAssembly.Memory)
            memory = new Uint8Array(value.buffer);
        if (!declared[name])
            continue;
        const [params, results] = declared[name];
        sets.forEach((set, number) => {
            lines += `${name} ${number}`;
            try {
                const got = value(...params.map((type) => set[type]));
                const list = results.length > 1 ? Array.from(got) : results.map(() => got);
                results.forEach((type, i) => { lines += text(type, list[i]); });
                lines += '\n';
            } catch (error) {
                lines += ` trap ${kind(error)}\n`;
            }
        });
    }
    for (const value of Object.values(instance.exports))
        if (value instanceof WebAssembly.Memory)
            memory = new Uint8Array(value.buffer);
    let a = 1, b = 0;
    for (let i = 0; memory && i < memory.length; i += 4096) {
        for (let j = i; j < i + 4096; j++)
            b += a += memory[j];
        a %= 65521;
        b %= 65521;
    }
    return lines + `memory ${memory ? memory.length : 0} ${a} ${b}\n`;
}

for (const file of process.argv.slice(2))
    fs.writeFileSync(file + '.expected', run(fs.readFileSync(file)));
