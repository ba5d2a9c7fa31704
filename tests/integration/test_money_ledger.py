"""The ledger and its checks on SQLite and PostgreSQL, and plans as they are stored."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    accounts,
    allocations,
    counters,
    invoice_lines,
    invoices,
    ledger_entries,
    payments,
    postings,
    usage_periods,
)
from netbilld.billing.books import check_books
from netbilld.billing.chart import REVENUE_USAGE, Account, AccountKind, Payer, Side, cash, receivable, wallet
from netbilld.billing.ledger import LedgerEntry, Posting
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from tests.guards import unguarded
from tests.integration.money_world import ACTOR, PER_USE, Person, World, at, plan_file

JAN = date(2026, 1, 1)


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    await made.plan(PER_USE)
    return made


@pytest.fixture
async def traded(world: World) -> Person:
    """A subscriber with an invoice part paid, a wallet that was used, and a wallet of their own."""
    who = await world.person("budi", activated_on=JAN)
    await world.person("budi-kuota", "KUOTA", activated_on=JAN, of=who)
    await world.bill(JAN)
    await world.pay(who, 250_000, JAN, reference="A")
    await world.use(who, 10_000, JAN)
    await world.bill(date(2026, 2, 1))
    return who


async def failures(world: World) -> set[str]:
    async with world.database.read() as work:
        return {result.name for result in check_books(await work.ledger.figures()) if not result.ok}


async def test_every_check_holds_after_invoices_payments_usage_and_wallet(world: World, traded: Person) -> None:
    assert await failures(world) == set()
    assert await world.balance(traded) == (0, 160_000)


async def test_the_checks_hold_on_empty_books(world: World) -> None:
    assert await failures(world) == set()


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize(
    ("table", "values", "found_by"),
    [
        (postings, {"amount_minor": postings.c.amount_minor + 1}, {"balances_are_sums"}),
        (accounts, {"balance_minor": accounts.c.balance_minor + 1}, {"balances_are_sums"}),
        (invoices, {"paid_minor": invoices.c.paid_minor - 1}, {"invoices_fit", "receivables_equal_open_invoices"}),
        (invoices, {"status": "paid"}, {"invoices_fit", "receivables_equal_open_invoices"}),
        (
            invoices,
            {"total_minor": invoices.c.total_minor + 1},
            {"invoices_fit", "receivables_equal_open_invoices", "accounts_equal_invoices_less_payments"},
        ),
        (
            invoice_lines,
            {"amount_minor": invoice_lines.c.amount_minor + 1},
            {"invoices_fit", "accounts_equal_documents"},
        ),
        (invoice_lines, {"revenue": "revenue:other"}, {"accounts_equal_documents"}),
        (invoice_lines, {"tax_minor": 1}, {"invoices_fit", "accounts_equal_documents"}),
        (invoices, {"status": "credited"}, {"credit_notes_fit"}),
        (invoices, {"number": invoices.c.number + "X"}, {"documents_are_booked_once"}),
        (ledger_entries, {"kind": "x"}, {"documents_are_booked_once", "accounts_equal_documents"}),
        (allocations, {"amount_minor": allocations.c.amount_minor + 1}, {"invoices_fit"}),
        (allocations, {"amount_minor": -1}, {"invoices_fit", "payments_cover_what_they_settled"}),
        (payments, {"amount_minor": payments.c.amount_minor + 1}, {"accounts_equal_invoices_less_payments"}),
        (counters, {"last_number": counters.c.last_number + 1}, {"numbers_without_gaps"}),
        (usage_periods, {"charged_minor": 9_999}, {"usage_charges_equal_the_meter"}),
    ],
)
async def test_the_checks_find_an_injected_corruption(
    world: World, table: Any, values: dict[str, Any], found_by: set[str]
) -> None:
    async with world.database.write() as work:
        await unguarded(work.connection)
        await work.connection.execute(update(table).values(values))
    assert await failures(world) >= found_by


@pytest.mark.usefixtures("traded")
async def test_a_single_changed_posting_is_named_with_its_entry(world: World) -> None:
    async with world.database.write() as work:
        await unguarded(work.connection)
        await work.connection.execute(
            update(postings).where(postings.c.entry_id == 2, postings.c.line == 0).values(amount_minor=1)
        )
    async with world.database.read() as work:
        results = {result.name: result for result in check_books(await work.ledger.figures())}
    assert (results["entries_balance"].ok, results["debits_equal_credits"].ok) == (False, False)
    assert results["entries_balance"].detail == "debits and credits differ in entry 2"


async def test_a_wallet_below_zero_without_usage_is_wrong(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    entry = LedgerEntry(
        "adjustment",
        "service",
        "x",
        "by hand",
        "IDR",
        (Posting(wallet(who.payer), Side.DEBIT, 5), Posting(REVENUE_USAGE, Side.CREDIT, 5)),
    )
    async with world.database.write() as work:
        await work.ledger.post(entry, at=at(JAN), booked_on=JAN, actor=ACTOR)
    assert "wallets_hold_credit" in await failures(world)


async def test_a_statement_runs_a_balance_on_the_normal_side(world: World, traded: Person) -> None:
    async with world.database.read() as work:
        held = await work.ledger.statement(wallet(traded.payer).code)
        owed = await work.ledger.statement(receivable(traded.payer).code)
        newest = await work.ledger.statement(wallet(traded.payer).code, limit=1)
        money = await work.ledger.statement(cash("cash").code)
    assert [(line.side, line.amount_minor, line.balance_minor) for line in held.lines] == [
        (Side.CREDIT, 50_000, 50_000),
        (Side.DEBIT, 10_000, 40_000),
        (Side.DEBIT, 40_000, 0),
    ]
    assert [line.balance_minor for line in owed.lines] == [200_000, 0, 200_000, 160_000]
    assert newest.lines == held.lines[-1:]
    assert (money.kind, money.balance_minor, money.lines[0].actor) == (AccountKind.ASSET, 250_000, "ani")


async def test_an_account_that_does_not_exist_is_named(world: World) -> None:
    async with world.database.read() as work:
        with pytest.raises(NotFoundError, match="no account 'wallet:1'"):
            await work.ledger.statement("wallet:1")


async def test_an_account_is_kept_in_one_currency(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.pay(who, 1000, JAN)
    dollars = LedgerEntry(
        "x",
        "payment",
        "y",
        "",
        "USD",
        (Posting(cash("cash"), Side.DEBIT, 5), Posting(Account("other:usd", AccountKind.INCOME), Side.CREDIT, 5)),
    )
    with pytest.raises(RefusedError, match="cash:cash is kept in IDR, not USD"):
        async with world.database.write() as work:
            await work.ledger.post(dollars, at=at(JAN), booked_on=JAN, actor=ACTOR)
    await world.assert_books_hold()


async def test_entries_get_their_numbers_in_the_order_given(world: World) -> None:
    people = [await world.person(f"orang{i}", activated_on=JAN) for i in range(5)]

    def entry(payer: Payer, amount_minor: int) -> LedgerEntry:
        parts = (Posting(cash("cash"), Side.DEBIT, amount_minor), Posting(wallet(payer), Side.CREDIT, amount_minor))
        return LedgerEntry("payment_received", "payment", str(amount_minor), "", "IDR", parts)

    entries = [entry(who.payer, number) for number, who in enumerate(people * 50, 1)]
    async with world.database.write() as work:
        ids = await work.ledger.post_many(entries, at=at(JAN), booked_on=JAN, actor=ACTOR)
        rows = await work.connection.execute(ledger_entries.select().order_by(ledger_entries.c.id))
        assert [(row.id, row.document_id) for row in rows] == [(key, str(n)) for n, key in enumerate(ids, 1)]
    async with world.database.read() as work:
        assert await work.ledger.wallets([who.subscriber_id for who in people]) == {
            who.subscriber_id: sum(range(index, 251, 5)) for index, who in enumerate(people, 1)
        }


async def test_a_plan_code_is_taken_once_in_whatever_case(world: World) -> None:
    with pytest.raises(RefusedError, match="plan HOME20 exists; `netbilld plan set"):
        await world.plan(plan_file("home20"))


async def test_a_wrong_plan_file_changes_nothing(world: World) -> None:
    with pytest.raises(InvalidInputError, match="unknown key"):
        await world.plan(plan_file("BARU") + "sped = 1")
    async with world.database.read() as work:
        assert await work.plans.by_code("BARU") is None


async def test_a_plan_goes_off_sale_and_the_same_file_makes_no_version(world: World) -> None:
    async def set_plan(code: str | None, text: str | None, on_sale: bool | None) -> tuple[int, bool, bool]:
        saved = await world.plans.set(
            code, toml_text=text, source_name="p.toml", on_sale=on_sale, actor=ACTOR, now=at(JAN)
        )
        return saved.version, saved.on_sale, saved.new

    assert await set_plan("home20", None, False) == (1, False, True)
    assert await set_plan(None, plan_file(), None) == (1, False, False)
    assert await set_plan("HOME20", plan_file(price=1), True) == (2, True, True)
    with pytest.raises(NotFoundError, match="no plan 'X'"):
        await set_plan("X", None, True)
    with pytest.raises(InvalidInputError, match=r"p\.toml: code is HOME20, not KUOTA"):
        await set_plan("KUOTA", plan_file(), None)
    async with world.database.read() as work:
        listed = {one.newest.code: (one.newest.version, one.services) for one in await work.plans.listed()}
        history = await work.plans.history("home20")
    assert listed == {"HOME20": (2, 0), "KUOTA": (1, 0)}
    assert [version.version for version in history] == [2, 1]
