"""Collectors: who takes cash, what they hold, and what they have handed over."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, case, func, insert, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.tables import (
    accounts,
    collectors,
    handover_counts,
    handovers,
    invoices,
    payments,
    subscribers,
)
from netbilld.adapters.database.tables.money import UNPAID
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.chart import collector as collector_account
from netbilld.billing.payment import PaymentStatus
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.services.areas import Areas
from netbilld.services.keep_collectors import Collector, Handover, Missing, Stop

_LOOK_BACK: Final = timedelta(days=90)
_SOON: Final = timedelta(days=3)
_MOST_STOPS: Final = 500


class CollectorStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, name: str, full_name: str, staff: str | None, at: datetime) -> bool:
        """Store a collector; False where the name is taken, or the member of staff has another."""
        statement = (
            insert_into(self._connection, collectors)
            .values(name=name, full_name=full_name, staff=staff, status="active", created_at=at)
            .on_conflict_do_nothing()
            .returning(collectors.c.name)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def set_status(self, name: str, status: str) -> None:
        """Let a collector take cash (active), or take no more (ended)."""
        await self._connection.execute(update(collectors).where(collectors.c.name == name).values(status=status))

    async def rename_staff(self, before: str, after: str) -> None:
        """Let a member of the staff who has another e-mail address stay the collector they are."""
        await self._connection.execute(update(collectors).where(collectors.c.staff == before).values(staff=after))

    async def is_known(self, name: str) -> bool:
        """Return whether there is a collector of that name, who takes cash or did."""
        return await self._connection.scalar(select(collectors.c.name).where(collectors.c.name == name)) is not None

    async def of_staff(self, actor: str) -> str | None:
        """Return the collector that somebody is who records cash."""
        found: str | None = await self._connection.scalar(
            select(collectors.c.name).where(collectors.c.staff == actor, collectors.c.status == "active")
        )
        return found

    async def by_staff(self, staff: str) -> tuple[str, bool] | None:
        """Return which collector a member of the staff is or was, and whether they still take cash."""
        query = select(collectors.c.name, collectors.c.status).where(collectors.c.staff == staff)
        row = (await self._connection.execute(query)).one_or_none()
        return (row.name, row.status == "active") if row else None

    async def check(self, name: str) -> None:
        """Do nothing for a collector who takes cash.

        Raises:
            NotFoundError: nobody has that name.
            RefusedError: they take no more.
        """
        status = await self._connection.scalar(select(collectors.c.status).where(collectors.c.name == name))
        if status is None:
            raise NotFoundError(f"no collector {name!r}", hint="`netbilld collector list` shows them, `add` makes one")
        if status != "active":
            raise RefusedError(f"collector {name} takes no more money", hint="`netbilld collector set --active yes`")

    async def held(self, name: str, currency: str, *, lock: bool = False) -> int:
        """Return the cash that a collector holds by the books, in minor units.

        Raises:
            RefusedError: it is in another currency.
        """
        query = select(accounts.c.balance_minor, accounts.c.currency).where(
            accounts.c.code == collector_account(name).code
        )
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is not None and row.currency != currency:
            raise RefusedError(f"collector {name} holds {row.currency}, not {currency}")
        return int(row.balance_minor) if row else 0

    async def named(self, name: str) -> Collector | None:
        """Return a collector with what they hold."""
        found = await self._all(collectors.c.name == name)
        return found[0] if found else None

    async def all(self) -> list[Collector]:
        """Return every collector with what they hold, by name."""
        return await self._all(true())

    async def _all(self, which: ColumnElement[bool]) -> list[Collector]:
        last = select(handovers.c.collector, func.max(handovers.c.recorded_at).label("at")).group_by(
            handovers.c.collector
        )
        latest = last.subquery()
        taken = (
            select(payments.c.collector, func.count().label("payments"))
            .outerjoin(latest, latest.c.collector == payments.c.collector)
            .where(
                payments.c.collector.is_not(None),
                payments.c.status == PaymentStatus.RECEIVED.value,
                latest.c.at.is_(None) | (payments.c.recorded_at > latest.c.at),
            )
            .group_by(payments.c.collector)
            .subquery()
        )
        query = (
            select(
                collectors,
                func.coalesce(accounts.c.balance_minor, 0).label("held_minor"),
                accounts.c.currency,
                latest.c.at.label("handed_over_at"),
                func.coalesce(taken.c.payments, 0).label("payments"),
            )
            .outerjoin(accounts, accounts.c.code == "collector:" + collectors.c.name)
            .outerjoin(latest, latest.c.collector == collectors.c.name)
            .outerjoin(taken, taken.c.collector == collectors.c.name)
            .where(which)
            .order_by(collectors.c.name)
        )
        return [
            Collector(
                name=row.name,
                full_name=row.full_name,
                staff=row.staff,
                status=row.status,
                held_minor=int(row.held_minor),
                currency=row.currency,
                payments=row.payments,
                handed_over_at=row.handed_over_at,
            )
            for row in await self._connection.execute(query)
        ]

    async def add_handover(self, handover: Handover) -> int:
        """Store a hand-over and return its number."""
        values = {
            "collector": handover.collector,
            "currency": handover.currency,
            "held_minor": handover.held_minor,
            "counted_minor": handover.counted_minor,
            "booked_minor": handover.booked_minor,
            "method": handover.method,
            "handed_on": handover.handed_on,
            "recorded_at": handover.recorded_at,
            "actor": handover.actor,
            "reason": handover.reason,
        }
        return int(
            (await self._connection.execute(insert(handovers).values(values).returning(handovers.c.id))).scalar_one()
        )

    async def sign(self, handover_id: int, pieces: Mapping[str, int], signed_by: str) -> None:
        """Keep how a hand-over was counted, and who signed for it."""
        await self._connection.execute(
            insert(handover_counts).values(handover_id=handover_id, pieces=dict(pieces), signed_by=signed_by)
        )

    async def signed(self, handover_ids: Sequence[int]) -> dict[int, str]:
        """Return who signed for which of these hand-overs."""
        table = handover_counts.c
        query = select(table.handover_id, table.signed_by).where(table.handover_id.in_(list(handover_ids)))
        return {row.handover_id: row.signed_by for row in await self._connection.execute(query)}

    async def missing(self, now: datetime) -> dict[str, Missing]:
        """Return by collector what the hand-overs of the last 90 days have lacked."""
        of = lacking().subquery().c
        query = (
            select(
                of.collector,
                func.count().label("handovers"),
                func.count().filter(of.lacked > 0).label("short"),
                func.coalesce(func.sum(of.lacked).filter(of.lacked > 0), 0).label("short_minor"),
            )
            .where(of.recorded_at >= now - _LOOK_BACK)
            .group_by(of.collector)
        )
        return {
            row.collector: Missing(row.handovers, row.short, int(row.short_minor))
            for row in await self._connection.execute(query)
        }

    async def route(self, areas: Areas, today: date) -> list[Stop]:
        """Return who is to be visited: who owes what is due by now, or within three days, by area and address."""
        owed = (
            select(
                invoices.c.subscriber_id,
                func.sum(invoices.c.total_minor - invoices.c.paid_minor).label("owed_minor"),
                func.min(invoices.c.due_on).label("due_on"),
                func.count().label("invoices"),
            )
            .where(text(UNPAID), invoices.c.due_on <= today + _SOON)
            .group_by(invoices.c.subscriber_id)
            .subquery()
        )
        query = (
            select(
                subscribers.c.id.label("subscriber_id"),
                subscribers.c.number,
                subscribers.c.name,
                subscribers.c.phone,
                subscribers.c.address,
                subscribers.c.area,
                owed.c.owed_minor,
                subscribers.c.currency,
                owed.c.due_on,
                owed.c.invoices,
            )
            .join(owed, owed.c.subscriber_id == subscribers.c.id)
            .where(in_areas(areas))
            .order_by(subscribers.c.area, subscribers.c.address, subscribers.c.name)
            .limit(_MOST_STOPS)
        )
        return [
            Stop(**{**row, "owed_minor": int(row["owed_minor"])})
            for row in (await self._connection.execute(query)).mappings()
        ]

    async def handovers(self, name: str | None = None, limit: int | None = None) -> Sequence[Handover]:
        """Return hand-overs, newest first."""
        query = select(handovers).order_by(handovers.c.id.desc()).limit(limit)
        if name is not None:
            query = query.where(handovers.c.collector == name)
        return [_handover(row) for row in await self._connection.execute(query)]

    async def handover(self, handover_id: int) -> Handover:
        """Return one hand-over."""
        return _handover((await self._connection.execute(select(handovers).where(handovers.c.id == handover_id))).one())


def lacking() -> Select[Any]:
    """Return the query for what each hand-over has lacked anew: what was left with them before is not missing again.

    Nor is what they handed over before their phone told of it, once it has: that was too much then, and lacks nothing.
    """
    table = handovers.c
    difference = table.held_minor - table.counted_minor
    before = func.lag(difference - table.booked_minor).over(partition_by=table.collector, order_by=table.id)
    seen = select(
        table.collector,
        table.recorded_at,
        table.handed_on,
        difference.label("difference"),
        func.coalesce(before, 0).label("carried"),
    ).subquery()
    of = seen.c
    lacked = case(
        (of.carried >= 0, of.difference - of.carried),
        (of.difference >= 0, of.difference),
        (of.difference < of.carried, of.difference - of.carried),
        else_=0,
    )
    return select(of.collector, of.recorded_at, of.handed_on, lacked.label("lacked"))


def _handover(row: Row[Any]) -> Handover:
    return Handover(
        id=row.id,
        collector=row.collector,
        currency=row.currency,
        held_minor=int(row.held_minor),
        counted_minor=int(row.counted_minor),
        booked_minor=int(row.booked_minor),
        method=row.method,
        handed_on=row.handed_on,
        recorded_at=row.recorded_at,
        actor=row.actor,
        reason=row.reason,
    )
