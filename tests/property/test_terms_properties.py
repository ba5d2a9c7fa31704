"""What a service is billed by: every day has one terms, and a change leaves the days before it as they were."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.terms import Stop, StopKind, Terms, amended, spans, stop_on, terms_on

FIRST = date(2026, 1, 31)
DAYS = st.integers(0, 120).map(lambda number: FIRST + timedelta(days=number))
VERSIONS = st.integers(1, 4).map(lambda number: UUID(int=number))


@st.composite
def histories(draw: st.DrawFn) -> list[Terms]:
    later = draw(st.lists(DAYS, unique=True, max_size=6))
    return [Terms(on, draw(VERSIONS)) for on in sorted({FIRST, *later})]


@st.composite
def stopped(draw: st.DrawFn) -> Stop:
    begin = draw(DAYS)
    until = draw(st.none() | st.integers(1, 40).map(lambda number: begin + timedelta(days=number)))
    return Stop(draw(st.sampled_from(StopKind)), begin, until)


@given(histories(), st.lists(stopped(), max_size=4), DAYS, st.integers(0, 90))
def test_spans_partition_days_and_each_day_has_its_own_terms_and_stop(
    terms: list[Terms], stops: list[Stop], begin: date, length: int
) -> None:
    end = begin + timedelta(days=length)
    found = spans(terms, stops, begin, end)
    days = [span.from_on + timedelta(days=number) for span in found for number in range(span.days)]
    assert days == [begin + timedelta(days=number) for number in range(length)]
    assert all(span.days > 0 for span in found)
    for span in found:
        for number in range(span.days):
            day = span.from_on + timedelta(days=number)
            assert span.terms is terms_on(terms, day)
            assert span.stop is stop_on(stops, day)


@given(histories(), st.integers(1, 60))
def test_days_before_the_first_terms_are_in_no_span(terms: list[Terms], before: int) -> None:
    begin = FIRST - timedelta(days=before)
    found = spans(terms, [], begin, FIRST + timedelta(days=1))
    assert [(span.from_on, span.days) for span in found] == [(FIRST, 1)]


@given(histories(), DAYS, VERSIONS)
def test_another_plan_leaves_the_days_before_and_ends_what_was_planned(
    terms: list[Terms], day: date, version: UUID
) -> None:
    rows = amended(terms, day, plan_version_id=version, is_reset=True, reason="naik", actor="ani")
    after = [one for one in terms if one.from_on < day] + rows
    for number in range(-1, 130):
        on = FIRST + timedelta(days=number)
        due = terms_on(after, on)
        if on < day:
            assert due is terms_on(terms, on)
        else:
            assert due is not None
            assert (due.plan_version_id, due.is_reset, due.reason, due.actor) == (version, True, "naik", "ani")


@given(histories(), DAYS, st.integers(0, 300_000))
def test_another_price_goes_on_through_a_plan_change_that_is_planned(
    terms: list[Terms], day: date, price_minor: int
) -> None:
    after = [one for one in terms if one.from_on < day] + amended(terms, day, price_minor=price_minor, actor="ani")
    for number in range(130):
        on = FIRST + timedelta(days=number)
        was, due = terms_on(terms, on), terms_on(after, on)
        assert was is not None
        assert due is not None
        assert due.plan_version_id == was.plan_version_id
        assert due.price_minor == (price_minor if on >= day else was.price_minor)
