# SPDX-License-Identifier: MIT
"""Bit streams, FSE tables and Huffman codes of zstd, after RFC 8878, section 4."""


class ZstdError(Exception):
    pass


def need(good, what):
    if not good:
        raise ZstdError(what)


class Backward:
    """Bits read from the end; below the first bit there are zeros."""

    def __init__(self, data):
        need(data and data[-1], "no mark at the end of a bit stream")
        self.data = data
        self.left = 8 * len(data) - 9 + data[-1].bit_length()

    def peek(self, count):
        low, top = self.left - count, max(self.left, 0)
        first = max(low, 0)
        bits = int.from_bytes(self.data[first >> 3:(top + 7) >> 3], "little") >> (first & 7)
        bits &= (1 << top - first) - 1 if top > first else 0
        return bits << first - low

    def read(self, count):
        bits = self.peek(count)
        self.left -= count
        return bits


class FseTable:
    """For each state a symbol, the bits to read, and what to add to them."""

    def __init__(self, counts, log):
        size = 1 << log
        self.log, self.symbols = log, [0] * size
        high, position, step = size, 0, (size >> 1) + (size >> 3) + 3
        for symbol, count in enumerate(counts):
            if count == -1:
                high -= 1
                self.symbols[high] = symbol
        for symbol, count in enumerate(counts):
            for _ in range(count):
                self.symbols[position] = symbol
                position = position + step & size - 1
                while position >= high:
                    position = position + step & size - 1
        need(position == 0, "an FSE table that does not come out even")
        following = [abs(count) for count in counts]
        self.bits, self.base = [0] * size, [0] * size
        for state, symbol in enumerate(self.symbols):
            x = following[symbol]
            following[symbol] += 1
            self.bits[state] = log - (x.bit_length() - 1)
            self.base[state] = (x << self.bits[state]) - size

    def next(self, state, stream):
        return self.base[state] + stream.read(self.bits[state])


def single_table(symbol):
    return FseTable([0] * symbol + [1], 0)


def read_fse_table(data, max_log, max_symbol):
    """A table from its description, and the length of that."""
    bits, at = int.from_bytes(data[:256], "little"), 4
    log = (bits & 15) + 5
    need(data and log <= max_log, "an FSE table that is too large")
    counts, remaining = [], 1 << log
    while remaining > 0:
        width = (remaining + 1).bit_length()
        value = bits >> at & (1 << width) - 1
        low = value & (1 << width - 1) - 1
        spare = (1 << width) - 1 - (remaining + 1)
        at += width
        if low < spare:
            value, at = low, at - 1
        elif value >= 1 << width - 1:
            value -= spare
        counts.append(value - 1)
        remaining -= abs(value - 1)
        again = value == 1
        while again:
            zeros = bits >> at & 3
            at += 2
            counts += [0] * zeros
            again = zeros == 3
            need(at <= 8 * len(data), "an FSE table that ends early")
    size = (at + 7) // 8
    need(remaining == 0 and size <= len(data) and len(counts) <= max_symbol + 1,
         "an FSE table that makes no sense")
    return FseTable(counts, log), size


class Huffman:
    def __init__(self, weights):
        total = sum(1 << w - 1 for w in weights if w)
        need(total > 0, "a Huffman code of nothing")
        self.log = total.bit_length()
        left = (1 << self.log) - total
        need(self.log <= 11 and left & left - 1 == 0, "a Huffman code that is not full")
        weights = weights + [left.bit_length()]
        need(len(weights) <= 256, "too many Huffman codes")
        self.codes = []
        for weight in range(1, self.log + 1):
            for symbol, w in enumerate(weights):
                if w == weight:
                    self.codes += [(symbol, self.log + 1 - w)] * (1 << w - 1)
        need(len(self.codes) == 1 << self.log, "a Huffman code that is not full")

    def decode(self, data, size):
        stream = Backward(data)
        out = bytearray()
        while len(out) < size:
            symbol, bits = self.codes[stream.peek(self.log)]
            stream.left -= bits
            out.append(symbol)
        need(stream.left == 0, "a Huffman stream of another length")
        return out


def read_weights(data):
    """Weights that are packed with FSE, by two states in turn."""
    table, at = read_fse_table(data, 6, 255)
    stream = Backward(data[at:])
    weights, states = [], [stream.read(table.log), stream.read(table.log)]
    turn = 0
    while len(weights) < 255:
        weights.append(table.symbols[states[turn]])
        states[turn] = table.next(states[turn], stream)
        turn ^= 1
        if stream.left < 0:
            weights.append(table.symbols[states[turn]])
            return weights
    raise ZstdError("too many Huffman weights")


def read_huffman(data):
    """A code from its description, and the length of that."""
    need(data, "no Huffman code")
    head = data[0]
    if head < 128:
        need(head < len(data), "a Huffman code that ends early")
        return Huffman(read_weights(data[1:1 + head])), 1 + head
    size = (head - 127 + 1) // 2
    need(size < len(data), "a Huffman code that ends early")
    weights = [w for byte in data[1:1 + size] for w in (byte >> 4, byte & 15)]
    return Huffman(weights[:head - 127]), 1 + size
