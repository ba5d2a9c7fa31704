"""Records as they are kept, in the running daemon: partitions made, hours rolled up and compared, old ones let go."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.partitions import PartitionStore
from netbilld.adapters.database.retention import Retention
from netbilld.daemon.patience import STATEMENT_SECONDS
from netbilld.daemon.schedule import DailyAt, daily
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.services.check_usage import CheckUsage
from netbilld.services.retire_records import RetireRecords
from netbilld.services.retire_usage import RetireUsage
from netbilld.services.roll_up_usage import RollUpUsage

ROLL_UP_SECONDS: Final = 60.0
KEEP_SECONDS: Final = 6 * 3600.0
CHECK_AT: Final = time(3, 40)  # local time: quiet, and everything of the day before is in
KEPT_FOR: Final = timedelta(hours=26)  # what a comparison found; the next one may be another node's
logger = logging.getLogger("netbilld.storage")


class Storage:
    """Everything of the daemon that concerns how usage is kept."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock) -> None:
        self._found: tuple[datetime, date, int] | None = None  # when, of which day, and how much did not hold
        self._database = database
        self._clock = clock
        self._timezone = settings.timezone
        self._roll_up: Final = RollUpUsage(database, settings.timezone)
        # a month is compared and written in minutes, where everything else must not wait for so long
        patience = 20 * STATEMENT_SECONDS
        url = settings.resolved_database_url
        self._patient = database if database.is_sqlite else Database(url, statement_seconds=patience)
        keep_months = {
            "usage_slices": settings.metering.keep_slices_months,
            "usage_hours": settings.metering.keep_hours_months,
            "accounting_records": settings.metering.keep_records_months,
        }
        self._records: Final = RetireRecords(
            database,
            {
                "messages": timedelta(days=settings.messages.keep_days),
                "dunning": timedelta(days=settings.dunning.keep_days),
                "orders": timedelta(days=settings.enforcement.keep_orders_days),
            },
        )
        self._retire: Final = RetireUsage(database, Retention(self._patient, settings.metering.export_dir), keep_months)

    @property
    def patient(self) -> Database:
        """Return the database for what takes minutes."""
        return self._patient

    @property
    def differences(self) -> int:
        """Return how many invariants of the roll-ups did not hold when they were last compared here, lately."""
        return 0 if self._found is None or self._clock.now() - self._found[0] > KEPT_FOR else self._found[2]

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it."""
        if self._found is None or not self.differences:
            return []
        day = self._found[1]
        asked = f"`netbilld usage check --from {day} --to {day}`"
        return [f"{self.differences} sums of usage of {day} differ from what they are made of: see {asked}"]

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        yield (
            "netbilld_usage_differences",
            "gauge",
            "Sums of usage that did not equal what they are made of, when they were last compared.",
            [("", self.differences)],
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""

        async def roll_up() -> None:
            await self._roll_up.run(self._clock.now())

        return {
            "roll-up": partial(every, ROLL_UP_SECONDS, roll_up),
            "kept months": partial(every, KEEP_SECONDS, self._keep),
            "kept records": partial(every, KEEP_SECONDS, self._keep_records),
            "usage check": partial(daily, DailyAt(CHECK_AT, self._timezone), self._clock, self._check_once),
        }

    async def close(self) -> None:
        """Let go of the connections that take their time."""
        if self._patient is not self._database:
            await self._patient.close()

    async def _keep(self) -> None:
        """Make the partitions of the months to come, and let go of those kept long enough."""
        if not self._database.is_sqlite:
            async with self._database.write() as work:
                made = await PartitionStore(work.connection).make_ahead(self._clock.now())
            if made:
                logger.info("partitions made: %s", ", ".join(made), extra={"event": "partitions_made"})
        for gone in await self._retire.run(self._clock.now()):
            logger.info("no longer kept in the database: %s", gone, extra={"event": "usage_retired"})

    async def _keep_records(self) -> None:
        """Let go of messages, steps of dunning and orders that were kept long enough; fold the sums of the books."""
        async with self._database.write() as work:
            await work.ledger_days.fold()
        for kind, count in (await self._records.run(self._clock.now())).items():
            if count:
                logger.info("no longer kept: %d %s", count, kind, extra={"event": "records_retired"})

    async def _check_once(self, day: date) -> None:
        """Compare, unless this process has; whenever the duty comes back, with the database, it is asked to again."""
        if self._found is None or self._found[1] != day - timedelta(days=1):
            await self.check(day)

    async def check(self, day: date) -> None:
        """Compare yesterday's roll-ups with what they are made of."""
        checks = await CheckUsage(self._patient, self._timezone).run(day - timedelta(days=1), day)
        wrong = [check for check in checks if not check.is_ok]
        self._found = self._clock.now(), day - timedelta(days=1), len(wrong)
        for check in wrong:
            logger.error(
                "usage of %s: %s: %s; `netbilld usage check` says it again",
                day - timedelta(days=1),
                check.name,
                check.detail,
                extra={"event": "usage_differs"},
            )
