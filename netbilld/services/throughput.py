"""Throughput over a span of time: what plots are drawn from, whatever the figures come from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

SpanName = Literal["hour", "day", "week", "month", "year"]


class Span(NamedTuple):
    """How far back a plot reaches, and how much time one of its points stands for."""

    reach: timedelta
    step: timedelta


SPANS: Final = MappingProxyType(
    {
        "hour": Span(timedelta(hours=1), timedelta(minutes=1)),
        "day": Span(timedelta(days=1), timedelta(minutes=5)),
        "week": Span(timedelta(days=7), timedelta(hours=1)),
        "month": Span(timedelta(days=30), timedelta(hours=3)),
        "year": Span(timedelta(days=365), timedelta(days=1)),
    }
)


@dataclass(frozen=True, slots=True)
class Whose:
    """The whole network, one NAS, or one service."""

    kind: Literal["network", "nas", "service"] = "network"
    id: UUID | None = None


class Point(NamedTuple):
    """Rates in bit/s, averaged over the time from `at` until the next point; None where nobody has looked."""

    at: datetime
    upload_bps: int | None
    download_bps: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """Points of equal steps (days may be longer or shorter where clocks change), oldest first, without a gap."""

    span: str
    from_at: datetime
    to_at: datetime
    points: Sequence[Point]

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to show."""
        return not any(point.upload_bps or point.download_bps for point in self.points)

    def peak_bps(self) -> tuple[int, int]:
        """Return the highest upload and download."""
        return _most(point.upload_bps for point in self.points), _most(point.download_bps for point in self.points)

    def average_bps(self) -> tuple[int, int]:
        """Return the averages over the points that are known."""
        return (
            _mean([point.upload_bps for point in self.points if point.upload_bps is not None]),
            _mean([point.download_bps for point in self.points if point.download_bps is not None]),
        )

    def busy_bps(self) -> tuple[int, int]:
        """Return what 95 of 100 points do not exceed: what a transit line is sized and paid by."""
        return (
            _percentile([point.upload_bps for point in self.points if point.upload_bps is not None]),
            _percentile([point.download_bps for point in self.points if point.download_bps is not None]),
        )


class Part(NamedTuple):
    """Octets moved between two instants."""

    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int


class Throughput(Protocol):
    """Reads series from roll-ups and samples; never from raw accounting records."""

    async def series(self, whose: Whose, span: str, now: datetime, timezone: str) -> Series: ...


def spread(parts: Iterable[Part], from_at: datetime, step: timedelta, count: int) -> list[Point]:
    """Return `count` points from an instant on, each with what of the parts lies in it, in proportion to time."""
    upload, download = [0.0] * count, [0.0] * count
    seconds = step.total_seconds()
    for start_at, end_at, upload_octets, download_octets in parts:
        begin = (start_at - from_at).total_seconds() / seconds
        end = (end_at - from_at).total_seconds() / seconds
        if end <= begin:  # all of it in one instant
            end = begin + 1e-9
        for place in range(max(0, int(begin // 1)), min(count, int(end // 1) + 1)):
            share = (min(end, place + 1) - max(begin, place)) / (end - begin)
            if share > 0:
                upload[place] += upload_octets * share
                download[place] += download_octets * share
    return [
        Point(from_at + place * step, round(upload[place] * 8 / seconds), round(download[place] * 8 / seconds))
        for place in range(count)
    ]


def _most(rates: Iterable[int | None]) -> int:
    return max((rate for rate in rates if rate is not None), default=0)


def _mean(rates: Sequence[int]) -> int:
    return sum(rates) // len(rates) if rates else 0


def _percentile(rates: Sequence[int]) -> int:
    return sorted(rates)[max(0, -(-len(rates) * 95 // 100) - 1)] if rates else 0
