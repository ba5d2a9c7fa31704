"""The figures that the checks of the books look at, summed by the database."""

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.document_figures import (
    NAMED,
    NET,
    NUMBERED,
    SIGN,
    booked_after_closing,
    broken_series,
    closed_until,
    unbooked,
    wrong_accounts,
    wrong_invoices,
    wrong_notes,
    wrong_payments,
)
from netbilld.adapters.database.ledger_days import wrong_days
from netbilld.adapters.database.money_in_figures import broken_receipts, wrong_holdings
from netbilld.adapters.database.tables import (
    accounts,
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
    write_offs,
)
from netbilld.billing.books import BookFigures, SubscriberFigures
from netbilld.billing.chart import DEPOSITS, RECEIVABLE, WALLET, AccountKind, Side
from netbilld.billing.invoice import OPEN_STATUSES, LineKind
from netbilld.billing.payment import PaymentStatus
from netbilld.billing.plan import Charging
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.postings import WALLET_CREDITS

_DEBIT: Final = case((postings.c.side == Side.DEBIT.value, postings.c.amount_minor), else_=0)
_CREDIT: Final = case((postings.c.side == Side.CREDIT.value, postings.c.amount_minor), else_=0)


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
        wrong_invoices=await wrong_invoices(connection),
        broken_series=await broken_series(connection) | await broken_receipts(connection),
        subscribers=await _subscribers(connection),
        wrong_notes=await wrong_notes(connection),
        unbooked=await unbooked(connection),
        wrong_accounts=await wrong_accounts(connection) | await wrong_holdings(connection),
        wrong_payments=await wrong_payments(connection),
        booked_after_closing=await booked_after_closing(connection),
        closed_until_on=await connection.scalar(closed_until()),
        wrong_days=await wrong_days(connection),
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


async def _subscribers(connection: AsyncConnection) -> tuple[SubscriberFigures, ...]:
    figures: dict[UUID, dict[str, Any]] = defaultdict(dict)

    async def collect(name: str, query: Select[Any]) -> None:
        for subscriber_id, value in await connection.execute(query):
            figures[subscriber_id][name] = int(value)

    owner, balance = accounts.c.subscriber_id, accounts.c.balance_minor
    for name, word in (("receivable_minor", RECEIVABLE), ("wallet_minor", WALLET), ("deposits_minor", DEPOSITS)):
        await collect(name, select(owner, balance).where(owner.is_not(None), accounts.c.code.like(f"{word}:%")))
    whose = invoices.c.subscriber_id
    await collect(
        "invoiced_minor", select(whose, func.sum(SIGN * invoices.c.total_minor)).where(NUMBERED).group_by(whose)
    )
    await collect(
        "open_minor",
        select(whose, func.sum(invoices.c.total_minor - invoices.c.paid_minor))
        .where(invoices.c.status.in_([status.value for status in OPEN_STATUSES]))
        .group_by(whose),
    )
    for name, wanted in (
        ("deposits_billed_minor", invoice_lines.c.revenue == DEPOSITS),
        ("funded_minor", invoice_lines.c.kind == LineKind.REVERSED_PAYMENT.value),
    ):
        await collect(
            name,
            select(whose, func.sum(SIGN * NET))
            .join(invoice_lines, invoice_lines.c.invoice_id == invoices.c.id)
            .where(NUMBERED, wanted)
            .group_by(whose),
        )
    received = payments.c.status != PaymentStatus.REVERSED.value
    for name, table, wanted in (
        ("paid_minor", payments, received),
        ("refunded_minor", refunds, true()),
        ("written_off_minor", write_offs, true()),
    ):
        person = table.c.subscriber_id
        await collect(name, select(person, func.sum(table.c.amount_minor)).where(wanted).group_by(person))
    returned = ledger_entries.c.kind.in_(WALLET_CREDITS)
    for name, word, kinds in (
        ("charged_minor", WALLET, (ledger_entries.c.document == "service") & ~returned),
        ("usage_posted_minor", WALLET, ledger_entries.c.kind == "usage_charged"),
        ("deposits_returned_minor", DEPOSITS, returned),
    ):
        await collect(
            name,
            select(owner, func.sum(_DEBIT - _CREDIT))
            .join(postings, postings.c.account_id == accounts.c.id)
            .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
            .where(owner.is_not(None), accounts.c.code.like(f"{word}:%"), kinds)
            .group_by(owner),
        )
    await collect(
        "metered_minor",
        select(services.c.subscriber_id, func.sum(usage_periods.c.charged_minor + usage_periods.c.added_tax_minor))
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
