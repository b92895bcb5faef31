// SPDX-License-Identifier: MIT
// For each module named on the command line writes FILE.expected: what run_module is to
// print of it, by the engine of Node.js; and FILE.json, by which spectest-interp of wabt
// finds out whether its engine gives the same, with FILE.support, a module that has what
// the module imports.
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

// The signatures of exported functions by name, which JavaScript does not give; and the
// functions that are imported.
function signatures(bytes) {
    const imports = [];
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
                const module = name(), field = name();
                const kind = bytes[state.at++];
                if (kind === 0) {
                    functions.push(leb(bytes, state));
                    imports.push({ module, field, type: types[functions[functions.length - 1]] });
                } else if (kind === 1) {
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
    return [found, imports];
}

function encode(value) {
    const bytes = [];
    for (; value > 127; value >>>= 7)
        bytes.push(value & 127 | 128);
    return [...bytes, value];
}

function sized(bytes) {
    return [...encode(bytes.length), ...bytes];
}

// A module of functions that return zeros.
function supportModule(imports) {
    const codes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, funcref: 0x70, externref: 0x6f };
    const zeros = { i32: [0x41, 0], i64: [0x42, 0], f32: [0x43, 0, 0, 0, 0], f64: [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
        funcref: [0xd0, 0x70], externref: [0xd0, 0x6f] };
    const list = (items) => [...encode(items.length), ...items.flat()];
    const section = (number, items) => [number, ...sized(list(items))];
    return new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0,
        ...section(1, imports.map(({ type }) => [0x60, ...type.map((names) => list(names.map((one) => [codes[one]]))).flat()])),
        ...section(3, imports.map((_, i) => encode(i))),
        ...section(7, imports.map(({ field }, i) => [...sized([...Buffer.from(field)]), 0, ...encode(i)])),
        ...section(10, imports.map(({ type }) => sized([0, ...type[1].map((one) => zeros[one]).flat(), 0x0b])))]);
}

const references = { funcref: ['null', 'null', 'null'], externref: ['null', '5', '5'] };

function value(type, bits) {
    return { type, value: bits };
}

// The arguments of a set, as their bits.
function parameters(types, number) {
    return types.map((type) => value(type, references[type] ? references[type][number]
        : text(type, sets[number][type]).split(':')[1]));
}

// What calls spectest-interp is to make, and what they give: as lines of FILE.expected say.
// No value is given for a NaN, or for a reference to a function.
function script(file, declared, imports, expected) {
    const commands = [{ type: 'module', line: 1, name: '$support', filename: file + '.support' }];
    for (const name of new Set(imports.map(({ module }) => module)))
        commands.push({ type: 'register', line: 1, name: '$support', as: name });
    commands.push({ type: 'module', line: 1, name: '$it', filename: file });
    const invoke = (field, args) => ({ type: 'invoke', module: '$it', field, args });
    for (const begin of ['_start', '_initialize'])
        if (declared[begin] && declared[begin][0].length === 0) {
            commands.push({ type: 'action', line: 1, action: invoke(begin, []), expected: [] });
            break;
        }
    expected.split('\n').filter((one) => one).forEach((line, at) => {
        const [name, number, ...rest] = line.split(' ');
        const command = { type: 'action', line: at + 2, action: null, expected: [] };
        if (name === 'memory' && !declared[name]) {
            commands.push({ type: 'register', line: at + 2, name: '$it', as: 'it' },
                { type: 'module', line: at + 2, name: '$sum', filename: 'sum.wasm' });
            command.type = 'assert_return';
            command.action = { type: 'invoke', module: '$sum', field: 'sum', args: [] };
            command.expected = [number, ...rest].map((one) => value('i32', one));
        } else {
            const [params, results] = declared[name];
            command.action = invoke(name, parameters(params, Number(number)));
            if (rest[0] === 'trap') {
                command.type = 'assert_trap';
                delete command.expected; // the order of members matters to spectest-interp
                Object.assign(command, { text: rest.slice(1).join(' '), expected: [] });
            } else if (!results.includes('funcref') && !line.includes(':nan')) {
                command.type = 'assert_return';
                command.expected = results.map((type, i) => value(type,
                    rest[i] === 'ref' ? '5' : rest[i].split(':')[1]));
            }
        }
        commands.push(command);
    });
    fs.writeFileSync(file + '.support', supportModule(imports));
    fs.writeFileSync(file + '.json', JSON.stringify({ source_filename: file, commands }));
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

function run(bytes, declared) {
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
    let sum = 0;
    const words = memory && new DataView(memory.buffer);
    for (let i = 0; memory && i < memory.length; i += 4)
        sum = Math.imul(sum, 31) + words.getUint32(i, true) >>> 0;
    return lines + `memory ${memory ? memory.length : 0} ${sum}\n`;
}

for (const file of process.argv.slice(2)) {
    const bytes = fs.readFileSync(file), [declared, imports] = signatures(bytes);
    const expected = run(bytes, declared);
    fs.writeFileSync(file + '.expected', expected);
    if (!expected.startsWith('trap'))
        script(file, declared, imports, expected);
}
