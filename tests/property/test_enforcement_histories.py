"""Whatever befalls routers, sessions and subscribers: in the end every router does what is due, and is left alone.

A history is drawn by its seed: allowances used up, bills unpaid and paid, subscribers suspended and back, sessions that
drop with and without a word, routers that boot, lie, refuse, stay silent or answer late, APIs that break or forget what
they are told, people who end sessions and change speeds and lists by hand, and a daemon that is killed. Of three routers
one has no API, one has one, and one walls by its list. Then the faults end, and some minutes later nothing may differ
from what is due, and nothing more may be ordered.
"""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from tests import soak
from tests.enforcement_town import HAND_MADE, WALLED_LIST, Town, town
from tests.routeros.fake_router import Faults
from tests.routeros.order_server import Answer, Manners
from tests.routeros.radius_side import USER_REQUEST
from tests.routeros.store import Row

SEEDS: Final = st.integers(0, 2**48)
HOMES, EVENTS = 2, 25
SETTLING_MINUTES: Final = 45
QUIET_MINUTES: Final = 6
CAUSES: Final = (401, 402, 403, 404, 405, 406, 407, 501, 502, 503, 504, 505, 506, 507, 508, None)
Event = Callable[[Town, Random], Awaitable[None]]


async def _time(t: Town, chance: Random) -> None:
    await t.pass_time(chance.choice((5, 20, 60, 300)), interims=chance.random() < 0.8)


async def _use_up(t: Town, chance: Random) -> None:
    await t.use_up(chance.choice(list(t.owed)))


async def _new_period(t: Town, chance: Random) -> None:
    await t.begin_a_period(chance.choice(list(t.owed)))


async def _owe(t: Town, chance: Random) -> None:
    await t.owe(chance.choice(list(t.owed)))


async def _pay(t: Town, chance: Random) -> None:
    await t.pay(chance.choice(list(t.owed)))


async def _suspend(t: Town, chance: Random) -> None:
    username = chance.choice(list(t.owed))
    await t.suspend(username, suspended=not t.owed[username].suspended)


async def _drop(t: Town, chance: Random) -> None:
    side = chance.choice(list(t.sides.values()))
    if side.lines:
        line = chance.choice(side.lines)
        if chance.random() < 0.5:
            side.vanish(line)
        else:
            await side.hang_up(line, USER_REQUEST)


async def _reboot(t: Town, chance: Random) -> None:
    chance.choice(list(t.sides.values())).reboot()


async def _misbehave(t: Town, chance: Random) -> None:
    side = chance.choice(list(t.sides.values()))
    answer: Answer = chance.choice(("ack", "nak", "silent", "late", "wrong_secret"))
    side.orders.manners = Manners(
        answer=answer,
        obeys=chance.random() < 0.4,
        error_cause=chance.choice(CAUSES),
        late_seconds=0.15,
        only=chance.choice((None, "coa", "disconnect")),
        left=chance.choice((1, 2, 5, None)),
    )


async def _compare(t: Town, _: Random) -> None:
    await t.compare_all()


async def _kill(t: Town, _: Random) -> None:
    t.restart()


async def _by_hand(t: Town, chance: Random) -> None:
    """A person at the router's console ends a session; where an API shows it, also what netbilld has made is changed."""
    name, side = chance.choice(list(t.sides.items()))
    if not side.lines:
        return
    line = chance.choice(side.lines)
    entries = side.router.store["/ip/firewall/address-list"]
    ours = entries.where(list=WALLED_LIST, address=line.address)
    if t.nas_ids[name] not in t.addresses or chance.random() < 0.3:
        active = side.router.store["/ppp/active"]
        active.remove(active.where(name=line.name)[0])
    elif ours:
        entries.remove(ours[0])
    else:
        line.rate_limit = chance.choice(("1M/1M", "90M/90M"))


async def _api(t: Town, chance: Random) -> None:
    """A router's API breaks, or is well again."""
    faults = chance.choice([side.router.faults for side in t.sides.values()])
    faults.fatal, faults.forget_writes = chance.random() < 0.3, chance.random() < 0.3


EVENTS_WITH_WEIGHTS: Final[dict[Event, int]] = {
    _time: 10,
    _use_up: 3,
    _new_period: 2,
    _owe: 3,
    _pay: 4,
    _suspend: 2,
    _drop: 3,
    _reboot: 1,
    _misbehave: 3,
    _kill: 1,
    _by_hand: 4,
    _api: 2,
    _compare: 2,
}


async def begin(t: Town) -> None:
    number = 0
    for side in (
        await t.add_router(1),
        await t.add_router(2, with_api=True),
        await t.add_router(3, with_api=True, wall_by="list"),
    ):
        for _ in range(HOMES):
            number += 1
            await t.add_home(f"home{number}", side, number)
    await t.decide("subscriber.add")
    await t.redial()
    await t.work()


def hand_made(t: Town) -> list[list[Row]]:
    return [side.router.rows(path, comment="hand made") for side in t.sides.values() for path in HAND_MADE]


async def live(t: Town, seed: int) -> None:
    """Let one history happen, and judge its end."""
    chance = Random(seed)
    await begin(t)
    before = hand_made(t)
    told: list[str] = []
    for _ in range(EVENTS):
        (event,) = chance.choices(list(EVENTS_WITH_WEIGHTS), list(EVENTS_WITH_WEIGHTS.values()))
        told.append(event.__name__)
        await event(t, chance)
        if chance.random() < 0.7:
            await t.work()
    for side in t.sides.values():
        side.orders.manners = Manners()
        side.router.faults = Faults()
    for minute in range(SETTLING_MINUTES):
        await t.pass_time(60)
        if minute % 5 == 0:
            await t.compare_all()
        if not t.differences() and not await t.world.pending():
            break
    story = f"after {' '.join(told)}"
    assert t.differences() == {}, f"{t.differences()} {story}"
    assert await t.world.pending() == [], f"{await t.world.pending()} {story}"
    for home in (home for side in t.sides.values() for home in side.homes.values()):
        home.up_bps = home.down_bps = 0  # or somebody would use something up meanwhile
    orders = t.orders()
    for _ in range(QUIET_MINUTES):
        await t.pass_time(60)
        await t.compare_all()
    again = Counter(t.orders()) - Counter(orders)
    assert not again, f"ordered again after agreement: {again} {story}"
    assert t.differences() == {}, story
    assert hand_made(t) == before, story


def check(seed: int, template: Path) -> None:
    async def run() -> None:
        with TemporaryDirectory() as name:
            shutil.copyfile(template, Path(name) / "netbilld.db")
            database = Database(sqlite_url(Path(name) / "netbilld.db"))
            try:
                async with town(database, SecretBox(bytes(32)), Path(name) / "journal") as t:
                    await live(t, seed)
            finally:
                await database.close()

    asyncio.run(run())


@pytest.mark.slow
def test_enforcement_ends_in_agreement_and_silence_after_every_history(sqlite_template: Path) -> None:
    @settings(max_examples=12, deadline=None)
    @given(SEEDS)
    def each(seed: int) -> None:
        check(seed, sqlite_template)

    each()


@pytest.mark.soak
def test_a_thousand_histories_end_in_agreement(sqlite_template: Path) -> None:
    """As many as ten minutes hold, and a thousand at least."""
    first = time.time_ns() % 2**48
    ends_at = time.monotonic() + soak.SECONDS
    for seed in count(first):
        if seed - first >= 1000 and time.monotonic() > ends_at:
            break
        try:
            check(seed, sqlite_template)
        except AssertionError as error:
            raise AssertionError(f"history {seed}, after {seed - first} good ones") from error
