"""Money that came in as staff look at it: payments with sums, one of them, what is parked, rows of statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select, true

from netbilld.adapters.database.bank import BankStore
from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.parked_payments import ParkedPaymentStore
from netbilld.adapters.database.payment_codes import PaymentCodeStore
from netbilld.adapters.database.queries import escaped, like
from netbilld.adapters.database.readmodels.bills import BillQueries
from netbilld.adapters.database.tables import (
    accounts,
    allocations,
    bank_rows,
    changes,
    collectors,
    invoices,
    parked_payments,
    payments,
    subscribers,
)
from netbilld.billing.payment import PaymentStatus
from netbilld.billing.payment_code import PaymentCode
from netbilld.services.payment_views import (
    BankPage,
    PaidLine,
    PaidPage,
    PaidPart,
    PaidSum,
    ParkedPage,
    PayerFile,
    PaymentFile,
    PaymentFilter,
)
from netbilld.services.readmodels import PAGE_LENGTH, ChangeLine

_MOST_CHANGES: Final = 50
_MOST_CODES: Final = 500
_MOST_WORDS: Final = 100
_COLUMNS: Final = (
    payments.c.id,
    payments.c.receipt_no,
    payments.c.received_on,
    payments.c.recorded_at,
    subscribers.c.number.label("subscriber_no"),
    subscribers.c.name,
    payments.c.method,
    payments.c.reference,
    payments.c.amount_minor,
    payments.c.currency,
    payments.c.collector,
    payments.c.actor,
    payments.c.status,
)


class PaidQueries(BillQueries):
    """Reads money that came in."""

    async def paid_page(self, wanted: PaymentFilter, offset: int) -> PaidPage:
        """Return a page of payments, newest first."""
        condition = _matching(wanted)
        # whose they are is looked up for a page of them, unless it decides which they are
        source = _whose() if wanted.areas.is_limited or wanted.area or wanted.text else payments
        order = (payments.c.received_on.desc(), payments.c.recorded_at.desc(), payments.c.id)
        by = (payments.c.method, payments.c.currency, payments.c.status)
        counted = (
            select(*by, func.count().label("payments"), func.sum(payments.c.amount_minor).label("amount_minor"))
            .select_from(source)
            .where(condition)
            .group_by(*by)
        )
        rows = await self._rows(counted)
        sums = [
            PaidSum(row["method"], row["currency"], row["payments"], int(row["amount_minor"]))
            for row in rows
            if row["status"] == PaymentStatus.RECEIVED.value
        ]
        sums.sort(key=lambda one: (-one.amount_minor, one.method))
        total = sum(row["payments"] for row in rows)
        ids = select(payments.c.id).select_from(source).where(condition).order_by(*order)
        query = (
            select(*_COLUMNS)
            .select_from(_whose())
            .where(payments.c.id.in_(ids.limit(PAGE_LENGTH).offset(offset)))
            .order_by(*order)
        )
        return PaidPage([PaidLine(**row) for row in await self._rows(query)], total, sums)

    async def paid_methods(self) -> Sequence[str]:
        """Return the methods that payments have come by."""
        # from one to the next by the index: there are a few, in years of payments
        found = select(func.min(payments.c.method).label("method")).cte("found", recursive=True)
        after = select(func.min(payments.c.method)).where(payments.c.method > found.c.method).scalar_subquery()
        found = found.union_all(select(after).where(found.c.method.is_not(None)))
        query = select(found.c.method).where(found.c.method.is_not(None)).limit(_MOST_WORDS)
        return [row["method"] for row in await self._rows(query)]

    async def paid_people(self) -> Sequence[str]:
        """Return the collectors."""
        query = select(collectors.c.name).order_by(collectors.c.status, collectors.c.name).limit(_MOST_WORDS)
        return [row["name"] for row in await self._rows(query)]

    async def payment_file(self, payment_id: UUID) -> PaymentFile | None:
        """Return one payment in full."""
        columns = [
            payments.c[name]
            for name in ("note", "part_of", "moved_from", "reversed_at", "reversed_by", "reversed_because")
        ]
        row = await self._row(select(*_COLUMNS, *columns).select_from(_whose()).where(payments.c.id == payment_id))
        if row is None:
            return None
        withheld = select(*_COLUMNS).select_from(_whose()).where(payments.c.part_of == payment_id)
        kept = [PaidLine(**one) for one in await self._rows(withheld.order_by(payments.c.method))]
        linked = await self._row(select(bank_rows.c.id).where(bank_rows.c.payment_id == payment_id))
        names = [column.name for column in columns]
        return PaymentFile(
            line=PaidLine(**{name: row[name] for name in PaidLine.__slots__}),
            **{name: row[name] for name in names},
            parts=await self._parts([payment_id, *(one.id for one in kept)]),
            withheld=kept,
            bank_row=linked["id"] if linked else None,
            changes=await self._of_payment(payment_id),
        )

    async def _parts(self, payment_ids: Sequence[UUID]) -> list[PaidPart]:
        net = func.sum(allocations.c.amount_minor)
        query = (
            select(
                invoices.c.number,
                invoices.c.status,
                net.label("amount_minor"),
                (invoices.c.total_minor - invoices.c.paid_minor).label("outstanding_minor"),
            )
            .join(invoices, invoices.c.id == allocations.c.invoice_id)
            .where(allocations.c.payment_id.in_(list(payment_ids)))
            .group_by(invoices.c.id)
            .having(net != 0)
            .order_by(func.min(allocations.c.id))
        )
        return [
            PaidPart(row["number"] or "", row["status"], int(row["amount_minor"]), int(row["outstanding_minor"]))
            for row in await self._rows(query)
        ]

    async def _of_payment(self, payment_id: UUID) -> list[ChangeLine]:
        columns = [changes.c[name] for name in ChangeLine.__slots__]
        query = (
            select(*columns)
            .where(changes.c.entity == "payment", changes.c.entity_id == str(payment_id))
            .order_by(changes.c.id.desc())
            .limit(_MOST_CHANGES)
        )
        return [ChangeLine(**row) for row in await self._rows(query)]

    async def payer_file(self, text: str) -> PayerFile | None:
        """Return who a user name or subscriber number leads to."""
        named = await self.payer_named(text) if text.strip() else None
        if named is None:
            return None
        query = select(subscribers.c.id, subscribers.c.area, subscribers.c.currency).where(
            subscribers.c.number == named[0]
        )
        row = await self._row(query)
        if row is None:
            return None
        wallet = select(func.coalesce(func.sum(accounts.c.balance_minor), 0)).where(
            accounts.c.subscriber_id == row["id"], accounts.c.code.like("wallet:%")
        )
        return PayerFile(
            number=named[0],
            name=named[1],
            area=row["area"],
            currency=row["currency"],
            wallet_minor=await self._number(wallet),
            open_bills=await self.open_bills(named[0]),
        )

    async def parked_page(self, *, waiting_only: bool, offset: int) -> ParkedPage:
        """Return money without a name, oldest first; what was decided on as well unless only what waits is wanted."""
        condition = parked_payments.c.status == "parked" if waiting_only else true()
        total = await self._number(select(func.count()).select_from(parked_payments).where(condition))
        lines = await ParkedPaymentStore(self._connection).page(condition, PAGE_LENGTH, offset)
        return ParkedPage(lines, total)

    async def bank_page(self, state: str, text: str, offset: int) -> BankPage:
        """Return rows of bank statements, newest day first."""
        condition = bank_rows.c.status == state if state else true()
        if text:
            pattern = like(text.lower())
            condition = and_(
                condition,
                or_(
                    func.lower(bank_rows.c.text).like(pattern, escape="\\"),
                    func.lower(bank_rows.c.reference).like(pattern, escape="\\"),
                    cast(bank_rows.c.amount_minor, String) == text,
                ),
            )
        total = await self._number(select(func.count()).select_from(bank_rows).where(condition))
        waiting = await self._number(select(func.count()).select_from(bank_rows).where(bank_rows.c.status == "open"))
        query = (
            select(bank_rows.c.id)
            .where(condition)
            .order_by(bank_rows.c.booked_on.desc(), bank_rows.c.id.desc())
            .limit(PAGE_LENGTH)
            .offset(offset)
        )
        ids = [row["id"] for row in await self._rows(query)]
        rows = {row.id: row for row in await BankStore(self._connection).some(ids)}
        return BankPage([rows[row_id] for row_id in ids], total, waiting)

    async def bank_mappings(self) -> Sequence[str]:
        """Return the names of mappings that were added."""
        return sorted(await BankStore(self._connection).mappings())

    async def has_bank_row(self, row_id: int) -> bool:
        """Tell whether there is such a row."""
        return await self._row(select(bank_rows.c.id).where(bank_rows.c.id == row_id)) is not None

    async def open_codes(self, now: datetime) -> Sequence[PaymentCode]:
        """Return the amounts that are an open invoice's now, soonest over first."""
        return (await PaymentCodeStore(self._connection).listed(now))[:_MOST_CODES]


def _whose() -> Any:
    return payments.join(subscribers, subscribers.c.id == payments.c.subscriber_id)


def _matching(wanted: PaymentFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [in_areas(wanted.areas)]
    if wanted.from_on is not None:
        conditions.append(payments.c.received_on >= wanted.from_on)
    if wanted.end_on is not None:
        conditions.append(payments.c.received_on < wanted.end_on)
    if wanted.state:
        conditions.append(payments.c.status == wanted.state)
    if wanted.method:
        conditions.append(payments.c.method == wanted.method)
    if wanted.person:
        conditions.append(or_(payments.c.collector == wanted.person, payments.c.actor == wanted.person))
    if wanted.area:
        below = subscribers.c.area.like(f"{escaped(wanted.area)}/%", escape="\\")
        conditions.append(or_(subscribers.c.area == wanted.area, below))
    if wanted.text:
        conditions.append(
            or_(
                payments.c.receipt_no.like(like(wanted.text.upper()), escape="\\"),
                func.lower(payments.c.reference).like(like(wanted.text.lower()), escape="\\"),
                subscribers.c.number == wanted.text,
                func.lower(subscribers.c.name).like(like(wanted.text.lower()), escape="\\"),
            )
        )
    return and_(*conditions)
