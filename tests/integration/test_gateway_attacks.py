"""What a hostile or a confused gateway does: nothing falls over, nothing is booked that is not so."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.gateway import GatewayState, Notice
from netbilld.model.errors import RefusedError
from netbilld.ports.gateways import Charge, GatewayAwayError, Made
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.start_payment import StartPayment
from tests.fake_gateways import FAKES, FakeGateway, FakeMidtrans, FakeTripay, FakeXendit
from tests.fake_gateways.midtrans import MIDTRANS_KEY
from tests.fake_gateways.tripay import TRIPAY_PRIVATE
from tests.integration.gateway_world import PRICE, Shop, sqlite_shop_of
from tests.integration.money_world import ACTOR


@pytest.fixture
async def shop(
    sqlite_template: Path, tmp_path: Path, box: SecretBox, fake: Callable[[], FakeGateway]
) -> AsyncIterator[Shop]:
    async with sqlite_shop_of(sqlite_template, tmp_path, box, fake()) as made:
        yield made


async def paid_shop(shop: Shop) -> str:
    """Have one payment paid and booked; return its ref."""
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    return attempt.ref


class Confused:
    """A gateway of which one call is another's."""

    def __init__(self, gateway: Any, **calls: Any) -> None:
        self._gateway, self._calls = gateway, calls

    def __getattr__(self, name: str) -> Any:
        return self._calls.get(name, getattr(self._gateway, name))


def follower(shop: Shop, **calls: Any) -> FollowGateways:
    """Follow a gateway of which these calls are replaced."""
    gateway: Any = Confused(shop.gateway, **calls)
    return FollowGateways(shop.database, [gateway], shop.follow._book, lambda: shop.now, lambda: None)


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.name)
async def test_octets_that_are_no_text_are_refused_and_no_fault_of_the_program(shop: Shop) -> None:
    half = b'{"order_id":"a\\ud800","status_code":"200","gross_amount":"1","signature_key":"\\udfff"}'
    async with ClientSession() as session:
        for headers in ({}, {"X-Callback-Token": "t\udcff", "X-Callback-Signature": "t\udcff"}):
            async with session.post(shop.fake.hook, data=half, headers=headers) as answer:
                assert 400 <= answer.status < 404


def signed(shop: Shop, ref: str, amount: Any) -> tuple[dict[str, str], bytes]:
    """Return a right callback of Midtrans or Tripay that says this amount."""
    payment = shop.fake.payments[ref]
    fields: dict[str, Any] = json.loads(shop.fake.callback(payment, payment.status, payment.amount)[1])
    if shop.fake.name == "midtrans":
        said = f"{ref}{fields['status_code']}{amount}{MIDTRANS_KEY}"
        fields |= {"gross_amount": amount, "signature_key": hashlib.sha512(said.encode()).hexdigest()}
        return {}, json.dumps(fields).encode()
    body = json.dumps({**fields, "total_amount": amount}).encode()
    return {"X-Callback-Signature": hmac.digest(TRIPAY_PRIVATE.encode(), body, "sha256").hex()}, body


