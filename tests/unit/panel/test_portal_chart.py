from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from netbilld.panel.portal.chart import HEIGHT, bars
from netbilld.services.account_view import DayOfUsage

DAYS = st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)), min_size=1, max_size=31)


@given(DAYS)
def test_every_bar_stays_inside_the_picture_and_the_axis_is_a_round_number(octets: list[tuple[int, int]]) -> None:
    first = date(2026, 11, 1)
    chart = bars([DayOfUsage(first + timedelta(days=at), *pair) for at, pair in enumerate(octets)])
    assert chart.top_octets > 0
    assert len(str(chart.top_octets).rstrip("0")) <= 2
    for bar in chart.bars:
        assert 0 <= bar.download_height + bar.upload_height <= HEIGHT + 0.02
    assert chart.total_octets == sum(up + down for up, down in octets)


def test_a_month_without_usage_has_bars_of_no_height() -> None:
    chart = bars([DayOfUsage(date(2026, 11, 1), 0, 0)])
    assert (chart.bars[0].download_height, chart.bars[0].upload_height) == (0, 0)
