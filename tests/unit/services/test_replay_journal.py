"""A journal that is replayed: those who serve hear of it while it is under way."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from netbilld.model.actor import Actor
from netbilld.model.errors import StoreUnavailableError
from netbilld.services.meter_usage import Batch, MeterUsage
from netbilld.services.replay_journal import BATCHES_A_CHANGE, ReplayJournal, Store
from tests.clock import StandingClock

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class _Meter:
    """Has `batches` to apply, each of which touches a service of its own; then the database goes, if `fails`."""

    unknown_nas = parked = 0

    def __init__(self, batches: int, *, fails: bool = False) -> None:
        self.batches, self.fails, self.done = batches, fails, 0

    async def run_batch(self) -> Batch:
        if self.fails and self.done == self.batches:
            raise StoreUnavailableError("the database is away")
        self.done += 1
        touched = frozenset({UUID(int=self.done)})
        return Batch(applied=3, touched_service_ids=touched, behind=self.fails or self.done < self.batches)


class _Store:
    """Keeps after how many batches which services were told of."""

    def __init__(self, meter: _Meter) -> None:
        self._meter = meter
        self.told: list[tuple[int, list[str]]] = []

    @asynccontextmanager
    async def write(self) -> AsyncIterator["_Store"]:
        yield self

    @property
    def changes(self) -> "_Store":
        return self

    async def record(self, *what: Any) -> None:
        details = cast("Mapping[str, list[str]]", what[-1])
        self.told.append((self._meter.done, details["service_ids"]))


def _replay(meter: _Meter) -> tuple[ReplayJournal, _Store]:
    store = _Store(meter)
    replay = ReplayJournal(cast("Store", store), cast("MeterUsage", meter), StandingClock(NOW), UUID(int=7))
    return replay, store


def _services(first: int, last: int) -> list[str]:
    return [str(UUID(int=number)) for number in range(first, last + 1)]


async def test_running_nodes_are_told_while_a_long_journal_is_applied() -> None:
    """Killed in the midst, it leaves a few batches untold, and not a whole journal."""
    many = 2 * BATCHES_A_CHANGE + 3
    replay, store = _replay(_Meter(many))
    done = await replay.handle(Actor("test", "cli"), lambda _: None)
    assert (done.records, done.services) == (3 * many, many)
    assert store.told == [
        (BATCHES_A_CHANGE, _services(1, BATCHES_A_CHANGE)),
        (2 * BATCHES_A_CHANGE, _services(BATCHES_A_CHANGE + 1, 2 * BATCHES_A_CHANGE)),
        (many, _services(2 * BATCHES_A_CHANGE + 1, many)),
    ]


async def test_what_was_applied_before_a_failure_is_told() -> None:
    replay, store = _replay(_Meter(2, fails=True))
    with pytest.raises(StoreUnavailableError):
        await replay.handle(Actor("test", "cli"), lambda _: None)
    assert store.told == [(2, _services(1, 2))]
