"""What admission keeps in mind: which Start belongs to which log-in, what waits to be written, and what it tells."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from netbilld.model.errors import StoreUnavailableError
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.attributes import SESSION_TIMEOUT
from netbilld.radius.packet import encode_attribute
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.services.admission import no_longer_than
from netbilld.services.authenticate import Answer
from tests.admission_desk import POP1, POP2, SERVICE, A, B, C, Desk

REFUSE = AccessTerms(sessions_allowed=1, second_login="refuse")
TWO = AccessTerms(sessions_allowed=2, second_login="refuse")


class Away:
    """A database that is away."""

    def write(self) -> AbstractAsyncContextManager[Any]:
        raise StoreUnavailableError("the database is away")


# -- which Start is whose ----------------------------------------------------------------------------------------------


def test_a_start_takes_its_log_in_s_place_although_the_clock_of_its_nas_is_a_little_behind() -> None:
    desk = Desk(TWO)
    desk.log_in(A)
    desk.wait(-20)
    desk.start(1, None)
    desk.wait(20)
    assert [desk.reason(B), desk.reason(C)] == ["ok", "session_limit"]


def test_a_start_on_another_nas_is_not_the_one_a_log_in_waits_for() -> None:
    desk = Desk(TWO)
    desk.log_in(A, POP1)
    desk.start(1, None, POP2)
    assert desk.reason(B) == "session_limit"


def test_what_a_later_report_says_of_the_station_counts() -> None:
    desk = Desk(REFUSE)
    desk.start(1, None)
    assert desk.reason(A) == "session_limit"
    desk.sessions[1] = desk.sessions[1]._replace(mac=A)
    desk.report(1)
    assert desk.reason(A) == "ok"


# -- what waits to be written ------------------------------------------------------------------------------------------


def test_what_could_not_be_written_goes_before_what_came_since() -> None:
    desk = Desk(AccessTerms())
    for number, mac in ((1, A), (2, B)):
        desk.start(number, mac)
    first, second = desk.live.of(SERVICE)
    desk.admit.end(first, "session limit: replaced", desk.clock.at)
    taken = desk.admit.take_ends(10)
    desk.admit.end(second, "session limit: replaced", desk.clock.at)
    desk.admit.put_back_ends(taken)
    assert desk.to_end() == [1, 2]
    for kind, value in (("mac", A), ("nas", "x")):
        lesson = desk.learned.learn(SERVICE, kind, value, desk.clock.at)  # type: ignore[arg-type]
        assert lesson is not None
        desk.learned.confirm(lesson)
    first_lesson = desk.learned.take(1)
    desk.learned.put_back(first_lesson)
    assert [one.kind for one in desk.learned.take(2)] == ["mac", "nas"]


async def test_a_database_that_is_away_costs_no_order_and_no_lesson() -> None:
    desk = Desk(replace(REFUSE, learn=frozenset(("mac",))))
    desk.keep._database = Away()  # type: ignore[assignment]
    desk.start(1, A)
    desk.wait(450)
    assert desk.reason(B) == "ok"
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await desk.keep.run()
        assert (desk.admit.ends_waiting, desk.learned.waiting, desk.ordered) == (1, 1, [])
    assert desk.to_end() == [1]
    with pytest.raises(StoreUnavailableError):
        await desk.keep.run()
    assert desk.lessons() == {"mac": B}


def test_what_a_plan_no_longer_teaches_binds_nobody() -> None:
    desk = Desk(AccessTerms(learn=frozenset(("mac",))))
    desk.log_in(A)
    assert desk.reason(B) == "mac_lock"
    desk.terms = AccessTerms(hours=((0, 10_080),))
    assert desk.reason(B) == "ok"


# -- what it asks and tells --------------------------------------------------------------------------------------------


class Waiting:
    """Pools that give nothing yet."""

    def __init__(self) -> None:
        self.asked = 0

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        del view, request, decision, now, answer
        self.asked += 1
        return None


@pytest.mark.parametrize("kind", ["pool", "ipv6_pool", "delegated_pool"])
def test_a_pool_of_any_kind_is_asked_for_an_address(kind: str) -> None:
    pools = Waiting()
    terms: Callable[..., AccessTerms] = AccessTerms
    assert Desk(terms(**{kind: "home"}), pools).log_in_or_wait(A) is None
    assert pools.asked == 1
    assert Desk(REFUSE, pools).reason(A) == "ok"


@pytest.mark.parametrize(
    ("count", "said"), [(3, "00:00:00:00:00:00, 00:00:00:00:00:01, 00:00:00:00:00:02; "), (4, "00:02 …; ")]
)
def test_of_many_addresses_a_service_is_locked_to_three_are_named(count: int, said: str) -> None:
    allowed = frozenset(f"00:00:00:00:00:{number:02}" for number in range(count))
    detail = Desk(AccessTerms(locks={"mac": allowed})).log_in(A).detail
    assert detail is not None
    assert said in detail


@pytest.mark.parametrize(
    ("seconds", "said"), [(119, "119 s long"), (120, "2 min long"), (7_199, "119 min long"), (7_200, "2 h long")]
)
def test_how_long_the_session_in_the_way_has_lasted_is_told_in_the_unit_that_fits(seconds: int, said: str) -> None:
    desk = Desk(REFUSE)
    desk.start(1, A)
    desk.wait(seconds)
    desk.report(1)
    detail = desk.log_in(B).detail
    assert detail is not None
    assert f"{said}, heard 0 s ago" in detail


def test_a_time_that_is_over_is_a_second_since_nothing_would_be_no_limit() -> None:
    assert no_longer_than(b"", timedelta(0)) == encode_attribute(SESSION_TIMEOUT, b"\0\0\0\1")
