"""Gateway, bank and ledger against each other: every injected difference is named, none is invented."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts, bank_rows
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.gateway_differences import Difference, OurPayment, TheirPayment, payment_differences
from netbilld.billing.report_layout import LAYOUTS
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.gateway_report import Report, ReportRow, read_report
from netbilld.services.settle_gateways import SettleGateways
from tests.fake_gateways import FEE, FakeTripay
from tests.integration.gateway_world import PRICE, Shop, shop_of
from tests.integration.money_world import ACTOR, ZONE, at


@pytest.fixture
async def shop(database: Database, box: SecretBox) -> AsyncIterator[Shop]:
    async with shop_of(database, box, FakeTripay()) as made:
        yield made
        await made.world.assert_books_hold()


@pytest.fixture
def settle(shop: Shop) -> SettleGateways:
    return SettleGateways(shop.database, timezone=ZONE, currency="IDR", method="transfer")


async def paid_rows(shop: Shop, count: int, payout: str) -> list[ReportRow]:
    """Return so many payments as the gateway's report has them."""
    rows = []
    for _ in range(count):
        attempt = await shop.attempt(invoice=False)
        payment = shop.fake.pay(attempt.ref)
        await shop.fake.tell(attempt.ref)
        await shop.settle()
        their = TheirPayment(attempt.ref, payment.name, PRICE, 0, FEE, payout)
        rows.append(ReportRow(their, shop.now.date() + timedelta(days=1)))
        shop.now += timedelta(hours=1)
    return rows


async def bank_row(shop: Shop, amount: int, on: date, text: str) -> None:
    async with shop.database.write() as work:
        await work.connection.execute(
            insert(bank_rows).values(
                account="bca",
                method="transfer",
                fingerprint=f"{amount}{on}{text}",
                booked_on=on,
                amount_minor=amount,
                currency="IDR",
                text=text,
                file_name="mutasi.csv",
                line=1,
                imported_at=shop.now,
                status="open",
                reason="",
            )
        )


def kinds(found: list[Difference]) -> list[tuple[str, int | None, int | None]]:
    return sorted((one.kind, one.theirs_minor, one.ours_minor) for one in found)


async def test_a_report_that_agrees_is_paid_out_and_found_at_the_bank(shop: Shop, settle: SettleGateways) -> None:
    rows = await paid_rows(shop, 3, "PO-1")
    assert await shop.held() == 3 * (PRICE - FEE)
    for _ in range(2):  # the same report again changes nothing
        settled = await settle.take_report("tripay", Report(tuple(rows)), actor=ACTOR, now=shop.now)
        assert settled.differences == []
    assert settled.known == ["PO-1"]
    assert await shop.held() == 0
    settled_on = rows[-1].settled_on
    assert settled_on is not None
    for days, missing in ((0, 0), (5, 0), (6, 1)):  # banks take their days, and then somebody is to look
        found = await settle.compare("tripay", at(settled_on + timedelta(days=days), 23))
        assert [one.kind for one in found] == ["payout_not_at_bank"] * missing, days
    net = 3 * (PRICE - FEE)
    await bank_row(shop, net, shop.now.date() + timedelta(days=2), "TRSF TRIPAY")
    assert await settle.compare("tripay", shop.now + timedelta(days=10)) == []
    async with shop.database.read() as work:
        [payout] = await work.settlements.payouts("tripay", date(2026, 1, 1))
        assert payout.is_at_bank
        assert await work.settlements.bank_rows("tripay", "transfer", date(2026, 1, 1)) == []


async def test_a_report_that_is_sent_twice_at_once_pays_out_once(shop: Shop, settle: SettleGateways) -> None:
    report = Report(tuple(await paid_rows(shop, 2, "PO-1")))
    both = await asyncio.gather(*(settle.take_report("tripay", report, actor=ACTOR, now=shop.now) for _ in range(2)))
    assert sorted(len(one.payouts) for one in both) == [0, 1]
    assert await shop.held() == 0


async def test_a_report_without_fees_pays_out_what_is_left_after_those_that_were_told_before(
    shop: Shop, settle: SettleGateways
) -> None:
    rows = [replace(row, payment=replace(row.payment, fee_minor=0)) for row in await paid_rows(shop, 2, "PO-1")]
    for _ in range(2):
        settled = await settle.take_report("tripay", Report(tuple(rows)), actor=ACTOR, now=shop.now)
        assert settled.differences == []
    assert await shop.held() == 0
    await bank_row(shop, 2 * (PRICE - FEE), shop.now.date() + timedelta(days=2), "TRSF TRIPAY")
    assert await settle.compare("tripay", shop.now + timedelta(days=10)) == []


async def test_a_report_that_knows_payments_by_our_name_alone_is_compared_all_the_same(
    shop: Shop, settle: SettleGateways
) -> None:
    rows = await paid_rows(shop, 2, "PO-1")
    bare = [replace(row, payment=replace(row.payment, transaction="")) for row in rows]
    stranger = ReportRow(TheirPayment("toko-7", "", 5_000), None)
    report = Report((*bare, stranger), 3, (("A-9", 7_000),))
    settled = await settle.take_report("tripay", report, actor=ACTOR, now=shop.now)
    assert kinds(settled.differences) == [("lost_refund", 7_000, None), ("not_in_books", 5_000, None)]
    assert (set(settled.payouts), settled.left_out) == ({"PO-1"}, 3)
    assert await shop.held() == 0
    right = await settle.take_report("tripay", Report(tuple(bare)), actor=ACTOR, now=shop.now + timedelta(days=1))
    assert right.differences == []


