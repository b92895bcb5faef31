/* SPDX-License-Identifier: MIT */
/*
 * Small programs of many kinds, in C without a library: compiled to WebAssembly and to
 * native code, they print the same.
 */
#include "program.h"

typedef uint64_t (*kernel_t)(void);

/* ---- Calls ---- */

static uint64_t ackermann(uint64_t m, uint64_t n)
{
    if (m == 0)
        return n + 1;
    return n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static uint64_t calls(void)
{
    return ackermann(2, 40);
}

/* ---- Integers: the rounds of SHA-256, with other constants ---- */

static uint32_t rotate(uint32_t value, int places)
{
    return value >> places | value << (32 - places);
}

static uint64_t hash(void)
{
    uint32_t k[64], h[8], w[64];
    for (int i = 0; i < 64; i++)
        k[i] = next() * next();
    for (int i = 0; i < 8; i++)
        h[i] = k[i] ^ next();
    for (int round = 0; round < 60; round++) {
        uint32_t v[8];
        for (int i = 0; i < 16; i++)
            w[i] = next();
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] +
                   (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
                   (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
        for (int i = 0; i < 8; i++)
            v[i] = h[i];
        for (int i = 0; i < 64; i++) {
            uint32_t a = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
                         ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
            uint32_t b = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
                         ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            for (int j = 7; j > 0; j--)
                v[j] = v[j - 1];
            v[4] += a;
            v[0] = a + b;
        }
        for (int i = 0; i < 8; i++)
            h[i] += v[i];
    }
    return (uint64_t)h[0] << 32 | h[7];
}

/* ---- Floating point: LU decomposition, and a transform of a row ---- */

enum { SIDE = 24 };

static uint64_t bits(double value)
{
    union {
        double value;
        uint64_t bits;
    } both = {value};
    return both.bits;
}

static uint64_t decompose(void)
{
    static double a[SIDE][SIDE];
    double determinant = 1;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            a[i][j] = next() / 65536.0 + (i == j ? 300 : 0);
    for (int i = 0; i < SIDE; i++) {
        for (int j = i + 1; j < SIDE; j++) {
            a[j][i] /= a[i][i];
            for (int n = i + 1; n < SIDE; n++)
                a[j][n] -= a[j][i] * a[i][n];
        }
        determinant *= a[i][i] / 256;
    }
    return bits(determinant);
}

static uint64_t round_numbers(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 2000; i++) {
        float f = (float)(int32_t)next() / 1024;
        double d = (double)f * -3.75 + i;
        sum = sum * 31 + (uint64_t)(int64_t)d + (uint32_t)(int32_t)f;
        sum ^= bits(__builtin_sqrt(d < 0 ? -d : d));
    }
    return sum;
}

/* ---- Memory: a table of hashes, sorting, and a queue that grows ---- */

static uint64_t table(void)
{
    static uint32_t keys[1024];
    static uint16_t counts[1024];
    uint64_t sum = 0;
    for (int i = 0; i < 3000; i++) {
        uint32_t key = next() % 700 + 1, at = key * 2654435761u >> 22;
        while (keys[at] != 0 && keys[at] != key)
            at = (at + 1) % 1024;
        keys[at] = key;
        counts[at]++;
    }
    for (int i = 0; i < 1024; i++)
        sum = sum * 7 + keys[i] * counts[i];
    return sum;
}

static void sort(int16_t *from, int16_t *to)
{
    int16_t *low = from, *high = to, middle = *from;
    if (to - from < 1)
        return;
    while (low <= high) {
        while (*low < middle)
            low++;
        while (*high > middle)
            high--;
        if (low <= high) {
            int16_t other = *low;
            *low++ = *high;
            *high-- = other;
        }
    }
    sort(from, high);
    sort(low, to);
}

static uint64_t sorted(void)
{
    static int16_t numbers[500];
    uint64_t sum = 0;
    for (int i = 0; i < 500; i++)
        numbers[i] = (int16_t)next();
    sort(numbers, numbers + 499);
    for (int i = 0; i < 500; i++)
        sum = sum * 3 + (uint64_t)numbers[i];
    return sum;
}

/* ---- Control: an interpreter by switch, and signed division ---- */

static uint64_t interpret(void)
{
    static const uint8_t program[] = {0, 200, 3, 1, 7, 2, 5, 4, 6,
                                      3, 8,   9, 1, 1, 5, 0, 7};
    int64_t a = 0, b = 1;
    unsigned at = 0;
    for (int steps = 0; steps < 5000; steps++) {
        uint8_t op = program[at % sizeof program];
        at++;
        switch (op) {
        case 0:
            a += program[at++ % sizeof program];
            break;
        case 1:
            a ^= b << 3;
            break;
        case 2:
            b = a / (b | 1) - a % 7;
            break;
        case 3:
            b += a >> 5;
            break;
        case 4:
            if (a < b)
                at += 2;
            break;
        case 5:
            a = (int64_t)((uint64_t)a * 6364136223846793005u + 1);
            break;
        case 6:
            b = -b;
            break;
        case 7:
            a = (int8_t)a + (int16_t)b;
            break;
        case 8:
            b += __builtin_popcountll((uint64_t)a) - __builtin_clzll((uint64_t)a | 1);
            break;
        default:
            a += (int64_t)op;
            continue;
        }
    }
    return (uint64_t)a ^ (uint64_t)b << 7;
}

static const struct {
    const char *name;
    kernel_t kernel;
} kernels[] = {
    {"calls", calls},         {"hash", hash},   {"decompose", decompose},
    {"round", round_numbers}, {"table", table}, {"sorted", sorted},
    {"interpret", interpret},
};

ENTRY
{
    for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++)
        print(kernels[i].name, kernels[i].kernel());
    LEAVE;
}
