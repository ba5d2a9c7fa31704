"""The books in the running daemon: checked each night, what does not hold said until it does, months closed in time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.billing.books import CheckResult, check_books
from netbilld.billing.service_checks import check_services
from netbilld.daemon.schedule import DailyAt, daily
from netbilld.daemon.settings import Settings
from netbilld.model.actor import SCHEDULE
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.services.close_books import CloseBooks

CHECK_AT: Final = time(3, 30)  # after the bills, the roll-ups and the isolir of a usual night
SETTLE_SECONDS: Final = 180.0
SHOWN: Final = 300
logger = logging.getLogger("netbilld.books")


class Bookkeeping:
    """Checks the books nightly on the node whose duty billing is; holds what it found last."""

    def __init__(self, settings: Settings, patient: Database, clock: SystemClock) -> None:
        """Compose it; `patient` may take its time over one statement."""
        self._database, self._clock = patient, clock
        self._timezone = settings.timezone
        self._close_days = settings.billing.close_after_days
        self._closing = CloseBooks(patient, timezone=settings.timezone)
        self._found: tuple[datetime, tuple[CheckResult, ...]] | None = None
        self._unlike: tuple[CheckResult, ...] = ()

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it."""
        wrong = self._found[1] if self._found else ()
        said = [
            f"the books do not hold: {one.name}: {one.detail[:SHOWN]}; see `netbilld ledger check`" for one in wrong
        ]
        asked = "see `netbilld ledger services`"
        return said + [f"delivered is not billed: {one.name}: {one.detail[:SHOWN]}; {asked}" for one in self._unlike]

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        if self._found is None:
            return
        checked_at, wrong = self._found
        yield "netbilld_ledger_checks_failed", "gauge", "Checks of the books that did not hold.", [("", len(wrong))]
        yield (
            "netbilld_services_unlike_bills",
            "gauge",
            "Checks of what is delivered against what is billed that did not hold.",
            [("", len(self._unlike))],
        )
        yield (
            "netbilld_ledger_checked_seconds",
            "gauge",
            "When the books were checked last, in seconds since 1970.",
            [("", checked_at.timestamp())],
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {"ledger check": self._check_daily}

    async def _check_daily(self) -> None:
        await asyncio.sleep(SETTLE_SECONDS)  # what was due while nobody ran is billed first
        await daily(DailyAt(CHECK_AT, self._timezone), self._clock, self._check_of)

    async def _check_of(self, _day: date) -> None:
        await self.check()
        await self.close_months()

    async def close_months(self) -> None:
        """Close the months whose time has come, where that is left to us and every check holds.

        Raises:
            StoreUnavailableError: the database is away.
        """
        if self._close_days is None:
            return
        try:
            closed = await self._closing.close_due(self._close_days, actor=SCHEDULE, now=self._clock.now())
        except RefusedError as error:  # the check that fails is told already
            logger.error("no month is closed: %s", error, extra={"event": "not_closed"})  # noqa: TRY400
            return
        for month in closed:
            logger.info("the books of %s are closed", month, extra={"event": "month_closed"})

    async def check(self) -> None:
        """Check the books as they are in one moment.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._database.read() as work:
            results = check_books(await work.ledger.figures())
            today = local_date(self._clock.now(), self._timezone)
            delivered = check_services(await work.closings.service_figures(today))
        self._unlike = tuple(result for result in delivered if not result.ok)
        for one in self._unlike:
            logger.error("delivered is not billed: %s: %s", one.name, one.detail[:SHOWN], extra={"event": "unbilled"})
        wrong = tuple(result for result in results if not result.ok)
        self._found = self._clock.now(), wrong
        for one in wrong:
            logger.error("the books do not hold: %s: %s", one.name, one.detail[:SHOWN], extra={"event": "books_wrong"})
        if not wrong:
            logger.info("the books hold: %d checks", len(results), extra={"event": "books_hold"})
