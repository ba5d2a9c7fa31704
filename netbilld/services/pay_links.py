"""Links to pay by: of an invoice, or of all that a subscriber owes; whoever has one may pay and sees little else.

`INV-202601-000123.7KQ2M4XA9DTRWZ6C`: a number, and an HMAC of it under a key that never leaves the key file. So a link
can't be guessed, nor made of another; nothing is stored, and it is the same as long as the key is.
"""

import base64
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import quote

_PURPOSE: Final = "payment link"
_LETTERS: Final = 16  # of 5 bits each
LONGEST_TOKEN: Final = 100


class LinkKind(StrEnum):
    INVOICE = "invoice"
    SUBSCRIBER = "subscriber"


@dataclass(frozen=True, slots=True)
class Target:
    """What a link is of."""

    kind: LinkKind
    number: str


class Box(Protocol):
    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


def pay_token(box: Box, target: Target) -> str:
    """Return the token of a link."""
    return f"{target.number}.{_mark(box, target)}"


def pay_url(public_url: str, token: str) -> str:
    """Return the link itself."""
    return f"{public_url}/bayar/{quote(token, safe='')}"


def target_of(box: Box, token: str) -> Target | None:
    """Return what a token is of; None where it is none of ours."""
    number, dot, mark = token.strip().rpartition(".")
    if not dot or not number or len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        return None
    for kind in LinkKind:
        target = Target(kind, number)
        if hmac.compare_digest(mark.upper().encode(), _mark(box, target).encode()):
            return target
    return None


def _mark(box: Box, target: Target) -> str:
    said = f"{target.kind.value}\x1f{target.number}"
    return base64.b32encode(box.keyed_digest(_PURPOSE, said.encode())).decode()[:_LETTERS]
