"""What everybody is to be answered is worked out before they ask, and never while others wait."""

import asyncio
from contextlib import suppress
from uuid import UUID

from netbilld.adapters.clock import SystemClock
from netbilld.daemon.authentication import decide_ahead
from tests.builders.log_in_desk import Desk, credential, facts

SERVICES = 120


def desk() -> Desk:
    made = Desk()
    for number in range(SERVICES):
        made.serve(facts(UUID(int=number + 1)), credential(f"user{number}"))
    return made


async def test_names_are_decided_once_nobody_waits_and_again_when_their_facts_change() -> None:
    directory = desk().directory
    busy = True
    looked = 0

    def is_busy() -> bool:
        nonlocal looked
        looked += 1
        return busy

    task = asyncio.create_task(decide_ahead(directory, SystemClock(), is_busy))
    try:
        while not looked:
            await asyncio.sleep(0.001)
        assert len(directory.undecided()) == SERVICES
        busy = False
        async with asyncio.timeout(20):
            while directory.undecided():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_a_service_whose_facts_were_put_anew_is_undecided() -> None:
    made = desk()
    for number in range(SERVICES):
        made.directory.find(b"user%d" % number, SystemClock().now())
    assert made.directory.undecided() == []
    made.put(facts(UUID(int=5)))
    assert made.directory.undecided() == [b"user4"]
