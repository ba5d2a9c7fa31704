import asyncio
import logging

import pytest

from netbilld.daemon.tasks import Failures, every, supervise
from netbilld.model.errors import StoreUnavailableError


async def _until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await condition.wait()


async def test_work_that_runs_again_after_an_outage_is_no_longer_called_failing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The loops of the daemon never return, so running on is what tells that they are well."""
    failures, runs, working = Failures(), 0, asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise StoreUnavailableError("the database is away")
        working.set()
        await asyncio.Event().wait()

    with caplog.at_level(logging.WARNING, "netbilld.daemon"):
        task = asyncio.create_task(supervise("metering", work, failures, settled_seconds=0))
        while not failures.now:
            await asyncio.sleep(0)
        assert failures.now == {"metering": "the database is away"}
        await _until(working)
        async with asyncio.timeout(10):
            while failures.now:
                await asyncio.sleep(0)
        task.cancel()
    assert [record.message for record in caplog.records] == [
        "metering failed; it will be started again: the database is away",
        "metering works again",
    ]
    assert not any(record.exc_info for record in caplog.records), "an outage is no fault of our code"


async def test_a_second_outage_with_the_same_words_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    failures, end_it = Failures(), asyncio.Event()
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            await end_it.wait()
        if runs == 3:
            await asyncio.Event().wait()
        raise StoreUnavailableError("the database is away")

    with caplog.at_level(logging.ERROR, "netbilld.daemon"):
        task = asyncio.create_task(supervise("metering", work, failures, settled_seconds=0))
        async with asyncio.timeout(10):
            while not failures.now:
                await asyncio.sleep(0)
            while failures.now:
                await asyncio.sleep(0.01)
            end_it.set()
            while not failures.now:
                await asyncio.sleep(0.01)
        task.cancel()
    assert [record.message for record in caplog.records] == [
        "metering failed; it will be started again: the database is away"
    ] * 2


async def test_a_fault_of_our_own_is_logged_with_where_it_happened(caplog: pytest.LogCaptureFixture) -> None:
    failures = Failures()

    async def work() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "netbilld.daemon"):
        task = asyncio.create_task(supervise("metering", work, failures))
        async with asyncio.timeout(10):
            while not failures.now:
                await asyncio.sleep(0)
        task.cancel()
    assert failures.now == {"metering": "ZeroDivisionError"}
    assert caplog.records[0].exc_info


async def test_work_that_fails_while_it_lets_go_ends_all_the_same() -> None:
    """Closing a connection may time out; a daemon told to stop must not start the work again."""
    failures, begun = Failures(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise TimeoutError

    task = asyncio.create_task(supervise("notifications", work, failures))
    await _until(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await task
    assert not failures.now


async def test_a_stop_that_comes_together_with_news_is_not_lost() -> None:
    """asyncio.wait_for would answer with the news and forget the stop: the daemon would never end."""
    failures, wake, steps = Failures(), asyncio.Event(), 0

    async def step() -> None:
        nonlocal steps
        steps += 1

    task = asyncio.create_task(supervise("any", lambda: every(3600, step, wake), failures))
    while not steps:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    wake.set()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
