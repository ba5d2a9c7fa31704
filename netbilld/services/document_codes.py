"""The code on each document by which anybody can ask the portal whether it is genuine (INCA-45).

`INV-202601-000123.7KQ2M4XA9DTR`: the number, and an HMAC of what the document says under a key that never leaves the
key file. So a code can't be made without the key, nor moved to a document with another number, day or total.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol
from urllib.parse import quote

_PURPOSE: Final = "document code"
_LETTERS: Final = 12  # of 5 bits each: one in 10¹⁸ by chance
# letters and digits that are read wrongly over the telephone stand for others
_READ_AS: Final = str.maketrans({"0": "O", "1": "I", "8": "B"})


class Box(Protocol):
    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class CodedFacts:
    """What a code vouches for; the total as it was issued, which never changes."""

    kind: str  # invoice, credit_note, receipt
    number: str
    issued_on: date
    currency: str
    total_minor: int


def document_code(box: Box, facts: CodedFacts) -> str:
    """Return the code of a document."""
    return f"{facts.number}.{_mark(box, facts)}"


def is_genuine(box: Box, facts: CodedFacts, mark: str) -> bool:
    """Tell whether the letters after a number are those of the document that has it."""
    read = mark.strip().upper().replace("-", "").replace(" ", "").translate(_READ_AS)
    return hmac.compare_digest(read.encode(), _mark(box, facts).encode())


def split_code(text: str) -> tuple[str, str] | None:
    """Return number and letters of a code as it was typed; None where it can't be one."""
    number, dot, mark = text.strip().rpartition(".")
    if not dot or not number or not mark or len(text) > 100 or not text.isprintable():
        return None
    return number.strip().upper(), mark


def verify_url(public_url: str, code: str) -> str:
    """Return where a code is checked."""
    return f"{public_url}/v/{quote(code, safe='')}"


def _mark(box: Box, facts: CodedFacts) -> str:
    said = "\x1f".join((facts.kind, facts.number, facts.issued_on.isoformat(), facts.currency, str(facts.total_minor)))
    return base64.b32encode(box.keyed_digest(_PURPOSE, said.encode())).decode()[:_LETTERS]
