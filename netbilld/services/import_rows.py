"""A CSV file of subscribers, row by row: what is wrong with the file stops it, what is wrong with a row does not."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import next_anchor, previous_anchor
from netbilld.model.units import parse_amount
from netbilld.services.new_service import NewService
from netbilld.services.subscriber_fields import parse_billing_day, parse_day, parse_number

COLUMNS: Final = (
    "username",
    "password",
    "plan",
    "subscriber_no",
    "name",
    "phone",
    "email",
    "address",
    "area",
    "group",
    "mac",
    "ip",
    "ipv6_prefix",
    "delegated_prefix",
    "billing_day",
    "active_until",
    "opening_balance",
    "installed_on",
)
REQUIRED: Final = ("username", "plan")
REPORT_COLUMNS: Final = ("line", "reason")  # a report of rejected rows, mended, may be imported as it is
_DELIMITERS: Final = ",;\t"
_LARGEST_BALANCE_MINOR: Final = 10**12


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One record of the file; `line` is where it begins."""

    line: int
    cells: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A record as it is understood; a positive balance is credit in the wallet, a negative one is owed.

    `lock_mac` is the station it may log in from alone; with `suspended_because` the service begins suspended.
    """

    line: int
    cells: tuple[str, ...] = field(repr=False)
    new: NewService
    opening_balance_minor: int
    lock_mac: str | None = None
    suspended_because: str | None = None


class CsvTable:
    """The header of a file and its records.

    Raises:
        InvalidInputError: the header, or the quoting somewhere in the file, is wrong; with file and line.
    """

    def __init__(self, lines: Iterable[str], file_name: str) -> None:
        self._file_name = file_name
        unread = iter(lines)
        first = next(unread, "")
        delimiter = max(_DELIMITERS, key=first.count)
        self.header = self._header(next(csv.reader([first], delimiter=delimiter), []))
        self._reader = csv.reader(unread, delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[CsvRow]:
        """Yield the records that are not blank."""
        while True:
            line = self._reader.line_num + 2  # the header is line 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise InvalidInputError(
                    f"{self._file_name}: line {line}: not valid CSV: {error}",
                    hint="a quoted field must end with a quote, and a quote within one is doubled",
                ) from None
            if any(cell.strip() for cell in cells):
                yield CsvRow(line, tuple(cells))

    def _header(self, cells: Sequence[str]) -> tuple[str, ...]:
        header = tuple(cell.strip().lower() for cell in cells)
        allowed = f"allowed: {', '.join(COLUMNS)}"
        for name in header:
            if name not in COLUMNS and name not in REPORT_COLUMNS:
                raise InvalidInputError(f"{self._file_name}: line 1: column {name[:60]!r} is not known; {allowed}")
            if header.count(name) > 1:
                raise InvalidInputError(f"{self._file_name}: line 1: column {name!r} is there twice")
        for name in REQUIRED:
            if name not in header:
                raise InvalidInputError(f"{self._file_name}: line 1: column {name!r} is missing; {allowed}")
        return header

    def understand(self, row: CsvRow, currency: str, today: date) -> ImportRow:
        """Return what a record asks for; only its form is looked at.

        Raises:
            InvalidInputError: the first thing that is wrong with it.
        """
        if len(row.cells) != len(self.header):
            raise InvalidInputError(f"{len(row.cells)} fields where the header has {len(self.header)}")
        values = {name: cell.strip() for name, cell in zip(self.header, row.cells, strict=True)}
        if any("\udc80" <= character <= "\udcff" for cell in row.cells for character in cell):
            raise InvalidInputError("not UTF-8 text", hint="save the file as CSV UTF-8")
        if "password" in self.header:
            values["password"] = row.cells[self.header.index("password")]  # a space may be part of it
        balance = values.get("opening_balance", "")
        balance_minor = _balance(balance, currency)
        new = NewService(
            username=values["username"],
            plan=values["plan"],
            of=parse_number(values["subscriber_no"]) if values.get("subscriber_no") else None,
            billing_day=values.get("billing_day"),
            active_until_on=_day(values, "active_until"),
            installed_on=_day(values, "installed_on"),
            password=values.get("password"),
            name=values.get("name"),
            phone=values.get("phone"),
            email=values.get("email"),
            address=values.get("address"),
            area=values.get("area"),
            group=values.get("group"),
            mac=values.get("mac"),
            ip=values.get("ip"),
            ipv6_prefix=values.get("ipv6_prefix"),
            delegated_prefix=values.get("delegated_prefix"),
        )
        if not new.plan:
            raise InvalidInputError("plan is empty")
        return ImportRow(row.line, row.cells, with_days(new, today), balance_minor)


def _day(values: dict[str, str], name: str) -> date | None:
    text = values.get(name)
    return parse_day(name, text) if text else None


def _balance(text: str, currency: str) -> int:
    try:
        balance_minor = parse_amount(text, currency) if text else 0
    except InvalidInputError as error:
        raise InvalidInputError(f"opening_balance: {error}") from None
    if abs(balance_minor) > _LARGEST_BALANCE_MINOR:
        raise InvalidInputError(f"opening_balance {text!r} is absurd")
    return balance_minor


def with_days(new: NewService, today: date) -> NewService:
    """Return the request with its billing day, and the day from which fees are due.

    Who was installed earlier has been billed by the former system: fees begin on the next billing day, or after the
    last day that is paid for. Who is new pays from today, or from the day of the installation to come.
    """
    billing_day = parse_billing_day(new.billing_day) if new.billing_day else (new.installed_on or today).day
    if new.active_until_on is not None and new.active_until_on >= today:
        fees_from = new.active_until_on + timedelta(days=1)
    elif new.installed_on is not None and new.installed_on < today:
        fees_from = today if previous_anchor(today, billing_day) == today else next_anchor(today, billing_day)
    else:
        fees_from = new.installed_on or today
    return replace(new, billing_day=billing_day, activated_on=fees_from)
