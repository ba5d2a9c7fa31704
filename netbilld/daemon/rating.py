"""What time does to allowances and wallets in the running daemon: periods that end, and time online."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.tasks import every
from netbilld.model.actor import SCHEDULE
from netbilld.services.charge_time import ChargeTime
from netbilld.services.charge_wallets import WalletRules
from netbilld.services.close_allowances import CloseAllowances
from netbilld.services.meter_usage import Batch

CLOSE_SECONDS: Final = 60.0
TIME_SECONDS: Final = 10.0


class Rating:
    """Everything of the daemon that rates by the clock; usage is rated as it is metered."""

    def __init__(
        self,
        database: Database,
        clock: SystemClock,
        nudge: Callable[[], None],
        follow: Callable[[Batch], Awaitable[None]],
        timezone: str,
        wallets: WalletRules,
    ) -> None:
        """Take what to work with; `follow` lets entitlement and orders follow, `nudge` wakes who follows changes."""
        self._close = CloseAllowances(database)
        self._time = ChargeTime(database, follow, timezone, wallets=wallets)
        self._clock, self._nudge = clock, nudge

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, on one node at a time, by name."""

        async def close() -> None:
            if await self._close.run(self._clock.now(), SCHEDULE):
                self._nudge()

        async def charge() -> None:
            await self._time.run(self._clock.now())

        return {
            "allowances": partial(every, CLOSE_SECONDS, close),
            "time online": partial(every, TIME_SECONDS, charge),
        }
