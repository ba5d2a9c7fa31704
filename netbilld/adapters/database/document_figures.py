"""Where documents, their lines, what has settled them and the books do not agree, as the database finds it."""

from collections import defaultdict
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    accounts,
    allocations,
    closed_months,
    counters,
    invoice_lines,
    invoices,
    ledger_entries,
    payments,
    postings,
)
from netbilld.billing.chart import DEPOSITS, RECEIVABLE, WALLET, Side, tax
from netbilld.billing.invoice import DocumentKind, InvoiceStatus
from netbilld.billing.payment import PaymentStatus

NAMED: Final = 20  # exceptions of one sort that are named
NUMBERED: Final = invoices.c.number.is_not(None)
_IS_NOTE: Final = invoices.c.kind == DocumentKind.CREDIT_NOTE.value
SIGN: Final = case((_IS_NOTE, -1), else_=1)  # what a credit note says is given back
_AMOUNT, _TAX = invoice_lines.c.amount_minor, invoice_lines.c.tax_minor
_GROSS: Final = case((invoice_lines.c.inclusive, _AMOUNT), else_=_AMOUNT + _TAX)
NET: Final = case((invoice_lines.c.inclusive, _AMOUNT - _TAX), else_=_AMOUNT)
_EARNED: Final = case((postings.c.side == Side.CREDIT.value, postings.c.amount_minor), else_=-postings.c.amount_minor)
_ISSUED: Final = ("invoice_issued", "credit_note_issued")


async def wrong_invoices(connection: AsyncConnection) -> dict[str, str]:
    """Return, by number, what of a document does not fit: lines, taxes, allocations, status."""
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
    settled = _unlike(paid, allocations.c.invoice_id, allocations.c.amount_minor).where(~_IS_NOTE)
    for row in await connection.execute(settled):
        wrong[row.number or "a draft"] = f"paid {row.said}, allocations {row.summed}"
    for row in await connection.execute(_unlike(invoices.c.tax_minor, invoice_lines.c.invoice_id, _TAX)):
        wrong[row.number or "a draft"] = f"tax {row.said}, taxes of its lines {row.summed}"
    for row in await connection.execute(_unlike(total, invoice_lines.c.invoice_id, _GROSS)):
        wrong[row.number or "a draft"] = f"total {row.said}, lines {row.summed}"
    return wrong


def _unlike(said: ColumnElement[int], invoice_id: ColumnElement[Any], amount: ColumnElement[int]) -> Select[Any]:
    """Return the query for documents that say something else than the sum of their rows in another table."""
    summed = func.coalesce(func.sum(amount), 0)
    table: Any = invoice_id.table
    return (
        select(invoices.c.number, said.label("said"), summed.label("summed"))
        .outerjoin(table, invoice_id == invoices.c.id)
        .group_by(invoices.c.id)
        .having(said != summed)
        .order_by(invoices.c.number)
        .limit(NAMED)
    )


async def wrong_notes(connection: AsyncConnection) -> dict[str, str]:
    """Return the invoices whose credit notes are for more than they are, or whose status does not say so."""
    notes = invoices.alias("notes")
    given = (
        select(notes.c.credits_id, func.sum(notes.c.total_minor).label("given"))
        .where(notes.c.number.is_not(None), notes.c.credits_id.is_not(None))
        .group_by(notes.c.credits_id)
        .subquery()
    )
    total, given_minor = invoices.c.total_minor, func.coalesce(given.c.given, 0)
    is_credited = invoices.c.status == InvoiceStatus.CREDITED.value
    query = (
        select(invoices.c.number, invoices.c.status, total, given_minor.label("given"))
        .outerjoin(given, given.c.credits_id == invoices.c.id)
        .where(~_IS_NOTE, NUMBERED, or_(given_minor > total, is_credited != and_(given_minor == total, total > 0)))
        .order_by(invoices.c.number)
        .limit(NAMED)
    )
    return {
        row.number: f"{row.status}, total {row.total_minor}, credited {row.given}"
        for row in await connection.execute(query)
    }


