"""The ladder: which orders there are for a change, and what follows from each result."""

import pytest

from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import ChangeOfAuthorization, Disconnect, EnterList, LeaveList, Order, Via
from netbilld.enforcement.ladder import Change, Doors, Next, Pause, Position, Result, climb, is_gone, ladder, order_at
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors.interface import Capabilities

FULL = Capabilities(rate=True, coa_rate=True)
NO_COA = Capabilities(rate=True, coa_rate=False)
NO_RATE = Capabilities(rate=False, coa_rate=False)
BY_ROLE = Capabilities(rate=True, coa_rate=True, coa_wall=True)
RADIUS, BOTH, BY_API = Doors(), Doors(api=True), Doors(radius=False, api=True)
BY_LIST = Doors(api=True, address_list="isolir")
THROTTLED = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
COA, CUT, REMOVE = ChangeOfAuthorization(THROTTLED), Disconnect(), Disconnect(Via.API)


@pytest.mark.parametrize(
    ("change", "capabilities", "doors", "rungs"),
    [
        (Change.RATE, FULL, RADIUS, [(COA,), (CUT,)]),
        (Change.RATE, FULL, BOTH, [(COA,), (CUT,), (REMOVE,)]),
        (Change.RATE, FULL, BY_API, [(REMOVE,)]),
        (Change.RATE, NO_COA, RADIUS, [(CUT,)]),
        (Change.RATE, NO_RATE, BOTH, []),  # a log-in would bring the same
        (Change.WALL, FULL, RADIUS, [(CUT,)]),
        (Change.WALL, FULL, BOTH, [(CUT,), (REMOVE,)]),
        (Change.WALL, FULL, BY_LIST, [(EnterList("isolir"), COA), (CUT,), (REMOVE,)]),
        (Change.RESTORE, FULL, BY_LIST, [(LeaveList("isolir"), COA), (CUT,), (REMOVE,)]),
        (Change.WALL, NO_COA, BY_LIST, [(EnterList("isolir"),), (CUT,), (REMOVE,)]),
        (Change.WALL, BY_ROLE, RADIUS, [(COA,), (CUT,)]),
        (Change.MOVE, FULL, BY_LIST, [(CUT,), (REMOVE,)]),
        (Change.BLOCK, BY_ROLE, BY_LIST, [(CUT,), (REMOVE,)]),
        (Change.END, FULL, BOTH, [(CUT,), (REMOVE,)]),
        (Change.WALL, FULL, Doors(radius=False), []),
    ],
)
def test_a_change_goes_by_what_the_vendor_and_the_nas_offer(
    change: Change, capabilities: Capabilities, doors: Doors, rungs: list[tuple[Order, ...]]
) -> None:
    assert ladder(change, THROTTLED, capabilities, doors) == rungs


def test_a_place_that_the_ladder_does_not_have_is_its_beginning() -> None:
    assert order_at([(CUT,)], Position(2, 0, 5)) == (CUT, Position())
    assert order_at([(COA,), (CUT,)], Position(1)) == (CUT, Position(1))
    with pytest.raises(ValueError, match="without rungs"):
        order_at([], Position())


RATE = ladder(Change.RATE, THROTTLED, FULL, RADIUS)
RATE_API = ladder(Change.RATE, THROTTLED, FULL, BOTH)
LISTED = ladder(Change.WALL, THROTTLED, FULL, BY_LIST)
WALL = ladder(Change.WALL, THROTTLED, FULL, RADIUS)


def test_an_acknowledged_coa_is_all_that_can_be_asked() -> None:
    assert climb(RATE, Position(), Result.ACKED) is None


def test_an_acknowledged_disconnect_waits_for_the_end_of_the_session() -> None:
    assert climb(RATE, Position(1), Result.ACKED) == Next(Position(1), Pause.STOP)


def test_a_rung_of_two_orders_is_done_after_the_second() -> None:
    assert climb(LISTED, Position(), Result.ACKED) == Next(Position(0, 1), Pause.NONE)
    assert climb(LISTED, Position(0, 1), Result.ACKED) is None


