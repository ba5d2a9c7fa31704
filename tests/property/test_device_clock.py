"""A device's clock: whatever our polls are like, a device that runs on is never taken for one that began again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from netbilld.accounting.device_clock import epoch_of, first, index_in, tick
from netbilld.accounting.reading import Onset
from tests.accounting_packets import T0

MODULUS = 2**32


@given(
    st.integers(0, MODULUS - 1),
    st.lists(st.tuples(st.integers(1, 86_400 * 30), st.floats(-0.01, 0.01)), min_size=1, max_size=20),
)
def test_a_clock_that_runs_on_is_unwrapped_and_never_begins_again(start: int, polls: list[tuple[int, float]]) -> None:
    clock = first(start, T0, is_host=True)
    true_ticks, at = start, T0
    for seconds, drift in polls:
        at += timedelta(seconds=seconds)
        true_ticks += round(seconds * 100 * (1 + drift))
        clock, begun = tick(clock, true_ticks % MODULUS, at, is_host=True)
        assert begun is None
        assert (clock.ticks, clock.boots) == (true_ticks, 0)


@given(st.integers(100, MODULUS // 2), st.integers(1, 86_400), st.data())
def test_a_clock_that_began_again_is_seen_to_have(before: int, seconds: int, data: st.DataObject) -> None:
    """Whatever it shows is less than it would, and less than it did: it was switched on since."""
    clock = first(before, T0, is_host=True)
    shown = data.draw(st.integers(0, min(before - 1, seconds * 100)))
    after, begun = tick(clock, shown, T0 + timedelta(seconds=seconds), is_host=True)
    assert begun is Onset.ZERO
    assert (after.boots, after.ticks) == (1, shown)
    assert after.began != clock.began
    _, of_agent = tick(clock._replace(is_host=False), shown, T0 + timedelta(seconds=seconds), is_host=False)
    assert of_agent is Onset.RESTARTED


@given(st.integers(0, MODULUS // 2), st.lists(st.tuples(st.integers(1, 3600), st.integers(0, 86_400)), min_size=1))
def test_our_own_clock_may_be_set_back_as_far_and_as_often_as_it_likes(
    start: int, polls: list[tuple[int, int]]
) -> None:
    clock, true_ticks, at = first(start, T0, is_host=True), start, T0
    for seconds, back_seconds in polls:
        at += timedelta(seconds=seconds)
        true_ticks += seconds * 100
        if back_seconds > seconds:
            at -= timedelta(seconds=back_seconds)
        clock, begun = tick(clock, true_ticks, at, is_host=True)
        assert begun is None
        assert (clock.ticks, clock.boots) == (true_ticks, 0)


def test_a_clock_that_stood_still_for_long_does_not_make_counters_begin_at_zero() -> None:
    """A virtual machine that was paused: its counters go on from where they were."""
    clock = first(60_000, T0, is_host=True)
    _, begun = tick(clock, 66_000, T0 + timedelta(hours=2), is_host=True)
    assert begun is Onset.CONTINUED


def test_an_epoch_lasts_as_long_as_run_width_number_and_count_do() -> None:
    clock = first(100, T0, is_host=True)

    def epoch(
        before: str, *, index: str = "5", lost: int = 0, wide: bool = True, names: tuple[str, ...] = ()
    ) -> tuple[str, Onset]:
        shown = dict.fromkeys(names, "lain")
        return epoch_of(before, clock, None, index, lost, wide=wide, is_dynamic=False, names=shown)

    begun, _ = epoch("")
    assert index_in(begun) == "5"
    assert epoch(begun) == (begun, Onset.CONTINUED)
    assert epoch(begun, index="6")[1] is Onset.CONTINUED
    assert epoch(begun, index="6", names=("5",))[1] is Onset.UNKNOWN
    assert epoch(begun, lost=9)[1] is Onset.UNKNOWN
    assert epoch(begun, wide=False)[1] is Onset.UNKNOWN
    assert epoch(begun, index="6")[0] != begun
