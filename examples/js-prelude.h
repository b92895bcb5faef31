/* SPDX-License-Identifier: MIT */
/*
 * The part of js-live that is written in JavaScript: what programs get (print, console,
 * save), and how values and errors are shown. The host gives a value to `js-live value`,
 * `js-live thrown` or `js-live rejected`, and a job shows it.
 */
#ifndef JS_PRELUDE_H
#define JS_PRELUDE_H

static const char prelude[] =
    "(() => {\n"
    /* Functions of the host return nothing, not even undefined: that is an exception. */
    "const take = (name) => {\n"
    "    const call = globalThis[name];\n"
    "    delete globalThis[name];\n"
    "    return (...values) => { try { call(...values); } catch {} };\n"
    "};\n"
    "const write = take('js-live write'), fail = take('js-live fail');\n"
    "const save = take('js-live save');\n"
    "const define = (name, how) => Object.defineProperty(globalThis, name, how);\n"
    "const { String, Array, Error, Map, Set, Promise, JSON, Object: { entries } } = "
    "globalThis;\n"
    "const job = queueMicrotask;\n"

    /* Text goes to the host as the bytes of UTF-8. */
    "const put = (file, text) => {\n"
    "    const bytes = [];\n"
    "    for (const letter of text) {\n"
    "        const c = letter.codePointAt(0);\n"
    "        if (c < 0x80) bytes.push(c);\n"
    "        else if (c < 0x800) bytes.push(c >> 6 | 0xC0, c & 63 | 0x80);\n"
    "        else if (c < 0x10000)\n"
    "            bytes.push(c >> 12 | 0xE0, c >> 6 & 63 | 0x80, c & 63 | 0x80);\n"
    "        else bytes.push(c >> 18 | 0xF0, c >> 12 & 63 | 0x80, c >> 6 & 63 | 0x80,\n"
    "                        c & 63 | 0x80);\n"
    "    }\n"
    "    for (let at = 0; at < bytes.length; at += 1000)\n"
    "        write(file, ...bytes.slice(at, at + 1000));\n"
    "};\n"

    "const show = (value, depth = 0) => {\n"
    "    const list = (values) => [...values].slice(0, 100)\n"
    "        .map((part) => show(part, depth + 1)).join(', ');\n"
    "    const pairs = (all, middle) => [...all].slice(0, 100)\n"
    "        .map(([key, part]) => key + middle + show(part, depth + 1)).join(', ');\n"
    "    if (typeof value === 'string') return JSON.stringify(value);\n"
    "    if (typeof value === 'bigint') return value + 'n';\n"
    "    if (typeof value === 'function') return `[function ${value.name}]`;\n"
    "    if (typeof value !== 'object' || value === null) return String(value);\n"
    "    if (value instanceof Error) return String(value);\n"
    "    if (depth > 3) return '...';\n"
    "    if (Array.isArray(value)) return `[${list(value)}]`;\n"
    "    if (value instanceof Set) return `Set {${list(value)}}`;\n"
    "    if (value instanceof Map) return `Map {${pairs(value, ' => ')}}`;\n"
    "    const name = value.constructor?.name ?? '';\n"
    "    return (name === 'Object' ? '' : name + ' ') + `{${pairs(entries(value), ': "
    "')}}`;\n"
    "};\n"
    "const line = (file) => (...values) => put(file, values.map((value) =>\n"
    "    typeof value === 'string' ? value : show(value)).join(' ') + '\\n');\n"
    "const report = (what) => (error) => {\n"
    "    fail();\n"
    "    put(2, what + show(error) + '\\n' + (error instanceof Error ? error.stack : "
    "''));\n"
    "};\n"

    "globalThis.print = line(1);\n"
    "globalThis.console = { log: line(1), info: line(1), debug: line(1),\n"
    "                       warn: line(2), error: line(2) };\n"
    "globalThis.save = () => save();\n"
    "const given = (name, then) =>\n"
    "    define(name, { set: (value) => job(() => then(value)) });\n"
    "given('js-live value', (value) => {\n"
    "    if (value instanceof Promise)\n"
    "        value.then(line(1), report('Uncaught (in promise) '));\n"
    "    else if (value !== undefined)\n"
    "        put(1, show(value) + '\\n');\n"
    "});\n"
    "given('js-live thrown', report('Uncaught '));\n"
    "given('js-live rejected', report('Uncaught (in promise) '));\n"
    "})()\n";

#endif
