"""An agent's statement: the ledger's account, line by line, as the agent reads it: what came in is above zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from netbilld.billing.chart import Side
from netbilld.billing.chart import agent as agent_account
from netbilld.model.errors import NotFoundError
from netbilld.services.sheets import Sheet

MOST_LINES: Final = 5_000  # of a file


class BookedLine(Protocol):
    @property
    def at(self) -> datetime: ...
    @property
    def booked_on(self) -> date: ...
    @property
    def kind(self) -> str: ...
    @property
    def memo(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def balance_minor(self) -> int: ...


class Booked(Protocol):
    @property
    def lines(self) -> Sequence[BookedLine]: ...


class Ledger(Protocol):
    async def statement(self, code: str, limit: int | None = None) -> Booked: ...


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement of a deposit.

    Attributes:
        amount_minor: above zero where the deposit grew.
        deposit_minor: what it held after that.
    """

    at: datetime
    booked_on: date
    kind: str
    memo: str
    amount_minor: int
    deposit_minor: int


async def agent_statement(ledger: Ledger, name: str, limit: int) -> list[StatementLine]:
    """Return the newest movements of an agent's deposit, newest first; none where nothing was ever paid in."""
    try:
        found = await ledger.statement(agent_account(name).code, limit)
    except NotFoundError:
        return []
    lines = [
        StatementLine(
            one.at,
            one.booked_on,
            one.kind,
            one.memo,
            one.amount_minor if one.side is Side.CREDIT else -one.amount_minor,
            one.balance_minor,
        )
        for one in found.lines
    ]
    return lines[::-1]


def statement_sheet(lines: Sequence[StatementLine], timezone: str) -> Sheet:
    """Return a statement for further analysis, oldest first."""
    headings = ("at", "booked_on", "kind", "text", "amount", "deposit")
    rows = [(one.at, one.booked_on, one.kind, one.memo, one.amount_minor, one.deposit_minor) for one in reversed(lines)]
    return Sheet("statement", headings, rows, timezone)
