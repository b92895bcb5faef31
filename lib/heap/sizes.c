/* SPDX-License-Identifier: MIT */
/*
 * Classes of block sizes: multiples of 16 up to 128 bytes, then four for each doubling,
 * so that at most a fifth of a block is lost.
 */
#include "heap/heap.h"

const uint16_t sfpm_heap_class_sizes[NUM_CLASSES] = {
    16,   32,   48,    64,    80,    96,    112,   128,   160,   192,
    224,  256,  320,   384,   448,   512,   640,   768,   896,   1024,
    1280, 1536, 1792,  2048,  2560,  3072,  3584,  4096,  5120,  6144,
    7168, 8192, 10240, 12288, 14336, 16384, 20480, 24576, 28672, 32768};

unsigned sfpm_heap_size_class(size_t size)
{
    if (size <= 128)
        return size ? (unsigned)((size - 1) / GRAIN) : 0;
    size_t last = size - 1;
    unsigned bits = 0; /* of `last`, above its three leading ones */
    while (last >> bits > 7)
        bits++;
    return 8 + 4 * (bits - 5) + (unsigned)(last >> bits) - 4;
}