async def unbooked(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Return the documents for which something else is booked than their total: (total, booked)."""
    owed = case((accounts.c.code.like(f"{RECEIVABLE}:%"), -_EARNED), else_=0)
    held = case((accounts.c.code.like(f"{WALLET}:%"), _EARNED), else_=0)
    booked = (
        select(ledger_entries.c.document_id, func.sum(owed).label("owed"), func.sum(held).label("held"))
        .join(postings, postings.c.entry_id == ledger_entries.c.id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(ledger_entries.c.kind.in_(_ISSUED), ledger_entries.c.document == "invoice")
        .group_by(ledger_entries.c.document_id)
        .subquery()
    )
    # a note for an invoice lessens what is owed on it; one by itself is credit in the wallet
    by_itself = and_(_IS_NOTE, invoices.c.credits_id.is_(None))
    booked_minor = func.coalesce(case((by_itself, booked.c.held), else_=booked.c.owed * SIGN), 0)
    query = (
        select(invoices.c.number, invoices.c.total_minor, booked_minor.label("booked"))
        .outerjoin(booked, booked.c.document_id == invoices.c.number)
        .where(NUMBERED, invoices.c.total_minor != booked_minor)
        .order_by(invoices.c.number)
        .limit(NAMED)
    )
    return {row.number: (int(row.total_minor), int(row.booked)) for row in await connection.execute(query)}


async def wrong_accounts(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Return the accounts on which documents say something else than the ledger: (documents, ledger).

    Revenue by what is sold, deposits in one sum, taxes by code; only what is booked by issuing a document.
    """
    said: dict[str, int] = defaultdict(int)
    lines = select(invoice_lines.c.revenue, func.sum(SIGN * NET)).join(
        invoices, invoices.c.id == invoice_lines.c.invoice_id
    )
    earned = lines.where(NUMBERED, invoice_lines.c.revenue.not_in([WALLET, RECEIVABLE]))
    for code, net_minor in await connection.execute(earned.group_by(invoice_lines.c.revenue)):
        said[code] += int(net_minor)
    taxes = select(invoice_lines.c.tax_code, func.sum(SIGN * _TAX)).join(
        invoices, invoices.c.id == invoice_lines.c.invoice_id
    )
    for code, tax_minor in await connection.execute(
        taxes.where(NUMBERED, _TAX != 0).group_by(invoice_lines.c.tax_code)
    ):
        said[tax(code or "none").code] += int(tax_minor)
    booked: dict[str, int] = defaultdict(int)
    ledger = (
        select(accounts.c.code, func.sum(_EARNED))
        .join(postings, postings.c.account_id == accounts.c.id)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .where(
            ledger_entries.c.kind.in_(_ISSUED),
            ~accounts.c.code.like(f"{RECEIVABLE}:%"),
            ~accounts.c.code.like(f"{WALLET}:%"),
        )
        .group_by(accounts.c.code)
    )
    for code, earned_minor in await connection.execute(ledger):
        booked[DEPOSITS if code.startswith(f"{DEPOSITS}:") else code] += int(earned_minor)
    return {code: (said[code], booked[code]) for code in sorted({*said, *booked}) if said[code] != booked[code]}


async def wrong_payments(connection: AsyncConnection) -> dict[str, str]:
    """Return the payments that have settled more than they were, or anything although they were reversed."""
    settled = func.coalesce(func.sum(allocations.c.amount_minor), 0)
    is_reversed = payments.c.status == PaymentStatus.REVERSED.value
    query = (
        select(payments.c.id, payments.c.amount_minor, payments.c.status, settled.label("settled"))
        .outerjoin(allocations, allocations.c.payment_id == payments.c.id)
        .group_by(payments.c.id)
        .having(or_(settled > payments.c.amount_minor, settled < 0, and_(is_reversed, settled != 0)))
        .limit(NAMED)
    )
    return {
        str(row.id): f"{row.status}, {row.amount_minor}, has settled {row.settled}"
        for row in await connection.execute(query)
    }


def closed_until() -> Select[tuple[date]]:
    """Return the query for the last day of the books that is closed; NULL where every month is open."""
    return select(func.max(closed_months.c.until_on)).where(closed_months.c.reopened_at.is_(None))


async def booked_after_closing(connection: AsyncConnection) -> tuple[int, ...]:
    """Return entries in a closed month that were made after it was closed."""
    query = (
        select(ledger_entries.c.id)
        .join(closed_months, ledger_entries.c.booked_on <= closed_months.c.until_on)
        .where(closed_months.c.reopened_at.is_(None), ledger_entries.c.at > closed_months.c.closed_at)
        .where(closed_months.c.month == func.substr(_month_of(connection), 1, 7))
        .order_by(ledger_entries.c.id)
        .limit(NAMED)
    )
    return tuple(int(entry_id) for entry_id in (await connection.execute(query)).scalars())


def _month_of(connection: AsyncConnection) -> ColumnElement[str]:
    if connection.dialect.name == "sqlite":
        return func.substr(ledger_entries.c.booked_on, 1, 7)
    return func.to_char(ledger_entries.c.booked_on, "YYYY-MM")


async def broken_series(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
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
