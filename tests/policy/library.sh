#!/bin/sh
# SPDX-License-Identifier: MIT
# The library never prints, never ends the process, and keeps no global state
# but the thread's last error and the libraries that it opened: read off its symbols.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"
needs nm objdump awk

# manners ARCHIVE: prints the functions used that a library must not use.
manners() {
    nm --undefined-only "$1" >symbols || return 1
    awk '
        /:$/ { file = $1 }
        # A child of ours ends so.
        file == "job_child.o:" && $2 == "_exit" { next }
        # Only its address is looked at, which tells where the C library keeps its state.
        file == "module_data.o:" && $2 ~ /^stdout/ { next }
        $1 == "U" {
            name = $2
            sub(/^__/, "", name)
            sub(/_chk$/, "", name)
            sub(/@.*/, "", name)
            if (name ~ /^(v?f?w?printf|v?dprintf|f?puts|f?putc|putchar|perror|p?syslog|vsyslog)$/ ||
                name ~ /^(stdout|stderr|stdin|_?_?exit|_Exit|quick_exit|abort|assert_fail|error|err|warn)$/ ||
                name ~ /^(signal|sigaction|atexit|system|popen|setlocale|chdir|umask|setenv|putenv)$/) {
                print "uses " $2
                bad = 1
            }
        }
        END { exit bad }' symbols
}

# What lib/codec/library.h speaks of, as FILE:VARIABLE.
opened=' library.o:loading zstd.o:zstd lz4.o:lz4 crypt.o:crypto '

# state ARCHIVE: prints the writable variables, those that may be left out.
state() {
    objdump -t "$1" >symbols || return 1
    awk -v opened="$opened" '
        /file format/ { file = $1 }
        NF < 4 { next }
        $(NF - 2) ~ /^\.(bss|data|data\.rel|data\.rel\.local|tbss|tdata|common)$/ || $(NF - 2) == "*COM*" {
            if ($NF ~ /^\.(bss|data|tbss|tdata)/)
                next
            if (file == "error.o:" && $(NF - 2) ~ /^\.t(bss|data)$/ && $NF == "last") {
                known++
                next
            }
            if (index(opened, " " file $NF " "))
                next
            print file " has the variable " $NF " in " $(NF - 2)
            bad = 1
        }
        END { exit bad || (known != 1) }' symbols
}

core=$top_builddir/.libs/libsfpm-core.a
[ -f "$core" ] || core=$top_builddir/libsfpm-core.a
expect manners "$core"

# Instrumented builds have variables of their own.
instrumented=false
if nm "$core" | grep -Eq '__(asan|ubsan|gcov)_'; then
    instrumented=true
    echo "instrumented build: variables not looked at"
else
    expect state "$core"
fi

# planted CHECK C-SOURCE: the fault in it is found.
planted() {
    printf '%s\n' "$2" >error.c
    $CC -c -o error.o error.c
    rm -f planted.a
    ar rc planted.a error.o
    catches "$1" planted.a
}
good='static _Thread_local int last; int *f(void) { return &last; }'
planted manners "#include <stdio.h>
$good
void g(int x) { printf(\"%d\", x); }"
planted manners "#include <stdio.h>
$good
void g(void) { fputs(\"x\", stderr); }"
planted manners "#include <stdlib.h>
$good
void g(void) { exit(1); }"
planted manners "#include <assert.h>
$good
void g(int x) { assert(x); }"
if ! $instrumented; then
    planted state "$good
static int counter; int g(void) { return ++counter; }"
    planted state "$good
int table[2] = {1, 2};"
    planted state "$good
static int x, *pointer = &x; int *g(void) { return pointer++; }"
    planted state "$good
static int zstd; int g(void) { return ++zstd; }"
    planted state 'int f(void) { return 0; }'
fi
