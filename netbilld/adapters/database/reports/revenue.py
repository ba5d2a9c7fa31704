"""Revenue without tax: what issued lines and charges to wallets earned, by plan, area, component or month."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.documents import NET, SIGN, issued_in
from netbilld.adapters.database.reports.source import DEBIT, debits, kinds_booked, ratio, stream, summed
from netbilld.adapters.database.tables import (
    ASIDE,
    accounts,
    invoice_lines,
    invoices,
    ledger_days,
    ledger_entries,
    plan_versions,
    plans,
    postings,
    service_terms,
    services,
    subscribers,
)
from netbilld.billing.chart import AccountKind
from netbilld.services.reports.table import Span, Table, months_before

_PREFIX: Final = "revenue:"
_TOTAL, _TAX = invoices.c.total_minor, invoices.c.tax_minor
_Sums = dict[tuple[Any, str], int]  # by what it is told apart by, and currency


async def revenue(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield what was earned beside what was earned before; None for what belongs to no plan or area."""
    if table.by == "month":
        async for row in _by_month(connection, span):
            yield row
        return
    now = await _earned(connection, table.by, span)
    before = await _earned(connection, table.by, span.prior)
    for what, currency in sorted(now.keys() | before.keys(), key=lambda key: (key[0] is None, str(key[0]), key[1])):
        yield (what, *_growth(now.get((what, currency), 0), before.get((what, currency), 0)), currency)


