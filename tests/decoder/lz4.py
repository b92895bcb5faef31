# SPDX-License-Identifier: MIT
"""Raw lz4 blocks, after the published description of them."""


class Lz4Error(Exception):
    pass


def read_length(block, at, length):
    """A length whose first four bits were 15 goes on in bytes."""
    while True:
        if at >= len(block):
            raise Lz4Error("ends within a length")
        length += block[at]
        at += 1
        if block[at - 1] != 255:
            return at, length


def lz4_decode(block, size):
    """Exactly `size` bytes."""
    out = bytearray()
    at = 0
    while at < len(block):
        token = block[at]
        at, length = (read_length(block, at + 1, 15) if token >> 4 == 15
                      else (at + 1, token >> 4))
        if length > len(block) - at or len(out) + length > size:
            raise Lz4Error("literals beyond the end")
        out += block[at:at + length]
        at += length
        if at == len(block):
            break
        if len(block) - at < 2:
            raise Lz4Error("ends within a distance")
        distance = block[at] | block[at + 1] << 8
        at, length = (read_length(block, at + 2, 15) if token & 15 == 15
                      else (at + 2, token & 15))
        length += 4
        if distance == 0 or distance > len(out) or len(out) + length > size:
            raise Lz4Error("a match beyond the ends")
        copy_match(out, distance, length)
        if at == len(block):
            raise Lz4Error("ends with a match")
    if len(out) != size:
        raise Lz4Error("%d bytes, expected %d" % (len(out), size))
    return bytes(out)


def copy_match(out, distance, length):
    """Copies from `distance` back; the copy may overlap what it makes."""
    start = len(out) - distance
    if distance >= length:
        out += out[start:start + length]
        return
    pattern = bytes(out[start:])
    out += (pattern * (length // distance + 1))[:length]
