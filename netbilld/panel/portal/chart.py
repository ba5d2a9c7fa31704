"""Usage by day and by hour as bars of an SVG that needs no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from netbilld.services.account_view import DayOfUsage, UsageHour

HEIGHT: Final = 100
BAR_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where its bar stands, the upload on top of the download; lengths in units of the view box."""

    day: DayOfUsage
    x: int
    download_height: float
    upload_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, and the octets that the full height stands for."""

    bars: Sequence[Bar]
    width: int
    top_octets: int
    total_octets: int

    @property
    def first_on(self) -> date:
        return self.bars[0].day.on

    @property
    def last_on(self) -> date:
        return self.bars[-1].day.on


def bars(days: Sequence[DayOfUsage]) -> Chart:
    """Return the bars of at least one day."""
    top_octets = _round_up(max(day.octets for day in days))
    scale = HEIGHT / top_octets
    drawn = [
        Bar(day, at * BAR_STEP, round(day.download_octets * scale, 2), round(day.upload_octets * scale, 2))
        for at, day in enumerate(days)
    ]
    return Chart(drawn, len(days) * BAR_STEP, top_octets, sum(day.octets for day in days))


@dataclass(frozen=True, slots=True)
class HourBar:
    """One hour: where its bar stands, the upload on top of the download."""

    hour: UsageHour
    x: int
    download_height: float
    upload_height: float


@dataclass(frozen=True, slots=True)
class HourChart:
    """The bars of one day."""

    bars: Sequence[HourBar]
    width: int
    top_octets: int
    total_octets: int


def hour_bars(hours: Sequence[UsageHour]) -> HourChart:
    """Return the bars of a day's hours."""
    octets = [hour.upload_octets + hour.download_octets for hour in hours]
    top_octets = _round_up(max(octets))
    scale = HEIGHT / top_octets
    drawn = [
        HourBar(hour, at * BAR_STEP, round(hour.download_octets * scale, 2), round(hour.upload_octets * scale, 2))
        for at, hour in enumerate(hours)
    ]
    return HourChart(drawn, len(hours) * BAR_STEP, top_octets, sum(octets))


def _round_up(octets: int) -> int:
    """Return a round number that is at least the octets and never 0."""
    power = 1
    while True:
        for step in (2, 3, 4, 5, 6, 8, 10, 15):
            if step * power >= octets:
                return step * power
        power *= 10
