"""A gateway's own report: payments, what was given back of them, and what they were paid out with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from netbilld.billing.gateway_differences import TheirPayment
from netbilld.billing.loose_csv import LooseCsv, written_minor
from netbilld.billing.report_layout import ReportLayout
from netbilld.model.errors import InvalidInputError

_MOST_LINES: Final = 100_000
_LONGEST_NAME: Final = 100
_CURRENCY: Final = "IDR"
_DAY_LETTERS: Final = (10, 11)  # of `2026-01-05` and `05 Jan 2026`, where a time follows
_SUMS: Final = ("total", "grand total", "jumlah", "subtotal")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A payment in a gateway's report, and the day its payout was sent; no name of the gateway's where it has none."""

    payment: TheirPayment
    settled_on: date | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says.

    Attributes:
        left_out: rows of other states or kinds, and sums.
        lost_refunds: what was given back of payments that this report does not have: (name, amount in minor units).
    """

    rows: tuple[ReportRow, ...]
    left_out: int = 0
    lost_refunds: tuple[tuple[str, int], ...] = ()


def read_report(lines: Sequence[str], layout: ReportLayout, source: str) -> Report:
    """Return what a report says.

    Args:
        lines: of the file.
        layout: which column is what.
        source: its name, for what is wrong.

    Raises:
        InvalidInputError: a column or value is missing or can't be; the line is named.
    """
    named = {
        "ref": layout.ref,
        "transaction": layout.transaction,
        "amount": layout.amount,
        "refunded": layout.refunded,
        "payout": layout.payout,
        "settled_on": layout.settled_on,
        "status": layout.status,
        "kind": layout.kind,
        **{f"fee{number}": name for number, name in enumerate(layout.fee)},
    }
    table = LooseCsv(lines)
    found = table.columns(named, lambda keys: {"ref", "amount"} <= set(keys)) if len(lines) <= _MOST_LINES else None
    if found is None:
        raise InvalidInputError(
            f"{source}: no line has headings for ref ({layout.ref}) and amount ({layout.amount}), or there are more "
            f"than {_MOST_LINES} lines",
            hint="name its columns in gateways.reports",
            code="bad_report",
        )
    columns, first = found
    reading = _Reading(layout, columns)
    for line, cells in table.records(first):
        where = f"{source}, line {line}"
        if isinstance(cells, str):
            raise InvalidInputError(f"{where}: {cells}", code="bad_report")
        try:
            reading.take(cells)
        except InvalidInputError as error:
            raise InvalidInputError(f"{where}: {error}", code="bad_report") from None
    return reading.report()


class _Reading:
    """Reads row by row; refunds in rows of their own come to the payments they are of in the end."""

    def __init__(self, layout: ReportLayout, columns: Mapping[str, int]) -> None:
        self._layout, self._columns = layout, columns
        self._rows: dict[str, ReportRow] = {}
        self._refunds: dict[str, int] = {}
        self._left_out = 0

    def take(self, cells: Sequence[str]) -> None:
        """Take a row.

        Raises:
            InvalidInputError: it can't be.
        """
        ref, name = self._cell(cells, "ref"), self._cell(cells, "transaction")
        if not any(cell.strip() for cell in cells):
            return
        is_sum = not name and ref.casefold() in _SUMS
        if is_sum or not self._counts(cells):
            self._left_out += 1
            return
        if not ref or ("transaction" in self._columns and not name) or max(len(ref), len(name)) > _LONGEST_NAME:
            raise InvalidInputError("ref and transaction are needed, each transaction once")
        if not (ref + name).isprintable():
            raise InvalidInputError("a name has characters that can't be printed")
        amount_minor = self._amount(self._cell(cells, "amount"))
        if self._is(cells, "kind", self._layout.refunds):
            self._refunds[name or ref] = self._refunds.get(name or ref, 0) + abs(amount_minor)
            return
        if (name or ref) in self._rows:
            raise InvalidInputError("ref and transaction are needed, each transaction once")
        if amount_minor < 0:
            raise InvalidInputError(f"{amount_minor} is no amount that was paid")
        fees = [self._cell(cells, f"fee{number}") for number in range(len(self._layout.fee))]
        payment = TheirPayment(
            ref,
            name,
            amount_minor,
            abs(self._amount(self._cell(cells, "refunded") or "0")),
            sum(abs(self._amount(one)) for one in fees if one),
            self._cell(cells, "payout") or None,
        )
        self._rows[name or ref] = ReportRow(payment, self._day(self._cell(cells, "settled_on")))

    def report(self) -> Report:
        """Return what was read."""
        by_ref: dict[str, list[str]] = {}
        for key, row in self._rows.items():
            by_ref.setdefault(row.payment.ref, []).append(key)
        lost: list[tuple[str, int]] = []
        for name, refunded_minor in self._refunds.items():
            keys = [name] if name in self._rows else by_ref.get(name, [])
            if len(keys) != 1:
                lost.append((name, refunded_minor))
                continue
            row = self._rows[keys[0]]
            more = replace(row.payment, refunded_minor=row.payment.refunded_minor + refunded_minor)
            self._rows[keys[0]] = replace(row, payment=more)
        return Report(tuple(self._rows.values()), self._left_out, tuple(lost))

    def _counts(self, cells: Sequence[str]) -> bool:
        """Tell whether a row is of a payment that was made, or of what was given back."""
        layout = self._layout
        if layout.taken and "status" in self._columns and not self._is(cells, "status", layout.taken):
            return False
        if not layout.payments or "kind" not in self._columns:
            return True
        return self._is(cells, "kind", (*layout.payments, *layout.refunds))

    def _is(self, cells: Sequence[str], column: str, words: Sequence[str]) -> bool:
        return self._cell(cells, column).casefold() in {one.casefold() for one in words}

    def _cell(self, cells: Sequence[str], key: str) -> str:
        at = self._columns.get(key)
        return cells[at].strip() if at is not None and at < len(cells) else ""

    def _amount(self, text: str) -> int:
        return written_minor(text, self._layout.decimal, _CURRENCY)[0]

    def _day(self, text: str) -> date | None:
        if not text:
            return None
        for pattern in self._layout.date_formats:
            for piece in (text, *(text[:letters].strip() for letters in _DAY_LETTERS)):
                try:
                    return datetime.strptime(piece, pattern).date()  # noqa: DTZ007 - a day, not an instant
                except ValueError:
                    continue
        raise InvalidInputError(f"{text[:40]!r} is no day as {' or '.join(self._layout.date_formats)}")
