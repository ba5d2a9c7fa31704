"""Vouchers: codes that are printed or sold, and open a service of their own at their first use."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError

MOST_IN_A_BATCH: Final = 25_000
LONGEST_CODE: Final = 32
# So many codes there are for each that is handed out: who types one at random meets nobody's in ten thousand tries.
ROOM: Final = 10_000
LONGEST_VALIDITY: Final = timedelta(days=366)
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_VALIDITY: Final = re.compile(r"([1-9][0-9]{0,5})\s*([mhdw])")
_PREFIX: Final = re.compile(r"[A-Z0-9]{0,8}")


class CodeKind(StrEnum):
    """What a code consists of; none has letters or digits that are taken for one another in print."""

    DIGITS = "digits"
    LETTERS = "letters"
    MIXED = "mixed"

    @property
    def alphabet(self) -> str:
        """Return the characters."""
        return _ALPHABETS[self]

    @property
    def usual_length(self) -> int:
        """Return how long a code is where nobody says how long."""
        return _LENGTHS[self]


# No I, L, O beside 1 and 0, no U beside V, S and Z beside 5 and 2, B and G beside 8 and 6; no vowels, which make words.
_ALPHABETS: Final = {
    CodeKind.DIGITS: "0123456789",
    CodeKind.LETTERS: "BCDFGHJKMNPQRTVWXY",
    CodeKind.MIXED: "CDFHJKMNPQRTVWXY34679",
}
_LENGTHS: Final = {CodeKind.DIGITS: 10, CodeKind.LETTERS: 8, CodeKind.MIXED: 8}


class ValidFrom(StrEnum):
    FIRST_USE = "first_use"
    SALE = "sale"


class VoucherStatus(StrEnum):
    """Where a voucher stands on record; that it has expired is told by the time as well."""

    CREATED = "created"
    SOLD = "sold"
    ACTIVE = "active"  # used for the first time
    USED_UP = "used_up"  # over before its time: its quota is gone
    EXPIRED = "expired"
    VOID = "void"  # taken back by a person


UNUSED: Final = frozenset((VoucherStatus.CREATED, VoucherStatus.SOLD))


@dataclass(frozen=True, slots=True)
class Batch:
    """Vouchers that were made together.

    Attributes:
        number: counted from 1; people see `V0001`.
        plan_version_id: what a voucher's service has; its allowances are the voucher's for its whole time.
        has_password: each code has a password of its own beside it; else the code is its password.
        validity_seconds: from the first use or the sale on.
        is_only_sold: it works only once its sale is on record.
        use_by_at: who has not begun by then can't any more.
        price_minor: what the buyer pays; agent_price_minor: what an agent pays for it.
        is_online: they are sold in the captive portal too: one more is made for each that is paid there.
    """

    id: UUID
    number: int
    name: str
    plan_version_id: UUID
    plan: str
    count: int
    code_kind: CodeKind
    has_password: bool
    validity_seconds: int
    valid_from: ValidFrom
    is_only_sold: bool
    use_by_at: datetime | None
    price_minor: int
    agent_price_minor: int
    currency: str
    timezone: str
    created_at: datetime
    actor: str
    is_online: bool = False

    @property
    def label(self) -> str:
        """Return how people call it."""
        return batch_label(self.number)


@dataclass(frozen=True, slots=True)
class Voucher:
    """One code, without the code.

    Attributes:
        id: also of its service and credential, from the first use on.
        position: within its batch, counted from 1.
        valid_until_at: known from the sale or the first use on.
        first_nas_id: where it was used first.
    """

    id: UUID
    batch_id: UUID
    position: int
    status: VoucherStatus
    sale_id: UUID | None = None
    sold_at: datetime | None = None
    first_used_at: datetime | None = None
    first_nas_id: UUID | None = None
    valid_until_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None

    def status_at(self, now: datetime) -> VoucherStatus:
        """Return where it stands at that moment."""
        if self.status in (VoucherStatus.SOLD, VoucherStatus.ACTIVE) and (
            self.valid_until_at is not None and self.valid_until_at <= now
        ):
            return VoucherStatus.EXPIRED
        return self.status


@dataclass(frozen=True, slots=True)
class SealedVoucher:
    """What a store holds of a code that may be used: nothing that is of use without the key."""

    id: UUID
    batch_id: UUID
    code_sealed: bytes = field(repr=False)
    password_sealed: bytes | None = field(repr=False)  # None: the code is its password


def batch_label(number: int) -> str:
    """Return how people call a batch: V0001."""
    return f"V{number:04d}"


def batch_number(text: str) -> int:
    """Return the number of a batch as it is written: V0001, or 1.

    Raises:
        InvalidInputError: it is no such number.
    """
    written = text.strip().upper().removeprefix("V")
    if not written.isdecimal() or not written.isascii() or len(written) > 9:
        raise InvalidInputError(f"batch {text!r}: write it as V0001")
    return int(written)


def code_place(voucher_id: UUID) -> str:
    """Return where a sealed code belongs."""
    return f"voucher.code:{voucher_id}"


def shown_code(code: str) -> str:
    """Return a code as it is printed: in groups of four, which nobody need type."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4)) if len(code) > 6 else code


