/* SPDX-License-Identifier: MIT */
/*
 * Prints what instructions give, on values at the edges of their types and on random
 * ones, one a line: mnemonic, signature, values, result or trap. Numbers are hexadecimal
 * bits.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/vm_common.h"
#include "../unit/vm_operation.h"

static const uint64_t edges32[] = {
    0,          1,          2,          31,         32,         33,         0x7F,
    0x80,       0xFF,       0x7FFF,     0x8000,     0x7FFFFFFF, 0x80000000, 0x80000001,
    0xFFFFFFFF, 0x3F000000, 0xBF000000, 0x3FC00000, 0xC0200000, 0x4B000001, 0x4EFFFFFF,
    0x4F000000, 0xCF000000, 0xCF000001, 0x4F800000, 0x4F7FFFFF, 0xBF7FFFFF, 0xBF800000,
    0x5EFFFFFF, 0x5F000000, 0xDF000000, 0xDF000001, 0x5F7FFFFF, 0x5F800000, 0x7F7FFFFF,
    0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001, 0x00800000, 0x007FFFFF};
static const uint64_t edges64[] = {
    0,
    1,
    2,
    63,
    64,
    65,
    0x80,
    0x8000,
    0x80000000,
    0xFFFFFFFF,
    0x100000000,
    0x7FFFFFFFFFFFFFFF,
    0x8000000000000000,
    0x8000000000000001,
    0xFFFFFFFFFFFFFFFF,
    0x3FE0000000000000, /* 0.5 */
    0xBFE0000000000000,
    0x3FF8000000000000, /* 1.5 */
    0xC004000000000000, /* -2.5 */
    0x41DFFFFFFFFFFFFF, /* below 2^31 */
    0x41E0000000000000,
    0xC1E0000000000000,
    0xC1E00000001FFFFF, /* above -2^31 - 1 */
    0xC1E0000000200000,
    0x41EFFFFFFFFFFFFF, /* below 2^32 */
    0x41F0000000000000,
    0xBFEFFFFFFFFFFFFF, /* above -1 */
    0xBFF0000000000000,
    0x43DFFFFFFFFFFFFF, /* below 2^63 */
    0x43E0000000000000,
    0xC3E0000000000000,
    0xC3E0000000000001,
    0x43EFFFFFFFFFFFFF, /* below 2^64 */
    0x43F0000000000000,
    0x4330000000000001, /* 2^52 + 1 */
    0x7FEFFFFFFFFFFFFF,
    0x7FF0000000000000,
    0xFFF0000000000000,
    0x7FF8000000000000,
    0xFFF8000000000001,
    0x7FF0000000000001,
    0x0010000000000000,
    0x000FFFFFFFFFFFFF,
    0x47EFFFFFF0000000, /* half an ulp above the greatest f32 */
    0x36A0000000000000, /* the least f32, and half of it */
    0x3690000000000000,
    0x3690000000000001};

static bool is_narrow(char type)
{
    return type == 'i' || type == 'f';
}

static size_t num_edges(char type)
{
    return is_narrow(type) ? sizeof edges32 / sizeof edges32[0]
                           : sizeof edges64 / sizeof edges64[0];
}

static uint64_t edge(char type, size_t index)
{
    return is_narrow(type) ? edges32[index] : edges64[index];
}

/* Small numbers, any bits, and numbers near the edges. */
static uint64_t random_value(char type)
{
    uint64_t bits = random_below(UINT64_MAX);
    switch (random_below(4)) {
    case 0:
        bits = edge(type, random_below(num_edges(type))) + random_below(5) - 2;
        break;
    case 1:
        bits >>= random_below(64);
        break;
    case 2: /* a floating-point number of moderate size */
        bits = type == 'f'
                   ? (bits & 0x807FFFFF) | (uint64_t)(110 + random_below(50)) << 23
                   : (bits & 0x800FFFFFFFFFFFFF) | (1000 + random_below(90)) << 52;
        break;
    }
    return is_narrow(type) ? (uint32_t)bits : bits;
}

static void print_operation(const sfpm_opcode_info_t *info, uint64_t a, uint64_t b)
{
    uint64_t result;
    sfpm_trap_t trap = operate(info, a, b, &result);
    printf("%s %s %" PRIx64 " %" PRIx64, info->mnemonic, info->signature, a, b);
    if (trap != SFPM_TRAP_NONE)
        printf(" trap %s\n", sfpm_trap_text(trap));
    else
        printf(" %" PRIx64 "\n", result);
}

static void print_operations(const sfpm_opcode_info_t *info, long count)
{
    char first = info->signature[0];
    bool binary = info->signature[1] != ':';
    char second = binary ? info->signature[1] : first;
    for (size_t i = 0; i < num_edges(first); i++)
        for (size_t k = 0; k < (binary ? num_edges(second) : 1); k++)
            print_operation(info, edge(first, i), binary ? edge(second, k) : 0);
    for (long i = 0; i < count; i++)
        print_operation(info, random_value(first), binary ? random_value(second) : 0);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
    for (int i = 0; i < 256; i++) {
        const sfpm_opcode_info_t *info = sfpm_opcode_info((uint8_t)i);
        if (info && is_pure(info))
            print_operations(info, count);
    }
    return 0;
}
