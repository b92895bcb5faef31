# SPDX-License-Identifier: MIT
"""XXH3 with 64 and 128 bits and a seed, after the published description of it."""

from struct import unpack_from

M32 = 0xFFFFFFFF
M64 = 0xFFFFFFFFFFFFFFFF
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MX1, MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25

STRIPE = 64
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
STRIPES_OF_BLOCK = (len(SECRET) - STRIPE) // 8
BLOCK = STRIPES_OF_BLOCK * STRIPE


def u32(data, at):
    return unpack_from("<I", data, at)[0]


def u64(data, at):
    return unpack_from("<Q", data, at)[0]


def swap32(x):
    return int.from_bytes((x & M32).to_bytes(4, "little"), "big")


def swap64(x):
    return int.from_bytes((x & M64).to_bytes(8, "little"), "big")


def fold(a, b):
    product = a * b
    return (product & M64) ^ (product >> 64)


def avalanche(h):
    h &= M64
    h ^= h >> 37
    h = h * MX1 & M64
    return h ^ h >> 32


def avalanche_of_xxh64(h):
    h &= M64
    h ^= h >> 33
    h = h * P2 & M64
    h ^= h >> 29
    h = h * P3 & M64
    return h ^ h >> 32


def mix16(data, at, key, seed):
    low = u64(data, at) ^ (u64(SECRET, key) + seed & M64)
    high = u64(data, at + 8) ^ (u64(SECRET, key + 8) - seed & M64)
    return fold(low, high)


def key_of_seed(seed):
    if seed == 0:
        return SECRET
    key = b""
    for at in range(0, len(SECRET), 16):
        key += (u64(SECRET, at) + seed & M64).to_bytes(8, "little")
        key += (u64(SECRET, at + 8) - seed & M64).to_bytes(8, "little")
    return key


def add_stripes(acc, words, num_stripes, keys):
    """Adds stripes; the sums are left to grow beyond 64 bits until they are used."""
    for stripe in range(num_stripes):
        for i in range(8):
            word = words[stripe * 8 + i]
            mixed = word ^ keys[stripe + i]
            acc[i ^ 1] += word
            acc[i] += (mixed & M32) * (mixed >> 32)


def accumulate(data, key):
    """The eight accumulators of more than 240 bytes."""
    acc = [P32_3, P1, P2, P3, P4, P32_2, P5, P32_1]
    keys = unpack_from("<24Q", key)
    size = len(data)
    num_blocks = (size - 1) // BLOCK
    for block in range(num_blocks):
        words = unpack_from("<128Q", data, block * BLOCK)
        add_stripes(acc, words, STRIPES_OF_BLOCK, keys)
        for i in range(8):
            a = acc[i] & M64
            acc[i] = (a ^ a >> 47 ^ keys[16 + i]) * P32_1 & M64
    rest = (size - 1 - num_blocks * BLOCK) // STRIPE
    words = unpack_from("<%dQ" % (rest * 8), data, num_blocks * BLOCK)
    add_stripes(acc, words, rest, keys)
    last = unpack_from("<8Q", key, len(key) - STRIPE - 7)
    add_stripes(acc, unpack_from("<8Q", data, size - STRIPE), 1, last)
    return [a & M64 for a in acc]


def merge(acc, key, at, start):
    for i in range(0, 8, 2):
        start += fold(acc[i] ^ u64(key, at + 8 * i),
                      acc[i + 1] ^ u64(key, at + 8 * i + 8))
    return avalanche(start)


def combine_3(data):
    size = len(data)
    return data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8


def sum_16(data, seed):
    size = len(data)
    if size == 0:
        return avalanche_of_xxh64(seed ^ u64(SECRET, 56) ^ u64(SECRET, 64))
    if size <= 3:
        flip = (u32(SECRET, 0) ^ u32(SECRET, 4)) + seed & M64
        return avalanche_of_xxh64(combine_3(data) ^ flip)
    if size <= 8:
        seed ^= swap32(seed) << 32
        flip = (u64(SECRET, 8) ^ u64(SECRET, 16)) - seed & M64
        h = u32(data, size - 4) + (u32(data, 0) << 32) ^ flip
        h ^= (h << 49 | h >> 15) & M64 ^ (h << 24 | h >> 40) & M64
        h = h * MX2 & M64
        h ^= (h >> 35) + size
        h = h * MX2 & M64
        return h ^ h >> 28
    low = u64(data, 0) ^ ((u64(SECRET, 24) ^ u64(SECRET, 32)) + seed & M64)
    high = u64(data, size - 8) ^ ((u64(SECRET, 40) ^ u64(SECRET, 48)) - seed & M64)
    return avalanche(size + swap64(low) + high + fold(low, high))


