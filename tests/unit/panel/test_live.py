"""The parts of a page are read side by side, and only so many at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from netbilld.model.errors import StoreUnavailableError
from netbilld.panel.live import PARTS_AT_ONCE, LiveFeed, Part
from tests.clock import SteppedClock

NOON = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)


class Reading:
    """A store whose readings end when they are let go; `most` is how many were under way at once."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0
        self.let_go = asyncio.Event()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            yield self
        finally:
            self.under_way -= 1

    write = read


def part(name: str) -> Part:
    async def read(work: Any) -> str:
        await work.let_go.wait()
        return name.upper()

    return Part(name, name, read, f"{name}.html")


async def test_parts_are_read_side_by_side_but_leave_connections_to_others() -> None:
    store = Reading()
    feed = LiveFeed(store, SteppedClock(NOON))
    shown = asyncio.create_task(feed.show([part(name) for name in "abcdefg"]))
    while store.under_way < PARTS_AT_ONCE:
        await asyncio.sleep(0)
    for _ in range(50):  # and however often the others get a turn, they wait
        await asyncio.sleep(0)
    assert store.under_way == PARTS_AT_ONCE
    store.let_go.set()
    assert await shown == {name: name.upper() for name in "abcdefg"}
    assert store.most == PARTS_AT_ONCE


async def test_a_page_with_a_part_that_cannot_be_read_fails_as_a_whole() -> None:
    store = Reading()
    store.let_go.set()

    async def away(_work: object) -> None:
        raise StoreUnavailableError("the database is away")

    with pytest.raises(StoreUnavailableError):
        await LiveFeed(store, SteppedClock(NOON)).show([part("a"), Part("b", "b", away, "b.html"), part("c")])


class Slow:
    """Counts up, once for each time that it is let go on."""

    def __init__(self) -> None:
        self.number = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.part = Part("slow", "slow", self._read, "slow.html", period_seconds=60, spare_seconds=240)

    async def _read(self, _work: Any) -> int:
        await self.go_on.wait()
        self.number += 1
        return self.number


async def test_what_takes_long_is_read_anew_for_the_next_who_asks() -> None:
    clock, slow = SteppedClock(NOON), Slow()
    feed = LiveFeed(Reading(), clock)
    assert await feed.latest(slow.part) == (1, 1)
    clock.pass_time(seconds=61)
    slow.go_on.clear()
    assert await feed.latest(slow.part) == (1, 1)  # at once, while it is read behind
    assert await feed.latest(slow.part) == (1, 1)  # by one reading, however many ask
    slow.go_on.set()
    while slow.number < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await feed.latest(slow.part) == (2, 2)
    clock.pass_time(seconds=301)
    assert await feed.latest(slow.part) == (3, 3)  # too old for anybody
    await feed.close()


async def test_what_was_changed_here_is_never_shown_as_it_was() -> None:
    """Not even where a reading of before was under way."""
    clock, slow = SteppedClock(NOON), Slow()
    feed = LiveFeed(Reading(), clock)
    await feed.latest(slow.part)
    clock.pass_time(seconds=61)
    slow.go_on.clear()
    await feed.latest(slow.part)
    await asyncio.sleep(0)
    feed.outdated(slow.part)
    slow.go_on.set()
    _version, shown = await feed.latest(slow.part)
    assert shown == slow.number == 3
    await feed.close()
