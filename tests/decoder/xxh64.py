# SPDX-License-Identifier: MIT
"""XXH64 with seed 0, the checksum of zstd frames."""

from struct import unpack_from

from xxh3 import M64, P1, P2, P3, P4, P5, avalanche_of_xxh64


def turn(x, count):
    return (x << count | x >> 64 - count) & M64


def mix(acc, word):
    return turn(acc + word * P2 & M64, 31) * P1 & M64


def xxh64(data):
    size = len(data)
    if size >= 32:
        lanes = [P1 + P2 & M64, P2, 0, -P1 & M64]
        for at in range(0, size - 31, 32):
            lanes = [mix(a, w) for a, w in zip(lanes, unpack_from("<4Q", data, at))]
        h = sum(turn(a, n) for a, n in zip(lanes, (1, 7, 12, 18))) & M64
        for a in lanes:
            h = (h ^ mix(0, a)) * P1 + P4 & M64
    else:
        h = P5
    h = h + size & M64
    at = size & ~31
    while size - at >= 8:
        h = turn(h ^ mix(0, unpack_from("<Q", data, at)[0]), 27) * P1 + P4 & M64
        at += 8
    if size - at >= 4:
        h = turn(h ^ unpack_from("<I", data, at)[0] * P1 & M64, 23) * P2 + P3 & M64
        at += 4
    for byte in data[at:]:
        h = turn(h ^ byte * P5 & M64, 11) * P1 & M64
    return avalanche_of_xxh64(h)
