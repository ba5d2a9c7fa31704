"""The brake in the running daemon: what lies ahead is weighed, who has paid is let go, and how it stands is shown."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.policies import brake_policy
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.enforcement.brake import AHEAD
from netbilld.services.brake import Brake, BrakeState
from netbilld.services.entitle import Entitle

LOOK_SECONDS: Final = 5.0
AHEAD_SECONDS: Final = AHEAD.total_seconds() / 2  # so that each edge is weighed a minute before it comes
logger = logging.getLogger("netbilld.enforcement")


class Braking:
    """The brake, how it stands as far as this node knows, and its loops."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock) -> None:
        self.brake: Final = Brake(database, brake_policy(settings))
        self._clock = clock
        self._state: BrakeState | None = None
        self._entitle: Entitle | None = None

    def connect(self, entitle: Entitle) -> None:
        """Say what decides on services."""
        self._entitle = entitle

    async def look(self) -> None:
        """See how it stands; a person may have moved it, or another node.

        Raises:
            StoreUnavailableError: the database is away.
        """
        before, self._state = self._state, await self.brake.state()
        was_on, is_on = before is not None and before.is_on, self._state is not None and self._state.is_on
        if is_on and not was_on:
            logger.error("%s", self.notice, extra={"event": "brake_on"})
        elif was_on and not is_on:
            logger.warning("the brake is off", extra={"event": "brake_off"})

    async def weigh_ahead(self) -> None:
        """Weigh what the calendar closes next; the brake comes off by itself where few enough are left."""
        assert self._entitle is not None  # noqa: S101 - connected
        now = self._clock.now()
        await self._entitle.weigh_ahead(now)
        if self._state is not None:
            await self.brake.let_go((), now)

    @property
    def notice(self) -> str | None:
        """Return what /readyz says of it."""
        state = self._state
        if state is None or not state.is_on:
            return None
        many = "1 service stays" if state.held == 1 else f"{state.held} services stay"
        return f"the brake is on: {state.because}; {many} open until `netbilld enforce brake release`"

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        state = self._state
        is_on = state is not None and state.is_on
        yield "netbilld_brake_on", "gauge", "1 where closing for money waits for a person.", [("", int(is_on))]
        held = state.held if state is not None else 0
        yield "netbilld_brake_held", "gauge", "Services that it holds open.", [("", held)]

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work of every node that goes on for ever, by name."""
        return {"brake": partial(every, LOOK_SECONDS, self.look)}
