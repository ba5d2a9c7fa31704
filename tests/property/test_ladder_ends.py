"""Whatever a NAS answers, no order is tried for ever without somebody being told, and no rung is passed over."""

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import Via
from netbilld.enforcement.ladder import (
    PASSING_TRIES,
    SILENT_TRIES,
    START,
    Change,
    Doors,
    Pause,
    Position,
    Result,
    Rung,
    climb,
    door_of,
    ends_session,
    ladder,
    order_at,
)
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors.interface import Capabilities

PROFILE = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
LADDERS = st.builds(
    ladder,
    st.sampled_from(Change),
    st.just(PROFILE),
    st.builds(Capabilities, rate=st.booleans(), coa_rate=st.booleans(), coa_wall=st.booleans()),
    st.builds(Doors, radius=st.booleans(), api=st.booleans(), address_list=st.sampled_from([None, "isolir"])),
).filter(bool)
IN_VAIN = st.sampled_from([result for result in Result if result is not Result.ACKED])
CAUSES = st.sampled_from([None, 401, 404, 503, 506, 507])


@given(LADDERS, st.lists(st.tuples(IN_VAIN, CAUSES), min_size=60, max_size=60))
def test_a_person_is_told_before_every_rung_has_been_tried_in_vain_as_often_as_may_be(
    rungs: list[Rung], answers: list[tuple[Result, int | None]]
) -> None:
    at, told_after = START, None
    for number, (result, cause) in enumerate(answers, 1):
        following = climb(rungs, at, result, cause)
        assert following is not None  # only what is acknowledged can be done
        assert following.pause is not Pause.STOP
        if following.tell:
            told_after = number
            break
        forward = (following.at.rung, following.at.step, following.at.tries) > (at.rung, at.step, at.tries)
        assert forward, (at, following)
        if following.at.rung > at.rung + 1:  # only where nobody answers on the CoA port, and to the API
            assert result is Result.SILENT
            assert door_of(order_at(rungs, following.at)[0]) is Via.API
        at = following.at
    assert told_after is not None
    assert told_after <= len(rungs) * max(PASSING_TRIES, SILENT_TRIES)


@given(LADDERS)
def test_orders_that_are_acknowledged_lead_to_the_end_of_the_session_or_to_what_is_due(
    rungs: list[Rung],
) -> None:
    for number in range(len(rungs)):
        at = Position(number)
        while (following := climb(rungs, at, Result.ACKED)) is not None and following.pause is Pause.NONE:
            at = following.at
            assert at.rung == number
        last = order_at(rungs, at)[0]
        assert (following is not None) == ends_session(last)
