"""The database itself keeps the books right, whoever writes to it: on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    closed_months,
    invoice_lines,
    invoices,
    ledger_entries,
    postings,
)
from netbilld.billing.chart import Side, cash, wallet
from netbilld.billing.ledger import LedgerEntry, Posting
from tests.integration.money_world import ACTOR, Person, World, at, plan_file

JAN = date(2026, 1, 1)
FEB = date(2026, 2, 1)


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


@pytest.fixture
async def billed(world: World) -> Person:
    """A subscriber with an invoice, a part of it paid."""
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    await world.pay(who, 50_000, JAN)
    return who


@asynccontextmanager
async def refused(world: World, said: str) -> AsyncIterator[AsyncConnection]:
    """Expect that what is done with this connection is refused by the database, by its end at the latest."""
    with pytest.raises(IntegrityError, match=said):
        async with world.database.write() as work:
            yield work.connection


@pytest.mark.usefixtures("billed")
@pytest.mark.parametrize(
    "statement",
    [
        update(postings).values(amount_minor=1),
        delete(postings),
        update(ledger_entries).values(memo="x"),
        delete(ledger_entries),
    ],
)
async def test_what_is_booked_is_neither_changed_nor_deleted(world: World, statement: Any) -> None:
    async with refused(world, "what is booked stays") as connection:
        await connection.execute(statement)


@pytest.mark.usefixtures("billed")
@pytest.mark.parametrize(
    "statement",
    [
        update(invoices).values(total_minor=1),
        update(invoices).values(due_on=FEB),
        update(invoices).values(number=None),
        update(invoices).values(buyer={"name": "x"}),
        delete(invoices).where(invoices.c.number.is_not(None)),
        update(invoice_lines).values(text="x"),
        delete(invoice_lines),
    ],
)
async def test_an_issued_document_stays_as_it_is(world: World, statement: Any) -> None:
    """ICON-5: not even by SQL."""
    async with refused(world, "correct it by a credit note") as connection:
        await connection.execute(statement)


async def test_how_much_of_a_document_is_settled_does_change(world: World, billed: Person) -> None:
    await world.pay(billed, 150_000, JAN)
    assert await world.balance(billed) == (0, 0)
    await world.assert_books_hold()


async def test_a_line_more_than_its_total_is_refused_of_an_issued_document(world: World, billed: Person) -> None:
    async with world.database.read() as work:
        (issued,) = await work.invoices.open_of(billed.subscriber_id)
    async with refused(world, "issued") as connection:
        row = {"invoice_id": issued.id, "position": 9, "kind": "manual", "text": "x", "quantity": 1}
        await connection.execute(insert(invoice_lines).values(**row, unit_price_minor=1, per=1, amount_minor=1))


def document_row(subscriber_id: UUID, number: str | None) -> dict[str, Any]:
    days = {"period_start_on": JAN, "period_end_on": FEB, "issued_on": JAN, "due_on": FEB, "created_at": at(JAN)}
    money = {"currency": "IDR", "tax_minor": 0, "total_minor": 7, "paid_minor": 0}
    who = {"subscriber_id": subscriber_id, "timezone": "Asia/Jakarta", "status": "issued"}
    return {"id": uuid4(), "number": number, **who, **days, **money}


def line_rows(document: dict[str, Any], *amounts_minor: int) -> list[dict[str, Any]]:
    each = {"invoice_id": document["id"], "kind": "manual", "text": "x", "quantity": 1, "per": 1}
    return [
        {**each, "position": position, "unit_price_minor": amount_minor, "amount_minor": amount_minor}
        for position, amount_minor in enumerate(amounts_minor, 1)
    ]


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # on SQLite lines come before their document
async def test_lines_of_an_issued_document_are_its_total(world: World, billed: Person) -> None:
    right, wrong = (document_row(billed.subscriber_id, number) for number in ("X-1", "X-2"))
    async with refused(world, "its lines are its total") as connection:
        await connection.execute(insert(invoices).values([right, wrong]))
        await connection.execute(insert(invoice_lines).values([*line_rows(right, 3, 4), *line_rows(wrong, 3, 5)]))
    async with world.database.write() as work:
        await work.connection.execute(insert(invoices).values(right))
        await work.connection.execute(insert(invoice_lines).values(line_rows(right, 3, 4)))


@pytest.mark.peer
@pytest.mark.parametrize(
    "migrated_url", ["postgresql"], indirect=True
)  # SQLite looks at nothing when a transaction ends
async def test_a_draft_is_issued_with_lines_that_are_its_total(world: World, billed: Person) -> None:
    for amounts in ((3, 5), (7,), (3, 4)):
        draft = document_row(billed.subscriber_id, None)
        issuing = update(invoices).where(invoices.c.id == draft["id"]).values(number=f"X-{len(amounts)}{amounts[-1]}")
        if sum(amounts) != draft["total_minor"]:
            async with refused(world, "its lines are its total") as connection:
                await connection.execute(insert(invoices).values(draft))
                await connection.execute(insert(invoice_lines).values(line_rows(draft, *amounts)))
                await connection.execute(issuing)
            continue
        async with world.database.write() as work:
            await work.connection.execute(insert(invoices).values(draft))
            for row in line_rows(draft, *amounts):
                await work.connection.execute(insert(invoice_lines).values(row))
            await work.connection.execute(issuing)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)  # where lines come before their document
async def test_a_document_comes_with_the_lines_that_are_its_total(world: World, billed: Person) -> None:
    """ICON-5."""
    for number, amounts in (("X-1", (3, 5)), ("X-2", (7, 7)), ("X-3", (3, 4))):
        document = document_row(billed.subscriber_id, number)
        if sum(amounts) == document["total_minor"]:
            async with world.database.write() as work:
                await work.connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
                await work.connection.execute(insert(invoice_lines).values(line_rows(document, *amounts)))
                await work.connection.execute(insert(invoices).values(document))
            continue
        async with refused(world, "lines that are its total") as connection:
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            await connection.execute(insert(invoice_lines).values(line_rows(document, *amounts)))
            await connection.execute(insert(invoices).values(document))
    bare = document_row(billed.subscriber_id, "X-4")
    async with refused(world, "lines that are its total") as connection:
        await connection.execute(insert(invoices).values(bare))
        await connection.execute(insert(invoice_lines).values(line_rows(bare, 6)))
    draft = document_row(billed.subscriber_id, None)
    async with refused(world, "lines that are its total") as connection:
        await connection.execute(insert(invoices).values(draft))
        await connection.execute(insert(invoice_lines).values(line_rows(draft, 3, 5)))
        await connection.execute(update(invoices).where(invoices.c.id == draft["id"]).values(number="X-5"))


def entry_row(entry_id: int, on: date = JAN) -> dict[str, Any]:
    made = {"id": entry_id, "at": at(on), "booked_on": on, "kind": "x", "document": "payment"}
    return {**made, "document_id": "y", "memo": "", "actor": "ani"}


async def _write(connection: AsyncConnection, entry: dict[str, Any], sides: list[tuple[str, int]]) -> None:
    """Write an entry in the order in which this database takes one."""
    account_id = await connection.scalar(text("SELECT min(id) FROM accounts"))
    rows = [
        {"entry_id": entry["id"], "line": line, "account_id": account_id, "side": side, "amount_minor": amount}
        for line, (side, amount) in enumerate(sides)
    ]
    booked: Any = insert(ledger_entries).values(entry)
    parts: Any = insert(postings).values(rows)
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        if rows:
            await connection.execute(parts)
        await connection.execute(booked)
    else:
        await connection.execute(parts.add_cte(booked.cte("booked")) if rows else booked)


@pytest.mark.usefixtures("billed")
@pytest.mark.parametrize("sides", [[("debit", 2), ("credit", 1)], [("debit", 1)], []])
async def test_an_entry_that_does_not_balance_is_refused(world: World, sides: list[tuple[str, int]]) -> None:
    async with refused(world, "balance|postings") as connection:
        await _write(connection, entry_row(1_000), sides)
    await world.assert_books_hold()


@pytest.mark.usefixtures("billed")
async def test_one_entry_without_postings_among_many_is_refused(world: World) -> None:
    async with refused(world, "balance|postings") as connection:
        both: Any = insert(ledger_entries).values([entry_row(1_000), entry_row(1_001)])
        account_id = await connection.scalar(text("SELECT min(id) FROM accounts"))
        parts: Any = insert(postings).values(
            [
                {"entry_id": 1_000, "line": line, "account_id": account_id, "side": side, "amount_minor": 5}
                for line, side in enumerate(("debit", "credit"))
            ]
        )
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            await connection.execute(parts)
            await connection.execute(both)
        else:
            await connection.execute(parts.add_cte(both.cte("both")))
    await world.assert_books_hold()


@pytest.mark.usefixtures("billed")
async def test_postings_are_not_added_to_an_entry_that_stands(world: World) -> None:
    async with refused(world, "postings") as connection:
        both = [
            {"entry_id": 1, "line": line, "account_id": 1, "side": side, "amount_minor": 5}
            for line, side in ((7, "debit"), (8, "credit"))
        ]
        await connection.execute(insert(postings).values(both))
    await world.assert_books_hold()


@pytest.mark.usefixtures("billed")
async def test_postings_without_an_entry_are_refused(world: World) -> None:
    async with refused(world, "(?i)foreign key") as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        both = [
            {"entry_id": 1_000, "line": line, "account_id": 1, "side": side, "amount_minor": 5}
            for line, side in enumerate(("debit", "credit"))
        ]
        await connection.execute(insert(postings).values(both))


async def close_january(world: World) -> None:
    async with world.database.write() as work:
        closing = {"month": "2026-01", "until_on": date(2026, 1, 31), "closed_at": at(FEB), "closed_by": "ani"}
        await work.connection.execute(insert(closed_months).values(closing))


@pytest.mark.usefixtures("billed")
async def test_nothing_is_booked_in_a_closed_month(world: World) -> None:
    await close_january(world)
    async with refused(world, "closed") as connection:
        await _write(connection, entry_row(1_000, date(2026, 1, 31)), [("debit", 1), ("credit", 1)])
    async with world.database.write() as work:
        await _write(work.connection, entry_row(1_000, FEB), [("debit", 1), ("credit", 1)])


async def test_what_belongs_to_a_closed_month_is_booked_in_the_open_one(world: World, billed: Person) -> None:
    await close_january(world)
    await world.pay(billed, 1_000, date(2026, 1, 20))
    async with world.database.read() as work:
        statement = await work.ledger.statement(cash("cash").code)
    assert [(line.booked_on, line.amount_minor) for line in statement.lines] == [(JAN, 50_000), (FEB, 1_000)]


async def test_many_entries_in_one_go_pass_the_guards(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    parts = (Posting(cash("cash"), Side.DEBIT, 3), Posting(wallet(who.payer), Side.CREDIT, 3))
    entries = [LedgerEntry("payment_received", "payment", str(uuid4()), "", "IDR", parts) for _ in range(3_000)]
    async with world.database.write() as work:
        numbers = await work.ledger.post_many(entries, at=at(JAN), booked_on=JAN, actor=ACTOR)
    assert numbers == sorted(set(numbers))
    assert await world.balance(who) == (9_000, 0)
