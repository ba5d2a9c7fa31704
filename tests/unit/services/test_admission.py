"""Admission in memory: sessions at once, locks and hours, with simulated time."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from netbilld.model.service_lock import LockKind
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.attributes import REPLY_MESSAGE, SESSION_TIMEOUT
from netbilld.radius.codes import Code
from netbilld.radius.packet import Packet, decode, encode, encode_attribute
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.services.admission import no_longer_than
from netbilld.services.authenticate import Answer
from tests.admission_desk import POP1, POP2, SERVICE, A, B, C, Desk

REFUSE = AccessTerms(sessions_allowed=1, second_login="refuse")
REPLACE = AccessTerms(sessions_allowed=1, second_login="replace")


def reply(decision: Decision) -> Packet:
    return decode(encode(decision.code, 1, bytes(16), decision.attributes))


# -- sessions at once --------------------------------------------------------------------------------------------------


def test_two_log_ins_at_the_same_moment_are_exact() -> None:
    desk = Desk(REFUSE)
    assert [desk.reason(A), desk.reason(B)] == ["ok", "session_limit"]


def test_a_refusal_says_who_holds_the_place_and_tells_the_device_in_words() -> None:
    desk = Desk(REFUSE)
    desk.log_in(A)
    desk.start(41, A)
    desk.wait(200)
    refusal = desk.log_in(B)
    assert refusal.code == Code.ACCESS_REJECT
    assert refusal.detail == f"1 of 1 taken: session 41 of {A} on pop1, 3 min long, heard 3 min ago"
    assert reply(refusal).get(REPLY_MESSAGE) == b"This account is in use on another device."


def test_a_log_in_that_is_tried_again_is_the_same_one() -> None:
    desk = Desk(REFUSE)
    assert [desk.reason(A) for _ in range(3)] == ["ok"] * 3
    desk.wait(1)
    desk.start(1, A)
    assert len(desk.live.of(SERVICE)) == 1
    desk.stop(1)
    assert desk.reason(B) == "ok"


def test_a_log_in_that_nothing_came_of_gives_its_place_back_after_a_minute() -> None:
    desk = Desk(REFUSE)
    desk.log_in(A)
    desk.wait(59)
    assert desk.reason(B) == "session_limit"
    desk.wait(1)
    assert desk.reason(B) == "ok"


def test_a_log_in_holds_its_place_while_its_start_may_wait_for_the_meter() -> None:
    desk = Desk(REFUSE)
    desk.log_in(A)
    desk.wait(120)
    desk.hearing_since = desk.clock.at  # the meter is behind, or has just caught up
    assert desk.reason(B) == "session_limit"
    desk.wait(60)
    assert desk.reason(B) == "ok"


def test_a_start_takes_the_place_of_its_log_in_even_where_it_says_no_mac() -> None:
    desk = Desk(AccessTerms(sessions_allowed=2, second_login="refuse"))
    desk.log_in(A)
    desk.start(1, None)
    assert desk.reason(B) == "ok"
    assert desk.reason(C) == "session_limit"


def test_a_reconnect_of_the_same_station_is_never_refused() -> None:
    desk = Desk(REFUSE)
    desk.log_in(A)
    desk.start(1, A)
    desk.wait(100)
    assert desk.reason(A) == "ok"
    assert desk.to_end() == []


def test_a_replaced_session_is_asked_to_end_once() -> None:
    desk = Desk(REPLACE)
    desk.log_in(A)
    desk.start(1, A)
    assert desk.reason(B) == "ok"
    assert desk.reason(B) == "ok"
    desk.start(2, B)
    assert desk.to_end() == [1]


def test_a_log_in_replaced_before_its_start_ends_as_soon_as_it_starts() -> None:
    desk = Desk(REPLACE)
    desk.log_in(A)
    desk.wait(1)
    desk.log_in(B)
    desk.start(2, B)
    desk.wait(1)
    desk.start(1, A)
    assert desk.to_end() == [1]


def test_a_lost_order_is_made_again_by_the_start_of_the_new_session() -> None:
    desk = Desk(REPLACE)
    desk.start(1, A)
    desk.log_in(B)
    desk.to_end()
    for held in desk.live.of(SERVICE):
        held.ending_since = None  # the process died before it was written, and read the store again
    desk.start(2, B)
    assert desk.to_end() == [1]


def test_a_ghost_is_let_go_and_asked_to_end() -> None:
    desk = Desk(REFUSE)
    desk.start(1, A)
    desk.wait(449)
    assert desk.reason(B) == "session_limit"
    desk.wait(1)
    assert desk.reason(B) == "ok"
    assert desk.to_end() == [1]


def test_what_is_replaced_and_what_was_a_ghost_is_counted_apart() -> None:
    desk = Desk(REPLACE)
    desk.start(1, A)
    desk.log_in(B)
    assert (desk.admit.counters.replaced, desk.admit.counters.ghosts) == (1, 0)
    desk = Desk(REFUSE)
    desk.start(1, A)
    desk.log_in(B)
    assert desk.admit.counters.refused_limit == 1
    desk.wait(450)
    desk.log_in(B)
    assert (desk.admit.counters.replaced, desk.admit.counters.ghosts) == (0, 1)


def test_a_session_presumed_over_or_unknown_to_its_nas_takes_no_place() -> None:
    desk = Desk(REFUSE)
    desk.start(1, A)
    desk.keep.over([1])
    assert desk.reason(B) == "ok"


def test_a_ghost_that_speaks_again_takes_its_place_again() -> None:
    desk = Desk(REFUSE)
    desk.start(1, A)
    desk.keep.over([1])
    desk.report(1)
    assert desk.reason(B) == "session_limit"


def test_after_a_power_cut_everybody_is_let_in_past_their_own_ghosts() -> None:
    desk = Desk(REFUSE)
    desk.start(1, A)
    desk.wait(30)
    assert desk.reason(A) == "ok"
    desk.start(2, A)
    assert desk.reason(A) == "ok"


def test_allow_counts_nobody_out() -> None:
    desk = Desk(AccessTerms(sessions_allowed=1, second_login="allow"))
    assert [desk.reason(mac) for mac in (A, B, C)] == ["ok"] * 3
    assert desk.to_end() == []


def test_a_session_nobody_asked_us_about_is_ended_where_the_limit_is_reached() -> None:
    """A hotspot lets in by cookie: no Access-Request, only a Start."""
    desk = Desk(REFUSE)
    desk.log_in(A)
    desk.start(1, A)
    desk.wait(5)
    desk.start(2, B)
    assert desk.to_end() == [2]


# -- locks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "reason", "detail"),
    [
        ("mac", B, "mac_lock", f"locked to MAC address {B}; came from {A}"),
        ("vlan", "200", "vlan_lock", "locked to VLAN 200; came from 100"),
        ("nas_port", "ether5", "port_lock", "locked to port ether5; came from vlan100"),
        ("nas", str(POP2), "nas_not_allowed", "locked to NAS pop2; came from pop1"),
    ],
)
def test_a_lock_refuses_what_comes_from_elsewhere_and_says_both(
    kind: LockKind, value: str, reason: str, detail: str
) -> None:
    desk = Desk(AccessTerms(locks={kind: frozenset((value,))}))
    refusal = desk.log_in(A, POP1, "vlan100")
    assert (refusal.code, refusal.reason, refusal.detail) == (Code.ACCESS_REJECT, reason, detail)


def test_a_lock_refuses_a_nas_that_does_not_say_where_from() -> None:
    desk = Desk(AccessTerms(locks={"mac": frozenset((B,))}))
    assert desk.log_in(None).detail == f"locked to MAC address {B}; the NAS did not say which it is"


def test_the_first_log_in_teaches_and_binds_at_once() -> None:
    desk = Desk(AccessTerms(learn=frozenset(("mac", "vlan"))))
    assert desk.reason(A, POP1, "vlan100") == "ok"
    assert desk.reason(B, POP1, "vlan100") == "mac_lock"
    assert desk.reason(A, POP1, "vlan101") == "vlan_lock"
    assert desk.lessons() == {"mac": A, "vlan": "100"}


def test_what_is_locked_by_list_is_not_learned() -> None:
    desk = Desk(AccessTerms(locks={"mac": frozenset((A, B))}, learn=frozenset(("nas",))))
    assert [desk.reason(A), desk.reason(B)] == ["ok", "ok"]
    assert desk.lessons() == {"nas": str(POP1)}


def test_a_walled_service_learns_nothing() -> None:
    desk = Desk(AccessTerms(learn=frozenset(("mac",))))
    desk.walled = "overdue"
    assert desk.reason(A) == "ok"
    assert desk.lessons() == {}
    assert desk.reason(B) == "ok"


def test_a_refused_log_in_teaches_nothing() -> None:
    desk = Desk(AccessTerms(sessions_allowed=1, second_login="refuse", learn=frozenset(("nas",))))
    desk.start(1, A)
    assert desk.reason(B, POP2) == "session_limit"
    assert desk.lessons() == {}


def test_a_randomised_address_is_not_learned_and_that_is_said() -> None:
    desk = Desk(AccessTerms(learn=frozenset(("mac",))))
    decision = desk.log_in("DA:A1:19:00:00:01")
    assert (decision.reason, decision.detail) == ("ok", "DA:A1:19:00:00:01 is a randomised address and was not learned")
    assert desk.reason(A) == "ok"
    assert desk.lessons() == {"mac": A}


def test_the_store_is_believed_once_it_has_the_lesson() -> None:
    desk = Desk(AccessTerms(learn=frozenset(("mac",))))
    desk.log_in(A)
    (lesson,) = desk.learned.take(10)
    desk.keep.refreshed([SERVICE])
    assert desk.reason(B) == "mac_lock"
    lesson.written = True
    desk.keep.refreshed([SERVICE])  # the store says that it was forgotten since: the terms would hold it otherwise
    assert desk.reason(B) == "ok"


# -- hours -------------------------------------------------------------------------------------------------------------


def test_outside_its_hours_a_log_in_is_refused_and_inside_it_ends_with_them() -> None:
    desk = Desk(AccessTerms(hours=((1440 + 480, 1440 + 1020),), timezone="Asia/Jakarta"))  # Tuesday 08:00-17:00
    inside = desk.log_in(A)
    assert reply(inside).get(SESSION_TIMEOUT) == (7 * 3600).to_bytes(4, "big")
    desk.wait(7 * 3600)
    refusal = desk.log_in(A)
    assert (refusal.reason, refusal.detail) == ("outside_hours", "open tue 08:00-17:00; came Tue 17:00")


@pytest.mark.parametrize(("before", "after"), [(None, 90), (30, 30), (3600, 90), (0, 90)])
def test_a_shorter_session_timeout_stays(before: int | None, after: int) -> None:
    given = encode_attribute(25, b"class")
    if before is not None:
        given += encode_attribute(SESSION_TIMEOUT, before.to_bytes(4, "big"))
    packet = decode(
        encode(2, 1, bytes(16), no_longer_than(given + encode_attribute(18, b"x"), timedelta(seconds=89.2)))
    )
    assert packet.all(SESSION_TIMEOUT) == [after.to_bytes(4, "big")]
    assert (packet.get(25), packet.get(18)) == (b"class", b"x")


# -- addresses come last -----------------------------------------------------------------------------------------------


class Pools:
    """Gives addresses later, or never."""

    def __init__(self, answer: Literal["accept", "reject"]) -> None:
        self.answer = answer
        self.waiting: list[tuple[Decision, Answer]] = []

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        del view, request, now
        self.waiting.append((decision, answer))
        return None

    def go_on(self) -> None:
        for decision, answer in self.waiting:
            if self.answer == "reject":
                decision.code, decision.reason = int(Code.ACCESS_REJECT), "pool_full"
            answer(decision)
        self.waiting.clear()


def test_a_place_and_a_lesson_are_held_while_an_address_is_taken() -> None:
    pools = Pools("accept")
    terms = AccessTerms(sessions_allowed=1, second_login="refuse", learn=frozenset(("mac",)), pool="home")
    desk = Desk(terms, pools)
    assert desk.log_in_or_wait(A) is None
    assert desk.reason(B) == "mac_lock"
    assert desk.lessons() == {}
    pools.go_on()
    assert [decision.reason for decision in desk.late] == ["ok"]
    assert desk.lessons() == {"mac": A}


def test_without_an_address_the_place_and_the_lesson_are_given_back_and_nobody_is_replaced() -> None:
    pools = Pools("reject")
    desk = Desk(AccessTerms(sessions_allowed=1, learn=frozenset(("nas",)), pool="home"), pools)
    desk.start(1, A)
    assert desk.log_in_or_wait(B, POP1) is None
    pools.go_on()
    assert [decision.reason for decision in desk.late] == ["pool_full"]
    assert desk.to_end() == []
    assert desk.lessons() == {}
    assert desk.learned.locks(SERVICE, desk.terms) == {}
    assert len(desk.live.of(SERVICE)) == 1


def test_a_service_without_terms_costs_nothing() -> None:
    desk = Desk(AccessTerms())
    decision = desk.log_in(A)
    assert (decision.reason, decision.attributes, len(desk.live.of(SERVICE))) == ("ok", b"", 0)
    assert desk.clock.at == datetime(2026, 3, 10, 3, 0, tzinfo=UTC)
