"""PAP hiding, CHAP and salted hiding, and the comparing of secrets in constant time."""

from hmac import compare_digest

from netbilld.radius.authenticator import Secret, md5
from netbilld.radius.errors import EncodeError

BLOCK_OCTETS = 16
MAX_PASSWORD_OCTETS = 128


def hide_password(password: bytes, secret: Secret, authenticator: bytes) -> bytes:
    """Return `password` as User-Password carries it (RFC 2865 §5.2); an empty one fills a block too.

    Raises:
        EncodeError: it has more than 128 octets.
    """
    if len(password) > MAX_PASSWORD_OCTETS:
        raise EncodeError(f"password of {len(password)} octets; at most {MAX_PASSWORD_OCTETS} fit")
    blocks = max(1, -(-len(password) // BLOCK_OCTETS))
    return _hide(password.ljust(blocks * BLOCK_OCTETS, b"\0"), secret, authenticator)


def reveal_password(hidden: bytes, secret: Secret, authenticator: bytes) -> bytes | None:
    """Return the password in User-Password without its padding, or None if the length is impossible (RFC 2865 §5.2).

    No octets at all, which some NAS send for a MAC log-in, is an empty password.
    """
    size = len(hidden)
    if size == BLOCK_OCTETS:
        stream = secret.md5_before(authenticator)
        clear = int.from_bytes(hidden, "big") ^ int.from_bytes(stream, "big")
        return clear.to_bytes(BLOCK_OCTETS, "big").rstrip(b"\0")
    if size % BLOCK_OCTETS or size > MAX_PASSWORD_OCTETS:
        return None
    return _reveal(hidden, secret, authenticator).rstrip(b"\0")


def verify_chap(chap_password: bytes, challenge: bytes, password: bytes) -> bool:
    """Tell whether CHAP-Password (identifier and 16 octets) answers `challenge` (RFC 2865 §5.3, RFC 1994 §4.1).

    `challenge` is CHAP-Challenge where present, else the Request Authenticator.
    """
    return len(chap_password) == 17 and compare_digest(
        md5(chap_password[:1] + password + challenge).digest(), chap_password[1:]
    )


def hide_salted(value: bytes, salt: bytes, secret: Secret, request_authenticator: bytes) -> bytes:
    """Return salt and hidden value of MS-MPPE keys and Tunnel-Password (RFC 2548 §2.4.2, RFC 2868 §3.5).

    `salt` is 2 octets, the first bit set, different for every attribute of a packet.

    Raises:
        EncodeError: the salt is not such, or the value has more than 239 octets.
    """
    if len(salt) != 2 or salt[0] < 0x80:
        raise EncodeError("a salt is 2 octets with the first bit set")
    if len(value) > 239:
        raise EncodeError(f"value of {len(value)} octets is too long to hide; at most 239 fit")
    clear = bytes((len(value),)) + value
    clear = clear.ljust(-(-len(clear) // BLOCK_OCTETS) * BLOCK_OCTETS, b"\0")
    return salt + _hide(clear, secret, request_authenticator + salt)


def hide_key(key: bytes, salt: bytes, secret: Secret, request_authenticator: bytes) -> bytes:
    """Return what `hide_salted` does for a key of 16 octets, its two blocks unrolled; the salt must be right."""
    stream = int.from_bytes(secret.md5_before(request_authenticator + salt), "big")
    first = (int.from_bytes(b"\x10" + key[:15], "big") ^ stream).to_bytes(BLOCK_OCTETS, "big")
    second = (key[15] << 120) ^ int.from_bytes(secret.md5_before(first), "big")
    return salt + first + second.to_bytes(BLOCK_OCTETS, "big")


def reveal_salted(hidden: bytes, secret: Secret, request_authenticator: bytes) -> bytes | None:
    """Return the value hidden by `hide_salted`, or None if it can't be one."""
    if len(hidden) < 2 + BLOCK_OCTETS or (len(hidden) - 2) % BLOCK_OCTETS:
        return None
    clear = _reveal(hidden[2:], secret, request_authenticator + hidden[:2])
    return clear[1 : 1 + clear[0]] if clear[0] < len(clear) else None


def _hide(clear: bytes, secret: Secret, start: bytes) -> bytes:
    hidden = b""
    previous = start
    for at in range(0, len(clear), BLOCK_OCTETS):
        stream = int.from_bytes(secret.md5_before(previous), "big")
        previous = (int.from_bytes(clear[at : at + BLOCK_OCTETS], "big") ^ stream).to_bytes(BLOCK_OCTETS, "big")
        hidden += previous
    return hidden


def _reveal(hidden: bytes, secret: Secret, start: bytes) -> bytes:
    clear = b""
    previous = start
    for at in range(0, len(hidden), BLOCK_OCTETS):
        block = hidden[at : at + BLOCK_OCTETS]
        clear += _xor(block, secret.md5_before(previous))
        previous = block
    return clear


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(BLOCK_OCTETS, "big")
