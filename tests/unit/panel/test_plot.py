from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.panel.plot import HEIGHT, WIDTH, plot
from netbilld.services.throughput import SPANS, Part, Point, Series, spread

NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def series(span: str, *rates: int | None) -> Series:
    step = SPANS[span].step
    points = [Point(NOON + number * step, rate, rate) for number, rate in enumerate(rates)]
    return Series(span, NOON, NOON + len(rates) * step, points)


def test_a_plot_has_a_gap_where_nobody_looked() -> None:
    drawn = plot(series("day", 1000, 2000, None, 3000), "Asia/Jakarta")
    assert drawn.download_line.count("M") == drawn.download_area.count("Z") == 2


def test_the_highest_rate_stays_below_the_top() -> None:
    drawn = plot(series("day", 0, 18_500_000), "Asia/Jakarta")
    assert drawn.top_bps == 20_000_000
    assert [mark.rate_bps for mark in drawn.rates] == [0, 10_000_000, 20_000_000]
    assert drawn.rates[0].percent == 100
    assert drawn.hits[-1].x + drawn.hits[-1].width == WIDTH
    assert f" {HEIGHT}" in drawn.download_area


@pytest.mark.parametrize("span", SPANS)
def test_the_time_axis_is_marked_at_round_local_times_a_few_times(span: str) -> None:
    reach, step = SPANS[span]
    drawn = plot(series(span, *[1] * (reach // step)), "Asia/Jakarta")
    assert 2 <= len(drawn.times) <= 7
    assert all(mark.at is not None and mark.at.minute % 10 == 0 for mark in drawn.times)
    assert all(0 <= mark.percent <= 100 for mark in drawn.times)


def test_figures_of_a_series() -> None:
    found = series("day", *range(1, 101), None)
    assert found.peak_bps() == (100, 100)
    assert found.average_bps() == (50, 50)
    assert found.busy_bps() == (95, 95)
    assert series("day", None, 0).is_empty


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 900), st.integers(0, 10**9)), max_size=20))
def test_octets_spread_over_points_stay_as_many(parts: list[tuple[int, int, int]]) -> None:
    spans = [
        Part(NOON + begin * SECOND, NOON + (begin + length) * SECOND, octets, octets) for begin, length, octets in parts
    ]
    points = spread(spans, NOON, 300 * SECOND, 14)
    total = sum(part.download_octets for part in spans)
    assert sum((point.download_bps or 0) * 300 / 8 for point in points) == pytest.approx(total, abs=300 * 14 / 8)
