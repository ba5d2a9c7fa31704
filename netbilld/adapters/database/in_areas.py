"""Rows of subscribers in some areas only: one condition for lists, one question for a single thing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, true

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.tables import complaints, invoices, payments, services, sessions, subscribers
from netbilld.billing.prices import covers
from netbilld.services.areas import EVERYWHERE, Areas


def in_areas(areas: Areas) -> ColumnElement[bool]:
    """Return the condition that a row of `subscribers`, which the query joins, is in these areas.

    With an outer join, rows that are nobody's are left out for those who are limited.
    """
    return subscribers.c.area.in_(sorted(areas.written)) if areas.is_limited else true()


class WhereaboutsQueries(Queries):
    """Where subscribers are, and whose a thing is."""

    async def areas(self, paths: Sequence[str]) -> Areas:
        """Return what these areas hold, with how subscribers inside have written theirs.

        What area covers what is told by the same function as for prices, so it can't differ; there are far fewer
        areas than subscribers, and an index has them.
        """
        if not paths:
            return EVERYWHERE
        known = await self.known()
        return Areas(tuple(paths), frozenset(area for area in known if any(covers(path, area) for path in paths)))

    async def known(self) -> list[str]:
        """Return the areas that subscribers are in, as they are written, in order."""
        query = (
            select(subscribers.c.area).where(subscribers.c.area.is_not(None)).distinct().order_by(subscribers.c.area)
        )
        return [row["area"] for row in await self._rows(query)]

    async def holds(self, areas: Areas, kind: str, key: str) -> bool:
        """Return whether a thing is a subscriber's in these areas; False where there is no such thing.

        `kind` is one of subscriber (its number), service, invoice (its number), payment, session and complaint (its
        number).
        """
        try:
            query = _OWNERS[kind](key)
        except ValueError:
            return False
        return await self._row(query.where(in_areas(areas))) is not None


def _of_subscriber(number: str) -> Select[Any]:
    return select(subscribers.c.id).where(subscribers.c.number == number)


def _of_service(service_id: str) -> Select[Any]:
    return select(subscribers.c.id).select_from(services.join(subscribers)).where(services.c.id == UUID(service_id))


def _of_invoice(number: str) -> Select[Any]:
    return select(subscribers.c.id).select_from(invoices.join(subscribers)).where(invoices.c.number == number)


def _of_payment(payment_id: str) -> Select[Any]:
    return select(subscribers.c.id).select_from(payments.join(subscribers)).where(payments.c.id == UUID(payment_id))


def _of_session(session_id: str) -> Select[Any]:
    joined = sessions.join(services, services.c.id == sessions.c.service_id).join(
        subscribers, subscribers.c.id == services.c.subscriber_id
    )
    return select(subscribers.c.id).select_from(joined).where(sessions.c.id == int(session_id))


def _of_complaint(number: str) -> Select[Any]:
    joined = complaints.join(subscribers, subscribers.c.id == complaints.c.subscriber_id)
    return select(subscribers.c.id).select_from(joined).where(complaints.c.number == number)


_OWNERS: Final[Mapping[str, Callable[[str], Select[Any]]]] = {
    "subscriber": _of_subscriber,
    "service": _of_service,
    "invoice": _of_invoice,
    "payment": _of_payment,
    "session": _of_session,
    "complaint": _of_complaint,
}
