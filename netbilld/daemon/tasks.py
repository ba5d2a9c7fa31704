"""Long-running work: restarted with back-off when it fails, and loud about it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from netbilld.model.errors import NetbilldError

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0  # a database that is back is used again within this
SETTLED_SECONDS: Final = 5.0  # work that ran this long without failing is well again
SLOWEST_FAILURE_SECONDS: Final = 30.0  # so long may a database that hangs keep us waiting before it counts as away
logger = logging.getLogger("netbilld.daemon")


class Failures:
    """Which supervised work is failing now, by name; what /readyz and the panel show."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.count = 0


async def supervise(
    name: str, work: Callable[[], Awaitable[None]], failures: Failures, settled_seconds: float = SETTLED_SECONDS
) -> None:
    """Run `work` for ever: when it raises, say so once a failure and start it again after a growing pause.

    It counts as failing until it has run for `settled_seconds`, or for twice as long as it last ran if that is more: a
    database that hangs takes its time to be noticed.
    """
    loop = asyncio.get_running_loop()
    pause, needed_seconds = FIRST_PAUSE_SECONDS, settled_seconds
    while True:
        started = loop.time()
        well = loop.call_later(needed_seconds, _settled, name, failures)
        try:
            await work()
        except Exception as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error  # the end was asked for, and letting go is what failed
            failures.count += 1
            _tell(name, error, failures)
        finally:
            well.cancel()
        ran_seconds = loop.time() - started
        if ran_seconds >= needed_seconds:
            pause = FIRST_PAUSE_SECONDS
        needed_seconds = max(settled_seconds, min(2 * ran_seconds, SLOWEST_FAILURE_SECONDS))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _tell(name: str, error: Exception, failures: Failures) -> None:
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    reason = str(error) or type(error).__name__
    if failures.now.get(name) != reason:
        if isinstance(error, NetbilldError):  # what the world did to us; where in our code it hit says nothing
            logger.error("%s failed; it will be started again: %s", name, reason, extra={"event": "task_failed"})
        else:
            logger.error("%s failed; it will be started again", name, exc_info=error, extra={"event": "task_failed"})
    failures.now[name] = reason


def _settled(name: str, failures: Failures) -> None:
    if failures.now.pop(name, None) is not None:
        logger.warning("%s works again", name, extra={"event": "task_recovered"})


async def every(seconds: float, step: Callable[[], Awaitable[object]], wake: asyncio.Event | None = None) -> None:
    """Run `step` again and again, `seconds` apart, or at once when `wake` is set."""
    while True:
        await step()
        if wake is None:
            await asyncio.sleep(seconds)
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()
        wake.clear()
