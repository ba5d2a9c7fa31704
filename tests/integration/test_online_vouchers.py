"""Vouchers bought on a hotspot's page: one code for each order that is paid, whatever is told and how often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, gateway_attempts, voucher_orders
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.billing.gateway import GatewayState, Notice
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.voucher import VoucherStatus
from netbilld.ports.gateway_records import Callback
from netbilld.services.decide_callbacks import DecideCallbacks
from netbilld.services.order_vouchers import Bought, Buyer, forget_orders
from netbilld.services.paying import Doing
from tests.builders.services import ZONE
from tests.killed import KilledError, killed_at
from tests.online_kiosk import OnlineKiosk, online_kiosk
from tests.portal_own_world import add_person, add_plan, plan_file
from tests.voucher_world import ANI, T0

pytestmark = [pytest.mark.slow, pytest.mark.peer]
VISITOR = Actor("hotspot page", "127.0.0.1")


@pytest.fixture
async def kiosk(database: Database, box: SecretBox) -> AsyncIterator[OnlineKiosk]:
    async with online_kiosk(database, box) as made, made.world.portal(pay=made.pay) as portal:
        made.fake.hook = f"{portal}/hook/midtrans"
        yield made


def a_buyer(client: str = "127.0.0.1") -> Buyer:
    return Buyer(client, "http://127.0.0.1", {})


async def ordered(kiosk: OnlineKiosk, number: int, once: str = "one", buyer: Buyer | None = None) -> Bought:
    token = await kiosk.orders.begin(
        number,
        "midtrans:qris",
        buyer or a_buyer(),
        once=once,
        public_url="http://127.0.0.1",
        actor=VISITOR,
        now=kiosk.now,
    )
    return await shown(kiosk, token)


async def shown(kiosk: OnlineKiosk, token: str) -> Bought:
    found = await kiosk.orders.show(token)
    assert found is not None
    return found


async def waiting(kiosk: OnlineKiosk) -> Callback:
    async with kiosk.database.read() as work:
        (found,), _ = await work.gateway_inbox.page("parked", 10, 0)
    return found


async def given(kiosk: OnlineKiosk, callback: Callback) -> None:
    """Have somebody give what waits to a subscriber."""
    await add_plan(kiosk.world, plan_file("HOME20", 200_000))
    person = await add_person(kiosk.world, "budi@desa", "HOME20", date(2026, 3, 1))
    decide = DecideCallbacks(kiosk.database, timezone=ZONE)
    await decide.give(callback.id, person.number, actor=ANI, now=kiosk.now)


async def balanced(kiosk: OnlineKiosk) -> bool:
    async with kiosk.database.read() as work:
        held = await work.settlements.held_minor("midtrans"), await work.settlements.documents_minor("midtrans")
        return held[0] == held[1] and all(check.ok for check in check_books(await work.ledger.figures()))


async def test_what_is_paid_is_one_voucher_that_lets_in(kiosk: OnlineKiosk) -> None:
    """INCA-36: paid, and the code is there and lets in; no operator has a part in it."""
    batch = await kiosk.offer()
    bought = await ordered(kiosk, batch.number)
    assert bought.voucher is None
    assert bought.attempt.qr_string
    await kiosk.paid(bought.order.ref, times=3)
    await kiosk.fake.tell(bought.order.ref, "pending")  # late, and of no meaning any more
    await kiosk.followed()
    bought = await shown(kiosk, bought.token)
    assert bought.voucher is not None
    assert await kiosk.made() == 1
    assert await kiosk.held("clearing:midtrans") == 5_000
    assert await kiosk.held("revenue:voucher") == 5_000
    assert await balanced(kiosk)
    await kiosk.node.load()
    assert await kiosk.node.comes_in(bought.voucher.code)


async def test_callbacks_at_once_and_our_own_look_make_one_voucher(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    kiosk.fake.pay(bought.order.ref)
    await kiosk.fake.tell(bought.order.ref, times=4, at_once=True)
    await asyncio.gather(kiosk.follow.run(), kiosk.follow.ask(bought.attempt), kiosk.follow.run())
    await kiosk.followed()
    assert await kiosk.made() == 1
    assert await kiosk.held("clearing:midtrans") == 5_000


async def test_two_clicks_are_one_order_and_two_visitors_are_two(kiosk: OnlineKiosk) -> None:
    number = (await kiosk.offer()).number
    first = await ordered(kiosk, number)
    assert (await ordered(kiosk, number)).order.ref == first.order.ref
    other = await ordered(kiosk, number, buyer=a_buyer("127.0.0.2"))
    assert other.order.ref != first.order.ref
    dearer = await ordered(kiosk, (await kiosk.offer(price_minor=7_000)).number)  # back to the form, another choice
    assert (dearer.order.ref != first.order.ref, dearer.attempt.amount_minor) == (True, 7_000)
    for one in (first, other):
        await kiosk.paid(one.order.ref)
    codes = {(await shown(kiosk, one.token)).voucher for one in (first, other)}
    assert len({one.code for one in codes if one is not None}) == 2


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_only_so_many_orders_are_begun(kiosk: OnlineKiosk) -> None:
    number = (await kiosk.offer()).number
    for count in range(6):
        await ordered(kiosk, number, f"once {count}")
    with pytest.raises(RefusedError) as refused:
        await ordered(kiosk, number, "once more")
    assert refused.value.code == "too_many"
    kiosk.pass_time(hours=1, seconds=1)
    await ordered(kiosk, number, "an hour later")


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_only_what_is_offered_is_sold_and_only_by_ways_that_are_done_at_once(kiosk: OnlineKiosk) -> None:
    printed = await kiosk.batch(3)
    over = await kiosk.offer(use_by_at=T0 + timedelta(days=1))
    withdrawn = await kiosk.offer()
    await kiosk.keep.set_online(withdrawn.number, online=False, actor=ANI, now=kiosk.now)
    kiosk.pass_time(days=1)
    for number in (printed.number, over.number, withdrawn.number, 99):
        with pytest.raises(NotFoundError):
            await ordered(kiosk, number, f"of {number}")
    assert await kiosk.orders.offers(kiosk.now) == []
    with pytest.raises(RefusedError):
        await kiosk.orders.begin(
            printed.number, "midtrans:va_bca", a_buyer(), once="va", public_url="", actor=VISITOR, now=kiosk.now
        )
    for wrong, word in (({"price_minor": 999}, "price_too_low"), ({"has_password": True}, "online_password")):
        with pytest.raises(InvalidInputError) as refused:
            await kiosk.offer(**wrong)
        assert refused.value.code == word


async def test_an_unpaid_order_vanishes_and_of_a_paid_one_whose_it_was(kiosk: OnlineKiosk) -> None:
    number = (await kiosk.offer()).number
    unpaid, paid = await ordered(kiosk, number, "unpaid"), await ordered(kiosk, number, "paid")
    await kiosk.paid(paid.order.ref)
    kiosk.pass_time(days=1)
    assert await forget_orders(kiosk.database, kiosk.now) == 0
    kiosk.pass_time(days=7)
    assert await forget_orders(kiosk.database, kiosk.now) == 2
    assert await forget_orders(kiosk.database, kiosk.now) == 0
    assert await kiosk.orders.show(unpaid.token) is None
    kept = await shown(kiosk, paid.token)
    assert kept.voucher is not None
    assert (kept.order.client, kept.order.hotspot) == ("", {})
    async with kiosk.database.read() as work:
        for table in (gateway_attempts, voucher_orders):
            assert await work.connection.scalar(select(func.count()).select_from(table)) == 1


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_an_order_is_seen_by_who_has_its_link_alone(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    await kiosk.paid(bought.order.ref)
    ref, _, mark = bought.token.partition(".")
    other = "A" if mark[0] != "A" else "B"
    for token in (ref, f"{ref}.", f"{ref}.{other}{mark[1:]}", f".{mark}", f"VC-AAAAAAAAAAAA.{mark}", "€.x"):
        assert await kiosk.orders.show(token) is None
    async with kiosk.database.read() as work:
        code = (await shown(kiosk, bought.token)).voucher
        assert code is not None
        assert not any(code.code in str(row) for row in (await work.connection.execute(select(changes))).all())


async def test_a_payment_that_goes_back_takes_the_unused_voucher_back(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    await kiosk.paid(bought.order.ref)
    kiosk.fake.becomes(bought.order.ref, "refunded")
    for _ in range(2):
        await kiosk.fake.tell(bought.order.ref)
        await kiosk.followed()
    voucher = (await shown(kiosk, bought.token)).voucher
    assert voucher is not None
    assert voucher.voucher.status is VoucherStatus.VOID
    await kiosk.node.load()
    assert not await kiosk.node.comes_in(voucher.code)
    assert [await kiosk.held(one) for one in ("clearing:midtrans", "revenue:voucher")] == [0, 0]
    assert await balanced(kiosk)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_payment_that_goes_back_of_a_voucher_in_use_waits_for_a_person(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    await kiosk.paid(bought.order.ref)
    voucher = (await shown(kiosk, bought.token)).voucher
    assert voucher is not None
    await kiosk.node.load()
    assert await kiosk.node.comes_in(voucher.code)
    with pytest.raises(RefusedError) as refused:  # staff are told before the gateway is asked
        await kiosk.give_back.run(
            bought.order.ref, None, key=uuid4(), because="salah beli", by_hand=False, actor=ANI, now=kiosk.now
        )
    assert refused.value.code == "voucher_used"
    kiosk.fake.becomes(bought.order.ref, "refunded")
    await kiosk.fake.tell(bought.order.ref)
    await kiosk.followed()
    async with kiosk.database.read() as work:
        (waiting,), _ = await work.gateway_inbox.page("parked", 10, 0)
    assert waiting.verdict == "voucher_used"
    assert await kiosk.held("revenue:voucher") == 5_000
    await kiosk.keep.revoke(voucher.code, "uang kembali", actor=ANI, now=kiosk.now)
    async with kiosk.database.write() as work:
        await work.gateway_inbox.end(waiting.id, "new", "", "", kiosk.now)
    await kiosk.followed()
    assert await kiosk.held("revenue:voucher") == 0
    assert await balanced(kiosk)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_staff_give_the_whole_price_back_through_the_gateway_or_nothing(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    await kiosk.paid(bought.order.ref)
    voucher = (await shown(kiosk, bought.token)).voucher
    assert voucher is not None
    with pytest.raises(RefusedError) as refused:
        await kiosk.refund.run(voucher.code, "salah beli", actor=ANI, now=kiosk.now)
    assert refused.value.code == "voucher_not_void"
    for amount_minor, outcome in ((2_000, "voucher_part"), (None, None)):
        asked = kiosk.give_back.run(
            bought.order.ref, amount_minor, key=uuid4(), because="salah beli", by_hand=False, actor=ANI, now=kiosk.now
        )
        if outcome is None:
            assert (await asked).state == "done"
        else:
            with pytest.raises(RefusedError) as refused:
                await asked
            assert refused.value.code == outcome
    after = (await shown(kiosk, bought.token)).voucher
    assert after is not None
    assert after.voucher.status is VoucherStatus.VOID
    assert await balanced(kiosk)


async def test_of_two_who_give_the_same_price_back_at_once_one_does(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    await kiosk.paid(bought.order.ref)
    who: dict[str, Any] = {"because": "salah beli", "by_hand": True, "actor": ANI, "now": kiosk.now}
    done = await asyncio.gather(
        *(kiosk.give_back.run(bought.order.ref, None, key=uuid4(), **who) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Refund", *["RefusedError"] * 3]
    async with kiosk.database.read() as work:
        assert len(await work.gateways.refunds(bought.order.ref)) == 1
    assert await kiosk.held("clearing:midtrans") == 0
    assert await balanced(kiosk)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_money_for_what_can_t_begin_any_more_waits_for_a_person(kiosk: OnlineKiosk) -> None:
    batch = await kiosk.offer(use_by_at=T0 + timedelta(minutes=30))
    bought = await ordered(kiosk, batch.number)
    kiosk.pass_time(minutes=31)
    await kiosk.paid(bought.order.ref)
    assert await kiosk.made() == 0
    async with kiosk.database.read() as work:
        (waiting,), _ = await work.gateway_inbox.page("parked", 10, 0)
    assert waiting.verdict == "bad_use_by"


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_money_that_was_given_to_a_subscriber_sells_no_voucher_any_more(kiosk: OnlineKiosk) -> None:
    batch = await kiosk.offer(use_by_at=T0 + timedelta(minutes=30))
    bought = await ordered(kiosk, batch.number)
    kiosk.pass_time(minutes=31)
    await kiosk.paid(bought.order.ref)
    await given(kiosk, await waiting(kiosk))
    await kiosk.keep.set_use_by(batch.number, None, actor=ANI, now=kiosk.now)
    await kiosk.fake.tell(bought.order.ref)
    await kiosk.followed()
    await kiosk.follow.ask(bought.attempt)
    assert await kiosk.made() == 0
    assert await kiosk.held("clearing:midtrans") == 5_000
    assert await balanced(kiosk)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_money_that_bought_a_voucher_is_no_payment_of_a_subscriber_too(kiosk: OnlineKiosk) -> None:
    bought = await ordered(kiosk, (await kiosk.offer()).number)
    await kiosk.paid(bought.order.ref)
    kiosk.fake.becomes(bought.order.ref, "partly").refunded = 2_000
    await kiosk.fake.tell(bought.order.ref)
    await kiosk.followed()
    parked = await waiting(kiosk)
    assert parked.verdict == "voucher_part"
    with pytest.raises(RefusedError) as refused:
        await given(kiosk, parked)
    assert refused.value.code == "reference_taken"
    assert await kiosk.held("clearing:midtrans") == 5_000
    assert await balanced(kiosk)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_kill_between_any_two_steps_of_booking_leaves_one_voucher_for_one_payment(kiosk: OnlineKiosk) -> None:
    number, paid = (await kiosk.offer()).number, 0
    for statement in range(1, 200):
        bought = await ordered(kiosk, number, f"once {statement}", a_buyer(f"10.0.0.{statement}"))
        ref = bought.order.ref
        notice = Notice(ref, f"trx-{statement}", GatewayState.PAID, 5_000, "IDR", "settlement")
        doing = kiosk.book.doing(Doing(VISITOR, kiosk.now, kiosk.now.date()))

        async def book() -> None:
            async with kiosk.database.write() as work:
                await kiosk.book.run(work, notice, "midtrans", doing, by_callback=True)  # noqa: B023 - awaited in its turn

        try:
            with killed_at(kiosk.database, statement):
                await book()
            was_killed = False
        except KilledError:
            was_killed = True
        async with kiosk.database.read() as work:
            order = await work.voucher_orders.find(ref)
        assert order is not None
        assert (order.sale_id is None) == was_killed
        for _ in range(2):  # after the restart it is followed, and told once more
            await book()
        paid += 1
        assert await kiosk.made() == paid
        if not was_killed:
            break
    assert paid > 20
    assert await kiosk.held("clearing:midtrans") == await kiosk.held("revenue:voucher") == paid * 5_000
    assert await balanced(kiosk)
