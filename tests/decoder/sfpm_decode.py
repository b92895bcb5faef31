#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints what is in images, one fact a line, after checking every byte of them.

sfpm_decode.py [--key-file FILE | --passphrase TEXT] [--base FILE]
               [--verdict | --flips N] IMAGE...

Written from sfpm-image(5) alone, to show that the page says all. After the facts
stands whether the image is accepted; if not, the reason is on standard error, and
the exit status is 1. Facts of images that only have a torn tail are printed, too.
--verdict leaves the facts out. --flips counts how many images that differ in one
bit, every Nth, are rejected.
"""

import argparse
import hashlib
import sys

from image import Image
from layout import FLAGS, Fault, Torn
from seal import Secret
from version1 import Version1


def show(text):
    return "".join(chr(b) if 0x21 <= b <= 0x7E and b != 0x5C else "\\x%02x" % b
                   for b in text)


def facts_of_region(where, region, chunks):
    contents = hashlib.sha256()
    for chunk in chunks:
        contents.update(chunk)
    yield "%s name %s" % (where, show(region.name))
    yield "%s size %d" % (where, region.size)
    names = [name for bit, name in enumerate(FLAGS) if region.flags >> bit & 1]
    yield "%s flags %s" % (where, ",".join(names))
    yield "%s digest %s" % (where, region.digest.hex())
    yield "%s contents %s" % (where, contents.hexdigest())


def facts_of_commit(commit):
    index, trailer = commit.index, commit.trailer
    where = "commit %d" % index.number
    yield "%s end %d" % (where, trailer.end)
    yield "%s digest %s" % (where, index.state_digest().hex())
    for name in ("parent", "state", "seconds", "nanoseconds", "bytecode", "schema"):
        yield "%s %s %d" % (where, name, getattr(index, name))
    for name in ("description", "message", "creator", "architecture", "build_id"):
        yield "%s %s %s" % (where, name, show(getattr(index, name)))
    for key, value in index.attributes:
        yield "%s attribute %s %s" % (where, show(key), show(value))
    for i, region in enumerate(index.regions):
        yield from facts_of_region("%s region %d" % (where, i), region,
                                   commit.chunks(region))


def facts_of_image(image):
    yield "format 2"
    yield "id %s" % image.trailers[0].id.hex()
    for trailer in image.trailers:
        yield from facts_of_commit(image.commit(trailer.number))


def facts_of_version1(image):
    yield "format 1"
    yield "seconds %d" % image.seconds
    yield "description %s" % show(image.description)
    for i, (name, dynamic, contents) in enumerate(image.regions):
        yield "region %d name %s" % (i, show(name))
        yield "region %d size %d" % (i, len(contents))
        yield "region %d flags %s" % (i, "dynamic" if dynamic else "")
        yield "region %d contents %s" % (i, hashlib.sha256(contents).hexdigest())


def facts(data, path, options, secret):
    """All facts of an image, and the fault that does not keep it from being used."""
    if data[:4] == b"MPFS":
        return list(facts_of_version1(Version1(data))), None
    image = Image(path, secret, options.base, data=data)
    found = list(facts_of_image(image))
    try:
        image.check_every_byte()
    except Torn as fault:
        return found, fault
    return found, None


def is_rejected(data, path, options, secret):
    try:
        return facts(data, path, options, secret)[1] is not None
    except Fault:
        return True


def count_flips(data, path, options, secret):
    """Prints how many images with one bit changed there are, and are rejected."""
    bits = range(0, 8 * len(data), options.flips)
    rejected = 0
    for bit in bits:
        changed = bytearray(data)
        changed[bit >> 3] ^= 1 << (bit & 7)
        good = is_rejected(bytes(changed), path, options, secret)
        rejected += good
        if not good:
            print("bit %d of byte %d does not matter" % (bit & 7, bit >> 3))
    print("flips %d rejected %d" % (len(bits), rejected))


def decode(path, options, secret):
    """Whether all is well."""
    with open(path, "rb") as file:
        data = file.read()
    print("image", path)
    if options.flips:
        count_flips(data, path, options, secret)
        return True
    found, fault = [], None
    try:
        found, fault = facts(data, path, options, secret)
    except Fault as reason:
        fault = reason
    if not options.verdict:
        for fact in found:
            print(fact)
    print("rejected" if fault else "accepted")
    if fault:
        print("%s: %s" % (path, fault), file=sys.stderr)
    return fault is None


def read_secret(options):
    if options.key_file:
        with open(options.key_file, "rb") as file:
            return Secret(key=file.read())
    if options.passphrase is not None:
        return Secret(passphrase=options.passphrase.encode())
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--key-file")
    parser.add_argument("--passphrase")
    parser.add_argument("--base")
    parser.add_argument("--flips", type=int, default=0)
    parser.add_argument("--verdict", action="store_true")
    parser.add_argument("images", nargs="+")
    options = parser.parse_args()
    secret = read_secret(options)
    good = [decode(path, options, secret) for path in options.images]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