@pytest.mark.parametrize("cause", [None, 401, 402, 403, 404, 405, 406, 407, 501, 502, 503, 504, 505, 508])
def test_a_refused_coa_is_followed_by_a_disconnect_at_once(cause: int | None) -> None:
    assert climb(RATE, Position(), Result.REFUSED, cause) == Next(Position(1), Pause.NONE)


@pytest.mark.parametrize("cause", [506, 507])
def test_a_refusal_that_passes_is_waited_for_but_not_for_ever(cause: int) -> None:
    at = Position()
    for tries in (1, 2, 3):
        assert climb(RATE, at, Result.REFUSED, cause) == Next(at := Position(0, 0, tries), Pause.RETRY)
    assert climb(RATE, at, Result.REFUSED, cause) == Next(Position(1), Pause.NONE)


def test_a_disconnect_for_a_session_that_is_not_there_is_done() -> None:
    assert is_gone(CUT, Result.REFUSED, 503)
    assert is_gone(REMOVE, Result.REFUSED, 503)
    assert not is_gone(CUT, Result.REFUSED, 504)
    assert not is_gone(COA, Result.REFUSED, 503)
    assert not is_gone(CUT, Result.SILENT, None)


def test_after_the_last_rung_somebody_is_told_and_all_begins_again_after_a_long_pause() -> None:
    assert climb(WALL, Position(), Result.REFUSED, 404) == Next(Position(), Pause.LONG, tell=True)
    assert climb(RATE_API, Position(2), Result.REFUSED) == Next(Position(), Pause.LONG, tell=True)


def test_silence_is_met_with_patience_and_after_three_tries_somebody_is_told() -> None:
    assert climb(RATE, Position(), Result.SILENT) == Next(Position(0, 0, 1), Pause.RETRY)
    assert climb(RATE, Position(0, 0, 1), Result.SILENT) == Next(Position(0, 0, 2), Pause.RETRY)
    assert climb(RATE, Position(0, 0, 2), Result.SILENT) == Next(Position(1), Pause.RETRY, tell=True)
    assert climb(RATE, Position(1, 0, 2), Result.SILENT) == Next(Position(), Pause.RETRY, tell=True)


def test_where_the_coa_port_is_silent_the_api_is_asked_at_once() -> None:
    assert climb(RATE_API, Position(), Result.SILENT) == Next(Position(2), Pause.NONE)
    assert climb(RATE_API, Position(1), Result.SILENT) == Next(Position(2), Pause.NONE)
    assert climb(RATE_API, Position(2), Result.SILENT) == Next(Position(2, 0, 1), Pause.RETRY)
    assert climb(RATE_API, Position(2, 0, 1), Result.SILENT) == Next(Position(), Pause.RETRY, tell=True)


def test_what_can_not_be_sent_is_tried_once_more_and_then_otherwise() -> None:
    assert climb(LISTED, Position(), Result.FAILED) == Next(Position(0, 0, 1), Pause.RETRY)
    assert climb(LISTED, Position(0, 0, 1), Result.FAILED) == Next(Position(1), Pause.NONE)


def test_what_was_acknowledged_and_is_not_so_goes_by_the_next_rung() -> None:
    assert climb(RATE, Position(), Result.DISPROVED) == Next(Position(1), Pause.NONE)
    assert climb(RATE_API, Position(1), Result.DISPROVED) == Next(Position(2), Pause.NONE)
    assert climb(RATE, Position(1), Result.DISPROVED) == Next(Position(), Pause.LONG, tell=True)


def test_a_disconnect_without_a_stop_is_asked_once_more_before_the_next_rung() -> None:
    assert climb(RATE_API, Position(1), Result.NO_STOP) == Next(Position(1, 0, 1), Pause.NONE)
    assert climb(RATE_API, Position(1, 0, 1), Result.ACKED) == Next(Position(1, 0, 1), Pause.STOP)
    assert climb(RATE_API, Position(1, 0, 1), Result.NO_STOP) == Next(Position(2), Pause.NONE)
