"""Request Authenticator, Response Authenticator and Message-Authenticator: make and verify.

RFC 2865 §3, RFC 2866 §3, RFC 3579 §3.2, RFC 5176 §3.4. MD5 is the protocol's choice, not ours.
"""

from hmac import compare_digest
from typing import NoReturn, Protocol

from netbilld.model.errors import InvalidInputError
from netbilld.radius.attributes import MESSAGE_AUTHENTICATOR
from netbilld.radius.packet import Packet

ZERO_AUTHENTICATOR = bytes(16)
MESSAGE_AUTHENTICATOR_HEADER = bytes((MESSAGE_AUTHENTICATOR, 18))
_EMPTY_MESSAGE_AUTHENTICATOR = MESSAGE_AUTHENTICATOR_HEADER + ZERO_AUTHENTICATOR

_BLOCK_OCTETS = 64
_INNER_PAD = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD = bytes(octet ^ 0x5C for octet in range(256))


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...
    def copy(self) -> "_Hash": ...


class _HashMaker(Protocol):
    def __call__(self, data: bytes = b"", /) -> _Hash: ...


def _choose_md5() -> _HashMaker:
    """Return the quickest MD5 there is; the interpreter's own also works where OpenSSL forbids MD5."""
    try:
        # Private to CPython: it may be absent, and nobody describes its types.
        from _md5 import md5 as own_md5  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:  # pragma: no cover - only on interpreters built without it
        from hashlib import md5 as openssl_md5  # noqa: PLC0415 - the fallback

        def from_openssl(data: bytes = b"", /) -> _Hash:
            return openssl_md5(data, usedforsecurity=False)

        return from_openssl
    maker: _HashMaker = own_md5
    return maker


md5: _HashMaker = _choose_md5()


class Secret:
    """A shared secret with its hash states prepared, so that a packet costs copies instead of key set-up.

    Neither `repr` nor `str` shows it; equal secrets compare equal.
    """

    __slots__ = ("_inner", "_key", "_outer", "_prefix")

    def __init__(self, secret: bytes) -> None:
        """Prepare `secret`.

        Raises:
            InvalidInputError: the secret is empty (RFC 2865 §3 forbids that).
        """
        if not secret:
            raise InvalidInputError(
                "a RADIUS secret may not be empty",
                hint="use at least 16 random characters, the same on the NAS",
                code="empty_secret",
            )
        self._key = bytes(secret)
        self._prefix = md5(self._key)
        block = self._key if len(self._key) <= _BLOCK_OCTETS else md5(self._key).digest()
        block = block.ljust(_BLOCK_OCTETS, b"\0")
        self._inner = md5(block.translate(_INNER_PAD))
        self._outer = md5(block.translate(_OUTER_PAD))

    def hmac_md5(self, message: bytes) -> bytes:
        """Return HMAC-MD5 of `message` (RFC 2104): 16 octets."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def md5_before(self, message: bytes) -> bytes:
        """Return MD5(secret + message): the key stream of hidden attributes (RFC 2865 §5.2)."""
        state = self._prefix.copy()
        state.update(message)
        return state.digest()

    def md5_after(self, message: bytes) -> bytes:
        """Return MD5(message + secret): the authenticators of RFC 2865 §3 and RFC 2866 §3."""
        return md5(message + self._key).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not to be pickled")


def request_authenticator(secret: Secret, datagram: bytes) -> bytes:
    """Return what Accounting-, CoA- and Disconnect-Requests must carry (RFC 2866 §3, RFC 5176 §2.3)."""
    return secret.md5_after(datagram[:4] + ZERO_AUTHENTICATOR + datagram[20:])


def verify_request_authenticator(packet: Packet, secret: Secret) -> bool:
    """Tell whether the Request Authenticator of an Accounting-, CoA- or Disconnect-Request is right."""
    return compare_digest(request_authenticator(secret, packet.datagram), packet.authenticator)


def response_authenticator(secret: Secret, response: bytes, request_authenticator: bytes) -> bytes:
    """Return the Response Authenticator of `response`, whose own authenticator field is not looked at (RFC 2865 §3)."""
    return secret.md5_after(response[:4] + request_authenticator + response[20:])


def verify_response_authenticator(packet: Packet, secret: Secret, request_authenticator: bytes) -> bool:
    """Tell whether `packet` answers the request that carried `request_authenticator`."""
    return compare_digest(
        response_authenticator(secret, packet.datagram, request_authenticator),
        packet.authenticator,
    )


def message_authenticator(secret: Secret, datagram: bytes, at: int, authenticator: bytes) -> bytes:
    """Return Message-Authenticator for `datagram`, whose 16 octets at `at` count as zero (RFC 3579 §3.2).

    `authenticator` stands in the header: the Request Authenticator of an Access-Request, Status-Server or the request
    that is answered; zero for Accounting-, CoA- and Disconnect-Requests (RFC 5176 §3.4).
    """
    return secret.hmac_md5(datagram[:4] + authenticator + datagram[20:at] + ZERO_AUTHENTICATOR + datagram[at + 16 :])


def verify_message_authenticator(packet: Packet, secret: Secret, authenticator: bytes) -> bool:
    """Tell whether the Message-Authenticator of `packet` is right; False if it has none."""
    at = packet.message_authenticator_at
    if not at:
        return False
    datagram = packet.datagram
    return compare_digest(message_authenticator(secret, datagram, at, authenticator), datagram[at : at + 16])


def sign_response(
    secret: Secret,
    code: int,
    identifier: int,
    request_authenticator: bytes,
    attributes: bytes,
) -> bytes:
    """Return a complete response without Message-Authenticator (RFC 2865 §3, RFC 2866 §3)."""
    length = 20 + len(attributes)
    head = bytes((code, identifier, length >> 8, length & 0xFF))
    return head + secret.md5_after(head + request_authenticator + attributes) + attributes


def sign_response_with_message_authenticator(
    secret: Secret,
    code: int,
    identifier: int,
    request_authenticator: bytes,
    attributes: bytes,
) -> bytes:
    """Return a complete response whose first attribute is Message-Authenticator (RFC 3579 §3.2, CVE-2024-3596).

    First, because an attacker who chooses a prefix of the attributes must not be able to come before it.
    """
    length = 38 + len(attributes)
    head = bytes((code, identifier, length >> 8, length & 0xFF))
    start = head + request_authenticator
    attributes = (
        MESSAGE_AUTHENTICATOR_HEADER + secret.hmac_md5(start + _EMPTY_MESSAGE_AUTHENTICATOR + attributes) + attributes
    )
    return head + secret.md5_after(start + attributes) + attributes
