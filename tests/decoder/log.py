# SPDX-License-Identifier: MIT
"""Commits and their records: sfpm-image(5), COMMITS."""

from struct import unpack_from

from layout import (Fault, HEADER_SIZE, PAGE, Record, TRAILER_SIZE, Trailer, align, check,
                    checksum, read_record)


def read_dead(data, at):
    """What a DEAD record says: begin, length, sum, sum of the trailer before."""
    record = read_record(data, at, b"DEAD")
    check(record.size == 32, "corrupt: size of the DEAD record at %d" % at)
    return unpack_from("<4Q", record.payload(data))


def walk_commit(data, begin, start, before):
    """The trailer of the commit that begins there, or None."""
    try:
        at = start
        while True:
            record = Record(data, at)
            if record.type == b"DEAD" and at != start:
                return None
            if record.type == b"TRLR":
                break
            at = record.end
        trailer = Trailer(data, at)
    except Fault:
        return None
    good = trailer.follows(before) if before else trailer.is_oldest()
    good = good and (trailer.begin, trailer.start) == (begin, start)
    return trailer if good else None


def walk_over_dead(data, begin, before):
    """The commit that passes over dead bytes which begin there, or None."""
    for start in range(align(begin + 1, PAGE), len(data), PAGE):
        try:
            said = read_dead(data, start)
        except Fault:
            continue
        if said[0] == begin and before and said[1:] == (
                start - begin, checksum(bytes(data[begin:start])), before.sum):
            trailer = walk_commit(data, begin, start, before)
            if trailer:
                return trailer
    return None


def walk(data):
    """All whole commits from the front."""
    found, begin = [], HEADER_SIZE
    while True:
        before = found[-1] if found else None
        trailer = (walk_commit(data, begin, begin, before) or
                   walk_over_dead(data, begin, before))
        if not trailer:
            check(found, "truncated: no whole commit")
            check_tail(data, found[-1])
            return found
        found.append(trailer)
        begin = trailer.end


def check_tail(data, last):
    """A later trailer in the torn tail shows that what lies between is damaged."""
    at = data.find(b"TRLR", last.end)
    while at >= 0:
        try:
            trailer = Trailer(data, at)
            check(trailer.id != last.id or trailer.number <= last.number,
                  "corrupt: damage before the trailer at %d" % at)
        except Fault as fault:
            if "damage before" in str(fault):
                raise
        at = data.find(b"TRLR", at + 1)


def find_commits(data):
    """The trailers, the oldest first; behind the last one may be a torn tail."""
    try:
        check(len(data) >= HEADER_SIZE + TRAILER_SIZE, "short")
        chain = [Trailer(data, len(data) - TRAILER_SIZE)]
    except Fault:
        return walk(data)
    while not chain[-1].is_oldest():
        at = chain[-1].begin - TRAILER_SIZE
        check(at >= HEADER_SIZE, "corrupt: no trailer before %d" % chain[-1].begin)
        before = Trailer(data, at)
        check(chain[-1].follows(before), "corrupt: trailers that do not follow")
        chain.append(before)
    return chain[::-1]


class Tiles:
    """The records of all commits, checked, and which DATA bytes extents name."""

    def __init__(self, data, header, trailers):
        self.data, self.header = data, header
        self.plain = []   # payloads of DATA records without a sum: (start, stop)
        self.packed = []  # of those with one
        self.named = set()
        before = None
        for trailer in trailers:
            self.check_commit(trailer, before)
            before = trailer

    def check_commit(self, trailer, before):
        at, types = trailer.start, []
        if trailer.start != trailer.begin:
            dead = bytes(self.data[trailer.begin:trailer.start])
            check(read_dead(self.data, at) == (trailer.begin, len(dead), checksum(dead),
                                               before.sum),
                  "corrupt: the DEAD record at %d" % at)
        while at < trailer.end:
            record = Record(self.data, at)
            record.check_filling(self.data)
            self.take_record(record)
            types.append(record.type)
            if record.type == b"INDX":
                check(at == trailer.index, "corrupt: an index at %d" % at)
            at = record.end
            check(record.type != b"TRLR" or at == trailer.end,
                  "corrupt: a trailer too many")
        check(at == trailer.end, "corrupt: records that end behind the trailer")
        self.check_order(types, trailer)

    def take_record(self, record):
        if record.type == b"DATA" and record.sum == 0:
            self.plain.append((record.start, record.stop))
            return
        record.payload(self.data)
        if record.type == b"DATA":
            self.packed.append((record.start, record.stop))

    def check_order(self, types, trailer):
        expected = [b"DEAD"] if trailer.start != trailer.begin else []
        if self.header.sealed:
            expected += [b"KEYS", b"SALT"] if trailer.is_oldest() else [b"SALT"]
        middle = types[len(expected):-2]
        check(types[:len(expected)] == expected and types[-2:] == [b"INDX", b"TRLR"] and
              all(t in (b"DATA", b"LEAF") for t in middle),
              "corrupt: the order of records in commit %d" % trailer.number)

    def name_extent(self, extent, packed):
        """Notes that an extent names its bytes, which must lie in one record."""
        start, stop = extent.offset, extent.offset + extent.size
        among = self.packed if packed else self.plain
        check(any(a <= start and stop <= b for a, b in among),
              "corrupt: an extent at %d outside of DATA" % start)
        if not packed:
            self.named.add((start, stop))

    def check_all_named(self):
        """No byte of DATA without a sum is left that no extent names."""
        named = sorted(self.named)
        for start, stop in self.plain:
            at = start
            for a, b in named:
                if a <= at < b:
                    at = b
            check(at >= stop, "corrupt: byte %d is named by no extent" % at)