async def _by_month(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield months, each beside the one before it; the first beside that before the span, whole as it was."""
    first = Span(months_before(span.from_on, 1), span.to_on, span.timezone)
    earned = await _earned(connection, "month", first)
    if span.from_on.day != 1:  # of a month that is begun late only its later part is asked for
        part = await _earned(connection, "month", span)
        month_on = span.from_on.replace(day=1)
        earned = {key: minor for key, minor in earned.items() if key[0] != month_on} | part
    months = {months_before(span.to_on, back) for back in range(_months(span))}
    for currency in sorted({currency for _, currency in earned}):
        for month_on in sorted(months):
            before = earned.get((months_before(month_on, 1), currency), 0)
            yield (month_on, *_growth(earned.get((month_on, currency), 0), before), currency)


def _months(span: Span) -> int:
    return (span.to_on.year - span.from_on.year) * 12 + span.to_on.month - span.from_on.month + 1


def _growth(now_minor: int, before_minor: int) -> tuple[int, int, int, int | None]:
    change_minor = now_minor - before_minor
    return now_minor, before_minor, change_minor, ratio(change_minor, before_minor, 10_000)


async def _earned(connection: AsyncConnection, by: str, span: Span) -> _Sums:
    earned: _Sums = defaultdict(int)
    if by in {"area", "month"}:
        await _add_documents(connection, by, span, earned)
    else:
        await _add_lines(connection, by, span, earned)
    await _add_charges(connection, by, span, earned)
    return {key: minor for key, minor in earned.items() if minor}


async def _add_documents(connection: AsyncConnection, by: str, span: Span, earned: _Sums) -> None:
    """Add what documents earned as a whole: all that they are for without tax, less the few lines that earn nothing.

    A document is the sum of its lines (`ledger check` proves it), and has far fewer rows than they.
    """
    what = subscribers.c.area if by == "area" else invoices.c.issued_on
    whole = select(what.label("what"), invoices.c.currency, summed(SIGN * (_TOTAL - _TAX)).label("minor"))
    nothing = (
        select(what.label("what"), invoices.c.currency, summed(-SIGN * NET).label("minor"))
        .join_from(invoice_lines, invoices, invoices.c.id == invoice_lines.c.invoice_id)
        .where(text(ASIDE), invoice_lines.c.revenue.not_in(await _income(connection)))
    )
    for part in (whole, nothing):
        query = part.where(issued_in(span)).group_by(what, invoices.c.currency)
        if by == "area":
            query = query.join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        async for row in stream(connection, query):
            earned[_key(by, row.what), row.currency] += row.minor


async def _income(connection: AsyncConnection) -> Sequence[str]:
    """Return the accounts of income; said one by one, the planner knows how many lines there are of them."""
    earning = select(accounts.c.code).where(accounts.c.kind == AccountKind.INCOME.value)
    return (await connection.scalars(earning)).all()


async def _add_lines(connection: AsyncConnection, by: str, span: Span, earned: _Sums) -> None:
    """Add what documents earned, line by line."""
    codes = await _income(connection)
    plan = _plans_by_days()
    what: ColumnElement[Any] = {
        "plan": func.coalesce(plan.c.code, plans.c.code),
        "component": invoice_lines.c.revenue,
    }[by]
    lines = (
        select(what.label("what"), invoices.c.currency, (SIGN * NET).label("minor"))
        .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
        .where(issued_in(span), invoice_lines.c.revenue.in_(codes))
    )
    if by == "plan":
        on = func.coalesce(invoice_lines.c.from_on, invoices.c.issued_on)
        then = and_(
            plan.c.service_id == invoice_lines.c.service_id,
            plan.c.from_on <= on,
            or_(plan.c.until_on.is_(None), plan.c.until_on > on),
        )
        lines = (
            lines.outerjoin(plan, then)
            .outerjoin(services, services.c.id == invoice_lines.c.service_id)
            .outerjoin(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .outerjoin(plans, plans.c.id == plan_versions.c.plan_id)
        )
    found = lines.subquery()
    query = select(found.c.what, found.c.currency, summed(found.c.minor).label("minor"))
    async for row in stream(connection, query.group_by(found.c.what, found.c.currency)):
        earned[_key(by, row.what), row.currency] += row.minor


def _plans_by_days() -> Subquery:
    """Return the plan of each of a service's terms, with the days that it was billed by, half-open."""
    of_version, of_plan = plan_versions.alias(), plans.alias()
    until_on = func.lead(service_terms.c.from_on).over(
        partition_by=service_terms.c.service_id, order_by=service_terms.c.from_on
    )
    return (
        select(service_terms.c.service_id, service_terms.c.from_on, until_on.label("until_on"), of_plan.c.code)
        .join(of_version, of_version.c.id == service_terms.c.plan_version_id)
        .join(of_plan, of_plan.c.id == of_version.c.plan_id)
        .subquery("terms")
    )


async def _add_charges(connection: AsyncConnection, by: str, span: Span, earned: _Sums) -> None:
    """Add what was earned otherwise: charged to wallets for usage and renewals, and entries that no document has."""
    income = ledger_days.c.account_kind == AccountKind.INCOME.value
    kinds = await kinds_booked(connection, income, from_on=span.from_on, to_on=span.to_on)
    if not kinds:
        return
    query = (
        select(
            accounts.c.code,
            accounts.c.currency,
            ledger_entries.c.document,
            ledger_entries.c.document_id,
            ledger_entries.c.booked_on,
            summed(-DEBIT).label("minor"),
        )
        .select_from(postings)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(
            accounts.c.kind == AccountKind.INCOME.value,
            ledger_entries.c.kind.in_(kinds),
            ledger_entries.c.booked_on >= span.from_on,
            ledger_entries.c.booked_on <= span.to_on,
        )
        .group_by(
            accounts.c.code,
            accounts.c.currency,
            ledger_entries.c.document,
            ledger_entries.c.document_id,
            ledger_entries.c.booked_on,
        )
    )
    belongs = _Belongs(connection, by)
    async for row in stream(connection, query):
        if by == "component":
            what = row.code
        elif by == "month":
            what = row.booked_on
        else:
            what = await belongs.of(row.document, row.document_id, row.booked_on)
        earned[_key(by, what), row.currency] += row.minor


def _key(by: str, what: Any) -> Any:
    if by == "month":
        return what.replace(day=1)
    if by == "component":
        return str(what).removeprefix(_PREFIX)
    return what or None


class _Belongs:
    """Says which plan or area a service belongs to; each service is asked for once."""

    def __init__(self, connection: AsyncConnection, by: str) -> None:
        self._connection, self._by = connection, by
        self._areas: dict[str, str | None] = {}
        self._plans: dict[str, list[tuple[date | None, str]]] = {}

    async def of(self, document: str, document_id: str, on: date) -> str | None:
        """Return it for an entry's document; None where that is no service."""
        if document != "service":
            return None
        if self._by == "area":
            if document_id not in self._areas:
                self._areas[document_id] = await self._area(UUID(document_id))
            return self._areas[document_id]
        if document_id not in self._plans:
            self._plans[document_id] = await self._terms(UUID(document_id))
        code = None
        for from_on, plan in self._plans[document_id]:
            if code is None or from_on is None or from_on <= on:
                code = plan
        return code

    async def _area(self, service_id: UUID) -> str | None:
        query = (
            select(subscribers.c.area)
            .join(services, services.c.subscriber_id == subscribers.c.id)
            .where(services.c.id == service_id)
        )
        area: str | None = await self._connection.scalar(query)
        return area

    async def _terms(self, service_id: UUID) -> list[tuple[date | None, str]]:
        """Return the plans a service had, each with its first day; the one it has where no terms are kept."""
        named = select(plans.c.code).join(plan_versions, plan_versions.c.plan_id == plans.c.id)
        query = (
            named.add_columns(service_terms.c.from_on)
            .join(service_terms, service_terms.c.plan_version_id == plan_versions.c.id)
            .where(service_terms.c.service_id == service_id)
            .order_by(service_terms.c.from_on)
        )
        found: list[tuple[date | None, str]] = [
            (row.from_on, row.code) for row in await self._connection.execute(query)
        ]
        if not found:
            kept = named.join(services, services.c.plan_version_id == plan_versions.c.id)
            found = [
                (None, row.code) for row in await self._connection.execute(kept.where(services.c.id == service_id))
            ]
        return found


async def earned_in_ledger(connection: AsyncConnection, table: Table, span: Span) -> dict[tuple[str, str], int]:
    """Return what was booked on accounts of income."""
    income = ledger_days.c.account_kind == AccountKind.INCOME.value
    earned = await debits(connection, income, span=span)
    found = {("net", currency): -minor for currency, minor in earned.items()}
    if table.by != "month":
        before = await debits(connection, income, span=span.prior)
        found |= {("net_before", currency): -minor for currency, minor in before.items()}
    return found
