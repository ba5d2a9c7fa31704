"""Addresses from our own pools in the running daemon: who gives them, what settles them, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from netbilld.accounting.address_use import HoldPolicy
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.metering import Metering
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.address_book import AddressBook
from netbilld.services.assign_addresses import AssignAddresses
from netbilld.services.meter_usage import Batch
from netbilld.services.settle_leases import SettleLeases

SETTLE_SECONDS: Final = 0.2  # sessions that begin in a storm are settled together
SWEEP_SECONDS: Final = 10.0
CHECK_SECONDS: Final = 300.0


class Addressing:
    """Everything of the daemon that concerns addresses."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Compose it; nothing is known before `load`."""
        self._clock = clock
        self._directory: AccessDirectory | None = None
        self._hearing_since: Callable[[], datetime] = clock.now
        self._locale = settings.locale
        is_shared = not database.is_sqlite
        start = int.from_bytes(entropy(4), "big") / 2**32 if is_shared else 0.0
        self.book: Final = AddressBook(database, clock, is_shared=is_shared, start=start)
        self.assign: Final = AssignAddresses(
            database,
            clock,
            entropy,
            self.book,
            hold_seconds=settings.addresses.hold_seconds,
            locale_of=self._locale_of,
        )
        policy = HoldPolicy(
            settings.addresses.hold_seconds,
            settings.addresses.suspect_hours * 3600,
            settings.radius.interim_interval,
        )
        self.settle: Final = SettleLeases(database, self.book, policy)

    def connect(self, directory: AccessDirectory, metering: Metering) -> None:
        """Say where services and accounting are."""
        self._directory = directory
        self._hearing_since = metering.hearing_since
        metering.on_batch = self._follow

    def _locale_of(self, service_id: UUID) -> str:
        facts = self._directory.facts(service_id) if self._directory is not None else None
        return (facts.locale if facts is not None else None) or self._locale

    async def load(self) -> None:
        """Read the pools and leases, and tell the directory the pools' names.

        Raises:
            StoreUnavailableError: the database is away.
        """
        await self.book.load()
        if self._directory is not None:
            self._directory.use_pools(self.book.names())

    async def restore(self, pools: Iterable[AddressPool], leases: Iterable[AddressLease]) -> None:
        """Start while the database is away: whoever had an address gets it again."""
        await self.book.take(pools, leases)
        self.assign.begin_away()
        if self._directory is not None:
            self._directory.use_pools(self.book.names())

    def _follow(self, batch: Batch) -> None:
        """Take note of what accounting said."""
        self.settle.note((*batch.new_session_ids, *batch.ended_session_ids), batch.sessions, batch.restarted_at)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""

        async def settle() -> None:
            while True:
                self.settle.wake.clear()
                await self.settle.run(self._clock.now(), self._hearing_since())
                await self.settle.wake.wait()
                await asyncio.sleep(SETTLE_SECONDS)

        async def sweep() -> None:
            await self.settle.sweep(self._clock.now(), self._hearing_since())

        async def check() -> None:
            await self.settle.check_all(self._clock.now(), self._hearing_since())

        return {
            "addresses": self.assign.run,
            "leases": settle,
            "lease sweep": partial(every, SWEEP_SECONDS, sweep),
            "lease check": partial(every, CHECK_SECONDS, check),
        }


async def know_pools(database: Database, directory: AccessDirectory) -> None:
    """Tell the directory of a process that gives no addresses itself the names of our pools."""
    async with database.read() as work:
        pools = await work.addresses.pools()
    directory.use_pools([(pool.kind, pool.name_key) for pool in pools])
