"""Wallets and allowances while usage comes in, and the same rated again over the whole period."""

import random
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import outbox
from netbilld.enforcement.policy import Reason, entitlement
from netbilld.enforcement.profile import Access
from netbilld.ports.outbox import MessageKind
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.charge_wallets import WalletRules
from netbilld.services.live_rating import recount
from tests.builders.services import GARDEN
from tests.integration.money_world import ZONE
from tests.integration.rating_world import GB, PERIOD, START, Shop, happy, local, tariff

PREPAID: dict[str, Any] = {"timing": "prepaid", "charging": "per_use", "recurring": None}
CHARGED = {"data_octets": 10 * GB, "counts": "both", "after": "charge", "throttled": None}
THROTTLED = {
    "data_octets": 10 * GB,
    "counts": "down",
    "after": "throttle",
    "throttled": {"down_bps": 2_000_000, "up_bps": 1_000_000},
    "steps": [{"from_percent": 50, "down_bps": 10_000_000, "up_bps": 5_000_000}],
}


@pytest.fixture
async def shop(database: Database) -> Shop:
    return Shop(database)


async def test_tiers_drain_a_wallet_as_they_are_used_and_its_end_closes(shop: Shop) -> None:
    """BANG-2.1f, INCA-17, INCA-42."""
    await shop.plan("KUOTA", **PREPAID, usage=tariff((2 * GB, 3_000), (None, 1_000)))
    budi = await shop.person("budi", "KUOTA")
    await shop.world.pay(budi, 8_000, START)
    booked = await shop.use(budi, local(2, 9), GB)
    assert booked.wallets == {budi.service_id: 5_000}
    booked = await shop.use(budi, local(2, 10), 2 * GB)  # 3.000 for the second GB, 1.000 for the third
    assert booked.wallets == {budi.service_id: 1_000}
    now = PERIOD.start_at + timedelta(days=2)
    assert entitlement(await shop.facts(budi, now), GARDEN, now).reason is Reason.OK
    await shop.use(budi, local(2, 11), 3 * GB // 2)
    assert await shop.wallet(budi) == -500  # what came between two reports: within the stated bound
    due = entitlement(await shop.facts(budi, now), GARDEN, now)
    assert (due.reason, due.access) == (Reason.NO_CREDIT, Access.WALLED)
    assert (await shop.rated(budi)).amount_minor == await shop.charged(budi) == 8_500


async def test_what_is_included_is_used_before_the_wallet_pays(shop: Shop) -> None:
    """INCA-19, BANG-2.3c: no line as long as nothing is beyond it."""
    fee = {"price_minor": 50_000, "period_days": None}
    await shop.plan(
        "HIBRID", timing="prepaid", charging="hybrid", recurring=fee, allowance=CHARGED, usage=tariff((None, 2_000))
    )
    budi = await shop.person("budi", "HIBRID", paid_until_on=date(2026, 3, 31))
    await shop.use(budi, local(2, 9), 10 * GB)
    assert (await shop.rated(budi)).charges == ()
    now = PERIOD.start_at + timedelta(days=2)
    due = entitlement(await shop.facts(budi, now), GARDEN, now)
    assert due.reason is Reason.NO_CREDIT  # all of it is used, and nothing is in the wallet
    await shop.top_up(budi, 5 * GB, START, date(2026, 4, 1))
    assert entitlement(await shop.facts(budi, now), GARDEN, now).reason is Reason.OK
    await shop.use(budi, local(3, 9), 6 * GB)
    rated = await shop.rated(budi)
    assert [(one.units, one.amount_minor, one.tier) for one in rated.charges] == [(GB, 2_000, 0)]
    assert await shop.charged(budi) == 2_000
    assert rated.data is not None
    assert (rated.data.limit_units, rated.data.used_units, rated.data.left_units) == (15 * GB, 16 * GB, 0)


async def test_each_share_of_an_allowance_is_told_once_and_each_step_has_its_speed(shop: Shop) -> None:
    """BANG-2.2b."""
    await shop.plan("FUP", allowance=THROTTLED)
    budi = await shop.person("budi", "FUP")
    now = PERIOD.start_at + timedelta(days=2)
    speeds = []
    for gigabytes in (4, 1, 3, 1, 1, 1):
        booked = await shop.use(budi, local(2, 9), gigabytes * GB, upload=50 * GB)  # uploads don't count here
        due = entitlement(await shop.facts(budi, now), GARDEN, now)
        speeds.append((bool(booked.crossed), due.profile.speed.down_bps if due.profile.speed else 0))
    assert speeds == [
        (False, 20_000_000), (True, 10_000_000), (True, 10_000_000), (False, 10_000_000), (True, 2_000_000),
        (False, 2_000_000),
    ]  # fmt: skip
    assert await shop.told(budi.service_id) == [50, 80, 100]
    assert [message["percent"] for message in await shop.messages()] == [80, 100]
    restarted = Shop(shop.database)
    await restarted.use(budi, local(3, 9), GB)
    assert len(await shop.messages()) == 2


async def test_happy_hours_count_by_their_weight_and_price_and_have_their_speed(shop: Shop) -> None:
    hours = [
        happy("malam", "daily 00:00-06:00", weight=[0, 1], speed={"down_bps": 50_000_000, "up_bps": 20_000_000}),
        happy("siang", "daily 12:00-13:00", weight=[1, 2]),
        happy("sore", "daily 17:30-18:30", price_minor=500),
    ]
    await shop.plan("JAM", **PREPAID, usage=tariff((None, 2_000)), happy_hours=hours)
    budi = await shop.person("budi", "JAM")
    await shop.world.pay(budi, 100_000, START)
    for hour, minute in ((5, 59), (12, 30), (9, 0), (17, 45), (17, 20)):
        await shop.use(budi, local(2, hour, minute), 2 * GB)
    rated = await shop.rated(budi)
    assert [(one.window, one.units, one.amount_minor) for one in rated.charges] == [
        (None, 5 * GB, 10_000),
        ("sore", 2 * GB, 1_000),
    ]
    assert await shop.charged(budi) == rated.amount_minor == 11_000
    assert rated.counted_octets == 5 * GB
    night = PERIOD.start_at + timedelta(days=2, hours=3)
    due = entitlement(await shop.facts(budi, night), GARDEN, night)
    assert due.profile.speed is not None
    assert (due.profile.speed.down_bps, due.until_at) == (50_000_000, night + timedelta(hours=3))
    due = entitlement(await shop.facts(budi, night + timedelta(hours=4)), GARDEN, night + timedelta(hours=4))
    assert due.profile.speed is not None
    assert due.profile.speed.down_bps == 20_000_000


async def test_a_change_of_plan_within_the_period_prices_each_stretch_by_its_own(shop: Shop) -> None:
    await shop.plan("MAHAL", **PREPAID, usage=tariff((None, 3_000)))
    await shop.plan("MURAH", **PREPAID, usage=tariff((2 * GB, 3_000), (None, 1_000)))
    budi = await shop.person("budi", "MAHAL")
    await shop.world.pay(budi, 100_000, START)
    await shop.use(budi, local(2, 9), GB)
    await shop.move_to(budi, "MURAH", date(2026, 3, 10))
    await shop.use(budi, local(11, 9), 2 * GB)  # the second GB at 3.000, the third at 1.000
    assert await shop.charged(budi) == 7_000
    await shop.use(budi, local(3, 9), GB)  # late: the total of the later stretch begins higher
    assert (await shop.rated(budi)).amount_minor == await shop.charged(budi) == 8_000


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_comes_in_which_order_the_wallet_pays_what_the_whole_period_costs(shop: Shop, seed: int) -> None:
    """BANG-2.3a, INCA-3: incremental and rated again over the period are the same."""
    chance = random.Random(seed)
    hours = [happy("malam", "daily 23:30-05:15", weight=[1, 3]), happy("libur", "sun 06:00-22:00", price_minor=700)]
    await shop.plan("A", **PREPAID, usage=tariff((3 * GB, 2_500), (None, 1_500), cap=40_000), happy_hours=hours)
    await shop.plan("B", **PREPAID, usage=tariff((None, 1_234)), allowance=CHARGED)
    people = [await shop.person(name, "A") for name in ("budi", "siti")]
    people.append(await shop.person("ani", "B"))
    for who in people:
        await shop.world.pay(who, 10**7, START)
    changed_on = date(2026, 3, 15)
    await shop.move_to(people[0], "B", changed_on)
    for number in range(60):
        who = chance.choice(people)
        when = local(1, 0) + timedelta(minutes=chance.randrange(100, 31 * 24 * 60 - 1))
        await shop.use(who, when, chance.randrange(GB), chance.randrange(GB), minutes=chance.choice((1, 20, 90)))
        if number == 30:
            shop = Shop(shop.database)
    for who in people:
        rated = await shop.rated(who)
        charged = await shop.charged(who)
        if who is people[0]:  # usage before the change that came late may make it cheaper: given back by a document
            assert charged >= rated.amount_minor
        else:
            assert charged == rated.amount_minor
        assert await shop.wallet(who) == 10**7 - charged


async def test_an_allowance_that_is_shared_is_one_sum_and_all_are_told_at_once(shop: Shop) -> None:
    """INCA-44: many devices under one account, with one allowance."""
    wall = {"data_octets": 10 * GB, "counts": "both", "after": "wall", "throttled": None}
    await shop.plan("IOT", allowance=wall)
    first = await shop.person("meter1", "IOT")
    second = await shop.person("meter2", "IOT", of=first)
    await shop.share(10 * GB, first, second)
    await shop.use(first, local(2, 9), 6 * GB)
    booked = await shop.use(second, local(2, 9), 5 * GB)
    assert booked.crossed == {first.service_id, second.service_id}
    now = PERIOD.start_at + timedelta(days=2)
    for who in (first, second):
        due = entitlement(await shop.facts(who, now), GARDEN, now)
        assert (due.reason, due.access) == (Reason.QUOTA, Access.WALLED)
        assert due.until_at == PERIOD.end_at
        facts = await shop.facts(who, PERIOD.end_at)  # local midnight, hours before that of UTC
        assert entitlement(facts, GARDEN, PERIOD.end_at).reason is Reason.OK
        async with shop.database.read() as work:
            assert (await work.rating.limits(who.service_id, facts.plan, PERIOD.end_at)).others_octets == 0
    assert [message["percent"] for message in await shop.messages()] == [80, 100]


async def test_what_is_told_after_a_period_is_held_against_what_others_have_used_in_it(shop: Shop) -> None:
    fee = {"price_minor": 50_000, "period_days": None}
    tiers = tariff((None, 1_000))
    await shop.plan("BERDUA", timing="prepaid", charging="hybrid", recurring=fee, allowance=CHARGED, usage=tiers)
    first = await shop.person("ayah", "BERDUA")
    second = await shop.person("anak", "BERDUA", date(2026, 3, 2), of=first)  # what is left of it after the first
    await shop.world.pay(first, 500_000, START)
    await shop.share(10 * GB, first, second)
    await shop.use(first, local(30, 9), 8 * GB)
    used_at = local(31, 9).astimezone(UTC)
    moved = Moved(second.service_id, None, 1, "api", used_at - timedelta(minutes=1), used_at, 8 * GB, 0)
    async with shop.database.write() as work:
        await shop.book.handle(work, [moved], PERIOD.end_at + timedelta(hours=1))
    assert await shop.charged(second) == (await shop.rated(second)).amount_minor == 6_000


async def test_a_change_that_lets_go_of_what_was_used_is_known_before_the_next_report(shop: Shop) -> None:
    wall = {"data_octets": 10 * GB, "counts": "both", "after": "wall", "throttled": None}
    await shop.plan("KECIL", allowance=wall)
    await shop.plan("BESAR", allowance=wall | {"data_octets": 12 * GB})
    budi = await shop.person("budi", "KECIL")
    await shop.use(budi, local(2, 9), 11 * GB)
    await shop.move_to(budi, "BESAR", date(2026, 3, 5), is_reset=True)
    now = PERIOD.start_at + timedelta(days=5)
    async with shop.database.write() as work:
        await recount(work, [budi.service_id], now)
    facts = await shop.facts(budi, now)
    assert facts.used_octets(facts.usage, now) == 0
    await shop.use(budi, local(6, 9), 3 * GB)
    facts = await shop.facts(budi, now)
    assert facts.used_octets(facts.usage, now) == 3 * GB


async def test_who_pays_by_use_is_told_once_that_little_is_left_and_again_after_the_wallet_was_filled(
    shop: Shop,
) -> None:
    shop.book = BookUsage(ZONE, shop.remembered, wallets=WalletRules(low_minor=5_000))
    await shop.plan("PAKAI", **PREPAID, usage=tariff((None, 1_000)))
    budi = await shop.person("budi", "PAKAI")
    tv = await shop.person("budi-tv", "PAKAI", of=budi)
    await shop.world.pay(budi, 10_000, START)
    for number, who in enumerate((budi, tv, budi, tv, budi, tv)):  # one wallet, down to 4,000
        await shop.use(who, local(2, number + 1), GB)
    assert await low_credit(shop) == [("queued", {"wallet_minor": 5_000})]
    await shop.world.pay(budi, 2_000, START, reference="2")  # what was not sent yet is no longer true
    assert await low_credit(shop) == [("withdrawn", {"wallet_minor": 5_000})]
    await shop.use(budi, local(3, 9), 20 * GB)
    await shop.use(tv, local(3, 10), GB)
    assert await low_credit(shop) == [
        ("withdrawn", {"wallet_minor": 5_000}),
        ("queued", {"wallet_minor": 0}),  # it is below, which is nobody's wallet
    ]


async def low_credit(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    async with shop.database.read() as work:
        query = select(outbox.c.state, outbox.c.context).where(outbox.c.kind == MessageKind.CREDIT_LOW.value)
        return [(row.state, dict(row.context)) for row in await work.connection.execute(query.order_by(outbox.c.id))]
