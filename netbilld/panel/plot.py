"""Throughput as an SVG that needs no script: an area of downloads, a line of uploads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.services.throughput import Point, Series

WIDTH: Final = 1000
HEIGHT: Final = 200
_MOST_MARKS: Final = 6
# per span: marks that many hours apart, on local clocks; days and months by their first hour
_MARK_MINUTES: Final = {"hour": 10, "day": 4 * 60}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis in percent of its length, and what stands there."""

    percent: float
    at: datetime | None = None
    rate_bps: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """The strip above one point, which tells its figures."""

    x: float
    width: float
    point: Point


@dataclass(frozen=True, slots=True)
class Plot:
    """Paths in units of the view box, and what the axes say."""

    series: Series
    top_bps: int
    download_area: str
    download_line: str
    upload_line: str
    times: Sequence[Mark]
    rates: Sequence[Mark]
    hits: Sequence[Hit]

    @property
    def peak(self) -> tuple[int, int]:
        return self.series.peak_bps()

    @property
    def average(self) -> tuple[int, int]:
        return self.series.average_bps()

    @property
    def busy(self) -> tuple[int, int]:
        return self.series.busy_bps()


def plot(series: Series, timezone: str) -> Plot:
    """Return what draws a series."""
    highest = max(series.peak_bps())
    top_bps = _round_up(max(highest, 1000))
    seconds = (series.to_at - series.from_at).total_seconds()

    def x(at: datetime) -> float:
        return round((at - series.from_at).total_seconds() / seconds * WIDTH, 1)

    ends = [point.at for point in series.points[1:]] + [series.to_at]
    hits = [
        Hit(x(point.at), round(x(end) - x(point.at), 1), point) for point, end in zip(series.points, ends, strict=True)
    ]
    download_runs = _runs(hits, lambda point: point.download_bps, top_bps)
    upload_runs = _runs(hits, lambda point: point.upload_bps, top_bps)
    return Plot(
        series=series,
        top_bps=top_bps,
        download_area="".join(f"M{run[0][0]} {HEIGHT}L{_line(run)}L{run[-1][0]} {HEIGHT}Z" for run in download_runs),
        download_line="".join(f"M{_line(run)}" for run in download_runs),
        upload_line="".join(f"M{_line(run)}" for run in upload_runs),
        times=[Mark(round(x(at) * 100 / WIDTH, 2), at) for at in _times(series, timezone)],
        rates=[Mark(100 - part * 50, rate_bps=top_bps * part // 2) for part in range(3)],
        hits=hits,
    )


def _runs(hits: Sequence[Hit], rate: Callable[[Point], int | None], top_bps: int) -> list[list[tuple[float, float]]]:
    """Return the corners of each stretch without a gap; a point stands in the middle of its time."""
    runs: list[list[tuple[float, float]]] = []
    is_open = False
    for hit in hits:
        value = rate(hit.point)
        if value is None:
            is_open = False
            continue
        corner = (round(hit.x + hit.width / 2, 1), round(HEIGHT - value * HEIGHT / top_bps, 1))
        if is_open:
            runs[-1].append(corner)
        else:
            runs.append([corner])
        is_open = True
    for run in runs:  # a lone point is a short dash, which can be seen
        if len(run) == 1:
            run.append((run[0][0] + 2, run[0][1]))
    return runs


def _line(run: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x} {y}" for x, y in run)


def _times(series: Series, timezone: str) -> list[datetime]:
    """Return where the time axis is marked: round local times, at most half a dozen."""
    zone = ZoneInfo(timezone)
    begin = series.from_at.astimezone(zone)
    if minutes := _MARK_MINUTES.get(series.span):
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        step = timedelta(minutes=minutes)
        at = midnight + ((begin - midnight) // step + 1) * step
        marks = []
        while at < series.to_at:
            marks.append(at)
            at += step
        return marks
    days = []
    at = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    while at < series.to_at:
        if at >= series.from_at and (series.span != "year" or at.day == 1):
            days.append(at)
        at = (at + timedelta(days=1)).replace(hour=0)
    every = max(1, -(-len(days) // _MOST_MARKS))
    return days[every // 2 :: every]


def _round_up(rate_bps: int) -> int:
    """Return a round even rate that is at least that and leaves a little room."""
    wanted, power = rate_bps * 1.05, 1
    while True:
        for step in (2, 4, 6, 8, 10, 12, 16):
            if step * power >= wanted:
                return step * power
        power *= 10
