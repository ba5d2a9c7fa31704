"""Percentiles of effects: never less than so many took, never more than the longest."""

from datetime import UTC, datetime, timedelta
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from netbilld.enforcement.effect_figures import Timed, figures, spread

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
SECONDS = st.lists(st.floats(min_value=0, max_value=10_000, allow_nan=False), min_size=1, max_size=400)


@given(SECONDS)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(seconds: list[float]) -> None:
    found = spread(seconds)
    assert found is not None
    for share, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
        within = sum(one <= value for one in seconds)
        below = sum(one < value for one in seconds)
        needed = ceil(len(seconds) * share / 100)
        assert below < needed <= within
    assert found.p50 <= found.p95 <= found.p99 <= found.most == max(seconds)
    assert found.count == len(seconds)


def test_of_nothing_there_is_no_spread() -> None:
    assert spread([]) is None


def test_a_step_that_a_change_did_not_need_is_left_out() -> None:
    def after(seconds: float) -> datetime:
        return NOW + timedelta(seconds=seconds)

    paid = Timed("payment", "pop1", NOW, after(0.1), after(0.2), after(0.3), after(0.4), after(30), after(31))
    crossed = Timed("quota", "pop2", NOW, after(0.1), after(0.2), after(0.3), None, None, after(2))
    payment, quota = sorted(figures([paid, crossed, paid], lambda one: one.cause), key=lambda one: one.name)
    assert (payment.count, payment.gone and payment.gone.count) == (2, 2)
    assert payment.after_return is not None
    assert (payment.after_return.most, quota.gone, quota.after_return) == (1.0, None, None)
    assert list(quota.steps()) == ["desired", "sent", "acknowledged", "seen"]
