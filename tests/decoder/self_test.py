# SPDX-License-Identifier: MIT
"""Known answers, so that a decoder that agrees does so for the right reasons."""

import sys

from aesgcm import Gcm, encrypt_block, expand_key, hkdf
from xxh3 import xxh3_64, xxh3_128

# Of the first bytes of the generator below, as the reference implementation has them:
# size, seed, 64 bits, 128 bits.
SUMS = """
0 0 2d06800538d394c2 99aa06d3014798d86001c324468d497f
0 120 58cf90ab56b2d966 fa2ca04671dea48bc45e75691b68a22c
1 0 e5e62017e96f839c 9a0f174ae92e6df2e5e62017e96f839c
1 120 d23b89dc24106c69 b6b0b549b5d03ecad23b89dc24106c69
3 0 d3bcc83c6f14e70f da47c2149249db69d3bcc83c6f14e70f
3 120 1670a3995e13cdc3 b003362e6cbb55281670a3995e13cdc3
4 0 c7f159f34b126cb4 504303785d7b5ac9e267cf807951fe26
4 120 c2781c881a8878c0 5f5d45417c87d4de5d4400aae1026a1b
8 0 0f25a2a1cc43dda2 e4f1bc54c38ed231ec0b5b60d4670d0e
8 120 8cc713f8bb91cdd8 fe7c29b03e14890ba19e8232d962cd21
9 0 1e3be9699baa50cf 046e6473695659653b1764b161f03ecd
9 120 ade1bbc18d40c562 8111c82ea124dafe17a86bec863b60a7
16 0 9ec324145cea1dcb 82d56864b86d46550c85c3b7b344cfaf
16 120 342c35fdfb067191 e4ad49273046895ba91ca99aaa0fa1d2
17 0 48f3651d7436310a e07226299d418421ee80c12e2eaa110d
17 120 26f37d799c557702 d6e72824de4345bc191eb3b8633c5c5f
32 0 3ecd923442085a0d 064ad1b44ce81ec6f852b8182febef65
32 120 02c9b101f8fb011c 2f44ffe5e7178409b760be3dff019e38
33 0 0afebb54eff3a3b5 79222b34b5dc6369b28082a9aad3b9d5
33 120 7251c80804a14538 7a07dd392598a477f7dfc7e57350787d
128 0 5d813d42c0005ea8 4a4e39fcfa4515aa08d61631b87e5395
128 120 50868a717ee316c4 9838acd26d2a1878f371525499c7b714
129 0 c61639b552225575 5d41bb88ee7f7e4511b15591bb767e79
129 120 ff63b8825b6d5013 5279dbcefbb4cde41190eaeec12df565
240 0 7d85b8d4f8b10c82 f92b835add69c25d4627a2b0d94e7351
240 120 248dcf0b08725ad2 132bdc9bc236cfb8dcd3ed0bc1a6dad2
241 0 5c56141c894cd97e 80610486edf872df5c56141c894cd97e
241 120 37473e24a58bba85 8db45f26b24652d537473e24a58bba85
1032 0 9c6e962f5af147c0 90eeda3aaf7663e09c6e962f5af147c0
1032 120 e383b765065d3710 cdc75f335e309366e383b765065d3710
1032 0 9c6e962f5af147c0 90eeda3aaf7663e09c6e962f5af147c0
1032 120 e383b765065d3710 cdc75f335e309366e383b765065d3710
4997 0 ad36bb697fed04dd 18ec12b315b2bca2ad36bb697fed04dd
4997 120 71fdee900f247c3f 1fa01e7091cff85371fdee900f247c3f
"""

# FIPS 197, C.3
AES = ("8ea2b7ca516745bfeafc49904b496089", "00112233445566778899aabbccddeeff")

# The specification of GCM, test case 16: key, nonce, associated data, ciphertext, tag.
GCM = ("feffe9928665731c6d6a8f9467308308" * 2, "cafebabefacedbaddecaf888",
       "feedfacedeadbeeffeedfacedeadbeefabaddad2",
       "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
       "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
       "76fc6ece0f4e1768cddf8853bb2d551b")
GCM_PLAIN = ("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
             "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")

# RFC 5869, A.1, the first 32 bytes
HKDF = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


def some_bytes(size):
    x, out = 1, bytearray()
    for _ in range(size):
        x = x * 1103515245 + 12345 & 0xFFFFFFFF
        out.append(x >> 16 & 255)
    return bytes(out)


def check_sums():
    for line in SUMS.split("\n")[1:-1]:
        size, seed, short, long = line.split()
        data = some_bytes(int(size))
        assert "%016x" % xxh3_64(data, int(seed)) == short, line
        assert xxh3_128(data, int(seed)).hex() == long, line


def check_crypt():
    code, plain = (bytes.fromhex(text) for text in AES)
    assert encrypt_block(expand_key(bytes(range(32))), plain) == code
    key, nonce, associated, ciphertext, tag = (bytes.fromhex(text) for text in GCM)
    assert Gcm(key).open(nonce, associated, ciphertext, tag).hex() == GCM_PLAIN
    assert Gcm(key).open(nonce, associated, ciphertext, tag[::-1]) is None
    assert hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))).hex() == HKDF


if __name__ == "__main__":
    check_sums()
    check_crypt()
    sys.exit(0)
