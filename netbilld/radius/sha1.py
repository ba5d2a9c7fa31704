"""SHA-1 as MS-CHAP wants it (RFC 2759 §8), the quickest there is: seven of them go into a log-in."""

from collections.abc import Callable


def _choose_sha1() -> Callable[[bytes], bytes]:
    """Return the interpreter's own where it has one: half the cost of hashlib's, which asks OpenSSL for every hash."""
    try:
        # Private to CPython: it may be absent, and nobody describes its types.
        from _sha1 import sha1 as own_sha1  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:  # pragma: no cover - only on interpreters built without it
        from hashlib import sha1 as openssl_sha1  # noqa: PLC0415 - the fallback

        def sha1_of_openssl(message: bytes) -> bytes:
            return openssl_sha1(message, usedforsecurity=False).digest()

        return sha1_of_openssl

    def sha1_of_python(message: bytes) -> bytes:
        digest: bytes = own_sha1(message).digest()
        return digest

    return sha1_of_python


sha1: Callable[[bytes], bytes] = _choose_sha1()
