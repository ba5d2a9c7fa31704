"""Months of the books are closed one after the other; what comes late is booked in the open one."""

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.services.close_books import CloseBooks
from tests.integration.document_desk import Desk
from tests.integration.money_world import ACTOR, ZONE, Person, at, plan_file

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)
MARCH: datetime = at(date(2026, 3, 5))


@pytest.fixture
async def desk(database: Database) -> Desk:
    made = Desk(database)
    await made.plan(plan_file())
    return made


@pytest.fixture
async def traded(desk: Desk) -> Person:
    who = await desk.person("budi", activated_on=JAN)
    await desk.bill(JAN)
    await desk.pay(who, 150_000, date(2026, 1, 20))
    await desk.bill(FEB)
    return who


def books(desk: Desk) -> CloseBooks:
    return CloseBooks(desk.database, timezone=ZONE)


async def close(desk: Desk, month: str, now: datetime = MARCH) -> Any:
    return await books(desk).close(month, actor=ACTOR, now=now)


@pytest.mark.usefixtures("traded")
async def test_months_are_closed_in_order_and_opened_again_from_the_last(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="2026-01 is open: months are closed one after the other"):
        await close(desk, "2026-02")
    assert (await close(desk, "2026-01"))["closed_until"] == "2026-01-31"
    with pytest.raises(RefusedError, match="2026-01 is closed"):
        await close(desk, "2026-01")
    await close(desk, "2026-02")
    with pytest.raises(RefusedError, match="2026-03 is not over"):
        await close(desk, "2026-03")
    with pytest.raises(RefusedError, match="2026-02 is closed too"):
        await books(desk).reopen("2026-01", why="salah", actor=ACTOR, now=MARCH)
    with pytest.raises(InvalidInputError, match="why: say it"):
        await books(desk).reopen("2026-02", why=" ", actor=ACTOR, now=MARCH)
    opened = await books(desk).reopen("2026-02", why="salah periode", actor=ACTOR, now=MARCH)
    assert opened["closed_until"] == "2026-01-31"
    with pytest.raises(RefusedError, match="2026-02 is open"):
        await books(desk).reopen("2026-02", why="x", actor=ACTOR, now=MARCH)
    await close(desk, "2026-02")
    async with desk.database.read() as work:
        closings = await work.closings.closings()
    assert [(one.month, one.reopened_by, one.why) for one in closings] == [
        ("2026-01", None, None),
        ("2026-02", "ani", "salah periode"),
        ("2026-02", None, None),
    ]
    await desk.assert_books_hold()


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize("month", ["2026", "2026-13", "26-01", "2026-1", "0000-01", "x"])
async def test_a_month_is_written_as_one(desk: Desk, month: str) -> None:
    with pytest.raises(InvalidInputError, match="write YYYY-MM"):
        await close(desk, month)


async def test_what_comes_late_is_booked_in_the_open_month(desk: Desk, traded: Person) -> None:
    await close(desk, "2026-01")
    await desk.pay(traded, 50_000, date(2026, 1, 25))
    done = await desk.credit("INV-202601-000001", on=date(2026, 2, 10))
    assert done["number"] == "CN-202602-000001"
    async with desk.database.read() as work:
        rows = [row async for row in work.closings.journal(FEB, None)]
        january = [row async for row in work.closings.journal(None, FEB)]
        payment = (await work.payments.listed())[0].payment
    assert {row.booked_on for row in rows if row.kind == "payment_received"} == {FEB}
    assert payment.received_on == date(2026, 1, 25)
    assert {row.kind for row in january} == {"invoice_issued", "payment_received"}
    await desk.assert_books_hold()


async def test_nothing_is_issued_in_a_closed_month(desk: Desk, traded: Person) -> None:
    await close(desk, "2026-01")
    with pytest.raises(RefusedError, match="the books are closed until 2026-01-31: nothing is issued on 2026-01-15"):
        await desk.write(traded, "text=Kabel,amount=1000", on=date(2026, 1, 15))
    with pytest.raises(RefusedError, match="nothing is issued on 2026-01-15"):
        await desk.credit("INV-202601-000001", on=date(2026, 1, 15))
    with pytest.raises(RefusedError, match="nothing is issued on 2026-01-31"):
        await desk.bill(date(2026, 1, 31))
    assert (await desk.write(traded, "text=Kabel,amount=1000", on=FEB))["number"] == "INV-202602-000002"


@pytest.mark.usefixtures("traded")
async def test_books_that_do_not_hold_are_not_closed(desk: Desk) -> None:
    async with desk.database.write() as work:
        await work.connection.execute(update(accounts).values(balance_minor=accounts.c.balance_minor + 1))
    with pytest.raises(RefusedError, match="the books do not hold: balances_are_sums"):
        await close(desk, "2026-01")


async def test_a_journal_of_many_pages_is_whole(desk: Desk, traded: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netbilld.adapters.database.closings.ROWS_A_PAGE", 2)
    await desk.pay(traded, 300_000, FEB)
    async with desk.database.read() as work:
        rows = [row async for row in work.closings.journal(None, None)]
        balances = {one.code: one.balance_minor for one in await work.closings.balances()}
    assert len(rows) == len({(row.entry_id, row.line) for row in rows})
    assert sum(row.amount_minor if row.side == "debit" else -row.amount_minor for row in rows) == 0
    cash = [row.amount_minor for row in rows if row.account == "cash:cash"]
    assert sum(cash) == balances["cash:cash"] == 450_000


@pytest.mark.usefixtures("traded")
async def test_months_are_closed_by_themselves_in_time_but_not_one_that_a_person_has_opened(desk: Desk) -> None:
    """MDI-10."""

    async def due(on: date) -> list[str]:
        return await books(desk).close_due(10, actor=ACTOR, now=at(on))

    assert await due(date(2026, 2, 10)) == []
    assert await due(date(2026, 2, 11)) == ["2026-01"]
    assert await due(date(2026, 2, 11)) == []
    assert await due(date(2026, 4, 11)) == ["2026-02", "2026-03"]  # who was away for long catches up, in order
    await books(desk).reopen("2026-03", why="salah", actor=ACTOR, now=at(date(2026, 4, 12)))
    assert await due(date(2026, 4, 13)) == []
    assert await due(date(2026, 6, 13)) == []
    await close(desk, "2026-03", at(date(2026, 6, 13)))
    assert await due(date(2026, 6, 13)) == ["2026-04", "2026-05"]


@pytest.mark.usefixtures("traded")
async def test_no_month_is_closed_by_itself_while_the_books_do_not_hold(desk: Desk) -> None:
    async with desk.database.write() as work:
        await work.connection.execute(update(accounts).values(balance_minor=accounts.c.balance_minor + 1))
    with pytest.raises(RefusedError, match="the books do not hold"):
        await books(desk).close_due(10, actor=ACTOR, now=MARCH)
