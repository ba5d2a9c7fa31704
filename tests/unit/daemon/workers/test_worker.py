"""A worker's side: what it hears of the daemon while the database is slow or away."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from netbilld.adapters.clock import NodeClock
from netbilld.daemon.tasks import Failures, supervise
from netbilld.daemon.workers.channel import Message
from netbilld.daemon.workers.pool import WorkerPool
from netbilld.daemon.workers.worker import Worker
from netbilld.enforcement.policy import PeriodUsage
from netbilld.model.errors import StoreUnavailableError
from tests.builders.log_in_desk import Desk, facts

SERVICE = UUID(int=7)


class Line:
    """What the daemon says, one message after the other."""

    def __init__(self, *messages: Message) -> None:
        self._messages = messages

    async def messages(self) -> AsyncIterator[Message]:
        for message in self._messages:
            yield message


class Entitle:
    """Finds the database away the first time, and is told when it may answer."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.looked: list[Sequence[UUID] | None] = []
        self.tries = 0

    async def run(self, service_ids: Collection[UUID] | None, cause: str, now: datetime) -> None:
        del cause, now
        self.tries += 1
        await self.may_answer.wait()
        if self.tries == 1:
            raise StoreUnavailableError("the database is away")
        self.looked.append(None if service_ids is None else list(service_ids))


def worker(line: Line) -> Worker:
    """Return one with only what hears the daemon."""
    one = Worker.__new__(Worker)
    one._channel = line  # type: ignore[assignment]
    one._entitle = Entitle()  # type: ignore[assignment]
    one._clock = NodeClock()
    one._to_look_at, one._look, one._stop = set(), asyncio.Event(), asyncio.Event()
    one._has_moved = False
    return one


async def test_what_is_left_of_an_allowance_is_known_to_an_authentication_process_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    said: list[Message] = []
    pool = WorkerPool(["127.0.0.1"], 0, 1, None, NodeClock())
    monkeypatch.setattr(pool, "_tell", said.append)
    for start_on, octets in ((march, 70), (march, 60), (april, 5), (march, 99)):  # heard late, or read anew meanwhile
        pool.used([(SERVICE, PeriodUsage(start_on, 10, octets)), (UUID(int=8), PeriodUsage(start_on, 0, octets))])
    pool.close()
    desk = Desk()
    desk.serve(facts(SERVICE))
    known = []
    for message in said:
        one = worker(Line(json.loads(json.dumps(message))))
        one._auth = desk  # type: ignore[assignment]  # of which it needs the directory
        await one._hear()
        now_known = desk.directory.facts(SERVICE)
        assert now_known is not None
        assert now_known.usage is not None
        known.append((now_known.usage.start_on, now_known.usage.download_octets))
    assert known == [(march, 70), (march, 70), (april, 5), (april, 5)]
    assert desk.directory.facts(UUID(int=8)) is None


async def test_what_is_heard_does_not_wait_for_a_database_that_hangs_nor_does_the_process_end_with_it() -> None:
    look = {"say": "look", "service_ids": [str(SERVICE)]}
    one = worker(Line(look, look))
    task = asyncio.create_task(supervise("usage", one._look_at, Failures()))
    try:
        async with asyncio.timeout(10):
            await one._hear()
            one._entitle.may_answer.set()  # type: ignore[attr-defined]
            while not one._entitle.looked:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
        assert one._entitle.looked == [[SERVICE]]  # type: ignore[attr-defined]
        assert one._entitle.tries == 2  # type: ignore[attr-defined]
    finally:
        task.cancel()


async def test_an_authentication_process_goes_by_the_daemons_time_and_decides_on_everybody_anew_when_that_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The daemon knows how far this machine's clock is off the database's."""
    said: list[Message] = []
    clock = NodeClock()
    pool = WorkerPool(["127.0.0.1"], 0, 1, None, clock)
    monkeypatch.setattr(pool, "_tell", said.append)
    clock.learn(timedelta(hours=2))
    await pool.tell_clock()
    await pool.tell_clock()
    pool.close()
    one = worker(Line(*json.loads(json.dumps(said))))
    looks = Entitle()
    looks.may_answer.set()
    looks.tries = 1  # the database is there
    one._entitle = looks  # type: ignore[assignment]
    looking = asyncio.ensure_future(one._look_at())
    await one._hear()
    assert timedelta(hours=1, minutes=59) < one._clock.own() - one._clock.now() < timedelta(hours=2, minutes=1)
    for _ in range(3):
        await asyncio.sleep(0)
    assert looks.looked == [None]
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
