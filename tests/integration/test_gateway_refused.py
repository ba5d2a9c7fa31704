"""A callback that is wrong is answered as its gateway expects, counted, on record for people, and moves nothing."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession, TCPConnector

from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.gateway import GatewayState, Notice
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.services.decide_callbacks import DecideCallbacks
from netbilld.services.keep_callbacks import _REFUSED_A_MINUTE, PLACE
from netbilld.services.paying import Doing
from netbilld.services.start_payment import Asked
from tests.fake_gateways import FAKES, FEE, FakeGateway, FakeMidtrans, FakeTripay, FakeXendit
from tests.fake_gateways.tripay import TRIPAY_PRIVATE
from tests.integration.gateway_world import PRICE, Shop, sqlite_shop_of
from tests.integration.money_world import ACTOR, ZONE

EVERY = pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.name)

# What each is told: of a proof that is wrong, of a body that is none, and to come again.
ANSWERS = {
    "midtrans": ((403, b""), (400, b""), (503, b""), (200, b"")),
    "xendit": ((401, b""), (400, b""), (503, b""), (200, b"")),
    "tripay": (
        (403, b'{"success":false,"message":"Invalid signature"}'),
        (400, b'{"success":false,"message":"Malformed body"}'),
        (503, b'{"success":false,"message":"Try again later"}'),
        (200, b'{"success":true}'),
    ),
    "duitku": ((403, b"Bad Signature"), (400, b"Bad Parameter"), (503, b"Try again later"), (200, b"SUCCESS")),
}

GARBAGE = {"duitku": (b"", b"amount=1&amount=2", b"\xff\xfe")}  # which sends a form


@pytest.fixture
async def shop(
    sqlite_template: Path, tmp_path: Path, box: SecretBox, fake: Callable[[], FakeGateway]
) -> AsyncIterator[Shop]:
    async with sqlite_shop_of(sqlite_template, tmp_path, box, fake()) as made:
        yield made


def garbage(shop: Shop, body: bytes) -> dict[str, str]:
    """Return the headers with which a gateway would send these octets: as far as it proves them, the proof is right."""
    headers, _ = shop.fake.callback(next(iter(shop.fake.payments.values())), shop.fake.words["paid"], PRICE)
    if isinstance(shop.fake, FakeTripay):
        headers["X-Callback-Signature"] = hmac.digest(TRIPAY_PRIVATE.encode(), body, "sha256").hex()
    return headers


async def chunks() -> AsyncIterator[bytes]:
    """Send too much without having said how much it will be."""
    for _ in range(80):
        yield b"x" * 4096


@EVERY
async def test_what_is_wrong_gets_its_gateways_own_answer_and_is_counted_and_seen(shop: Shop, box: SecretBox) -> None:
    bad, malformed, later, taken = ANSWERS[shop.fake.name]
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    for body in GARBAGE.get(shop.fake.name, (b"[]", b"bukan json", b"\xff\xfe")):
        [answer] = await shop.fake.send(garbage(shop, body), body)
        assert (answer.status, answer.body) == malformed, body
    [answer] = await shop.fake.tell(attempt.ref, tamper="signature")
    assert (answer.status, answer.body) == bad
    async with ClientSession() as session, session.post(shop.fake.hook, data=chunks()) as too_large:
        assert too_large.status == 413
    assert {one.state for one in await shop.inbox()} == {"refused"}
    shop.database.close_for_all("away")
    try:
        [answer] = await shop.fake.tell(attempt.ref)
        assert (answer.status, answer.body) == later, "it is not on record, so it has to come again"
    finally:
        shop.database.open_for_all()
    [answer] = await shop.fake.tell(attempt.ref)
    assert (answer.status, answer.body) == taken
    await shop.settle()  # several that wait are followed at once, and either may be the first
    headers, again = shop.fake.callback(shop.fake.payments[attempt.ref], shop.fake.words["paid"], PRICE)
    elsewhere = TCPConnector(local_addr=("127.0.0.2", 0))  # the very same once more, from who has seen it
    async with (
        ClientSession(connector=elsewhere) as session,
        session.post(shop.fake.hook, data=again, headers=headers) as replayed,
    ):
        assert (replayed.status, await replayed.read()) == taken
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    inbox = await shop.inbox()
    assert [(one.state, one.verdict, one.source) for one in inbox] == [
        *[("refused", "malformed", "127.0.0.1")] * 3,
        ("refused", "bad_signature", "127.0.0.1"),
        ("done", "credited", "127.0.0.1"),
        ("done", "known", "127.0.0.2"),
    ]
    assert {answer: count for (_, answer), count in shop.keep.counts.items()} == {
        "malformed": 3, "bad_signature": 1, "taken": 3, "try_later": 1,
    }  # fmt: skip
    async with shop.database.read() as work:
        kept = await work.gateway_inbox.body(inbox[-1].id)
    assert kept is not None
    assert attempt.ref.encode() not in kept, "names and numbers of people lie sealed"
    assert box.open(kept, PLACE) == again, "as it came, to the octet"


@pytest.mark.parametrize("fake", [FakeMidtrans, FakeXendit])
async def test_another_currency_waits_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = await shop.attempt()
    fake: Any = shop.fake
    said = fake.said
    monkeypatch.setattr(fake, "said", lambda *told: {**said(*told), "currency": "USD"})
    shop.fake.pay(attempt.ref)
    [answer] = await shop.fake.tell(attempt.ref)
    assert answer.status == 200
    await shop.settle()
    assert await shop.paid() == (PRICE, 0, 0)
    assert [(one.verdict, one.state) for one in await shop.inbox()] == [("other_currency", "parked")]


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_of_a_flood_of_wrong_ones_a_minutes_worth_is_kept_and_every_one_counted(shop: Shop) -> None:
    """Whoever knows the address may send what they like: what that leaves in the database is bounded."""
    gateway, many = shop.fake.name, _REFUSED_A_MINUTE + 40
    for wave in (1, 2):
        told = [shop.keep.run(gateway, {}, b"{}", "192.0.2.66") for _ in range(many)]
        assert {answer.status for answer in await asyncio.gather(*told)} == {403}
        assert len(await shop.inbox()) < wave * _REFUSED_A_MINUTE
        assert shop.keep.counts[gateway, "bad_signature"] == wave * many
        shop.now += timedelta(minutes=2)
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    assert await shop.paid() == (0, 0, 1), "a right one is never among those that are only counted"


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_one_gateways_word_counts_for_no_payment_of_another(shop: Shop) -> None:
    attempt = await shop.attempt()
    notice = Notice(attempt.ref, "TX-1", GatewayState.PAID, PRICE, "IDR", "settlement")
    async with shop.database.write() as work:
        doing = Doing(ACTOR, shop.now, shop.now.date())
        booked = await shop.follow._book.run(work, notice, "midtrans", doing, by_callback=True)
    assert (booked.verdict, booked.is_parked) == ("unknown_order", True)
    assert await shop.paid() == (PRICE, 0, 0)


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_the_invoice_of_the_link_is_paid_and_not_an_older_one(shop: Shop) -> None:
    await shop.world.bill(date(2026, 2, 1))
    async with shop.database.read() as work:
        older, newer = await work.invoices.open_of(shop.person.subscriber_id)
    other = await shop.world.person("tuti", activated_on=date(2026, 1, 1))
    for stranger, invoice_id in ((other, newer.id), (shop.person, uuid4())):
        asked = Asked(stranger.subscriber_id, invoice_id, PRICE, "tripay:qris")
        with pytest.raises(RefusedError) as refused:
            await shop.start.run(asked, public_url="", back_url="", actor=ACTOR, now=shop.now)
        assert refused.value.code == "nothing_open"
    asked = Asked(shop.person.subscriber_id, newer.id, PRICE, "tripay:qris")
    attempt = await shop.start.run(asked, public_url="", back_url="", actor=ACTOR, now=shop.now)
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    async with shop.database.read() as work:
        assert [one.id for one in await work.invoices.open_of(shop.person.subscriber_id)] == [older.id]
    assert await shop.held() == PRICE - FEE


@pytest.mark.parametrize("fake", [FakeMidtrans])
async def test_a_form_of_one_refund_gives_nothing_back_of_another_payment(shop: Shop) -> None:
    refs = []
    for _ in range(2):
        attempt = await shop.attempt(invoice=False)
        shop.fake.pay(attempt.ref)
        await shop.fake.tell(attempt.ref)
        await shop.settle()
        refs.append(attempt.ref)
    asked: dict[str, Any] = {"key": uuid4(), "because": "dobel", "by_hand": False, "actor": ACTOR, "now": shop.now}
    await shop.refund.run(refs[0], 10_000, **asked)
    with pytest.raises(RefusedError) as refused:
        await shop.refund.run(refs[1], 10_000, **asked)
    assert refused.value.code == "stale_form"
    assert [shop.fake.payments[ref].refunded for ref in refs] == [10_000, 0]


@pytest.mark.parametrize("fake", [FakeTripay])
async def test_only_what_waits_is_decided_and_only_money_is_given(shop: Shop) -> None:
    decide = DecideCallbacks(shop.database, timezone=ZONE)
    attempt = await shop.attempt()
    await shop.fake.tell(attempt.ref, tamper="signature")
    await shop.fake.tell(attempt.ref, "pending", amount=PRICE + 1)
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    refused, unpaid, credited = await shop.inbox()
    assert [one.state for one in (refused, unpaid, credited)] == ["refused", "parked", "done"]
    who: dict[str, Any] = {"actor": ACTOR, "now": shop.now}
    for one in (refused, credited):
        for deed in (
            decide.again(one.id, **who),
            decide.give(one.id, shop.person.number, **who),
            decide.lay_aside(one.id, "x", **who),
        ):
            with pytest.raises(RefusedError) as said:
                await deed
            assert said.value.code == "already_decided"
    with pytest.raises(RefusedError) as said:
        await decide.give(unpaid.id, shop.person.number, **who)
    assert said.value.code == "nothing_paid"
    with pytest.raises(NotFoundError):
        await decide.give(unpaid.id, "siapa", **who)
    assert await shop.paid() == (0, 0, 1)
    assert [one.state for one in await shop.inbox()] == ["refused", "parked", "done"]
