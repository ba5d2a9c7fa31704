"""DES of one block under three keys, which is all that MS-CHAP wants of it (RFC 2433 §A.4).

OpenSSL's own functions are called directly where its library is found: through `cryptography` a log-in costs 30 µs
more, as DES alone is no longer offered there and Triple DES needs a context for each key.
"""

import ctypes
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

THREE_KEYS_OCTETS: Final = 24
BLOCK_OCTETS: Final = 8
_LIBRARY: Final = "libcrypto.so.3"
_ECB: Final = modes.ECB()  # noqa: S305 - one block, as RFC 2433 §A.4 has it
_ENCRYPT: Final = 1
_Schedule: Final = ctypes.c_char * 128  # <openssl/des.h>: sixteen rounds of eight octets
_Answer: Final = ctypes.c_char * THREE_KEYS_OCTETS

Encrypt = Callable[[bytes, bytes], bytes]


def des_by_cryptography(keys: bytes, block: bytes) -> bytes:
    """Return `block`, 8 octets, under each of three keys of 8 octets: 24 octets."""
    # Triple DES under one key three times over is DES
    return b"".join(
        [
            Cipher(TripleDES(keys[at : at + 8] * 3), _ECB).encryptor().update(block)
            for at in range(0, THREE_KEYS_OCTETS, 8)
        ]
    )


def _of_openssl() -> Encrypt:
    """Return the same by OpenSSL's functions.

    Raises:
        OSError: the library is not here.
        AttributeError: it is built without them.
    """
    library = ctypes.PyDLL(_LIBRARY)  # shorter than a hand-over of the interpreter's lock, so it is kept
    set_key, encrypt = library.DES_set_key_unchecked, library.DES_ecb_encrypt
    set_key.argtypes, set_key.restype = [ctypes.c_char_p, ctypes.c_void_p], None
    encrypt.argtypes, encrypt.restype = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int], None
    address_of = ctypes.addressof

    def des_of_openssl(keys: bytes, block: bytes) -> bytes:
        if len(keys) != THREE_KEYS_OCTETS or len(block) != BLOCK_OCTETS:  # the functions below look at no length
            raise ValueError("DES takes three keys and a block of 8 octets each")
        kept, answer = _Schedule(), _Answer()
        schedule, out = address_of(kept), address_of(answer)
        set_key(keys[:8], schedule)
        encrypt(block, out, schedule, _ENCRYPT)
        set_key(keys[8:16], schedule)
        encrypt(block, out + 8, schedule, _ENCRYPT)
        set_key(keys[16:], schedule)
        encrypt(block, out + 16, schedule, _ENCRYPT)
        return answer.raw

    return des_of_openssl


def _choose() -> Encrypt:
    keys, block = bytes(range(THREE_KEYS_OCTETS)), bytes(range(BLOCK_OCTETS))
    try:
        chosen = _of_openssl()
    except (OSError, AttributeError):  # pragma: no cover - only where OpenSSL is another or built without DES
        return des_by_cryptography
    return chosen if chosen(keys, block) == des_by_cryptography(keys, block) else des_by_cryptography


des: Final[Encrypt] = _choose()
