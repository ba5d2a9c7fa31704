"""A sample of the throughput every few seconds, so that the chart of the last hours costs a short read."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

from netbilld.services.readmodels import NasSample, Sample, Traffic

SAMPLE_EVERY: Final = timedelta(seconds=10)
KEEP: Final = timedelta(days=2)


class Reads(Protocol):
    async def traffic(self) -> Traffic: ...

    async def nas_samples(self, at: datetime) -> Sequence[NasSample]: ...


class Samples(Protocol):
    async def add(self, sample: Sample) -> None: ...

    async def add_of_nas(self, samples: Sequence[NasSample]) -> None: ...

    async def prune(self, before_at: datetime) -> None: ...


class Work(Protocol):
    @property
    def readmodels(self) -> Reads: ...

    @property
    def throughput(self) -> Samples: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class SampleThroughput:
    """Writes down what open sessions reported over their last interval, summed; once a minute by NAS as well."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._minute: datetime | None = None

    async def handle(self, now: datetime) -> Sample:
        """Keep one sample, rounded down to its place in the series, and forget those of past days."""
        place = datetime.fromtimestamp(int(now.timestamp()) // _STEP * _STEP, now.tzinfo)
        async with self._store.write() as work:
            traffic = await work.readmodels.traffic()
            sample = Sample(place, traffic.upload_bps, traffic.download_bps, traffic.online)
            await work.throughput.add(sample)
            minute = place.replace(second=0)
            if minute != self._minute:
                await work.throughput.add_of_nas(await work.readmodels.nas_samples(minute))
                self._minute = minute
            await work.throughput.prune(now - KEEP)
        return sample


_STEP: Final = int(SAMPLE_EVERY.total_seconds())
