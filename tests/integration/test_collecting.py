"""Cash at the door: told late, twice, out of order, by another phone or log-in; and what a collector's months show."""

from datetime import timedelta

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services.areas import Areas
from netbilld.services.collect_cash import CollectCash, Collected
from netbilld.services.collector_conduct import Conduct, look_at
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.reverse_payment import ReversePayment
from tests.agent_town import Town
from tests.builders.services import ZONE
from tests.voucher_world import ANI, T0

pytestmark = pytest.mark.slow
AGUS, BAYU = Actor("agus@desa.example", "panel"), Actor("bayu@desa.example", "panel")
TODAY = local_date(T0, ZONE)


class Round:
    """Two collectors and their phones."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.collect = CollectCash(town.database, timezone=ZONE)
        self.keep = KeepCollectors(town.database, timezone=ZONE, currency="IDR")

    async def begin(self) -> None:
        for actor in (AGUS, BAYU):
            name = actor.name.partition("@")[0]
            await self.keep.add(name, name.title(), staff=actor.name, actor=ANI, now=T0)

    async def take(self, key: str, amount: int = 10_000, actor: Actor = AGUS, **more: object) -> Collected:
        return await self.collect.run(
            self.town.numbers["budi"],
            amount,
            actor=actor,
            now=T0,
            key=key,
            **more,  # type: ignore[arg-type]
        )

    async def held(self, name: str = "agus") -> int:
        async with self.town.database.read() as work:
            return await work.collectors.held(name, "IDR")

    async def day_of(self, taken: Collected) -> int:
        """Return how many days ago a payment was received."""
        async with self.town.database.read() as work:
            return (TODAY - (await work.payments.find(str(taken.payment_id))).received_on).days

    async def conduct(self, name: str = "agus") -> Conduct:
        async with self.town.database.read() as work:
            return (await look_at(work.conduct, T0, ZONE)).get(name, Conduct())


@pytest.fixture
async def on_round(database: Database, box: SecretBox) -> Round:
    town = Town(database, box)
    await town.begin()
    made = Round(town)
    await made.begin()
    return made


async def test_what_is_told_twice_or_by_another_log_in_is_one_payment(on_round: Round) -> None:
    first = await on_round.take("key-1", slip="7F3A-00001")
    assert await on_round.take("key-1", slip="7F3A-00001") == first  # the phone was not told the first time
    assert await on_round.take("key-2", slip="7F3A-00001") == first  # and has forgotten its key meanwhile
    assert await on_round.held() == 10_000
    for key, amount in (("key-1", 9_000), ("key-3", 9_000)):  # the amount was changed on the way
        with pytest.raises(RefusedError):
            await on_round.take(key, amount, slip="7F3A-00001")
    assert (await on_round.held(), await on_round.held("bayu")) == (10_000, 0)
    assert await on_round.town.books_are_right()


async def test_what_was_taken_days_ago_is_of_its_day_whatever_the_phones_clock_says(on_round: Round) -> None:
    for number, (age, days) in enumerate(
        ((timedelta(days=2), 2), (timedelta(days=-3), 0), (timedelta(days=4_000), 14), (timedelta(seconds=5), 0))
    ):
        assert await on_round.day_of(await on_round.take(f"key-{number}", age=age)) == days
    told = await on_round.conduct()
    assert (sum(one.late for one in told.months), max(one.most_days for one in told.months)) == (2, 14)
    assert await on_round.town.books_are_right()


async def test_a_receipt_that_comes_after_the_hand_over_was_signed_leaves_nothing_over(on_round: Round) -> None:
    await on_round.take("key-1", 50_000)
    async with on_round.town.database.read() as work:
        [before] = [one for one in await work.collectors.all() if one.name == "agus"]
    counted = {"actor": ANI, "now": T0, "signed_by": "Agus"}
    with pytest.raises(RefusedError) as refused:
        await on_round.keep.hand_over("agus", 80_000, seen_minor=before.held_minor - 1, **counted)  # type: ignore[arg-type]
    assert refused.value.code == "held_changed"
    done = await on_round.keep.hand_over("agus", 80_000, **counted)  # type: ignore[arg-type]
    assert done.left_minor == await on_round.held() == -30_000  # the phone has not told of it yet
    await on_round.take("key-2", 30_000, age=timedelta(hours=1))
    assert await on_round.held() == 0
    assert (await on_round.conduct()).months[0].over_minor == 30_000
    await on_round.take("key-3", 20_000)
    await on_round.keep.hand_over("agus", 20_000, **counted)  # type: ignore[arg-type]
    [month] = (await on_round.conduct()).months
    assert (month.over_minor, month.short_minor) == (30_000, 0), "what the phone told of later lacks nowhere"
    async with on_round.town.database.read() as work:
        assert (await work.collectors.missing(T0))["agus"].short == 0
    assert await on_round.town.books_are_right()


async def test_too_much_that_nobody_told_of_counts_once_and_what_lacks_after_it_as_well(on_round: Round) -> None:
    seen = []
    for number, (taken, counted) in enumerate(((50_000, 80_000), (10_000, 10_000), (10_000, 20_000), (60_000, 15_000))):
        await on_round.take(f"key-{number}", taken)
        await on_round.keep.hand_over("agus", counted, actor=ANI, now=T0)
        [month] = (await on_round.conduct()).months
        seen.append((await on_round.held(), month.over_minor, month.short_minor))
    assert seen == [(-30_000, 30_000, 0), (-30_000, 30_000, 0), (-40_000, 40_000, 0), (5_000, 40_000, 5_000)]


async def test_cash_of_a_collector_who_was_ended_is_on_nobodys_account_until_the_office_says_so(
    on_round: Round,
) -> None:
    await on_round.take("key-1", 50_000)
    await on_round.keep.set_active("agus", False, actor=ANI, now=T0)
    with pytest.raises(RefusedError) as refused:
        await on_round.take("key-2", 20_000)
    assert refused.value.code == "collector_ended"
    assert (await on_round.held(), await on_round.town.balance("collector:agus")) == (50_000, 50_000)
    await on_round.keep.hand_over("agus", 50_000, actor=ANI, now=T0)  # what they held can be handed over all the same
    await on_round.keep.set_active("agus", True, actor=ANI, now=T0)
    await on_round.take("key-2", 20_000)
    assert (await on_round.held(), await on_round.town.balance("cash:cash")) == (20_000, 50_000)


async def test_nobody_of_another_area_pays_at_the_door_nor_another_with_such_a_user_name(on_round: Round) -> None:
    with pytest.raises(NotFoundError):
        await on_round.take("key-1", areas=Areas(("cibiru",), frozenset()))
    number = on_round.town.numbers["budi"]
    manage = ManageSubscribers(on_round.town.database, on_round.town.box, Defaults("IDR", ZONE))
    await manage.add(NewService(number, "HOME20", "rahasia123"), ANI, T0)  # somebody else's user name
    await on_round.take("key-2")
    assert await on_round.town.balance(f"wallet:{number}") == 10_000


async def test_skimming_shows_as_numbers_that_never_came_and_money_that_came_late(on_round: Round) -> None:
    """A collector who keeps every fifth receipt back, tells of some a week late and takes one back stands out."""
    for number in range(2, 13):  # the first was kept back, too
        if number % 5:
            age = timedelta(days=7 if number == 3 else 0)
            await on_round.take(f"key-{number}", slip=f"7F3A-{number:05}", age=age)
            await on_round.take(f"bayu-{number}", actor=BAYU, slip=f"0B0B-{number - 1 - number // 5:05}")
    reversing = ReversePayment(on_round.town.database, timezone=ZONE)
    last = await on_round.take("key-13", slip="7F3A-00013")
    await reversing.run(str(last.payment_id), because="salah", actor=ANI, now=T0)
    await on_round.keep.hand_over("agus", 80_000, actor=ANI, now=T0)
    await on_round.keep.hand_over("bayu", 90_000, actor=ANI, now=T0)
    told = await on_round.conduct()
    assert told.missing == ("AGUS-7F3A-00001", "AGUS-7F3A-00005", "AGUS-7F3A-00010")
    assert [one.days for one in told.late] == [7]
    [month] = told.months
    assert (month.receipts, month.late, month.reversed, month.handovers, month.short_minor) == (10, 1, 1, 1, 10_000)
    assert (await on_round.conduct("bayu")).is_plain
    await on_round.take("key-far", slip="7F3A-999999")  # whatever a phone sends, some are named
    assert len((await on_round.conduct()).missing) == 50
