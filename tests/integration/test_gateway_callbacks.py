"""Callbacks of four gateways over real sockets: once in the books, whatever comes, however often (BANG-2.4, INCA-5)."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.gateway import GatewayState
from netbilld.model.errors import RefusedError
from netbilld.ports.gateways import GatewayAwayError
from netbilld.services.receive_payment import PaymentReceipt
from tests.fake_gateways import FAKES, FEE, FakeDuitku, FakeGateway, FakeMidtrans, FakeTripay, FakeXendit
from tests.integration.gateway_world import PRICE, Shop, shop_of, sqlite_shop_of
from tests.integration.money_world import ACTOR

EVERY = pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.name)


@pytest.fixture
async def shop(database: Database, box: SecretBox, fake: Callable[[], FakeGateway]) -> AsyncIterator[Shop]:
    async with shop_of(database, box, fake()) as made:
        yield made
        await made.world.assert_books_hold()


@pytest.fixture
async def sqlite_shop(
    sqlite_template: Path, tmp_path: Path, box: SecretBox, fake: Callable[[], FakeGateway]
) -> AsyncIterator[Shop]:
    """A shop where SQL is not what matters."""
    async with sqlite_shop_of(sqlite_template, tmp_path, box, fake()) as made:
        yield made


@EVERY
async def test_a_callback_that_comes_five_times_at_once_pays_once(shop: Shop) -> None:
    """BANG-2.4b, BANG-2.4d, BANG-2.4f, INCA-7: Lunas, one receipt message, one payment in the books."""
    attempt = await shop.attempt()
    assert attempt.qr_string
    shop.fake.pay(attempt.ref)
    answers = await shop.fake.tell(attempt.ref, times=5, at_once=True)
    assert {answer.status for answer in answers} == {200}
    await asyncio.gather(shop.settle(), shop.settle())  # two nodes at once
    assert await shop.paid() == (0, 0, 1)
    assert await shop.receipts() == 1
    assert await shop.state(attempt.ref) == "paid"
    assert shop.nudges
    fee = FEE if shop.fake.name == "tripay" else 0
    assert await shop.held() == PRICE - fee
    assert sorted(one.verdict for one in await shop.inbox()) == ["credited", *["known"] * 4]


@EVERY
async def test_what_is_wrong_is_refused_or_waits_for_a_person_and_moves_nothing(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    attempt = await shop.attempt()
    refused = {(await shop.fake.tell(attempt.ref, "paid", tamper="signature"))[0].status}
    if shop.fake.name != "xendit":  # whose token covers nothing, so that the status call decides
        refused |= {(await shop.fake.tell(attempt.ref, "paid", tamper="body"))[0].status}
    assert refused <= {401, 403}
    async with ClientSession() as session:
        async with session.post(shop.fake.hook, data=b"x" * 300_000) as answer:
            assert answer.status == 413
        async with session.get(shop.fake.hook) as answer:
            assert answer.status == 405
        async with session.post(f"{shop.url}/hook/nobody", data=b"{}") as answer:
            assert answer.status == 404
    shop.fake.new("999999-ABCDEFGHIJKL", 5_000, "invoice")  # an order that was never ours
    shop.fake.pay("999999-ABCDEFGHIJKL")
    assert (await shop.fake.tell("999999-ABCDEFGHIJKL"))[0].status == 200
    shop.fake.payments[attempt.ref].amount = PRICE - 1  # what it got is not what we asked for
    shop.fake.pay(attempt.ref)
    assert (await shop.fake.tell(attempt.ref))[0].status == 200
    await shop.settle()
    assert await shop.paid() == (PRICE, 0, 0)
    verdicts = {one.verdict: one.state for one in await shop.inbox()}
    assert verdicts.pop("bad_signature") == "refused"
    assert verdicts.pop("unknown_order") == "parked"
    assert verdicts.pop("other_amount") == "parked"
    assert not verdicts


@pytest.mark.parametrize("fake", [FakeMidtrans, FakeXendit, FakeDuitku])
async def test_a_gateway_whose_proof_leaves_out_the_verdict_is_asked_before_anything_is_booked(
    sqlite_shop: Shop,
) -> None:
    shop = sqlite_shop
    attempt = await shop.attempt()
    await shop.fake.tell(attempt.ref, "paid")  # with a right proof, and it is not so
    for _ in range(10):
        await shop.settle()
        shop.now += timedelta(hours=2)
    assert await shop.paid() == (PRICE, 0, 0)
    assert [(one.verdict, one.state) for one in await shop.inbox()] == [("not_confirmed", "parked")]


@EVERY
async def test_every_order_of_what_gateways_say_ends_in_the_same_books(sqlite_shop: Shop) -> None:
    """Differentiator 11: pending, paid, expired in every order and doubled; a paid invoice never becomes unpaid."""
    shop = sqlite_shop
    orders = list(itertools.permutations(("pending", "paid", "expired")))
    chance = random.Random(5)
    for order in chance.sample(orders, 3):
        person = await shop.world.person(f"p{chance.random()}", activated_on=shop.now.date())
        attempt = await shop.attempt(invoice=False, person=person)
        for state in [*order, *order[:2]]:
            shop.fake.becomes(attempt.ref, state)
            await shop.fake.tell(attempt.ref)
            await shop.settle()
        assert await shop.state(attempt.ref) == "paid"
        assert await shop.world.balance(person) == (PRICE, 0)


@EVERY
async def test_who_never_called_back_is_asked(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    assert await shop.follow.look() == 0
    shop.now += timedelta(minutes=16)
    assert await shop.follow.look() == 1
    assert await shop.paid() == (0, 0, 1)
    await shop.fake.tell(attempt.ref)  # and late after all
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    shop.now += timedelta(days=9)
    assert await shop.follow.look() == 0


@EVERY
async def test_a_gateway_that_is_down_is_asked_again_and_what_came_is_not_lost(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.fake.faults = [500]
    with pytest.raises(GatewayAwayError):
        await shop.attempt()
    shop.now += timedelta(seconds=30)  # the first one is given up, and its name never used again
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    shop.fake.faults = [503, 0, 429]
    await shop.fake.tell(attempt.ref)
    for _ in range(8):
        await shop.settle()
        shop.now += timedelta(minutes=5)
        await shop.follow.look()
    assert await shop.paid() == (0, 0, 1)


@EVERY
async def test_the_second_of_two_payments_for_one_invoice_is_the_subscribers_credit(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    methods = ["qris", next(one for one in shop.gateway.methods if one.startswith("va_"))]
    attempts = [await shop.attempt(method) for method in methods]
    assert attempts[1].number
    for attempt in attempts:
        shop.fake.pay(attempt.ref)
        await shop.fake.tell(attempt.ref)
    await shop.settle()
    assert await shop.paid() == (0, PRICE, 2)


@EVERY
async def test_two_clicks_are_one_payment(sqlite_shop: Shop) -> None:
    first, second = await sqlite_shop.attempt(), await sqlite_shop.attempt()
    assert first.ref == second.ref
    assert len(sqlite_shop.fake.payments) == 1


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_settlement_that_the_bank_takes_back_is_owed_again_once(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    shop.fake.becomes(attempt.ref, "denied")
    await shop.fake.tell(attempt.ref, times=2)
    await shop.settle()
    assert await shop.paid() == (PRICE, 0, 1)
    assert await shop.held() == 0
    assert [one.verdict for one in await shop.inbox()] == ["credited", "reversed", "known"]


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_refund_is_told_twice_and_in_parts_and_booked_once_each(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    payment = shop.fake.payments[attempt.ref]
    for refunded in (50_000, 50_000, 80_000):
        payment.refunded = refunded
        payment.status = "partial_refund"
        await shop.fake.tell(attempt.ref)
        await shop.settle()
    assert await shop.paid() == (80_000, 0, 1)
    assert await shop.held() == PRICE - 80_000
    assert await shop.state(attempt.ref) == "partly_refunded"


@pytest.mark.parametrize("fake", [FakeMidtrans, FakeXendit])
async def test_staff_give_back_once_however_often_they_ask(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    asked: dict[str, Any] = {"because": "dobel", "by_hand": False, "actor": ACTOR, "now": shop.now}
    key = uuid4()
    shop.fake.faults = [-1]  # it is done there, and the answer gets lost on the way
    with pytest.raises(GatewayAwayError):
        await shop.refund.run(attempt.ref, 60_000, key=key, **asked)
    assert await shop.paid() == (0, 0, 1)
    with pytest.raises(RefusedError, match="waits still"):
        await shop.refund.run(attempt.ref, 60_000, key=uuid4(), **asked)
    for _ in range(2):
        done = await shop.refund.run(attempt.ref, 60_000, key=key, **asked)
        assert done.state == "done"
    assert shop.fake.payments[attempt.ref].refunded == 60_000
    assert await shop.paid() == (60_000, 0, 1)
    with pytest.raises(RefusedError):
        await shop.refund.run(attempt.ref, PRICE, key=uuid4(), **asked)
    await shop.refund.run(attempt.ref, None, key=uuid4(), **asked)
    assert await shop.paid() == (PRICE, 0, 1)
    assert await shop.held() == 0


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_what_a_gateway_gives_back_in_its_dashboard_alone_is_written_down(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    asked: dict[str, Any] = {"because": "dobel", "actor": ACTOR, "now": shop.now}
    with pytest.raises(RefusedError, match="dashboard"):
        await shop.refund.run(attempt.ref, None, key=uuid4(), by_hand=False, **asked)
    await shop.refund.run(attempt.ref, None, key=uuid4(), by_hand=True, **asked)
    assert await shop.paid() == (PRICE, 0, 1)
    assert await shop.state(attempt.ref) == "refunded"


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_money_that_staff_recorded_by_hand_before_is_not_counted_again(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    attempt = await shop.attempt()
    name = shop.fake.pay(attempt.ref).name
    receipt = await shop.world.pay(shop.person, PRICE, shop.now.date(), method="tripay", reference=name)
    assert isinstance(receipt, PaymentReceipt)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    assert [one.verdict for one in await shop.inbox()] == ["known_by_hand"]


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_ways_to_pay_of_midtrans(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    numbers = {}
    for method in ("va_bca", "va_permata", "va_mandiri", "page"):
        attempt = await shop.attempt(method)
        assert attempt.is_made
        numbers[method] = (attempt.number, attempt.number_at, attempt.biller_code)
    assert numbers["va_bca"] == ("12345678901", "bca", None)
    assert numbers["va_permata"] == ("8562000012345678", "permata", None)
    assert numbers["va_mandiri"] == ("778347787706", "mandiri", "70012")
    with pytest.raises(RefusedError):
        await shop.attempt("va_unknown")
    shop.now += timedelta(minutes=16)
    assert await shop.follow.look() == 4  # of a page where nothing was chosen there is no payment yet
    assert await shop.state(attempt.ref) == GatewayState.CREATED.value
