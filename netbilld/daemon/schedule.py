"""What happens by the clock: invoices each day, renewals, staleness, samples, house-keeping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.adapters.clock import SystemClock

LONGEST_SLEEP_SECONDS: Final = 30.0  # a clock that is set, or a laptop that slept, is noticed within this
logger = logging.getLogger("netbilld.schedule")


@dataclass(frozen=True, slots=True)
class DailyAt:
    """A local time of day."""

    at: time
    timezone: str

    def due_on(self, now: datetime) -> date:
        """Return the newest local day whose time has come."""
        local = now.astimezone(ZoneInfo(self.timezone))
        return local.date() if local.time() >= self.at else local.date() - timedelta(days=1)


async def daily(when: DailyAt, clock: SystemClock, work: Callable[[date], Awaitable[None]]) -> None:
    """Run `work` for each day once its time has come, and for the newest such day right at the start.

    `work` must be safe to repeat: a restart runs it again for the same day.
    """
    done: date | None = None
    while True:
        day = when.due_on(clock.now())
        if day != done:
            await work(day)
            done = day
        await asyncio.sleep(LONGEST_SLEEP_SECONDS)
