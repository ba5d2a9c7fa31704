"""MD4 (RFC 1320): what the NT hash is made of, and what OpenSSL 3 offers only in its legacy provider."""

import struct
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

_MASK = 0xFFFFFFFF
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_WORDS = struct.Struct("<16I")

# One entry a step: word taken, rotation (RFC 1320 §3.4).
_ROUND_1 = tuple(zip(range(16), (3, 7, 11, 19) * 4, strict=True))
_ROUND_2 = tuple(zip((0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13) * 4, strict=True))
_ROUND_3 = tuple(zip((0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15) * 4, strict=True))


def md4_in_python(message: bytes) -> bytes:
    """Return the MD4 digest of `message`: 16 octets."""
    padded = (
        message
        + b"\x80"
        + bytes((55 - len(message)) % 64)
        + (len(message) * 8 & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
    )
    a0, b0, c0, d0 = _START
    for at in range(0, len(padded), 64):
        words = _WORDS.unpack_from(padded, at)
        a, b, c, d = a0, b0, c0, d0
        for word, shift in _ROUND_1:
            total = a + (b & c | ~b & d) + words[word] & _MASK
            a, b, c, d = d, (total << shift | total >> 32 - shift) & _MASK, b, c
        for word, shift in _ROUND_2:
            total = a + (b & c | b & d | c & d) + words[word] + 0x5A827999 & _MASK
            a, b, c, d = d, (total << shift | total >> 32 - shift) & _MASK, b, c
        for word, shift in _ROUND_3:
            total = a + (b ^ c ^ d) + words[word] + 0x6ED9EBA1 & _MASK
            a, b, c, d = d, (total << shift | total >> 32 - shift) & _MASK, b, c
        a0, b0, c0, d0 = a0 + a & _MASK, b0 + b & _MASK, c0 + c & _MASK, d0 + d & _MASK
    return struct.pack("<4I", a0, b0, c0, d0)


class _Md4(hashes.HashAlgorithm):
    name = "md4"
    digest_size = 16
    block_size = 64


def _choose_md4() -> Callable[[bytes], bytes]:
    """Return OpenSSL's where it has the legacy provider, as `cryptography`'s own build does: it costs a twentieth."""
    try:
        fresh = hashes.Hash(_Md4())
        fresh.copy().finalize()
    except UnsupportedAlgorithm:  # pragma: no cover - only where OpenSSL is built without it
        return md4_in_python

    def md4_of_openssl(message: bytes) -> bytes:
        digest = fresh.copy()
        digest.update(message)
        return digest.finalize()

    return md4_of_openssl


md4: Callable[[bytes], bytes] = _choose_md4()
