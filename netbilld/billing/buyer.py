"""Who an invoice is made out to, as far as taxes ask: a person or company, identities, and what kind of faktur."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError

HEAD_OFFICE: Final = "000000"
TRX_CODES: Final = tuple(f"{number:02}" for number in range(1, 11))
_NPWP_MARKS: Final = re.compile(r"[.\- ]")


class BuyerKind(StrEnum):
    PERSON = "person"
    COMPANY = "company"


class FakturKind(StrEnum):
    """How a sale to the buyer is reported."""

    NONE = "none"
    RETAIL = "retail"  # digunggung: in one sum, without the buyer
    FULL = "full"  # a faktur for each invoice


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is known of a subscriber as a buyer; the NIK itself is sealed and only its masked form is here.

    Attributes:
        name: on invoices; None: the subscriber's.
        address: on invoices; None: the subscriber's.
        tax_id: NPWP, 16 digits.
        branch: the last 6 digits of the buyer's IDTKU.
        nik_masked: `327301******0001`.
        faktur: None: what the settings say.
        trx_code: of the faktur, where it is not the tax rule's: 02 and 03 keep the PPN, 07 and 08 have none.
        withholds_pph23: keeps PPh 23 of what it pays.
        exempt: nothing sold to it is taxed.
    """

    subscriber_id: UUID
    kind: BuyerKind = BuyerKind.PERSON
    name: str | None = None
    address: str | None = None
    tax_id: str | None = None
    branch: str = HEAD_OFFICE
    nik_masked: str | None = None
    po_number: str | None = None
    faktur: FakturKind | None = None
    trx_code: str | None = None
    withholds_pph23: bool = False
    exempt: bool = False

    def as_issued(self, name: str, address: str | None) -> dict[str, Any]:
        """Return it as an invoice keeps it (`Invoice.buyer`), with the subscriber's name and address where it has none.

        The NIK stays out: an export asks for it when it is made.
        """
        facts = {
            "kind": self.kind.value,
            "name": self.name or name,
            "address": self.address or address,
            "tax_id": self.tax_id,
            "branch": self.branch if self.tax_id else None,
            "po_number": self.po_number,
            "faktur": self.faktur.value if self.faktur else None,
            "trx_code": self.trx_code,
            "withholds_pph23": self.withholds_pph23 or None,
            "exempt": self.exempt or None,
        }
        return {key: value for key, value in facts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Nik:
    """What the 16 digits of a NIK say: area, birth and a number; only the form can be checked."""

    area: str
    day: int
    month: int
    year: int  # two digits
    is_woman: bool
    sequence: str


def parse_tax_id(text: str) -> str:
    """Return an NPWP as 16 digits; an old one of 15 gets its leading 0, marks between digits are taken off.

    Raises:
        InvalidInputError: it has another length, or is all zeros.
    """
    digits = _NPWP_MARKS.sub("", text.strip())
    if len(digits) == 15:
        digits = f"0{digits}"
    if len(digits) != 16 or not _is_digits(digits) or not digits.strip("0"):
        raise InvalidInputError(f"tax id {text!r}: write 16 digits, or the 15 of an old NPWP")
    return digits


def parse_branch(text: str) -> str:
    """Return the branch part of an IDTKU: 6 digits, or all 22 of which they are the last.

    Raises:
        InvalidInputError: it is neither.
    """
    digits = _NPWP_MARKS.sub("", text.strip())
    if len(digits) not in {6, 22} or not _is_digits(digits):
        raise InvalidInputError(f"branch {text!r}: write 6 digits, {HEAD_OFFICE} for the head office")
    return digits[-6:]


def parse_trx_code(text: str) -> str:
    """Return a transaction code of the faktur, 01 to 10.

    Raises:
        InvalidInputError: it is none of them.
    """
    code = text.strip().zfill(2)
    if code not in TRX_CODES:
        raise InvalidInputError(f"transaction code {text!r}: allowed are {TRX_CODES[0]} to {TRX_CODES[-1]}")
    return code


def parse_nik(text: str) -> str:
    """Return the 16 digits of a NIK whose form is right; the message never holds them.

    Raises:
        InvalidInputError: its length, day, month or number can't be.
    """
    digits = text.strip().replace(" ", "")
    if len(digits) != 16 or not _is_digits(digits):
        raise InvalidInputError("NIK: write its 16 digits")
    if read_nik(digits) is None:
        raise InvalidInputError("NIK: these digits can't be one: look at the date of birth in the 7th to 12th")
    return digits


def read_nik(digits: str) -> Nik | None:
    """Return what 16 digits say; None where they can't be a NIK.

    6 digits of area, DDMMYY of birth (a woman's day plus 40) and 4 of a sequence.
    """
    day, month, sequence = int(digits[6:8]), int(digits[8:10]), digits[12:]
    is_woman = day > 40
    born = day - 40 if is_woman else day
    if not 1 <= born <= 31 or not 1 <= month <= 12 or sequence == "0000":
        return None
    return Nik(digits[:6], born, month, int(digits[10:12]), is_woman, sequence)


def masked_nik(digits: str) -> str:
    """Return a NIK as it may be shown: `327301******0001`."""
    return f"{digits[:6]}******{digits[12:]}"


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
