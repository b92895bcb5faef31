# SPDX-License-Identifier: MIT
"""Images of version 2 and what is in them, with every check of sfpm-image(5)."""

import os
import stat

from layout import (BASE, CHUNK, Fault, Header, Index, LEAF, Leaf, PACKED, PAGE, Torn,
                    align, check, checksum, digest, read_record)
from log import Tiles, find_commits
from lz4 import Lz4Error, lz4_decode
from seal import OF_CHUNK, OF_INDEX, OF_LEAF, Seal
from zstd import ZstdError, zstd_decode

MAX_CHAIN = 16


class Zeros:
    """The sums of zero bytes."""

    def __init__(self):
        self.sums, self.digests = {}, {}

    def sum(self, n):
        if n not in self.sums:
            self.sums[n] = checksum(bytes(n))
        return self.sums[n]

    def leaf_digest(self, n):
        if n not in self.digests:
            sums = [self.sum(min(CHUNK, n - at)) for at in range(0, n, CHUNK)]
            self.digests[n] = digest(b"".join(s.to_bytes(8, "little") for s in sums))
        return self.digests[n]


ZEROS = Zeros()


class Commit:
    def __init__(self, image, trailer):
        self.image, self.trailer = image, trailer
        self.kept = None, None
        record = read_record(image.data, trailer.index, b"INDX")
        check(record.end == trailer.offset, "corrupt: bytes between index and trailer")
        payload = record.payload(image.data)
        check(digest(payload) == trailer.index_digest, "damaged: the digest of the index")
        if image.seal:
            payload = image.seal.open(record.start, payload, OF_INDEX)
        self.index = Index(payload, trailer, image.header)
        self.bound = image.seal is not None and self.take_binding()
        self.base = image.base_of(self.index) if self.index.base_commit else None

    def take_binding(self):
        """Whether the commit names the one before it, which must be right then."""
        value = dict(self.index.attributes).get(b"sfpm.previous")
        if value is None:
            return False
        self.index.attributes = [(key, v) for key, v in self.index.attributes
                                 if key != b"sfpm.previous"]
        before = self.image.trailer_before(self.trailer)
        expected = before.index_digest.hex().encode() if before else b"none"
        check(value == expected, "corrupt: commit %d names another one before it" %
              self.trailer.number)
        return True

    def base_region(self, region):
        check(self.base and 1 <= region.base <= len(self.base.index.regions),
              "corrupt: a region of a base that has no such region")
        return self.base.index.regions[region.base - 1]

    def leaf(self, region, i):
        """The leaf, or None when it is all zero or that of the base."""
        offset, total, leaf_digest = region.leaves[i]
        n = min(LEAF, region.size - i * LEAF)
        if offset == 0:
            check(leaf_digest == ZEROS.leaf_digest(n), "damaged: digest of a zero leaf")
            return None
        if offset == 1:
            theirs = self.base_region(region)
            check(i < len(theirs.leaves) and theirs.leaves[i][2] == leaf_digest,
                  "base: another leaf than expected")
            return None
        return self.image.leaf(offset, total, leaf_digest, n)

    def page_of_base(self, region, page):
        theirs, start = self.base_region(region), page * PAGE
        size = min(PAGE, region.size - start)
        check(start + size <= theirs.size, "corrupt: a page behind the base's region")
        at = start % CHUNK
        return self.base.chunk(theirs, start // CHUNK)[at:at + size]

    def chunk(self, region, number):
        """The bytes of one chunk of a region, checked; the last one is kept."""
        if self.kept[0] != (region, number):
            self.kept = (region, number), self.read_chunk(region, number)
        return self.kept[1]

    def read_chunk(self, region, number):
        start = number * CHUNK
        n = min(CHUNK, region.size - start)
        i = start // LEAF
        leaf = self.leaf(region, i)
        if leaf is None and region.leaves[i][0] == 0:
            return bytes(n)
        if leaf is None:
            data = self.base.chunk(self.base_region(region), number)
            check(len(data) == n, "base: a region of another size")
            return data
        first_page = i * (LEAF // PAGE)
        data = bytearray(align(n, PAGE))
        for extent in leaf.extents:
            self.put_extent(region, extent, data, start // PAGE - first_page, first_page)
        check(not any(data[n:]), "corrupt: bytes behind a region")
        check(self.image.sum(bytes(data[:n])) == leaf.sums[number % (LEAF // CHUNK)],
              "damaged: chunk %d of a region" % number)
        return bytes(data[:n])

    def put_extent(self, region, extent, data, page, first_page):
        """Puts in place what an extent has of a chunk, which begins at `page`."""
        stop = page + len(data) // PAGE
        if extent.stop_page <= page or extent.first >= stop:
            return
        if extent.kind == BASE:
            for p in range(max(page, extent.first), min(stop, extent.stop_page)):
                theirs = self.page_of_base(region, first_page + p)
                data[(p - page) * PAGE:(p - page) * PAGE + len(theirs)] = theirs
            return
        if extent.kind == PACKED:
            size = min(len(data), self.size_in_leaf(region, first_page) - page * PAGE)
            stored = self.image.unpack(extent, size)
        else:
            stored = self.image.data[extent.offset:extent.offset + extent.size]
        at = (extent.first - page) * PAGE
        if at < 0:
            stored, at = stored[-at:], 0
        stored = stored[:len(data) - at]
        data[at:at + len(stored)] = stored

    @staticmethod
    def size_in_leaf(region, first_page):
        return min(LEAF, region.size - first_page * PAGE)

    def chunks(self, region):
        for number in range(align(region.size, CHUNK) // CHUNK):
            yield self.chunk(region, number)

    def check_contents(self, tiles):
        for region in self.index.regions:
            for i in range(len(region.leaves)):
                leaf = self.leaf(region, i)
                if leaf:
                    for extent in leaf.extents:
                        self.check_extent(extent, tiles)
            for _ in self.chunks(region):
                pass

    @staticmethod
    def check_extent(extent, tiles):
        if extent.kind != BASE:
            tiles.name_extent(extent, extent.kind == PACKED)


class Image:
    def __init__(self, path, secret=None, base=None, depth=0, data=None):
        check(depth <= MAX_CHAIN, "base: too many bases")
        self.path, self.secret, self.base, self.depth = path, secret, base, depth
        if data is None:
            with open(path, "rb") as file:
                data = file.read()
        self.data = data
        self.header = Header(self.data)
        self.trailers = find_commits(self.data)
        self.torn = len(self.data) - self.trailers[-1].end
        self.seal = Seal(self.data, self.header, secret) if self.header.sealed else None
        self.leaves, self.unpacked, self.sums = {}, {}, {}
        self.commits = {}
        self.base_commit = None

    def trailer_before(self, trailer):
        at = trailer.number - self.trailers[0].number
        return self.trailers[at - 1] if at > 0 else None

    def base_of(self, index):
        """The commit that a delta is made on, which is the same for all its commits."""
        if not self.base_commit:
            base = Image(self.base_path(index.base_name), self.secret, None, self.depth + 1)
            self.base_commit = base.commit(index.base_commit)
            check(self.base_commit.index.state_digest() == index.base_digest,
                  "base: another state than expected")
        return self.base_commit

    def base_path(self, name):
        if self.base:
            return self.base
        check(name and b"/" not in name, "base: no usable file name")
        directory = os.path.dirname(os.path.abspath(self.path))
        path = os.path.join(directory, os.fsdecode(name))
        check(os.path.lexists(path) and stat.S_ISREG(os.lstat(path).st_mode),
              "base: no regular file of the name given")
        return path

    def commit(self, number):
        first = self.trailers[0].number
        check(0 <= number - first < len(self.trailers), "no commit %d" % number)
        if number not in self.commits:
            self.commits[number] = Commit(self, self.trailers[number - first])
        found = self.commits[number]
        last = self.commit(self.trailers[-1].number) if number - first < \
            len(self.trailers) - 1 else found
        check((found.index.base_commit, found.index.base_digest) ==
              (last.index.base_commit, last.index.base_digest), "corrupt: several bases")
        return found

    def sum(self, data):
        """Zeros are common, and slow to sum."""
        return checksum(data) if data.count(0) < len(data) else ZEROS.sum(len(data))

    def leaf(self, offset, total, leaf_digest, n):
        if (offset, n) not in self.leaves:
            record = read_record(self.data, offset, b"LEAF")
            payload = record.payload(self.data)
            if self.seal:
                payload = self.seal.open(record.start, payload, OF_LEAF)
            self.leaves[offset, n] = record.sum, Leaf(payload, n, offset, bool(self.seal))
        own, leaf = self.leaves[offset, n]
        check(own == total, "damaged: the leaf at %d has another sum" % offset)
        check(leaf.digest == leaf_digest, "damaged: the digest of the leaf at %d" % offset)
        return leaf

    def unpack(self, extent, size):
        key = extent.offset, extent.size, extent.codec, size
        if key not in self.unpacked:
            self.unpacked[key] = self.unpack_now(extent, size)
        return self.unpacked[key]

    def unpack_now(self, extent, size):
        stored = bytes(self.data[extent.offset:extent.offset + extent.size])
        if self.seal:
            stored = self.seal.open(extent.offset, stored, OF_CHUNK)
        where = "damaged: the chunk at %d: " % extent.offset
        try:
            if extent.codec == 1:
                stored = zstd_decode(stored, size)
            elif extent.codec == 2:
                stored = lz4_decode(stored, size)
        except (Lz4Error, ZstdError) as error:
            raise Fault(where + str(error)) from None
        check(len(stored) == size, where + "%d bytes, expected %d" % (len(stored), size))
        return stored

    def check_every_byte(self):
        tiles = Tiles(self.data, self.header, self.trailers)
        bound = False
        for trailer in self.trailers:
            commit = self.commit(trailer.number)
            check(commit.bound or not bound, "corrupt: commit %d names none before it" %
                  trailer.number)
            bound = commit.bound
            commit.check_contents(tiles)
        tiles.check_all_named()
        if self.torn:
            raise Torn("truncated: a torn tail of %d bytes" % self.torn)
