"""A bank's statement, row by row: what came in, what went out, and what can't be understood and why."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from netbilld.billing.bank_mapping import BankMapping
from netbilld.billing.loose_csv import LooseCsv, written_minor
from netbilld.model.errors import InvalidInputError

LONGEST_TEXT: Final = 500


@dataclass(frozen=True, slots=True)
class BankRow:
    """One row; the amount is above zero for money that came in, below for what went out.

    Attributes:
        fingerprint: the same for the same row of another file of the account; of several that are alike in all, the
            first of a file is the first of another.
    """

    line: int
    booked_on: date
    amount_minor: int
    text: str
    reference: str | None
    balance_minor: int | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """One that can't be understood."""

    line: int
    cells: tuple[str, ...] = field(repr=False)
    reason: str = ""


class BankStatement:
    """The rows of a statement.

    Raises:
        InvalidInputError: it has no headings as the mapping names them; with the file's name.
    """

    def __init__(self, lines: Iterable[str], mapping: BankMapping, currency: str, today: date, file_name: str) -> None:
        self._mapping, self._currency, self._today, self._file_name = mapping, currency, today, file_name
        self._seen: Counter[str] = Counter()
        self._lines = list(lines)
        self._csv = LooseCsv(self._lines, mapping.delimiter)
        self._columns, self._first = self._find_columns()

    def __iter__(self) -> Iterator[BankRow | BadRow]:
        """Yield every row that is a transaction, or may be."""
        for line, cells in self._csv.records(self._first):
            if isinstance(cells, str):
                yield BadRow(line, (self._lines[line - 1].rstrip("\r\n"),), cells)
                continue
            if not any(cell.strip() for cell in cells) or self._is_ignored(cells):
                continue
            if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
                yield BadRow(line, cells, "not in the encoding of the mapping")
                continue
            try:
                yield self._row(line, cells)
            except InvalidInputError as error:
                yield BadRow(line, cells, str(error))

    def _find_columns(self) -> tuple[dict[str, int], int]:
        mapping = self._mapping
        named = {
            "date": mapping.date,
            "amount": mapping.amount,
            "credit": mapping.credit,
            "debit": mapping.debit,
            "direction": mapping.direction,
            "reference": mapping.reference,
            "balance": mapping.balance,
            **{f"text{number}": name for number, name in enumerate(mapping.text)},
        }
        if not mapping.header:
            return {key: int(name) - 1 for key, name in named.items() if name}, 0
        found = self._csv.columns(
            named, lambda keys: {"date", "text0"} <= set(keys) and bool({"amount", "credit"} & set(keys))
        )
        if found is not None:
            return found
        wanted = ", ".join(name for name in (mapping.date, *mapping.text, mapping.amount or mapping.credit))
        raise InvalidInputError(
            f"{self._file_name}: no line has the headings of this mapping: {wanted}",
            hint="write one for this file: `netbilld bank mapping --help`",
        )

    def _is_ignored(self, cells: Sequence[str]) -> bool:
        begins = tuple(word.casefold() for word in self._mapping.ignored)
        lowered = [cell.strip().strip("'").casefold() for cell in cells]
        at = self._columns["date"]
        in_date = lowered[at] if at < len(lowered) else ""
        looked_at = (in_date, *(lowered[i] for key, i in self._columns.items() if key == "text0" and i < len(lowered)))
        if in_date and any(in_date.startswith(word) for word in begins):
            return True
        return not in_date[:1].isdigit() and any(cell.startswith(begins) for cell in looked_at if cell)

    def _cell(self, cells: Sequence[str], key: str) -> str:
        at = self._columns.get(key)
        return cells[at].strip() if at is not None and at < len(cells) else ""

    def _row(self, line: int, cells: Sequence[str]) -> BankRow:
        booked_on = self._day(self._cell(cells, "date"))
        if booked_on > self._today:
            raise InvalidInputError(f"{booked_on} is to come")
        amount_minor = self._amount(cells)
        pieces = [self._cell(cells, f"text{number}") for number in range(len(self._mapping.text))]
        text = " ".join(" ".join(piece for piece in pieces if piece).split())[:LONGEST_TEXT]
        if not text.isprintable():
            raise InvalidInputError("its text has characters that can't be printed")
        reference = self._cell(cells, "reference")[:200] or None
        balance = self._cell(cells, "balance")
        balance_minor = self._minor(balance)[0] if balance else None
        same = "|".join(
            (
                self._mapping.account,
                booked_on.isoformat(),
                str(amount_minor),
                text.casefold(),
                (reference or "").casefold(),
                "" if balance_minor is None else str(balance_minor),
            )
        )
        self._seen[same] += 1
        fingerprint = hashlib.sha256(f"{same}|{self._seen[same]}".encode()).hexdigest()
        return BankRow(line, booked_on, amount_minor, text, reference, balance_minor, fingerprint)

    def _day(self, text: str) -> date:
        cleaned = text.strip("' ")
        for pattern in self._mapping.date_formats:
            if "%y" in pattern.lower():
                try:
                    return datetime.strptime(cleaned, pattern).date()  # noqa: DTZ007 - a day, not an instant
                except ValueError:
                    continue
            for year in (self._today.year, self._today.year - 1):
                try:
                    found = datetime.strptime(f"{cleaned} {year}", f"{pattern} %Y").date()  # noqa: DTZ007 - as above
                except ValueError:
                    continue
                if found <= self._today:
                    return found
        raise InvalidInputError(f"date {text[:40]!r} is not as {' or '.join(self._mapping.date_formats)}")

    def _amount(self, cells: Sequence[str]) -> int:
        credit, debit = self._cell(cells, "credit"), self._cell(cells, "debit")
        if credit or debit:
            came_minor = abs(self._minor(credit)[0]) if credit else 0
            went_minor = abs(self._minor(debit)[0]) if debit else 0
            if came_minor and went_minor:
                raise InvalidInputError("it has a credit and a debit")
            if not came_minor and not went_minor:
                raise InvalidInputError("its amount is nothing")
            return came_minor - went_minor
        amount = self._cell(cells, "amount")
        if not amount:
            raise InvalidInputError("it has no amount")
        amount_minor, mark = self._minor(amount)
        direction = self._cell(cells, "direction") or mark or self._mark_beside(cells)
        if not amount_minor:
            raise InvalidInputError("its amount is nothing")
        if direction:
            went = self._is_debit(direction)
            return -abs(amount_minor) if went else abs(amount_minor)
        return amount_minor

    def _mark_beside(self, cells: Sequence[str]) -> str:
        """Return a mark in the column after the amount, which some banks leave without a heading."""
        at = self._columns.get("amount", 0) + 1
        beside = cells[at].strip().upper() if at < len(cells) and at not in self._columns.values() else ""
        return beside if beside in {*self._mapping.credit_words, *self._mapping.debit_words} else ""

    def _is_debit(self, direction: str) -> bool:
        word = direction.strip().upper()
        for words, is_debit in ((self._mapping.debit_words, True), (self._mapping.credit_words, False)):
            if word in {one.upper() for one in words}:
                return is_debit
        raise InvalidInputError(f"{direction[:20]!r} says neither in nor out")

    def _minor(self, text: str) -> tuple[int, str]:
        return written_minor(text, self._mapping.decimal, self._currency)
