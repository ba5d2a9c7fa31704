"""Long-running work: restarted with back-off when it fails, and loud about it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
logger = logging.getLogger("netbilld.daemon")


class Failures:
    """Which supervised work is failing now, by name; what /readyz and the panel show."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.count = 0


async def supervise(name: str, work: Callable[[], Awaitable[None]], failures: Failures) -> None:
    """Run `work` for ever: when it raises, say so once a failure and start it again after a growing pause."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await work()
            failures.now.pop(name, None)
        except Exception as error:
            failures.count += 1
            if failures.now.get(name) != str(error):
                logger.exception("%s failed; it will be started again", name, extra={"event": "task_failed"})
            failures.now[name] = str(error) or type(error).__name__
        if asyncio.get_running_loop().time() - started > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def every(seconds: float, step: Callable[[], Awaitable[object]], wake: asyncio.Event | None = None) -> None:
    """Run `step` again and again, `seconds` apart, or at once when `wake` is set."""
    while True:
        await step()
        if wake is None:
            await asyncio.sleep(seconds)
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), seconds)
        wake.clear()