@pytest.mark.parametrize("fake", [FakeMidtrans, FakeTripay])
async def test_amounts_in_odd_spellings_are_refused_even_where_the_proof_is_right(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    for amount in ("2e5", "200_000", "٢٠٠٠٠٠", "+200000", "-200000", "200000.5", "0x30d40", "NaN", "1" * 5_000, True):
        [answer] = await shop.fake.send(*signed(shop, attempt.ref, amount))
        assert answer.status == 400, amount
    await shop.settle()
    assert await shop.paid() == (PRICE, 0, 0)
    for amount in ("200000.00", "200000"):
        [answer] = await shop.fake.send(*signed(shop, attempt.ref, amount))
        assert answer.status == 200, amount
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_status_call_that_answers_for_another_order_books_nothing(shop: Shop) -> None:
    attempt = await shop.attempt()
    other = await shop.world.person("tini", activated_on=shop.now.date())
    another = await shop.attempt(invoice=False, person=other)
    shop.fake.pay(another.ref)
    answer = await shop.gateway.status(another.ref, None)

    async def status(_ref: str, _gateway_ref: str | None) -> Notice | None:
        return answer

    confused = follower(shop, status=status)
    assert await confused.ask(attempt) is None
    await shop.fake.tell(attempt.ref, "paid")
    for _ in range(10):
        await confused.run()
        shop.now += timedelta(hours=2)
    assert await shop.paid() == (PRICE, 0, 0)
    assert await shop.world.balance(other) == (0, 0)
    assert [one.verdict for one in await shop.inbox()] == ["not_confirmed"]
    async with shop.database.read() as work:
        kept = await work.gateways.find(attempt.ref)
    assert kept is not None
    assert kept.next_look_at is not None  # it is asked for again


@pytest.mark.parametrize("fake", [FakeXendit])
async def test_xendits_list_of_invoices_is_looked_through_for_ours(shop: Shop) -> None:
    """Where a search is not understood, it lists what there is."""
    first = await shop.attempt("page", invoice=False)
    shop.fake.ignores_search = True  # type: ignore[attr-defined]
    second = await shop.attempt("page", 50_000, invoice=False)
    assert second.gateway_ref != first.gateway_ref
    said = await shop.gateway.status(second.ref, None)
    assert said is not None
    assert said.ref == second.ref


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_one_payment_that_can_t_be_asked_for_keeps_no_other_from_being_asked(shop: Shop) -> None:
    broken = await shop.attempt()
    other = await shop.attempt("va_bca")
    shop.fake.pay(other.ref)
    real = shop.gateway.status

    async def status(ref: str, gateway_ref: str | None) -> Notice | None:
        if ref == broken.ref:
            raise ZeroDivisionError
        return await real(ref, gateway_ref)

    confused = follower(shop, status=status)
    for _ in range(3):
        shop.now += timedelta(minutes=16)
        await confused.look()
    assert await shop.paid() == (0, 0, 1)
    async with shop.database.read() as work:
        kept = await work.gateways.find(broken.ref)
    assert kept is not None
    assert "fault of the program" in kept.trouble


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_two_clicks_of_one_moment_make_one_payment_at_the_gateway(shop: Shop) -> None:
    """Also where the clock of the second click's node is behind."""
    made: list[str] = []

    async def create(charge: Charge) -> Made:
        made.append(charge.ref)
        raise GatewayAwayError("slow")

    gateway: Any = Confused(shop.gateway, create=create)
    shop.start = StartPayment(shop.database, [gateway], bytes, business_name="Desa Net")
    with pytest.raises(GatewayAwayError):
        await shop.attempt()
    await shop.attempt()
    shop.now -= timedelta(seconds=3)
    await shop.attempt()
    assert len(made) == 1


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_gateway_is_asked_for_rupiah_only(shop: Shop) -> None:
    async with shop.database.write() as work:
        found = await work.subscribers.by_id(shop.person.subscriber_id)
        assert found is not None
    abroad = replace(found, currency="USD")

    class Subscribers:
        async def by_id(self, _subscriber_id: Any) -> Any:
            return abroad

    class Abroad:
        def __init__(self, work: Any) -> None:
            self._work = work
            self.subscribers = Subscribers()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._work, name)

    class Store:
        def write(self) -> Any:
            @asynccontextmanager
            async def writing() -> AsyncIterator[Any]:
                async with shop.database.write() as work:
                    yield Abroad(work)

            return writing()

    store: Any = Store()
    shop.start = StartPayment(store, [shop.gateway], bytes, business_name="Desa Net")
    with pytest.raises(RefusedError):
        await shop.attempt()
    assert not shop.fake.payments


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_card_payment_that_is_voided_before_it_settles_is_owed_again(shop: Shop) -> None:
    attempt = await shop.attempt()
    payment = shop.fake.payments[attempt.ref]
    payment.method = "credit_card"
    payment.status = "capture"
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    payment.status = "cancel"
    await shop.fake.tell(attempt.ref, times=2)
    await shop.settle()
    assert await shop.paid() == (PRICE, 0, 1)
    assert await shop.held() == 0


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_denial_whose_status_call_lags_behind_is_asked_for_again(shop: Shop) -> None:
    ref = await paid_shop(shop)
    await shop.fake.tell(ref, "denied")  # and its own status call still says settlement
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    shop.fake.becomes(ref, "denied")
    shop.now += timedelta(minutes=1)
    await shop.settle()
    assert await shop.paid() == (PRICE, 0, 1)


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_what_a_gateway_gives_back_of_money_recorded_by_hand_waits_for_a_person(shop: Shop) -> None:
    attempt = await shop.attempt()
    name = shop.fake.pay(attempt.ref).name
    await shop.world.pay(shop.person, PRICE, shop.now.date(), method="tripay", reference=name)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    shop.fake.becomes(attempt.ref, "refunded")
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    assert [(one.verdict, one.state) for one in await shop.inbox()] == [
        ("known_by_hand", "done"),
        ("given_back", "parked"),
    ]


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_refund_of_which_nobody_knows_is_taken_up_again_without_its_form(shop: Shop) -> None:
    ref = await paid_shop(shop)
    asked: dict[str, Any] = {"actor": ACTOR, "now": shop.now}
    shop.fake.faults = [-1]
    with pytest.raises(GatewayAwayError):
        await shop.refund.run(ref, 60_000, key=uuid4(), because="dobel", by_hand=False, **asked)
    done = await shop.refund.take_up(ref, by_hand=False, **asked)
    assert (done.state, done.amount_minor) == ("done", 60_000)
    assert shop.fake.payments[ref].refunded == 60_000
    assert await shop.paid() == (60_000, 0, 1)
    with pytest.raises(RefusedError):
        await shop.refund.take_up(ref, by_hand=False, **asked)


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_an_old_refund_is_not_asked_for_again_but_ended_by_who_has_looked(shop: Shop) -> None:
    """The gateway remembers our key for about a week: after it, the same call would give back twice."""
    ref = await paid_shop(shop)
    shop.fake.faults = [-1, -1]
    for _ in range(2):
        with pytest.raises(GatewayAwayError):
            await shop.refund.run(ref, 60_000, key=uuid4(), because="dobel", by_hand=False, actor=ACTOR, now=shop.now)
        later: dict[str, Any] = {"actor": ACTOR, "now": shop.now + timedelta(days=8)}
        with pytest.raises(RefusedError, match="dashboard"):
            await shop.refund.take_up(ref, by_hand=False, **later)
        if shop.fake.faults:
            assert (await shop.refund.give_up(ref, **later)).state == "refused"
            assert await shop.paid() == (0, 0, 1)
    assert (await shop.refund.take_up(ref, by_hand=True, **later)).state == "done"
    assert await shop.paid() == (60_000, 0, 1)
    assert await shop.state(ref) == GatewayState.PARTLY_REFUNDED.value


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_gateway_that_is_away_keeps_no_other_waiting(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    assert await shop.follow.run("tripay") == 0
    assert await shop.follow.run("midtrans") == 1
    assert await shop.paid() == (0, 0, 1)
