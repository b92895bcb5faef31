# SPDX-License-Identifier: MIT
"""One zstd frame as sfpm-image(5) has it, after RFC 8878, section 3."""

from entropy import Backward, FseTable, ZstdError, need, read_fse_table, read_huffman, \
    single_table
from lz4 import copy_match

MAX_BLOCK = 1 << 17
LL_BASE = list(range(16)) + [16, 18, 20, 22, 24, 28, 32, 40, 48] + \
    [1 << i for i in range(6, 17)]
LL_BITS = [0] * 16 + [1, 1, 1, 1, 2, 2, 3, 3, 4] + list(range(6, 17))
ML_BASE = list(range(3, 35)) + [35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99] + \
    [3 + (1 << i) for i in range(7, 17)]
ML_BITS = [0] * 32 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5] + list(range(7, 17))
LL_COUNTS = [4, 3] + [2] * 11 + [1] * 3 + [2] * 9 + [3, 2] + [1] * 5 + [-1] * 4
ML_COUNTS = [1, 4, 3] + [2] * 6 + [1] * 37 + [-1] * 7
OF_COUNTS = [1] * 6 + [2] * 3 + [1] * 15 + [-1] * 5


class Kind:
    """One of the three codes of a sequence."""

    def __init__(self, counts, log, max_log, max_symbol):
        self.default = FseTable(counts, log)
        self.max_log, self.max_symbol = max_log, max_symbol


KINDS = (Kind(LL_COUNTS, 6, 9, 35), Kind(OF_COUNTS, 5, 8, 31), Kind(ML_COUNTS, 6, 9, 52))


class Frame:
    """What goes over from block to block."""

    def __init__(self, size):
        self.out, self.size = bytearray(), size
        self.huffman, self.tables = None, [None, None, None]
        self.repeats = [1, 4, 8]

    def literals(self, block):
        """The literals of a block, and the length of their section."""
        need(block, "an empty block")
        kind, form = block[0] & 3, block[0] >> 2 & 3
        head = int.from_bytes(block[:5], "little")
        if kind < 2:
            length = (1, 2, 1, 3)[form]
            wide = head >> 4 & (1 << 8 * length - 4) - 1
            size = head >> 3 & 31 if length == 1 else wide
            need(size <= MAX_BLOCK, "too many literals")
            stored = size if kind == 0 else 1
            need(length + stored <= len(block), "literals that end early")
            data = block[length:length + stored]
            return data * (1 if kind == 0 else size), length + stored
        length, width = (3, 3, 4, 5)[form], (10, 10, 14, 18)[form]
        size, stored = head >> 4 & (1 << width) - 1, head >> 4 + width & (1 << width) - 1
        need(size <= MAX_BLOCK and length + stored <= len(block),
             "literals that end early")
        data = block[length:length + stored]
        if kind == 2:
            self.huffman, used = read_huffman(data)
            data = data[used:]
        need(self.huffman, "literals without a code")
        return self.streams(data, size, form > 0), length + stored

    def streams(self, data, size, four):
        if not four:
            return self.huffman.decode(data, size)
        need(len(data) >= 6, "streams that end early")
        ends, at, part = [], 6, (size + 3) // 4
        for i in range(3):
            at += data[2 * i] | data[2 * i + 1] << 8
            ends.append(at)
        need(at < len(data) and size >= 3 * part, "streams that end early")
        out, start = bytearray(), 6
        for i, end in enumerate(ends + [len(data)]):
            count = part if i < 3 else size - 3 * part
            out += self.huffman.decode(data[start:end], count)
            start = end
        return out

    def read_table(self, which, mode, data):
        kind, used = KINDS[which], 0
        if mode == 0:
            self.tables[which] = kind.default
        elif mode == 1:
            need(data and data[0] <= kind.max_symbol, "a symbol beyond the last")
            self.tables[which], used = single_table(data[0]), 1
        elif mode == 2:
            self.tables[which], used = read_fse_table(data, kind.max_log, kind.max_symbol)
        need(self.tables[which], "a table that was never told")
        return used

    def sequences(self, data):
        """Triples of literals, offset value and match length."""
        need(data, "no sequences")
        count, at = data[0], 1
        if count >= 128:
            need(len(data) >= 3, "sequences that end early")
            count, at = ((count - 128 << 8) + data[1], 2) if count < 255 else \
                (data[1] + (data[2] << 8) + 0x7F00, 3)
        if count == 0:
            need(at == len(data), "bytes behind a block")
            return
        need(at < len(data) and data[at] & 3 == 0, "modes of sequences")
        modes, at = data[at], at + 1
        for which, shift in enumerate((6, 4, 2)):
            at += self.read_table(which, modes >> shift & 3, data[at:])
        stream = Backward(data[at:])
        ll, of, ml = self.tables
        a, b, c = (stream.read(table.log) for table in self.tables)
        for i in range(count):
            ll_code, of_code, ml_code = ll.symbols[a], of.symbols[b], ml.symbols[c]
            value = (1 << of_code) + stream.read(of_code)
            match = ML_BASE[ml_code] + stream.read(ML_BITS[ml_code])
            run = LL_BASE[ll_code] + stream.read(LL_BITS[ll_code])
            yield run, value, match
            if i + 1 < count:
                a, c, b = ll.next(a, stream), ml.next(c, stream), of.next(b, stream)
        need(stream.left == 0, "sequences of another length")

    def distance(self, value, run):
        repeats = self.repeats
        if value > 3:
            repeats.insert(0, value - 3)
            repeats.pop()
            return repeats[0]
        which = value - 1 + (run == 0)
        found = repeats[which] if which < 3 else repeats[0] - 1
        if which:
            repeats.insert(0, found)
            repeats.pop(min(which, 2) + 1)
        return found

    def compressed(self, block):
        literals, used = self.literals(block)
        at = 0
        for run, value, match in self.sequences(block[used:]):
            distance = self.distance(value, run)
            need(run <= len(literals) - at, "more literals than there are")
            self.out += literals[at:at + run]
            at += run
            need(1 <= distance <= len(self.out), "a match before the start")
            need(len(self.out) + match <= self.size, "more bytes than expected")
            copy_match(self.out, distance, match)
        self.out += literals[at:]


def read_header(data):
    """The length of a frame's header, and the frame's size."""
    need(data[:4] == b"\x28\xb5\x2f\xfd" and len(data) >= 5, "no zstd frame")
    need(data[4] & 0x2F == 0x20, "a frame of another kind")
    length = (1, 2, 4, 8)[data[4] >> 6]
    need(5 + length <= len(data), "a frame that ends early")
    size = int.from_bytes(data[5:5 + length], "little")
    return 5 + length, size + (256 if length == 2 else 0)


def zstd_decode(data, size):
    """Exactly `size` bytes."""
    at, told = read_header(data)
    need(told == size, "a frame of another size")
    frame, last = Frame(size), False
    while not last:
        need(len(data) - at >= 3, "a frame that ends early")
        head = int.from_bytes(data[at:at + 3], "little")
        last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
        stored = 1 if kind == 1 else length
        need(kind < 3 and length <= MAX_BLOCK, "a block that makes no sense")
        need(stored <= len(data) - at - 3, "a frame that ends early")
        block = data[at + 3:at + 3 + stored]
        if kind == 2:
            frame.compressed(block)
        else:
            frame.out += block * (length if kind == 1 else 1)
        need(len(frame.out) <= size, "more bytes than expected")
        at += 3 + stored
    out = bytes(frame.out)
    need(at == len(data), "bytes behind the frame")
    need(len(out) == size, "%d bytes, expected %d" % (len(out), size))
    return out
