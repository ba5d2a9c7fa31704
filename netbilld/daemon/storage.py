"""Usage as it is kept: partitions made ahead, hours rolled up, in the running daemon."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.partitions import PartitionStore
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.services.roll_up_usage import RollUpUsage

ROLL_UP_SECONDS: Final = 60.0
PARTITIONS_SECONDS: Final = 6 * 3600.0
logger = logging.getLogger("netbilld.storage")


class Storage:
    """Everything of the daemon that concerns how usage is kept."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock) -> None:
        self._database = database
        self._clock = clock
        self._roll_up: Final = RollUpUsage(database, settings.timezone)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""

        async def roll_up() -> None:
            await self._roll_up.run(self._clock.now())

        loops: dict[str, Callable[[], Awaitable[None]]] = {"roll-up": partial(every, ROLL_UP_SECONDS, roll_up)}
        if not self._database.is_sqlite:
            loops["partitions"] = partial(every, PARTITIONS_SECONDS, self._make_partitions)
        return loops

    async def _make_partitions(self) -> None:
        async with self._database.write() as work:
            made = await PartitionStore(work.connection).make_ahead(self._clock.now())
        if made:
            logger.info("partitions made: %s", ", ".join(made), extra={"event": "partitions_made"})
