# SPDX-License-Identifier: MIT
"""Keys and boxes: sfpm-image(5), SEALED IMAGES."""

import hashlib
from struct import pack, unpack_from

from aesgcm import Gcm, hkdf
from layout import BOX_EXTRA, HEADER_SIZE, check, read_record

OF_CHUNK, OF_LEAF, OF_INDEX = 1, 2, 3


class Secret:
    """A master key of 32 bytes, or a passphrase."""

    def __init__(self, key=None, passphrase=None):
        self.key, self.passphrase = key, passphrase

    def master_key(self, keys):
        kind, log_n, r, p, salt = unpack_from("<IIII32s", keys)
        check(kind in (0, 1), "corrupt: unknown kind of key")
        if kind == 0:
            check(self.key is not None, "key: needs the master key")
            return self.key
        check(self.passphrase is not None, "key: needs a passphrase")
        check(1 <= log_n <= 20 and log_n < 16 * r and 1 <= r <= 32 and 1 <= p <= 16 and
              128 * r << log_n <= 1 << 30, "unsupported: the cost of scrypt")
        return hashlib.scrypt(self.passphrase, salt=salt, n=1 << log_n, r=r, p=p,
                              maxmem=(1 << 31) - 2, dklen=32)


class Seal:
    """Opens the boxes of one image."""

    def __init__(self, data, header, secret):
        check(secret is not None, "key: the image is sealed")
        self.data, self.header = data, header
        self.ciphers = {}
        keys = read_record(data, HEADER_SIZE, b"KEYS")
        check(keys.size == 48, "corrupt: size of KEYS")
        self.master = secret.master_key(keys.payload(data))

    def cipher(self, at):
        """That of the commit whose SALT record is there."""
        if at not in self.ciphers:
            record = read_record(self.data, at, b"SALT")
            check(record.size == 48, "corrupt: size of SALT")
            salt, told = unpack_from("<32s16s", record.payload(self.data))
            check(hkdf(self.master, salt, b"sfpm key check")[:16] == told, "key: wrong key")
            self.ciphers[at] = Gcm(hkdf(self.master, salt, b"sfpm commit key"))
        return self.ciphers[at]

    def open(self, at, box, what):
        check(len(box) >= BOX_EXTRA, "corrupt: a box of %d bytes" % len(box))
        salt = unpack_from("<Q", box)[0]
        check(HEADER_SIZE <= salt < at, "corrupt: the salt of the box at %d" % at)
        associated = self.header.bytes + box[:16] + pack("<Q", at)
        plain = self.cipher(salt).open(box[8:16] + pack("<I", what), associated,
                                       box[16:-16], box[-16:])
        check(plain is not None, "damaged: the box at %d" % at)
        return plain
