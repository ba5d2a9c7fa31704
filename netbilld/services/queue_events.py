"""QueueEvents: follows the trail of changes and the crossings, and puts on record what webhooks are to be told."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.webhook import Webhook
from netbilld.ports.clock import SteadyClock
from netbilld.services.webhook_events import (
    Change,
    Crossing,
    Event,
    Told,
    event_of_crossing,
    events_of,
    numbers_of,
    subscriber_of,
)

CHANGES: Final = "changes"
CROSSINGS: Final = "crossings"
LATE_SECONDS: Final = 15.0  # the longest a transaction may take to commit behind one with a higher number
BACK: Final = 2_000  # numbers looked at again at the start: what was told of them is not told twice


class Webhooks(Protocol):
    async def all(self) -> Sequence[Webhook]: ...

    async def mark(self, source: str) -> int | None: ...

    async def set_mark(self, source: str, last_id: int) -> None: ...

    async def crossings_since(self, crossing_id: int) -> Sequence[Crossing]: ...

    async def subscriber_numbers(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, str]: ...

    async def invoices(self, numbers: Collection[str]) -> Mapping[str, Mapping[str, Any]]: ...

    async def queue(self, rows: Collection[tuple[UUID, Event, str]], now: datetime) -> None: ...


class Changes(Protocol):
    async def since(self, change_id: int, missed: Collection[int] = ()) -> Sequence[Change]: ...


class Work(Protocol):
    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class QueueEvents:
    """Each event is queued once for each webhook that wants it: the store knows it by its id."""

    def __init__(self, store: Store, clock: SteadyClock, timezone: str) -> None:
        self._store, self._clock, self._timezone = store, clock, timezone
        self._crossings: set[int] = set()  # those that were told just now: a few are always read once more
        self._missed: dict[int, float] | None = None  # numbers that were not there yet, and since when; None: begin

    async def run(self) -> int:
        """Queue what is new; return how many deliveries that were looked for.

        Raises:
            StoreUnavailableError: the database is away; it is looked for again.
        """
        async with self._store.read() as work:
            webhooks = [webhook for webhook in await work.webhooks.all() if webhook.is_active]
            known, crossed = await work.webhooks.mark(CHANGES), await work.webhooks.mark(CROSSINGS)
            if not webhooks or known is None or crossed is None:
                return 0
            fresh = await work.changes.since(known, self._late(known))
            crossings = await work.webhooks.crossings_since(crossed)
            whose = {one for change in fresh if (one := subscriber_of(change)) is not None}
            told = Told(
                await work.webhooks.invoices({number for change in fresh for number in numbers_of(change)}),
                await work.webhooks.subscriber_numbers(whose),
            )
        there, crossings = crossings, [one for one in crossings if one.id > crossed or one.id not in self._crossings]
        newest = max([known, *(change.id for change in fresh)])
        last_crossing = max([crossed, *(one.id for one in there)])
        events = [event for change in fresh for event in events_of(change, told)]
        events += [event_of_crossing(one) for one in crossings]
        rows = [
            (webhook.id, event, event.body(self._timezone))
            for webhook in webhooks
            for event in events
            if event.kind in webhook.events and event.at >= webhook.active_since
        ]
        if rows or (newest, last_crossing) != (known, crossed):
            async with self._store.write() as work:
                await work.webhooks.queue(rows, self._clock.now())
                await work.webhooks.set_mark(CHANGES, newest)
                await work.webhooks.set_mark(CROSSINGS, last_crossing)
        self._crossings = {one.id for one in there}
        self._remember(known, newest, {change.id for change in fresh})
        return len(rows)

    def _late(self, known: int) -> Collection[int]:
        """Return the numbers up to what is known that may still come."""
        if self._missed is None:
            at_mono = self._clock.monotonic()
            self._missed = dict.fromkeys(range(max(1, known - BACK), known + 1), at_mono)
        return self._missed.keys()

    def _remember(self, known: int, newest: int, there: Collection[int]) -> None:
        at_mono = self._clock.monotonic()
        missed = {**(self._missed or {}), **dict.fromkeys(range(known + 1, newest), at_mono)}
        self._missed = {
            number: since for number, since in missed.items() if number not in there and since > at_mono - LATE_SECONDS
        }
