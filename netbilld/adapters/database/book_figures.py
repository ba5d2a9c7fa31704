"""The figures that the checks of the books look at, summed by the database."""

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    accounts,
    allocations,
    counters,
    invoice_lines,
    invoices,
    ledger_entries,
    payments,
    plan_versions,
    postings,
    refunds,
    services,
    subscribers,
    usage_periods,
)
from netbilld.billing.books import BookFigures, SubscriberFigures
from netbilld.billing.chart import RECEIVABLE, WALLET, AccountKind, Side
from netbilld.billing.invoice import OPEN_STATUSES, DocumentKind, InvoiceStatus, LineKind
from netbilld.billing.payment import PaymentStatus
from netbilld.billing.plan import Charging
from netbilld.billing.plan_file import plan_from_definition

NAMED: Final = 20  # exceptions of one sort that are named
_DEBIT: Final = case((postings.c.side == Side.DEBIT.value, postings.c.amount_minor), else_=0)
_CREDIT: Final = case((postings.c.side == Side.CREDIT.value, postings.c.amount_minor), else_=0)
_CHARGES: Final = ("usage_charged", "renewal_charged")


async def book_figures(connection: AsyncConnection) -> BookFigures:
    """Return the figures of one consistent moment; run it in a read transaction."""
    totals = (
        await connection.execute(
            select(
                func.coalesce(func.sum(_DEBIT), 0).label("debit"), func.coalesce(func.sum(_CREDIT), 0).label("credit")
            )
        )
    ).one()
    return BookFigures(
        debit_minor=int(totals.debit),
        credit_minor=int(totals.credit),
        entries=int(await connection.scalar(select(func.count()).select_from(ledger_entries)) or 0),
        unbalanced_entries=await _entries(connection, func.sum(_DEBIT) != func.sum(_CREDIT)),
        bad_postings=await _entries(
            connection, or_(func.min(postings.c.amount_minor) <= 0, func.count(postings.c.line) < 2)
        ),
        wrong_balances=await _wrong_balances(connection),
        wrong_invoices=await _wrong_invoices(connection),
        broken_series=await _broken_series(connection),
        subscribers=await _subscribers(connection),
    )


async def _entries(connection: AsyncConnection, wrong: ColumnElement[bool]) -> tuple[int, ...]:
    query = (
        select(ledger_entries.c.id)
        .outerjoin(postings, postings.c.entry_id == ledger_entries.c.id)
        .group_by(ledger_entries.c.id)
        .having(wrong)
        .order_by(ledger_entries.c.id)
        .limit(NAMED)
    )
    return tuple(int(entry_id) for entry_id in (await connection.execute(query)).scalars())


