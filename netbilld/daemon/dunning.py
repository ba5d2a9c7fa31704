"""Dunning in the running daemon: at the hours when something is due, and at once where somebody has paid."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.billing.dunning import DunningPolicy, StepKind
from netbilld.daemon.policies import dunning_policy
from netbilld.daemon.schedule import DailyAt
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.daemon.taxes import tax_policy
from netbilld.services.run_dunning import DunningReport, RunDunning, Terminates
from netbilld.services.tell_expiring import TellExpiring

SETTLE_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 5.0
SWEEP: Final = timedelta(minutes=15)  # what no hour of day announces: an invoice of the past, a rule that was changed
logger = logging.getLogger("netbilld.dunning")


class Dunning:
    """Everything of the daemon that concerns unpaid invoices."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock, terminates: Terminates) -> None:
        policy = dunning_policy(settings)
        self.run: Final = RunDunning(database, policy, terminates)
        self._expiring = TellExpiring(database, settings.messages.expires_days, tax_policy(settings))
        self._clock = clock
        self._edges = edges_of(policy)
        self._last: tuple[datetime, object] | None = None
        self._counts: Counter[tuple[str, str]] = Counter()
        self.notices: list[str] = []  # whom it could not terminate, when it last tried

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {"dunning": self._sweep, "dunning taken back": partial(every, SETTLE_SECONDS, self._settle)}

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        yield (
            "netbilld_dunning_steps_total",
            "counter",
            "Reminders, warnings, isolir and its end, late fees and terminations that this process did.",
            [
                (f'{{step="{step}",outcome="{outcome}"}}', count)
                for (step, outcome), count in sorted(self._counts.items())
            ],
        )

    async def _sweep(self) -> None:
        while True:
            now = self._clock.now()
            passed = tuple(edge.due_on(now) for edge in self._edges)
            if self._last is None or self._last[1] != passed or abs(now - self._last[0]) >= SWEEP:
                report = await self.run.run(now)
                self._tell(report)
                self.notices = [f"not terminated for arrears: {parked}" for parked in report.parked]
                for parked in report.parked:
                    logger.error("not terminated for arrears: %s", parked, extra={"event": "dunning_parked"})
                await self._expiring.run(now)
                self._last = now, passed
            await asyncio.sleep(LOOK_SECONDS)

    async def _settle(self) -> None:
        self._tell(await self.run.settle(self._clock.now()))

    def _tell(self, report: DunningReport) -> None:
        counts = ", ".join(f"{count} {kind.value} {outcome.value}" for (kind, outcome), count in report.done.items())
        if counts:
            isolirs = report.count(StepKind.ISOLIR)
            logger.info("dunning: %s", counts, extra={"event": "dunning", "isolirs": isolirs})
        self._counts.update({(kind.value, outcome.value): count for (kind, outcome), count in report.done.items()})


def edges_of(policy: DunningPolicy) -> tuple[DailyAt, ...]:
    """Return the hours of day at which something may become due."""
    timezone = policy.standing.timezone
    return DailyAt(policy.remind_at, timezone), DailyAt(policy.standing.isolir_at, timezone)