def sum_128(data, seed):
    size = len(data)
    h = size * P1
    for i in range((size - 1) // 32 + 1):
        h += mix16(data, 16 * i, 32 * i, seed)
        h += mix16(data, size - 16 * (i + 1), 32 * i + 16, seed)
    return avalanche(h)


def sum_240(data, seed):
    size = len(data)
    h = size * P1
    for i in range(8):
        h += mix16(data, 16 * i, 16 * i, seed)
    h = avalanche(h)
    for i in range(8, size // 16):
        h += mix16(data, 16 * i, 16 * (i - 8) + 3, seed)
    h += mix16(data, size - 16, 136 - 17, seed)
    return avalanche(h)


def xxh3_64(data, seed=0):
    size = len(data)
    if size <= 16:
        return sum_16(data, seed)
    if size <= 128:
        return sum_128(data, seed)
    if size <= 240:
        return sum_240(data, seed)
    key = key_of_seed(seed)
    return merge(accumulate(data, key), key, 11, size * P1)


def digest_16(data, seed):
    size = len(data)
    if size == 0:
        return (avalanche_of_xxh64(seed ^ u64(SECRET, 64) ^ u64(SECRET, 72)),
                avalanche_of_xxh64(seed ^ u64(SECRET, 80) ^ u64(SECRET, 88)))
    if size <= 3:
        low = combine_3(data)
        high = swap32(low)
        high = (high << 13 | high >> 19) & M32
        low ^= (u32(SECRET, 0) ^ u32(SECRET, 4)) + seed & M64
        high ^= (u32(SECRET, 8) ^ u32(SECRET, 12)) - seed & M64
        return avalanche_of_xxh64(low), avalanche_of_xxh64(high)
    if size <= 8:
        seed ^= swap32(seed) << 32
        word = u32(data, 0) + (u32(data, size - 4) << 32)
        word ^= (u64(SECRET, 16) ^ u64(SECRET, 24)) + seed & M64
        product = word * (P1 + (size << 2) & M64)
        low, high = product & M64, product >> 64
        high = high + (low << 1) & M64
        low ^= high >> 3
        low ^= low >> 35
        low = low * MX2 & M64
        return low ^ low >> 28, avalanche(high)
    flip_low = (u64(SECRET, 32) ^ u64(SECRET, 40)) - seed & M64
    flip_high = (u64(SECRET, 48) ^ u64(SECRET, 56)) + seed & M64
    first, last = u64(data, 0), u64(data, size - 8)
    product = (first ^ last ^ flip_low) * P1
    low, high = (product & M64) + (size - 1 << 54) & M64, product >> 64
    last ^= flip_high
    high = high + last + (last & M32) * (P32_2 - 1) & M64
    low ^= swap64(high)
    product = low * P2
    return avalanche(product), avalanche((product >> 64) + high * P2)


def mix32(acc, data, one, two, key, seed):
    low, high = acc
    low = low + mix16(data, one, key, seed) & M64
    low ^= u64(data, two) + u64(data, two + 8) & M64
    high = high + mix16(data, two, key + 16, seed) & M64
    high ^= u64(data, one) + u64(data, one + 8) & M64
    return low, high


def digest_240(data, seed):
    size = len(data)
    acc = (size * P1 & M64, 0)
    if size <= 128:
        for i in reversed(range((size - 1) // 32 + 1)):
            acc = mix32(acc, data, 16 * i, size - 16 * (i + 1), 32 * i, seed)
    else:
        for at in range(0, 128, 32):
            acc = mix32(acc, data, at, at + 16, at, seed)
        acc = (avalanche(acc[0]), avalanche(acc[1]))
        for at in range(128, size - 31, 32):
            acc = mix32(acc, data, at, at + 16, at - 128 + 3, seed)
        acc = mix32(acc, data, size - 16, size - 32, 136 - 17 - 16, -seed & M64)
    low, high = acc
    mixed = low * P1 + high * P4 + (size - seed) * P2
    return avalanche(low + high), -avalanche(mixed) & M64


def xxh3_128(data, seed=0):
    """The digest in its canonical order, 16 bytes."""
    size = len(data)
    if size <= 16:
        low, high = digest_16(data, seed)
    elif size <= 240:
        low, high = digest_240(data, seed)
    else:
        key = key_of_seed(seed)
        acc = accumulate(data, key)
        low = merge(acc, key, 11, size * P1)
        high = merge(acc, key, len(key) - STRIPE - 11, ~(size * P2) & M64)
    return (high << 64 | low).to_bytes(16, "big")
