"""Paper invoices as staff look at them: a list with its sums by state, and the way of one."""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.paper import PaperStore
from netbilld.adapters.database.queries import escaped, like
from netbilld.adapters.database.readmodels.paid import PaidQueries
from netbilld.adapters.database.tables import invoices, paper_invoices, subscribers
from netbilld.billing.paper import NEXT, PaperState
from netbilld.services.delivery_views import (
    DeliveryFile,
    DeliveryFilter,
    DeliveryLine,
    DeliveryPage,
    DeliveryStep,
    DeliverySum,
)

_PAPER: Final = paper_invoices.c
_COLUMNS: Final = (
    invoices.c.number,
    subscribers.c.number.label("subscriber_no"),
    subscribers.c.name,
    subscribers.c.address,
    subscribers.c.area,
    _PAPER.state,
    _PAPER.courier,
    _PAPER.tracking_number,
    _PAPER.printed_on,
    _PAPER.handed_on,
    _PAPER.received_on,
    _PAPER.returned_on,
    _PAPER.receiver,
    _PAPER.proof,
    invoices.c.status,
    invoices.c.due_on,
    invoices.c.currency,
    invoices.c.total_minor,
    invoices.c.paid_minor,
)


class SentQueries(PaidQueries):
    """Reads where paper is."""

    async def delivery_page(self, wanted: DeliveryFilter, offset: int, length: int) -> DeliveryPage:
        """Return a page of paper invoices, those printed first in front."""
        condition = _matching(wanted)
        summed = (
            select(
                _PAPER.state,
                invoices.c.currency,
                func.count().label("documents"),
                func.sum(invoices.c.total_minor).label("total_minor"),
            )
            .select_from(_whose())
            .where(condition)
            .group_by(_PAPER.state, invoices.c.currency)
        )
        found = {
            (row["state"], row["currency"]): DeliverySum(
                row["state"], row["currency"], row["documents"], int(row["total_minor"])
            )
            for row in await self._rows(summed)
        }
        order = {state.value: place for place, state in enumerate(PaperState)}
        sums = sorted(found.values(), key=lambda one: (one.currency, order.get(one.state, 9)))
        query = (
            select(*_COLUMNS)
            .select_from(_whose())
            .where(condition)
            .order_by(_PAPER.printed_on, invoices.c.number)
            .limit(length)
            .offset(offset)
        )
        lines = [DeliveryLine(**row) for row in await self._rows(query)]
        return DeliveryPage(lines, sum(one.documents for one in sums), sums)

    async def delivery_file(self, number: str) -> DeliveryFile | None:
        """Return the way of an invoice's paper; None where there is no such invoice."""
        query = (
            select(
                invoices.c.id,
                invoices.c.number,
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                subscribers.c.address,
            )
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(invoices.c.number == number.strip().upper())
        )
        invoice = await self._row(query)
        if invoice is None:
            return None
        row = await self._row(select(*_COLUMNS).select_from(_whose()).where(_PAPER.invoice_id == invoice["id"]))
        line = DeliveryLine(**row) if row is not None else None
        steps = await PaperStore(self._connection).steps(invoice["id"])
        now = PaperState(line.state) if line else None
        return DeliveryFile(
            number=invoice["number"],
            subscriber_no=invoice["subscriber_no"],
            name=invoice["name"],
            address=invoice["address"],
            line=line,
            steps=[DeliveryStep(step.state.value, step.at, step.actor, dict(step.details)) for step in steps],
            next_states=tuple(state.value for state in PaperState if state in NEXT[now]),
        )


def _whose() -> Any:
    return paper_invoices.join(invoices, invoices.c.id == _PAPER.invoice_id).join(
        subscribers, subscribers.c.id == invoices.c.subscriber_id
    )


def _matching(wanted: DeliveryFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [in_areas(wanted.areas)]
    if wanted.states:
        conditions.append(_PAPER.state.in_(wanted.states))
    if wanted.from_on is not None:
        conditions.append(_PAPER.printed_on >= wanted.from_on)
    if wanted.end_on is not None:
        conditions.append(_PAPER.printed_on < wanted.end_on)
    if wanted.area:
        below = subscribers.c.area.like(f"{escaped(wanted.area)}/%", escape="\\")
        conditions.append(or_(subscribers.c.area == wanted.area, below))
    if wanted.text:
        pattern = like(wanted.text.lower())
        conditions.append(
            or_(
                invoices.c.number.like(like(wanted.text.upper()), escape="\\"),
                func.lower(_PAPER.tracking_number).like(pattern, escape="\\"),
                func.lower(_PAPER.courier).like(pattern, escape="\\"),
                func.lower(subscribers.c.name).like(pattern, escape="\\"),
                subscribers.c.number == wanted.text,
            )
        )
    return and_(*conditions)
