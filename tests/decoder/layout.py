# SPDX-License-Identifier: MIT
"""The structures of format version 2, one by one: sfpm-image(5), HEADER to INDEX."""

from struct import calcsize, error as StructError, unpack_from

from xxh3 import xxh3_64 as checksum, xxh3_128 as digest

PAGE, CHUNK, LEAF = 1 << 12, 1 << 16, 1 << 24
PAGES_OF_LEAF = LEAF // PAGE
HEADER_SIZE, RECORD_HEADER, TRAILER_SIZE = 64, 32, 120
TYPES = (b"DATA", b"LEAF", b"INDX", b"TRLR", b"DEAD", b"KEYS", b"SALT")
SEALED, DELTA = 2, 4
PAGES, PIECE, PACKED, BASE = 1, 2, 3, 4
FLAGS = ("dynamic", "portable", "pointers", "volatile", "secret")
BOX_EXTRA = 32


class Fault(Exception):
    """What is wrong with an image."""


class Torn(Fault):
    """Bytes behind the last commit: what is before them can be used."""


def check(good, what):
    if not good:
        raise Fault(what)


def align(n, unit):
    return (n + unit - 1) // unit * unit


class Header:
    def __init__(self, data):
        check(data[:8] == bytes.fromhex("89534650 0d0a1a0a"), "not an image")
        check(len(data) >= HEADER_SIZE, "truncated: shorter than a header")
        self.bytes = bytes(data[:HEADER_SIZE])
        version, size, _, features, pages, chunks, leaves = unpack_from(
            "<IIQQBBB", data, 8)
        check(unpack_from("<Q", data, 56)[0] == checksum(self.bytes[:56]),
              "damaged: the checksum of the header")
        check(version == 2, "unsupported: format version %d" % version)
        unknown = features & ~(SEALED | DELTA)
        lowest = (unknown & -unknown).bit_length() - 1
        check(unknown == 0, "unsupported: incompatible feature %d" % lowest)
        check(size == 64 and (pages, chunks, leaves) == (12, 16, 8),
              "corrupt: sizes in the header")
        check(not any(self.bytes[35:56]), "corrupt: reserved bytes of the header")
        self.sealed = bool(features & SEALED)
        self.delta = bool(features & DELTA)


class Record:
    """The first 32 bytes of the record at an offset, checked."""

    def __init__(self, data, at):
        where = "the record at %d" % at
        check(at % 8 == 0, "corrupt: %s is not aligned" % where)
        check(len(data) - at >= RECORD_HEADER, "truncated: in %s" % where)
        self.offset = at
        self.type, lead, self.size, self.sum, own = unpack_from("<4sIQQQ", data, at)
        check(own == checksum(data[at:at + 24], at), "damaged: the start of %s" % where)
        check(self.type in TYPES, "corrupt: the type of %s" % where)
        check(lead == 0 or self.type == b"DATA" and lead < PAGE,
              "corrupt: the lead of %s" % where)
        self.start = at + RECORD_HEADER + lead
        self.stop = self.start + self.size
        self.end = align(self.stop, 8)
        check(self.end <= len(data), "truncated: %s ends behind the file" % where)

    def payload(self, data):
        """The payload, its checksum verified."""
        payload = bytes(data[self.start:self.stop])
        check(checksum(payload) == self.sum,
              "damaged: the payload of the record at %d" % self.offset)
        return payload

    def check_filling(self, data):
        check(not any(data[self.offset + RECORD_HEADER:self.start]) and
              not any(data[self.stop:self.end]),
              "corrupt: filling of the record at %d" % self.offset)


def read_record(data, at, expected):
    record = Record(data, at)
    check(record.type == expected, "corrupt: the record at %d is %s, expected %s" %
          (at, record.type.decode(), expected.decode()))
    return record


class Trailer:
    def __init__(self, data, at):
        record = read_record(data, at, b"TRLR")
        check(record.size == TRAILER_SIZE - RECORD_HEADER, "corrupt: size of a trailer")
        payload = record.payload(data)
        (self.id, self.offset, self.number, self.first, self.begin, self.previous,
         self.index, self.index_digest, self.start) = unpack_from("<16s6Q16sQ", payload)
        self.sum, self.end = record.sum, record.end
        check(self.offset == at, "corrupt: a trailer of another place")
        check(1 <= self.first and self.number < 1 << 63 and
              HEADER_SIZE <= self.begin <= self.start <= self.index < at,
              "corrupt: the trailer at %d makes no sense" % at)
        check(self.start == self.begin or self.start % PAGE == 0,
              "corrupt: the first record of the trailer at %d" % at)
        if self.is_oldest():
            good = (self.number == self.first and self.previous == 0 and
                    self.start == self.begin)
        else:
            good = self.number > self.first
        check(good, "corrupt: the number in the trailer at %d" % at)

    def is_oldest(self):
        return self.begin == HEADER_SIZE

    def follows(self, a):
        return ((self.begin, self.previous, self.id, self.first, self.number) ==
                (a.end, a.sum, a.id, a.first, a.number + 1))


