"""The feed of changes: each is handed over once, whatever the clocks of those who make them show."""

from datetime import datetime, timedelta

import pytest

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.changes import Change
from netbilld.adapters.database.engine import Database
from netbilld.daemon.feed import LATE_SECONDS, ChangeFeed
from netbilld.model.actor import Actor

SOMEBODY = Actor("budi", "cli")


class Clock(SystemClock):
    """Whose steady part is moved by hand."""

    def __init__(self) -> None:
        self.mono = 1000.0

    def monotonic(self) -> float:
        return self.mono


class Follower:
    """A feed, and what it has handed over."""

    def __init__(self, database: Database) -> None:
        self.handed: list[str] = []
        self.clock = Clock()
        self.feed = ChangeFeed(database, self.clock, self._take)

    async def _take(self, found: list[Change]) -> None:
        self.handed += [change.entity_id for change in found]


async def change(database: Database, name: str, at: datetime) -> None:
    async with database.write() as work:
        await work.changes.record(SOMEBODY, at, "plan.add", "plan", name)


@pytest.mark.parametrize("by", [timedelta(0), timedelta(minutes=-30), timedelta(minutes=30)], ids=str)
async def test_each_change_is_handed_over_once_whatever_clock_it_is_dated_by(database: Database, by: timedelta) -> None:
    one = Follower(database)
    at = one.clock.now() + by
    await change(database, "before", at)
    await one.feed.start_after_newest()
    await one.feed.step()
    await change(database, "first", at)
    await one.feed.step()
    await one.feed.step()
    await change(database, "second", at)
    await change(database, "third", at)
    await one.feed.step()
    one.clock.mono += 2 * LATE_SECONDS
    await one.feed.step()
    assert one.handed == ["first", "second", "third"]


@pytest.mark.parametrize("by", [timedelta(0), timedelta(minutes=-30)], ids=str)
@pytest.mark.parametrize("starts_between", [True, False])
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_change_whose_transaction_ends_after_a_later_ones_is_handed_over(
    database: Database, by: timedelta, starts_between: bool
) -> None:
    """Its number is the lower one, and the command that made it runs on a machine whose clock is behind."""
    one = Follower(database)
    at = one.clock.now() + by
    if not starts_between:
        await one.feed.start_after_newest()
    async with database.write() as slow:
        await slow.changes.record(SOMEBODY, at, "plan.add", "plan", "slow")
        await change(database, "quick", at)
        if starts_between:
            await one.feed.start_after_newest()
        await one.feed.step()
        one.clock.mono += LATE_SECONDS - 1
        await one.feed.step()
    await one.feed.step()
    await one.feed.step()
    assert one.handed == (["slow"] if starts_between else ["quick", "slow"])


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_numbers_that_never_come_are_not_waited_for_longer_than_a_transaction_takes(database: Database) -> None:
    one = Follower(database)
    at = one.clock.now()
    await one.feed.start_after_newest()
    async with database.write() as work:
        await work.changes.record(SOMEBODY, at, "plan.add", "plan", "taken back")
        await work.connection.rollback()  # its number was given out and never comes
    await change(database, "kept", at)
    await one.feed.step()
    assert len(one.feed._missed) == 1
    one.clock.mono += LATE_SECONDS + 1
    await one.feed.step()
    assert not one.feed._missed
    assert one.handed == ["kept"]
