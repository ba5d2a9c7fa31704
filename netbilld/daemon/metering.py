"""Applies the journal as it grows, and lets the consequences follow: entitlement, then orders."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.journal import Journal
from netbilld.services.entitle import Entitle
from netbilld.services.meter_usage import MeterUsage
from netbilld.services.reconcile import Reconcile

IDLE_SECONDS: Final = 1.0
logger = logging.getLogger("netbilld.metering")


class Metering:
    """One loop over the journal; `applied` and `behind_octets` are what /metrics shows."""

    def __init__(
        self, journal: Journal, meter: MeterUsage, entitle: Entitle, reconcile: Reconcile, clock: SystemClock
    ) -> None:
        self._journal = journal
        self._meter = meter
        self._entitle = entitle
        self._reconcile = reconcile
        self._clock = clock
        self._committed = asyncio.Event()
        journal.on_commit = self._committed.set
        self.applied = 0
        self.behind_octets = 0

    async def run(self) -> None:
        """Apply what is committed, for ever."""
        while True:
            self._committed.clear()
            behind = await self.step()
            if not behind:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._committed.wait(), IDLE_SECONDS)

    async def step(self) -> bool:
        """Apply one batch and everything that follows from it; tell whether more waits."""
        batch = await self._meter.run_batch()
        self.applied += batch.applied
        if batch.applied:
            await self._follow(batch)
        return batch.behind