def typed_code(text: str) -> str:
    """Return a code as it is stored from how somebody wrote it: spaces, dashes and letter case do not count."""
    return re.sub(r"[\s\-.]", "", text).upper()[: LONGEST_CODE * 2]


def parse_validity(text: str) -> int:
    """Return seconds from how long a voucher is valid: 90m, 3h, 1d, 30d, 1w. A day is 24 hours.

    Raises:
        InvalidInputError: it is written otherwise, or longer than a year.
    """
    found = _VALIDITY.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not found or not 60 <= seconds <= LONGEST_VALIDITY.total_seconds():
        raise InvalidInputError(f"validity {text!r}: write 90m, 3h, 1d, 30d or 1w, up to a year")
    return seconds


def validity_text(seconds: int) -> str:
    """Return how long it is valid in the largest unit that fits: 30d, 3h, 90m."""
    for unit in ("d", "h", "m"):
        if seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def check_codes(kind: CodeKind, length: int, prefix: str, count: int) -> None:
    """Do nothing where so many codes of that sort can be handed out.

    Raises:
        InvalidInputError: too many or none, a prefix that can't be typed, or codes that could be guessed.
    """
    if not 1 <= count <= MOST_IN_A_BATCH:
        raise InvalidInputError(f"a batch has 1 to {MOST_IN_A_BATCH} vouchers, not {count}", code="bad_count")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidInputError("a prefix is up to 8 capital letters and digits", code="bad_prefix")
    if not 4 <= length <= LONGEST_CODE - len(prefix):
        raise InvalidInputError(f"a code is 4 to {LONGEST_CODE - len(prefix)} characters long", code="bad_length")
    if len(kind.alphabet) ** length < count * ROOM:
        least = next(size for size in range(4, LONGEST_CODE + 1) if len(kind.alphabet) ** size >= count * ROOM)
        raise InvalidInputError(
            f"codes of {length} {kind} could be guessed among {count}; take at least {least}",
            code="guessable",
            values={"least": least},
        )


def make_codes(
    kind: CodeKind,
    length: int,
    prefix: str,
    count: int,
    entropy: Callable[[int], bytes],
    taken: Collection[str] = (),
) -> list[str]:
    """Return so many different codes of that sort, none of which is taken; `entropy` gives unpredictable octets."""
    alphabet = kind.alphabet
    size = len(alphabet)
    bound = 256 - 256 % size  # octets beyond would make some characters likelier than others
    found: dict[str, None] = {}
    letters: list[str] = []
    while len(found) < count:
        wanted = (count - len(found)) * length
        letters += [alphabet[octet % size] for octet in entropy(wanted + wanted // 4 + 16) if octet < bound]
        whole = len(letters) // length * length
        for at in range(0, whole, length):
            code = prefix + "".join(letters[at : at + length])
            if code not in taken and len(found) < count:
                found[code] = None
        letters = letters[whole:]
    return list(found)
