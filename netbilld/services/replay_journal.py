"""ReplayJournal: applies what the database has not applied of a journal whose own node can't."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.ports.changes import Changes
from netbilld.ports.clock import Clock
from netbilld.services.meter_usage import MeterUsage

SERVICES_A_CHANGE: Final = 1_000
BATCHES_A_CHANGE: Final = 8  # a long journal takes minutes, and being killed must leave few who were not told of


class Work(Protocol):
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was applied: records, services with new usage or sessions, sessions that are new, and what was passed over.

    Attributes:
        records: journal records taken in, repeats of what was known included.
        unknown_nas: records of NAS that the database does not know.
        parked: records that could not be metered and are left in the journal.
    """

    records: int
    services: int
    new_sessions: int
    unknown_nas: int
    parked: int


class ReplayJournal:
    """Meters a journal to its end; what follows is left to the daemons that serve: the change feed tells them."""

    def __init__(self, store: Store, meter: MeterUsage, clock: Clock, journal: UUID) -> None:
        self._store = store
        self._meter = meter
        self._clock = clock
        self._journal = journal

    async def handle(self, actor: Actor, progress: Callable[[int], None]) -> Replayed:
        """Apply all that is left; to be repeated at will, and to be broken off at will.

        Args:
            actor: who asks for it.
            progress: called with the number of records applied so far.

        Raises:
            StoreUnavailableError: the database is away; what was applied before stays applied.
        """
        records = new_sessions = batches = 0
        touched: set[UUID] = set()
        untold: dict[UUID, None] = {}
        try:
            while True:
                batch = await self._meter.run_batch()
                batches += 1
                records += batch.applied
                new_sessions += len(batch.new_session_ids)
                touched |= batch.touched_service_ids
                untold |= dict.fromkeys(batch.touched_service_ids)
                progress(records)
                if not batch.behind:
                    break
                if batches % BATCHES_A_CHANGE == 0:
                    await self._tell(actor, list(untold))
                    untold.clear()
        finally:
            await self._tell(actor, list(untold))
        return Replayed(records, len(touched), new_sessions, self._meter.unknown_nas, self._meter.parked)

    async def _tell(self, actor: Actor, service_ids: Sequence[UUID]) -> None:
        for start in range(0, len(service_ids), SERVICES_A_CHANGE):
            some = [str(each) for each in service_ids[start : start + SERVICES_A_CHANGE]]
            async with self._store.write() as work:
                await work.changes.record(
                    actor, self._clock.now(), "journal.replay", "journal", self._journal, {"service_ids": some}
                )
