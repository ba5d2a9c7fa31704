"""Accounts as dunning looks at them, and what was done about them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CompoundSelect, and_, exists, func, insert, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.owing import UNPAID, OwingQueries
from netbilld.adapters.database.tables import (
    brake_holds,
    credentials,
    desired,
    dunning_rules,
    dunning_steps,
    invoices,
    isolirs,
    services,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.dunning import DunnedAccount, DunnedInvoice, DunningPolicy, Isolir, Outcome, Step, StepKind
from netbilld.billing.standing import PLAIN_TERMS
from netbilld.model.periods import local_date

_REMEMBERED: Final = timedelta(days=800)  # steps further back concern nothing that is open by rights

_WARNED_LATELY: Final = timedelta(days=30)  # longer than the days of a warning may have been set otherwise meanwhile


@dataclass(frozen=True, slots=True)
class DoneStep:
    """A step on record."""

    step: str
    outcome: str
    at: datetime
    number: str | None
    details: Mapping[str, Any]


class DunningStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lead_days(self, policy: DunningPolicy) -> int:
        """Return how many days before an invoice is due something may be to do about it, by settings and rules."""
        days = [-day for day in policy.remind_days] + [(policy.warn_days or 0) + 1]
        query = select(dunning_rules.c.remind_days).where(dunning_rules.c.remind_days.is_not(None))
        for remind_days in await self._connection.scalars(query):
            days += [-day for day in remind_days or ()]
        return max(days)

    async def candidates(self, due_by: date) -> list[UUID]:
        """Return, in order, subscribers with an open invoice due by that day, or with an isolir that is not over."""
        owing = select(invoices.c.subscriber_id).where(
            invoices.c.status.in_(UNPAID), invoices.c.due_on <= due_by, invoices.c.kind == "invoice"
        )
        walled = select(isolirs.c.subscriber_id).where(isolirs.c.cleared_at.is_(None))
        return sorted((await self._connection.scalars(owing.union(walled))).all())

    async def reopened(self) -> list[UUID]:
        """Return subscribers who are walled on record here and by no service of theirs: who has paid, above all."""
        closed = exists().where(
            services.c.subscriber_id == isolirs.c.subscriber_id,
            desired.c.service_id == services.c.id,
            desired.c.reason == "overdue",
        )
        query = select(isolirs.c.subscriber_id).where(isolirs.c.restored_at.is_(None), ~closed).distinct()
        return sorted((await self._connection.scalars(query)).all())

    async def accounts(
        self, subscriber_ids: Sequence[UUID], policy: DunningPolicy, now: datetime
    ) -> list[DunnedAccount]:
        """Return everything that dunning looks at, of each of these subscribers."""
        owing = await OwingQueries(self._connection).of(subscriber_ids, policy.standing, now)
        done: dict[UUID, set[str]] = defaultdict(set)
        reminded: dict[UUID, date] = {}
        for row in await self._connection.execute(self._steps(subscriber_ids, policy, now)):
            done[row.subscriber_id].add(row.key)
            if row.step == StepKind.REMINDER.value and row.outcome == Outcome.DONE.value:
                on = local_date(row.at, policy.standing.timezone)
                reminded[row.invoice_id] = min(on, reminded.get(row.invoice_id, on))
        newest, counts = await self._isolirs(subscriber_ids)
        open_ones = await self._can_be_walled(subscriber_ids)
        found = []
        for subscriber_id in subscriber_ids:
            owed = owing.get(subscriber_id)
            unpaid = owed.unpaid if owed is not None else ()
            found.append(
                DunnedAccount(
                    subscriber_id,
                    tuple(
                        DunnedInvoice(
                            one.id, one.number, one.issued_on, one.due_on, one.outstanding_minor, reminded.get(one.id)
                        )
                        for one in unpaid
                    ),
                    owed.terms if owed is not None else PLAIN_TERMS,
                    owed.remind_days if owed is not None else None,
                    frozenset(done.get(subscriber_id, ())),
                    newest.get(subscriber_id),
                    counts.get(subscriber_id, 0),
                    subscriber_id in open_ones,
                )
            )
        return found

    def _steps(self, subscriber_ids: Sequence[UUID], policy: DunningPolicy, now: datetime) -> CompoundSelect[Any]:
        """Return the query for the steps on record that what is to be done can depend on, of years of them.

        Reminders and late fees are about invoices that are unpaid; whether somebody was told to have been walled, and
        whether they are to go, about the isolir that is not over; a warning is about one that is to come.
        """
        table = dunning_steps.c
        columns = (table.id, table.subscriber_id, table.key, table.step, table.outcome, table.invoice_id, table.at)
        whose = among(self._connection, invoices.c.subscriber_id, subscriber_ids)
        unpaid = select(invoices.c.id).where(whose, invoices.c.status.in_(UNPAID))
        lately = now - timedelta(days=policy.warn_days or 0) - _WARNED_LATELY
        walled = and_(isolirs.c.subscriber_id == table.subscriber_id, isolirs.c.cleared_at.is_(None))
        return union(
            select(*columns).where(table.invoice_id.in_(unpaid), table.at > now - _REMEMBERED),
            select(*columns).where(among(self._connection, table.subscriber_id, subscriber_ids), table.at > lately),
            select(*columns)
            .join(isolirs, walled)
            .where(among(self._connection, isolirs.c.subscriber_id, subscriber_ids), table.at >= isolirs.c.began_at),
        )

    async def _isolirs(self, subscriber_ids: Sequence[UUID]) -> tuple[dict[UUID, Isolir], dict[UUID, int]]:
        query = (
            select(isolirs)
            .where(among(self._connection, isolirs.c.subscriber_id, subscriber_ids))
            .order_by(isolirs.c.id)
        )
        newest: dict[UUID, Isolir] = {}
        counts: dict[UUID, int] = defaultdict(int)
        for row in await self._connection.execute(query):
            counts[row.subscriber_id] += 1
            if row.cleared_at is None:
                newest[row.subscriber_id] = Isolir(row.id, row.began_at, int(row.overdue_minor), row.restored_at)
        return newest, counts

    async def _can_be_walled(self, subscriber_ids: Sequence[UUID]) -> set[UUID]:
        held = and_(brake_holds.c.service_id == services.c.id, brake_holds.c.released_at.is_(None))
        query = (
            select(services.c.subscriber_id)
            .where(
                among(self._connection, services.c.subscriber_id, subscriber_ids),
                services.c.status == "active",
                ~exists().where(held),
            )
            .distinct()
        )
        return set((await self._connection.scalars(query)).all())

    # -- what is written -----------------------------------------------------------------------------------------------

    async def record(self, steps: Sequence[tuple[UUID, Step]], now: datetime) -> set[str]:
        """Write steps down, and return the keys of those that were not: who writes them is who does them."""
        rows = [
            {
                "key": step.key[:120],
                "subscriber_id": subscriber_id,
                "invoice_id": step.invoice.id if step.invoice is not None else None,
                "step": step.kind.value,
                "outcome": step.outcome.value,
                "at": now,
                "details": _details(step),
            }
            for subscriber_id, step in steps
        ]
        new: set[str] = set()
        for start in range(0, len(rows), 1_000):
            statement = (
                insert_into(self._connection, dunning_steps)
                .values(rows[start : start + 1_000])
                .on_conflict_do_nothing()
                .returning(dunning_steps.c.key)
            )
            new.update((await self._connection.scalars(statement)).all())
        return new

    async def begin_isolir(self, subscriber_id: UUID, overdue_minor: int, now: datetime) -> None:
        """Write down that somebody is walled for so much; an earlier one that was not cleared is part of it."""
        await self._connection.execute(
            update(isolirs)
            .where(isolirs.c.subscriber_id == subscriber_id, isolirs.c.cleared_at.is_(None))
            .values(cleared_at=now)
        )
        await self._connection.execute(
            insert(isolirs).values(subscriber_id=subscriber_id, began_at=now, overdue_minor=overdue_minor)
        )

    async def restore(self, subscriber_id: UUID, now: datetime) -> None:
        """Write down that access is back."""
        await self._connection.execute(
            update(isolirs)
            .where(isolirs.c.subscriber_id == subscriber_id, isolirs.c.restored_at.is_(None))
            .values(restored_at=now)
        )

    async def clear(self, subscriber_ids: Iterable[UUID], now: datetime) -> None:
        """Write down that nothing is overdue any more."""
        wanted = list(subscriber_ids)
        if wanted:
            await self._connection.execute(
                update(isolirs)
                .where(among(self._connection, isolirs.c.subscriber_id, wanted), isolirs.c.cleared_at.is_(None))
                .values(cleared_at=now)
            )

    # -- what is asked -------------------------------------------------------------------------------------------------

    async def history(self, subscriber_id: UUID, most: int) -> list[DoneStep]:
        """Return what was done about a subscriber, newest first."""
        query = (
            select(
                dunning_steps.c.step, dunning_steps.c.outcome, dunning_steps.c.at, invoices.c.number,
                dunning_steps.c.details,
            )
            .outerjoin(invoices, invoices.c.id == dunning_steps.c.invoice_id)
            .where(dunning_steps.c.subscriber_id == subscriber_id)
            .order_by(dunning_steps.c.id.desc())
            .limit(most)
        )  # fmt: skip
        return [DoneStep(*row) for row in await self._connection.execute(query)]

    async def named(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, tuple[str, str, str]]:
        """Return number, name and currency of subscribers."""
        query = select(subscribers.c.id, subscribers.c.number, subscribers.c.name, subscribers.c.currency).where(
            among(self._connection, subscribers.c.id, subscriber_ids)
        )
        return {row[0]: (row[1], row[2], row[3]) for row in await self._connection.execute(query)}

    async def first_named(self, subscriber_ids: Iterable[UUID], most: int) -> dict[UUID, tuple[str, str, str]]:
        """Return number, name and currency of the first of these subscribers, in order of number."""
        query = (
            select(subscribers.c.id, subscribers.c.number, subscribers.c.name, subscribers.c.currency)
            .where(among(self._connection, subscribers.c.id, subscriber_ids))
            .order_by(func.length(subscribers.c.number), subscribers.c.number)
            .limit(most)
        )
        return {row[0]: (row[1], row[2], row[3]) for row in await self._connection.execute(query)}

    async def names_of_live_services(self, subscriber_id: UUID) -> list[str]:
        """Return a user name of each service that has not ended."""
        query = (
            select(func.min(credentials.c.name))
            .join(services, services.c.id == credentials.c.service_id)
            .where(services.c.subscriber_id == subscriber_id, services.c.ended_at.is_(None))
            .group_by(services.c.id)
        )
        return sorted((await self._connection.scalars(query)).all())

    async def proposed(self) -> list[tuple[str, str, datetime, int]]:
        """Return whose termination is proposed and open: number, name, since when walled, overdue then."""
        query = (
            select(subscribers.c.number, subscribers.c.name, isolirs.c.began_at, isolirs.c.overdue_minor)
            .join(subscribers, subscribers.c.id == isolirs.c.subscriber_id)
            .where(
                isolirs.c.restored_at.is_(None),
                isolirs.c.cleared_at.is_(None),
                exists().where(
                    dunning_steps.c.subscriber_id == isolirs.c.subscriber_id,
                    dunning_steps.c.step == StepKind.TERMINATION.value,
                    dunning_steps.c.outcome == Outcome.PROPOSED.value,
                    dunning_steps.c.at >= isolirs.c.began_at,
                ),
                exists().where(services.c.subscriber_id == isolirs.c.subscriber_id, or_(services.c.ended_at.is_(None))),
            )
            .order_by(isolirs.c.began_at)
        )
        return [(row[0], row[1], row[2], int(row[3])) for row in await self._connection.execute(query)]


def _details(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {"amount": step.amount_minor, "due_at": step.due_at.isoformat()}
    if step.numbers:
        found["numbers"] = list(step.numbers)
    if step.kind is StepKind.REMINDER:
        found["days"] = step.days
    if step.stage:
        found["stage"] = step.stage
    if step.closes_at is not None:
        found["isolir_at"] = step.closes_at.isoformat()
    return found
