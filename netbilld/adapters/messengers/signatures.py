"""How webhooks prove where they come from: a keyed digest of the body as it came, or a token signed alike."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from datetime import datetime
from typing import Any, Final

_CLOCKS_DIFFER_SECONDS: Final = 120
_LONGEST_TOKEN: Final = 4096


def hex_sha256(secret: bytes, body: bytes) -> str:
    """Return HMAC-SHA256 of a body in hexadecimal."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def hex_sha512(secret: bytes, body: bytes) -> str:
    """Return HMAC-SHA512 of a body in hexadecimal."""
    return hmac.new(secret, body, hashlib.sha512).hexdigest()


def is_same(given: str, expected: str) -> bool:
    """Tell whether a proof is the expected one, in a time that says nothing; it may hold octets that are no text."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def is_token_of(secret: bytes, token: str, now: datetime) -> bool:
    """Tell whether a JSON Web Token is signed with HS256 by that secret and holds now (RFC 7519)."""
    parts = token.split(".")
    if len(token) > _LONGEST_TOKEN or len(parts) != 3:
        return False
    signed = hmac.new(secret, f"{parts[0]}.{parts[1]}".encode("utf-8", "replace"), hashlib.sha256).digest()
    try:
        head, claims, given = (_decoded(part) for part in parts)
        header, body = json.loads(head), json.loads(claims)
    except (ValueError, Base64Error, RecursionError):
        return False
    if not hmac.compare_digest(signed, given) or not (isinstance(header, dict) and isinstance(body, dict)):
        return False
    return header.get("alg") == "HS256" and _holds(body, now.timestamp())


def _holds(claims: dict[str, Any], now: float) -> bool:
    until, since = claims.get("exp"), claims.get("iat", 0)
    if not (isinstance(until, int | float) and isinstance(since, int | float)):
        return False
    return since - _CLOCKS_DIFFER_SECONDS <= now < until + _CLOCKS_DIFFER_SECONDS


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