async def test_every_injected_difference_is_found_named_and_seen_to(shop: Shop, settle: SettleGateways) -> None:
    rows = await paid_rows(shop, 3, "PO-1") + await paid_rows(shop, 1, "PO-2")
    first, second, _right, last = (row.payment for row in rows)
    changed = [
        replace(rows[0], payment=replace(first, amount_minor=PRICE + 1)),
        replace(rows[1], payment=replace(second, refunded_minor=5_000)),
        *rows[2:],
        ReportRow(TheirPayment("lost-1", "unheard", 75_000), None),
    ]
    settled = await settle.take_report("tripay", Report(tuple(changed)), actor=ACTOR, now=shop.now)
    assert kinds(settled.differences) == [
        ("not_in_books", 75_000, None),
        ("other_amount", PRICE + 1, PRICE),
        ("other_refund", PRICE - 5_000, PRICE),
    ]
    assert settled.payouts == {"PO-2": last.amount_minor - FEE}  # of one that differs nothing is booked
    await bank_row(shop, 123_456, shop.now.date(), "SETORAN TRIPAY LAIN")
    await bank_row(shop, 999, shop.now.date(), "BUNGA")
    async with shop.database.write() as work:
        await work.connection.execute(
            update(accounts)
            .where(accounts.c.code == "clearing:tripay")
            .values(balance_minor=accounts.c.balance_minor + 7)
        )
    found = await settle.compare("tripay", shop.now + timedelta(days=10))
    held = 3 * (PRICE - FEE)
    assert kinds(found) == [
        ("bank_without_payout", 123_456, None),
        ("ledger_differs", held, held + 7),
        ("payout_not_at_bank", PRICE - FEE, None),
    ]
    async with shop.database.write() as work:
        await work.connection.execute(
            update(accounts)
            .where(accounts.c.code == "clearing:tripay")
            .values(balance_minor=accounts.c.balance_minor - 7)
        )
    await settle.compare("tripay", shop.now + timedelta(days=11))
    async with shop.database.read() as work:
        waiting = await work.settlements.waiting(50)
    assert sorted(one.kind for one in waiting) == [
        "bank_without_payout",
        "not_in_books",
        "other_amount",
        "other_refund",
        "payout_not_at_bank",
    ]
    await settle.see_to(waiting[0].id, "sudah ditanyakan", actor=ACTOR, now=shop.now)
    with pytest.raises(RefusedError):
        await settle.see_to(waiting[0].id, "lagi", actor=ACTOR, now=shop.now)
    with pytest.raises(NotFoundError):
        await settle.see_to(10**9, "lagi", actor=ACTOR, now=shop.now)
    right = await settle.take_report("tripay", Report(tuple(rows)), actor=ACTOR, now=shop.now + timedelta(days=1))
    assert right.differences == []
    assert set(right.payouts) == {"PO-1"}
    async with shop.database.read() as work:  # what is right now waits no more
        left = {one.kind for one in await work.settlements.waiting(50)}
    assert left == {"bank_without_payout", "not_in_books", "payout_not_at_bank"} - {waiting[0].kind}


def test_a_thousand_payments_with_injected_differences() -> None:
    chance = random.Random(7)
    ours = [OurPayment(f"r{n}", f"t{n}", 1_000 + n, 1_000 + n, 10) for n in range(1_000)]
    theirs = [TheirPayment(f"r{n}", f"t{n}", 1_000 + n, 0, 10) for n in range(1_000)]
    assert payment_differences(theirs, ours) == []
    picked = chance.sample(range(1_000), 40)
    wanted = set()
    for n in picked[:10]:
        theirs[n] = replace(theirs[n], amount_minor=1)
        wanted.add(("other_amount", f"r{n}"))
    for n in picked[10:20]:
        ours[n] = replace(ours[n], kept_minor=ours[n].kept_minor - 1)
        wanted.add(("other_refund", f"r{n}"))
    for n in picked[20:30]:
        ours[n] = replace(ours[n], credited_minor=0, kept_minor=0)
        wanted.add(("not_in_books", f"r{n}"))
    gone = set(picked[30:])
    wanted |= {("not_at_gateway", f"r{n}") for n in gone}
    shuffled = [one for n, one in enumerate(theirs) if n not in gone]
    chance.shuffle(shuffled)
    assert {(one.kind, one.subject) for one in payment_differences(shuffled, ours)} == wanted


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [["ref", "nominalnya"]],
        [["ref", "transaction", "amount"], ["a", "b"]],
        [["ref", "transaction", "amount"], ["a", "b", "1.5"]],
        [["ref", "transaction", "amount"], ["a", "b", "-1"]],
        [["ref", "transaction", "amount"], ["a", "", "1"]],
        [["ref", "transaction", "amount"], ["a", "b", "1"], ["c", "b", "1"]],
        [["ref", "transaction", "amount", "settled_on"], ["a", "b", "1", "kemarin"]],
    ],
)
def test_a_report_that_can_t_be_is_refused_with_its_line(rows: list[list[str]]) -> None:
    with pytest.raises(InvalidInputError, match="laporan"):
        read_report([",".join(row) for row in rows], LAYOUTS["tripay"], "laporan.csv")
