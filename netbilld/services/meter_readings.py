"""MeterReadings: readings of meters beside the sessions become usage, each exactly once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol

from netbilld.accounting.reading import Meter, MeterDoubt, MeterReading, Outcome, Took, judge, refused
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.book_usage import Work as BookWork
from netbilld.services.meter_usage import Batch

MOST_AT_ONCE: Final = 500  # readings a transaction: on SQLite nobody else writes meanwhile


class Meters(Protocol):
    async def locked(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Meter]: ...
    async def keep(self, changed: Iterable[Meter]) -> None: ...
    async def doubt(self, doubts: Sequence[MeterDoubt]) -> None: ...


class Work(BookWork, Protocol):
    @property
    def meters(self) -> Meters: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class MeterReadings:
    """Takes cumulative readings from whoever has them: the SNMP poller, MQTT, the API.

    A meter's row is locked, read, judged and written in the transaction that books what it moved; so the same reading
    told twice, or to two nodes at once, counts once.

    Attributes:
        took: how many readings came to what, since the start.
        on_booked: told what a batch of them did, as soon as that is durable.
    """

    def __init__(self, store: Store, book: BookUsage, follow: Callable[[Batch], Awaitable[None]]) -> None:
        """Take what to work with; `follow` lets entitlement and orders follow new usage, one batch at a time."""
        self.took: dict[Took, int] = dict.fromkeys(Took, 0)
        self.on_booked: Callable[[Batch], None] | None = None
        self._store = store
        self._book = book
        self._follow = follow
        self._following = asyncio.Lock()

    async def handle(self, readings: Sequence[MeterReading], now: datetime) -> list[Outcome]:
        """Book what these readings say has moved, in the order they are given.

        Returns:
            for each reading what became of it; a refusal says why.

        Raises:
            StoreUnavailableError: the database is away. The same readings may be handed in again: what was booked is
                not booked once more, and what follows from it follows then.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(readings), MOST_AT_ONCE):
            portion = readings[start : start + MOST_AT_ONCE]
            outcomes += await self._handle(portion, now)
            await asyncio.sleep(0)
        return outcomes

    async def _handle(self, readings: Sequence[MeterReading], now: datetime) -> list[Outcome]:
        async with self._store.write() as work:
            before = await work.meters.locked({(reading.source, reading.key) for reading in readings})
            after = dict(before)
            outcomes = [_take(after, reading) for reading in readings]
            pairs = list(zip(readings, outcomes, strict=True))
            moved = [
                Moved(
                    came.service_id,
                    None,
                    came.meter_id,
                    reading.source,
                    min(came.from_at or reading.at, reading.at),
                    reading.at,
                    came.upload_octets,
                    came.download_octets,
                )
                for reading, came in pairs
                if came.took is Took.COUNTED
            ]
            booked = await self._book.handle(work, moved, now)
            doubts = [_doubt(reading, came, now) for reading, came in pairs if came.took is Took.DOUBTED]
            if doubts:
                await work.meters.doubt(doubts)
            await work.meters.keep(meter for key, meter in after.items() if meter != before[key])
        for came in outcomes:
            self.took[came.took] += 1
        batch = Batch(
            applied=len(readings),
            touched_service_ids=frozenset(one.service_id for one in moved if one.service_id is not None),
            periods=tuple(booked.periods),
            charged_service_ids=frozenset(booked.wallets),
            wallets=booked.wallets,
            crossed_service_ids=booked.crossed,
        )
        if self.on_booked is not None:
            self.on_booked(batch)
        async with self._following:
            await self._follow(batch)
        return outcomes


def _take(meters: dict[tuple[str, str], Meter], reading: MeterReading) -> Outcome:
    """Judge one reading by its meter, which is the later for it."""
    meter = meters.get((reading.source, reading.key))
    refusal = refused(meter, reading)
    if refusal is not None or meter is None:
        return refusal or Outcome(Took.REFUSED)
    meters[reading.source, reading.key], came = judge(meter, reading)
    return came


def _doubt(reading: MeterReading, came: Outcome, now: datetime) -> MeterDoubt:
    assert came.meter_id is not None  # noqa: S101 - a doubt is a known meter's
    assert came.service_id is not None  # noqa: S101 - likewise
    return MeterDoubt(
        id=0,
        meter_id=came.meter_id,
        service_id=came.service_id,
        source=reading.source,
        start_at=min(came.from_at or reading.at, reading.at),
        end_at=reading.at,
        upload_octets=came.upload_octets,
        download_octets=came.download_octets,
        fastest_bps=reading.fastest_bps or 0,
        state="open",
        noted_at=now,
    )