async def _wrong_balances(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    debit_grows = accounts.c.kind.in_([AccountKind.ASSET.value, AccountKind.EXPENSE.value])
    summed = func.coalesce(func.sum(case((debit_grows, _DEBIT - _CREDIT), else_=_CREDIT - _DEBIT)), 0)
    query = (
        select(accounts.c.code, accounts.c.balance_minor, summed.label("summed"))
        .outerjoin(postings, postings.c.account_id == accounts.c.id)
        .group_by(accounts.c.id, accounts.c.code, accounts.c.balance_minor)
        .having(accounts.c.balance_minor != summed)
        .order_by(accounts.c.code)
        .limit(NAMED)
    )
    return {row.code: (int(row.balance_minor), int(row.summed)) for row in await connection.execute(query)}


async def _wrong_invoices(connection: AsyncConnection) -> dict[str, str]:
    total, paid, status = invoices.c.total_minor, invoices.c.paid_minor, invoices.c.status
    status_fits = or_(
        status.in_([InvoiceStatus.CREDITED.value, InvoiceStatus.DRAFT.value]),
        and_(status == InvoiceStatus.ISSUED.value, paid == 0),
        and_(status == InvoiceStatus.PART_PAID.value, paid > 0, paid < total),
        and_(status == InvoiceStatus.PAID.value, paid == total),
    )
    misfits = select(invoices.c.number, status, paid, total).where(~status_fits).order_by(invoices.c.number)
    wrong = {
        row.number or "a draft": f"{row.status} with {row.paid_minor} of {row.total_minor} paid"
        for row in await connection.execute(misfits.limit(NAMED))
    }
    settled = _invoices_unlike(paid, allocations.c.invoice_id, allocations.c.amount_minor)
    for row in await connection.execute(settled):
        wrong[row.number or "a draft"] = f"paid {row.said}, allocations {row.summed}"
    net = total - invoices.c.tax_minor
    for row in await connection.execute(
        _invoices_unlike(net, invoice_lines.c.invoice_id, invoice_lines.c.amount_minor)
    ):
        wrong[row.number or "a draft"] = f"total less tax {row.said}, lines {row.summed}"
    return wrong


def _invoices_unlike(said: ColumnElement[int], invoice_id: Column[Any], amount: Column[Any]) -> Select[Any]:
    """Return the query for invoices that say something else than the sum of their rows in another table."""
    summed = func.coalesce(func.sum(amount), 0)
    return (
        select(invoices.c.number, said.label("said"), summed.label("summed"))
        .outerjoin(invoice_id.table, invoice_id == invoices.c.id)
        .group_by(invoices.c.id)
        .having(said != summed)
        .order_by(invoices.c.number)
        .limit(NAMED)
    )


async def _broken_series(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Return the series that have given more numbers than documents bear, or fewer.

    Numbers are unique, so as many as were given means each of them. A format may have been changed, from years to
    months say: where a kind is right as a whole nothing is looked for, and else months are told where they can be.
    """
    given: dict[str, dict[str, int]] = {kind.value: {} for kind in DocumentKind}
    for row in await connection.execute(select(counters.c.series, counters.c.last_number)):
        kind, _, part = row.series.partition(":")
        if kind in given:
            given[kind][part] = int(row.last_number)
    query = select(invoices.c.kind, invoices.c.issued_on, func.count().label("found"))
    numbered = query.where(invoices.c.number.is_not(None)).group_by(invoices.c.kind, invoices.c.issued_on)
    found: dict[str, dict[str, int]] = {kind: defaultdict(int) for kind in given}
    for row in await connection.execute(numbered):
        for part in ("", f"{row.issued_on:%Y}", f"{row.issued_on:%Y%m}"):
            found[row.kind][part] += int(row.found)
    broken: dict[str, tuple[int, int]] = {}
    for kind, series in given.items():
        if sum(series.values()) == found[kind][""]:
            continue
        wrong = {part: (last, found[kind][part]) for part, last in series.items() if last != found[kind][part]}
        broken |= {f"{kind}:{part}" if part else kind: both for part, both in wrong.items()}
        broken = broken or {kind: (sum(series.values()), found[kind][""])}
    return broken


async def _subscribers(connection: AsyncConnection) -> tuple[SubscriberFigures, ...]:
    figures: dict[UUID, dict[str, Any]] = defaultdict(dict)

    async def collect(name: str, query: Select[Any]) -> None:
        for subscriber_id, value in await connection.execute(query):
            figures[subscriber_id][name] = int(value)

    owner, balance = accounts.c.subscriber_id, accounts.c.balance_minor
    for name, word in (("receivable_minor", RECEIVABLE), ("wallet_minor", WALLET)):
        await collect(name, select(owner, balance).where(owner.is_not(None), accounts.c.code.like(f"{word}:%")))
    invoiced = select(invoices.c.subscriber_id, func.sum(invoices.c.total_minor)).group_by(invoices.c.subscriber_id)
    await collect("invoiced_minor", invoiced.where(invoices.c.number.is_not(None)))
    await collect(
        "open_minor",
        select(invoices.c.subscriber_id, func.sum(invoices.c.total_minor - invoices.c.paid_minor))
        .where(invoices.c.status.in_([status.value for status in OPEN_STATUSES]))
        .group_by(invoices.c.subscriber_id),
    )
    await collect(
        "paid_minor",
        select(payments.c.subscriber_id, func.sum(payments.c.amount_minor))
        .where(payments.c.status == PaymentStatus.RECEIVED.value)
        .group_by(payments.c.subscriber_id),
    )
    await collect(
        "refunded_minor",
        select(refunds.c.subscriber_id, func.sum(refunds.c.amount_minor)).group_by(refunds.c.subscriber_id),
    )
    await collect(
        "funded_minor",
        select(invoices.c.subscriber_id, func.sum(invoice_lines.c.amount_minor))
        .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
        .where(invoice_lines.c.kind == LineKind.REVERSED_PAYMENT.value, invoices.c.number.is_not(None))
        .group_by(invoices.c.subscriber_id),
    )
    for name, kinds in (("charged_minor", _CHARGES), ("usage_posted_minor", _CHARGES[:1])):
        await collect(
            name,
            select(owner, func.sum(_DEBIT - _CREDIT))
            .join(postings, postings.c.account_id == accounts.c.id)
            .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
            .where(owner.is_not(None), ledger_entries.c.kind.in_(kinds))
            .group_by(owner),
        )
    await collect(
        "metered_minor",
        select(services.c.subscriber_id, func.sum(usage_periods.c.charged_minor))
        .join(usage_periods, usage_periods.c.service_id == services.c.id)
        .group_by(services.c.subscriber_id),
    )
    for subscriber_id in await _per_use(connection):
        figures[subscriber_id]["per_use"] = True
    numbers = {row.id: row.number for row in await connection.execute(select(subscribers.c.id, subscribers.c.number))}
    found = [SubscriberFigures(number=numbers[key], **values) for key, values in figures.items() if key in numbers]
    return tuple(sorted(found, key=lambda one: one.number))


async def _per_use(connection: AsyncConnection) -> set[UUID]:
    """Return the subscribers whom usage was ever charged to, or who have a service that is charged so."""
    versions = await connection.execute(select(plan_versions.c.id, plan_versions.c.definition))
    charged = [row.id for row in versions if plan_from_definition(row.definition).charging is Charging.PER_USE]
    having = select(services.c.subscriber_id).where(services.c.plan_version_id.in_(charged))
    drained = (
        select(accounts.c.subscriber_id)
        .join(postings, postings.c.account_id == accounts.c.id)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .where(ledger_entries.c.kind == "usage_charged", accounts.c.subscriber_id.is_not(None))
    )
    return {key for query in (having, drained) for key in (await connection.execute(query.distinct())).scalars()}
