"""A gateway's own report as a table: one payment a line, whatever dashboard it was taken from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from netbilld.billing.gateway_differences import TheirPayment
from netbilld.model.errors import InvalidInputError

COLUMNS: Final = ("ref", "transaction", "amount", "fee", "refunded", "payout", "settled_on")
_MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A payment in a gateway's report, and the day its payout was sent."""

    payment: TheirPayment
    settled_on: date | None


def read_report(rows: Sequence[Sequence[str]], source: str) -> list[ReportRow]:
    """Return what a report says.

    Args:
        rows: with a heading of at least ref, transaction and amount; amounts in whole rupiah.
        source: its name, for what is wrong.

    Raises:
        InvalidInputError: a column or value is missing or can't be; the line is named.
    """
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    missing = [name for name in COLUMNS[:3] if name not in heading]
    if missing or len(rows) > _MOST_ROWS:
        raise InvalidInputError(
            f"{source}: the first line needs {', '.join(COLUMNS[:3])}, and may have {', '.join(COLUMNS[3:])}",
            code="bad_report",
        )
    found: list[ReportRow] = []
    seen: set[str] = set()
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
        where = f"{source}, line {line}"
        ref, name = cells.get("ref", ""), cells.get("transaction", "")
        if not ref or not name or len(ref) > 100 or len(name) > 100 or name in seen:
            raise InvalidInputError(
                f"{where}: ref and transaction are needed, each transaction once", code="bad_report"
            )
        seen.add(name)
        payment = TheirPayment(
            ref,
            name,
            _amount(cells.get("amount", ""), where),
            _amount(cells.get("refunded") or "0", where),
            _amount(cells.get("fee") or "0", where),
            cells.get("payout") or None,
        )
        found.append(ReportRow(payment, _day(cells.get("settled_on", ""), where)))
    return found


def _amount(text: str, where: str) -> int:
    whole, _, fraction = text.partition(".")
    if not whole.isascii() or not whole.isdigit() or fraction.strip("0") or len(whole) > 12:
        raise InvalidInputError(f"{where}: {text!r} is no amount in whole rupiah", code="bad_report")
    return int(whole)


def _day(text: str, where: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise InvalidInputError(f"{where}: {text!r} is no day, write 2026-01-31", code="bad_report") from None
