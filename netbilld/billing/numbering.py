"""Numbers of documents: a series for each kind, without gaps, counted anew each month or year as the number tells."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from netbilld.billing.invoice import DocumentKind
from netbilld.model.errors import InvalidInputError

ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_SEQUENCE: Final = re.compile(r"seq(?::0(\d))?\Z")
_LITERAL: Final = re.compile(r"[A-Z0-9./-]*\Z")  # numbers are looked up without regard to case, and printed as they are
_LONGEST: Final = 40
_MONTHS: Final = frozenset({"MM", "roman"})


class Restart(StrEnum):
    """When a series counts from one again."""

    MONTHLY = "monthly"
    YEARLY = "yearly"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the numbers of one kind of document are written, such as `INV-{YYYY}{MM}-{seq:06}`.

    `{YYYY}` and `{YY}` are the year, `{MM}` and `{roman}` the month, `{seq}` the running number, `{seq:06}` with at
    least six digits. A number with a month in it is counted by month, one with a year alone by year.

    Raises:
        InvalidInputError: it holds something else, or two documents could bear the same number.
    """

    text: str

    def __post_init__(self) -> None:
        places = _PLACE.findall(self.text)
        sequences = [_SEQUENCE.match(place) for place in places if place.startswith("seq")]
        wrong = [p for p in places if p not in {"YYYY", "YY", *_MONTHS} and not _SEQUENCE.match(p)]
        if wrong or not _LITERAL.match(_PLACE.sub("", self.text)):
            raise self._refused("allowed: capital letters, digits, - . / and {YYYY} {YY} {MM} {roman} {seq} {seq:06}")
        if len(sequences) != 1:
            raise self._refused("it needs {seq} once")
        if _MONTHS & set(places) and not {"YYYY", "YY"} & set(places):
            raise self._refused("with a month it needs the year too, or numbers would come again")
        if len(self.number(date(2099, 8, 1), 10**7)) > _LONGEST:
            raise self._refused(f"numbers would be longer than {_LONGEST} characters")

    @property
    def restart(self) -> Restart:
        """Return when it counts from one again."""
        places = set(_PLACE.findall(self.text))
        if _MONTHS & places:
            return Restart.MONTHLY
        return Restart.YEARLY if {"YYYY", "YY"} & places else Restart.NEVER

    def number(self, on: date, sequence: int) -> str:
        """Return the number of the sequence-th document of its series, issued on that day."""

        def written(place: re.Match[str]) -> str:
            match place.group(1):
                case "YYYY":
                    return f"{on:%Y}"
                case "YY":
                    return f"{on:%y}"
                case "MM":
                    return f"{on:%m}"
                case "roman":
                    return ROMAN[on.month - 1]
            found = _SEQUENCE.match(place.group(1))
            return f"{sequence:0{int(found.group(1) or 1) if found else 1}}"

        return _PLACE.sub(written, self.text)

    def _refused(self, why: str) -> InvalidInputError:
        return InvalidInputError(f"number format {self.text!r}: {why}")


@dataclass(frozen=True, slots=True)
class Numbering:
    """How each kind of document is numbered."""

    invoice: NumberFormat = NumberFormat("INV-{YYYY}{MM}-{seq:06}")
    credit_note: NumberFormat = NumberFormat("CN-{YYYY}{MM}-{seq:06}")

    def __post_init__(self) -> None:
        # the literal parts tell the kinds apart: a number names one document
        if _PLACE.sub("{}", self.invoice.text) == _PLACE.sub("{}", self.credit_note.text):
            raise InvalidInputError(
                f"credit notes are numbered {self.credit_note.text!r} and could bear an invoice's number",
                hint="give them another beginning, such as CN-",
            )

    def series(self, kind: DocumentKind, on: date) -> str:
        """Return the name of the counter for documents of that kind and day: `invoice:202601`, `credit_note:2026`."""
        match self._format(kind).restart:
            case Restart.MONTHLY:
                return f"{kind.value}:{on:%Y%m}"
            case Restart.YEARLY:
                return f"{kind.value}:{on:%Y}"
        return kind.value

    def number(self, kind: DocumentKind, on: date, sequence: int) -> str:
        """Return the number of the sequence-th document of its series."""
        return self._format(kind).number(on, sequence)

    def _format(self, kind: DocumentKind) -> NumberFormat:
        return self.credit_note if kind is DocumentKind.CREDIT_NOTE else self.invoice


DEFAULT: Final = Numbering()


def invoice_series(issued_on: date, numbering: Numbering = DEFAULT) -> str:
    """Return the name of the counter that numbers invoices issued on that day."""
    return numbering.series(DocumentKind.INVOICE, issued_on)


def invoice_number(issued_on: date, sequence: int, numbering: Numbering = DEFAULT) -> str:
    """Return the number of the sequence-th invoice of its series, such as INV-202601-000123."""
    return numbering.number(DocumentKind.INVOICE, issued_on, sequence)


def file_name(number: str) -> str:
    """Return a number as it stands in file names and bank references: without slashes."""
    return number.replace("/", "-")
