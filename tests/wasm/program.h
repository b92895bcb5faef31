/* SPDX-License-Identifier: MIT */
/*
 * What programs of the tests share that are compiled to WebAssembly and to native code and
 * print the same: output without a C library, and numbers that look random. A program is
 * ENTRY { ... LEAVE; }. The native one is compiled with NATIVE.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdint.h>

#ifdef NATIVE
#include <unistd.h>
int main(void);
#define ENTRY int main(void)
#define LEAVE return 0
static void put(const char *bytes, int size)
{
    if (write(1, bytes, (unsigned long)size) != size)
        _exit(1);
}
#else
__attribute__((import_module("sfpm"), import_name("write"))) int
sfpm_write(int file, const void *bytes, int size);
void _start(void);
#define ENTRY void _start(void)
#define LEAVE return
static void put(const char *bytes, int size)
{
    sfpm_write(1, bytes, size);
}
#endif

/* Prints a name and a number. */
static void print(const char *name, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    static char line[64];
    int at = 0;
    for (; name[at]; at++)
        line[at] = name[at];
    line[at++] = ' ';
    for (int shift = 60; shift >= 0; shift -= 4)
        line[at++] = digits[value >> shift & 15];
    line[at++] = '\n';
    put(line, at);
}

/* The next number: 24 bits. */
static uint32_t next(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

#endif