class Reader:
    """Takes structures from bytes, one behind the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        try:
            values = unpack_from("<" + form, self.data, self.at)
        except StructError:
            raise Fault("corrupt: the index ends early") from None
        self.skip(calcsize("<" + form))
        return values if len(values) > 1 else values[0]

    def skip(self, size):
        self.at += size

    def left(self):
        return len(self.data) - self.at

    def text(self):
        size = self.take("I")
        check(size <= 65535, "corrupt: a text of %d bytes" % size)
        check(size <= self.left(), "corrupt: a text ends behind the index")
        text = bytes(self.data[self.at:self.at + size])
        self.skip(size)
        check(0 not in text, "corrupt: a text with a zero byte")
        return text


class Region:
    """A region as an index describes it; `leaves` are (offset, sum, digest)."""

    def __init__(self, reader, index_offset):
        self.name = reader.text()
        self.size = reader.take("Q")
        self.flags = reader.take("I")
        self.base = reader.take("I")
        self.address = reader.take("Q")
        self.digest = reader.take("16s")
        check(self.flags < 1 << len(FLAGS), "corrupt: unknown flags of a region")
        num_leaves = align(self.size, LEAF) // LEAF
        check(num_leaves <= reader.left() // 32, "corrupt: leaves that do not fit")
        self.leaves = [self.read_leaf(reader, index_offset) for _ in range(num_leaves)]
        whole = self.size.to_bytes(8, "little") + b"".join(l[2] for l in self.leaves)
        check(digest(whole) == self.digest, "damaged: the digest of a region")

    def read_leaf(self, reader, index_offset):
        leaf = (reader.take("Q"), reader.take("Q"), reader.take("16s"))
        offset, total, _ = leaf
        check(offset in (0, 1) or HEADER_SIZE <= offset < index_offset,
              "corrupt: a leaf at %d" % offset)
        check(offset != 1 or self.base, "corrupt: a leaf of a base, without one")
        check(offset > 1 or total == 0, "corrupt: a sum without a leaf")
        return leaf


class Index:
    def __init__(self, payload, trailer, header):
        r = Reader(payload)
        self.number, self.parent, self.state, self.seconds = r.take("QQQq")
        self.nanoseconds, self.bytecode = r.take("II")
        self.schema = r.take("Q")
        num_attributes, num_regions, self.codec, self.level = r.take("IIIi")
        self.base_commit = r.take("Q")
        self.base_digest = r.take("16s")
        reserved = r.take("Q")
        (self.description, self.message, self.creator, self.architecture,
         self.build_id, self.base_name) = (r.text() for _ in range(6))
        check(self.number == trailer.number, "corrupt: the index of another commit")
        check(self.parent < self.number, "corrupt: the parent")
        check(1 <= self.state <= self.number, "corrupt: the state's number")
        check(self.nanoseconds < 10 ** 9, "corrupt: nanoseconds")
        check(reserved == 0, "corrupt: reserved bytes of the index")
        check(self.base_commit == 0 or header.delta, "corrupt: a base without the feature")
        check(num_attributes <= r.left() // 8, "corrupt: attributes that do not fit")
        self.attributes = [(r.text(), r.text()) for _ in range(num_attributes)]
        keys = [key for key, _ in self.attributes]
        check(all(a < b for a, b in zip(keys, keys[1:])), "corrupt: order of attributes")
        check(num_regions <= r.left() // 44, "corrupt: regions that do not fit")
        self.regions = [Region(r, trailer.index) for _ in range(num_regions)]
        check(self.base_commit or not any(region.base for region in self.regions),
              "corrupt: a region with a base, and there is none")
        check(r.left() == 0, "corrupt: bytes behind the index")

    def state_digest(self):
        whole = len(self.regions).to_bytes(4, "little")
        for region in self.regions:
            whole += len(region.name).to_bytes(4, "little") + region.name
            whole += region.size.to_bytes(8, "little")
            whole += region.flags.to_bytes(4, "little") + region.digest
        return digest(whole)


class Extent:
    def __init__(self, payload, at):
        (self.offset, self.size, self.first, self.count, self.kind,
         self.codec) = unpack_from("<QIHHII", payload, at)
        self.stop_page = self.first + self.count

    def check_kind(self, n, sealed):
        start = self.first * PAGE
        if self.kind != PACKED and self.codec or self.kind in (PAGES, PIECE) and sealed:
            return False
        if self.kind == PAGES:
            return (self.offset % PAGE == 0 and
                    self.size == self.count * PAGE and start + self.size <= n)
        if self.kind == PIECE:
            return (self.count == 1 and 1 <= self.size < PAGE and
                    start + self.size <= n)
        if self.kind == PACKED:
            size = min(CHUNK, n - start)
            return (self.codec <= 2 and start % CHUNK == 0 and start < n and
                    self.count * PAGE == align(size, PAGE) and
                    1 <= self.size <= size + BOX_EXTRA)
        return (self.kind == BASE and self.offset == 0 and
                self.size == 0 and self.stop_page * PAGE <= align(n, PAGE))


class Leaf:
    """What is stored of `n` bytes: sums of chunks, and extents."""

    def __init__(self, payload, n, offset, sealed):
        where = "the leaf at %d" % offset
        num_chunks = align(n, CHUNK) // CHUNK
        check(len(payload) >= 8, "corrupt: size of %s" % where)
        chunks, extents = unpack_from("<II", payload)
        check(chunks == num_chunks and extents <= PAGES_OF_LEAF and
              len(payload) == 8 + 8 * chunks + 24 * extents, "corrupt: size of %s" % where)
        sums_end = 8 + 8 * chunks
        self.sums = unpack_from("<%dQ" % chunks, payload, 8)
        self.digest = digest(payload[8:sums_end])
        self.extents = [Extent(payload, sums_end + 24 * i) for i in range(extents)]
        page = 0
        for extent in self.extents:
            check(extent.first >= page and extent.count > 0, "corrupt: order in %s" % where)
            check(extent.check_kind(n, sealed), "corrupt: an extent of %s" % where)
            if extent.kind != BASE:
                check(HEADER_SIZE <= extent.offset and
                      extent.offset + extent.size <= offset,
                      "corrupt: an extent of %s lies elsewhere" % where)
            page = extent.stop_page
