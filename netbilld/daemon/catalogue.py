"""What the calendar does to services in the running daemon: terms that begin, pauses that begin and end."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.tasks import every
from netbilld.model.actor import SCHEDULE
from netbilld.services.apply_terms import ApplyTerms

APPLY_SECONDS: Final = 1.0


class Catalogue:
    """Everything of the daemon that concerns terms."""

    def __init__(self, database: Database, clock: SystemClock, nudge: Callable[[], None]) -> None:
        self._apply, self._clock, self._nudge = ApplyTerms(database), clock, nudge

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, on one node at a time, by name."""

        async def apply() -> None:
            if await self._apply.run(self._clock.now(), SCHEDULE):
                self._nudge()

        return {"terms": partial(every, APPLY_SECONDS, apply)}
