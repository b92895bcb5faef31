# SPDX-License-Identifier: MIT
"""AES-256-GCM and HKDF with SHA-256. Slow, and not safe from observers: for tests."""

import hashlib
import hmac
from struct import pack, unpack


def double(x):
    return x << 1 ^ (0x11B if x & 0x80 else 0)


def make_boxes():
    """The substitution box, and the tables of columns that rounds are made of."""
    power, log, x = [], [0] * 256, 1
    for i in range(255):
        power.append(x)
        log[x] = i
        x ^= double(x)
    box = []
    for value in range(256):
        y = power[(255 - log[value]) % 255] if value else 0
        s = 0x63
        for turn in range(5):
            s ^= (y << turn | y >> (8 - turn)) & 0xFF
        box.append(s)
    table = [[], [], [], []]
    for s in box:
        column = (double(s), s, s, double(s) ^ s)
        for turn in range(4):
            turned = column[-turn:] + column[:-turn]
            table[turn].append(int.from_bytes(bytes(turned), "big"))
    return box, table


BOX, TABLE = make_boxes()


def substitute(word):
    return (BOX[word >> 24] << 24 | BOX[word >> 16 & 255] << 16 |
            BOX[word >> 8 & 255] << 8 | BOX[word & 255])


def expand_key(key):
    words = list(unpack(">8I", key))
    round_constant = 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = substitute((word << 8 | word >> 24) & 0xFFFFFFFF)
            word ^= round_constant << 24
            round_constant = double(round_constant)
        elif i % 8 == 4:
            word = substitute(word)
        words.append(words[-8] ^ word)
    return words


def encrypt_block(words, block):
    t0, t1, t2, t3 = TABLE
    a, b, c, d = (x ^ k for x, k in zip(unpack(">4I", block), words))
    for i in range(4, 56, 4):
        a, b, c, d = (
            t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ words[i],
            t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ words[i + 1],
            t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ words[i + 2],
            t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ words[i + 3])
    rows = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
    last = (BOX[w >> 24] << 24 | BOX[x >> 16 & 255] << 16 | BOX[y >> 8 & 255] << 8 |
            BOX[z & 255] for w, x, y, z in rows)
    return pack(">4I", *(x ^ k for x, k in zip(last, words[56:60])))


class Gcm:
    """AES-256-GCM with one key and nonces of 12 bytes."""

    def __init__(self, key):
        self.words = expand_key(key)
        self.tables = self.make_tables(encrypt_block(self.words, bytes(16)))

    @staticmethod
    def make_tables(h):
        """For each of the 16 bytes of a number its product with the hash key."""
        products, x = [], int.from_bytes(h, "big")
        for _ in range(128):
            products.append(x)
            x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
        tables = []
        for at in range(0, 128, 8):
            table = [0] * 256
            for bit in range(8):
                for low in range(1 << bit):
                    table[1 << bit | low] = table[low] ^ products[at + 7 - bit]
            tables.append(table)
        return tables

    def hash(self, associated, ciphertext):
        y = 0
        lengths = pack(">QQ", 8 * len(associated), 8 * len(ciphertext))
        for part in (associated, ciphertext, lengths):
            for at in range(0, len(part), 16):
                y ^= int.from_bytes(part[at:at + 16].ljust(16, b"\0"), "big")
                product = 0
                for byte, table in zip(y.to_bytes(16, "big"), self.tables):
                    product ^= table[byte]
                y = product
        return y.to_bytes(16, "big")

    def stream(self, nonce, start, size):
        blocks = [encrypt_block(self.words, nonce + pack(">I", start + i))
                  for i in range((size + 15) // 16)]
        return b"".join(blocks)[:size]

    @staticmethod
    def xor(a, b):
        whole = int.from_bytes(a, "big") ^ int.from_bytes(b, "big")
        return whole.to_bytes(len(a), "big")

    def open(self, nonce, associated, ciphertext, tag):
        """The plaintext, or None when the tag does not fit."""
        mask = self.stream(nonce, 1, 16)
        if not hmac.compare_digest(self.xor(self.hash(associated, ciphertext), mask), tag):
            return None
        return self.xor(ciphertext, self.stream(nonce, 2, len(ciphertext)))


def hkdf(secret, salt, info):
    """The first 32 bytes of HKDF with SHA-256."""
    key = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(key, info + b"\1", hashlib.sha256).digest()
