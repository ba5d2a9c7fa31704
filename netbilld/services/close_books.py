"""Closing a month of the books, and opening it again: checked first, under a lock, and on the trail."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, Protocol

from netbilld.billing.books import BookFigures, check_books
from netbilld.billing.closing import ClosedMonth, month_due, month_to_close, month_to_reopen
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes

WHY_LIMIT: Final = 200


class Closings(Protocol):
    async def lock_books(self) -> None: ...
    async def closed_until_on(self) -> date | None: ...
    async def first_entry_on(self) -> date | None: ...
    async def closings(self) -> Sequence[ClosedMonth]: ...
    async def close(self, month: str, until_on: date, at: datetime, actor: str) -> None: ...
    async def reopen(self, month: str, at: datetime, actor: str, why: str) -> None: ...


class Ledger(Protocol):
    async def figures(self) -> BookFigures: ...


class Work(Protocol):
    @property
    def closings(self) -> Closings: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class CloseBooks:
    """Closes months one after the other; whatever belongs to a closed one later is booked in the open one."""

    def __init__(self, store: Store, *, timezone: str) -> None:
        self._store, self._timezone = store, timezone

    async def close(self, month: str, *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        """Close a month, once every check of the books holds; return what is closed.

        Raises:
            InvalidInputError: it is not written YYYY-MM.
            RefusedError: it is not over, closed already, an earlier one is open, or a check of the books fails.
        """
        async with self._store.read() as work:  # before the lock: it takes its time over large books
            failed = [result for result in check_books(await work.ledger.figures()) if not result.ok]
        if failed:
            raise RefusedError(
                f"the books do not hold: {failed[0].name}: {failed[0].detail}",
                hint="`netbilld ledger check` shows every check; a month is closed when they hold",
                code="books_wrong",
            )
        async with self._store.write() as work:
            await work.closings.lock_books()
            until_on = month_to_close(
                month,
                local_date(now, self._timezone),
                await work.closings.closed_until_on(),
                await work.closings.first_entry_on(),
            )
            await work.closings.close(month, until_on, now, actor.name)
            await work.changes.record(actor, now, "ledger.close", "month", month, {"until": until_on.isoformat()})
        return {"month": month, "closed_until": until_on.isoformat()}

    async def close_due(self, after_days: int, *, actor: Actor, now: datetime) -> list[str]:
        """Close the months that ended more than so many days ago, each as `close` does; return which.

        Raises:
            RefusedError: a check of the books fails.
        """
        today, closed = local_date(now, self._timezone), list[str]()
        while True:
            async with self._store.read() as work:
                reopened = {one.month for one in await work.closings.closings() if one.reopened_at is not None}
                until_on = await work.closings.closed_until_on()
                month = month_due(today, after_days, until_on, await work.closings.first_entry_on(), reopened)
            if month is None:
                return closed
            await self.close(month, actor=actor, now=now)
            closed.append(month)

    async def reopen(self, month: str, *, why: str, actor: Actor, now: datetime) -> Mapping[str, Any]:
        """Open the last closed month again; return until when the books are closed now.

        Raises:
            InvalidInputError: it is not written YYYY-MM, or nothing says why.
            RefusedError: it is open, or a later one is closed.
        """
        reason = why.strip()
        if not reason or len(reason) > WHY_LIMIT or not reason.isprintable():
            raise InvalidInputError(f"why: say it in 1 to {WHY_LIMIT} characters", hint="--why 'Salah periode'")
        async with self._store.write() as work:
            await work.closings.lock_books()
            month_to_reopen(month, await work.closings.closed_until_on())
            await work.closings.reopen(month, now, actor.name, reason)
            until_on = await work.closings.closed_until_on()
            await work.changes.record(actor, now, "ledger.reopen", "month", month, {"why": reason})
        return {"month": month, "closed_until": until_on.isoformat() if until_on else None}
