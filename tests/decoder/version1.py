# SPDX-License-Identifier: MIT
"""Images of version 1: sfpm-image(5), VERSION 1."""

from struct import unpack_from

from layout import check

HEADER = 292


class Version1:
    def __init__(self, data):
        check(len(data) >= 8, "truncated: shorter than a header")
        version = unpack_from("<I", data, 4)[0]
        check(version == 1, "unsupported: version %d of the original layout" % version)
        check(len(data) >= HEADER, "truncated: shorter than a header")
        self.seconds, total, num_regions = unpack_from("<QQI", data, 12)
        self.description = data[32:288].split(b"\0")[0]
        self.regions, at = [], HEADER
        for _ in range(num_regions):
            at = self.read_region(data, at)
        check(sum(len(r[2]) for r in self.regions) == total, "corrupt: sum of sizes")
        check(at == len(data), "corrupt: bytes behind the last region")

    def read_region(self, data, at):
        check(len(data) - at >= 13, "truncated: in a region")
        size, dynamic, name_size = unpack_from("<QBI", data, at)
        at += 13
        check(name_size <= 65535, "corrupt: a long name")
        check(name_size <= len(data) - at, "truncated: in a name")
        name = data[at:at + name_size].split(b"\0")[0]
        at += name_size
        check(size <= len(data) - at, "truncated: in the contents of a region")
        self.regions.append((name, dynamic != 0, data[at:at + size]))
        return at + size
