"""Sessions at once: who counts, who is a ghost, and what one log-in too many leads to."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from netbilld.accounting.stale import SilencePolicy
from netbilld.enforcement.session_limit import (
    END_WAIT,
    START_WAIT,
    Aliveness,
    Comer,
    Hearing,
    HeldSession,
    admit,
    aliveness,
    surplus,
)
from netbilld.model.service_lock import SecondLogin

NOW = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)
SILENCE = SilencePolicy(300, 900)
POP1, POP2 = UUID(int=1), UUID(int=2)
SERVICE = UUID(int=7)
A, B, C = "00:00:00:00:00:0A", "00:00:00:00:00:0B", "00:00:00:00:00:0C"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def held(
    number: int | None = 1, mac: str | None = A, *, nas: UUID = POP1, port: str | None = None, began: float = 3600,
    heard: float = 10,
) -> HeldSession:  # fmt: skip
    return HeldSession(number, SERVICE, nas, mac, port, ago(began), ago(heard))


def comer(mac: str | None = B, nas: UUID = POP1, port: str | None = None) -> Comer:
    return Comer(nas, mac, port)


def hearing(since: datetime | None = None, at: datetime = NOW) -> Hearing:
    return Hearing(SILENCE, at, since)


def test_the_first_log_in_is_admitted() -> None:
    assert admit([], comer(), 1, "refuse", hearing()).admitted


def test_a_second_one_is_refused_by_the_session_that_is_alive() -> None:
    found = admit([held()], comer(), 1, "refuse", hearing())
    assert not found.admitted
    assert found.blocking is not None
    assert (found.blocking.id, found.counted, found.to_end) == (1, 1, ())


def test_a_second_one_replaces_the_oldest() -> None:
    old, newer = held(1, A, began=3600), held(2, B, began=60)
    found = admit([newer, old], comer(C), 2, "replace", hearing())
    assert found.admitted
    assert found.to_end == (old,)


def test_a_limit_that_was_lowered_replaces_as_many_as_are_too_many() -> None:
    sessions = [held(number, f"00:00:00:00:01:0{number}", began=3600 - number) for number in range(1, 5)]
    assert [one.id for one in admit(sessions, comer(), 2, "replace", hearing()).to_end] == [1, 2, 3]


def test_with_allow_any_number_comes_in_and_nobody_is_ended() -> None:
    found = admit([held(1, A), held(2, B, heard=4000)], comer(C), 1, "allow", hearing())
    assert (found.admitted, found.to_end) == (True, ())


@pytest.mark.parametrize("second", ["replace", "refuse"])
def test_the_same_station_again_is_a_reconnect_and_ends_nothing_on_its_nas(second: SecondLogin) -> None:
    """The new session's Start displaces the old one: a Disconnect could hit the new one."""
    found = admit([held(1, A)], comer(A), 1, second, hearing())
    assert (found.admitted, found.to_end) == (True, ())


def test_the_same_station_on_another_nas_ends_the_one_it_left() -> None:
    left = held(1, A, nas=POP2)
    assert admit([left], comer(A), 1, "refuse", hearing()).to_end == (left,)


def test_without_a_mac_the_port_tells_who_it_is() -> None:
    assert admit([held(1, None, port="vlan7")], comer(None, port="vlan7"), 1, "refuse", hearing()).admitted
    assert not admit([held(1, None, port="vlan7")], comer(None, port="vlan8"), 1, "refuse", hearing()).admitted
    assert not admit([held(1, None)], comer(None), 1, "refuse", hearing()).admitted
    assert not admit([held(1, None, port="vlan7")], comer(None, POP2, "vlan7"), 1, "refuse", hearing()).admitted


@pytest.mark.parametrize("second", ["replace", "refuse"])
def test_a_ghost_takes_no_place_and_is_asked_to_end(second: SecondLogin) -> None:
    ghost = held(1, A, heard=450)
    found = admit([ghost], comer(), 1, second, hearing())
    assert (found.admitted, found.to_end) == (True, (ghost,))


def test_of_several_ghosts_those_silent_longest_are_asked_to_end() -> None:
    ghosts = [held(1, A, heard=500), held(2, C, heard=900)]
    assert [one.id for one in admit(ghosts, comer(), 2, "refuse", hearing()).to_end] == [2]


def test_a_log_in_that_nothing_came_of_is_not_asked_to_end() -> None:
    assert admit([held(None, A, began=500, heard=500)], comer(), 1, "refuse", hearing()).to_end == ()


def test_of_those_who_hold_the_places_the_one_heard_last_is_named() -> None:
    blocking = admit([held(1, A, heard=60), held(2, C, heard=5)], comer(), 2, "refuse", hearing()).blocking
    assert blocking is not None
    assert blocking.id == 2


def test_a_place_is_as_old_as_the_newest_session_in_it() -> None:
    """A station that dialled again a moment ago is not the oldest because its earlier session still lingers."""
    twice = [held(1, A, began=3600), held(2, A, began=30)]
    found = admit([*twice, held(3, C, began=600)], comer(), 2, "replace", hearing())
    assert [one.id for one in found.to_end] == [3]


def test_a_ghost_that_is_in_nobodys_way_is_left_alone() -> None:
    assert admit([held(1, A, heard=450)], comer(), 2, "refuse", hearing()).to_end == ()


def test_a_session_is_a_ghost_half_an_interval_late_and_not_before() -> None:
    assert aliveness(held(heard=449), hearing()) is Aliveness.ALIVE
    assert aliveness(held(heard=450), hearing()) is Aliveness.SILENT


def test_a_nas_with_an_interval_of_its_own_is_judged_by_it() -> None:
    slow = held(heard=800)
    slow.interval_seconds = 600
    assert aliveness(slow, hearing()) is Aliveness.ALIVE


def test_what_was_said_while_nobody_listened_makes_no_ghost() -> None:
    assert aliveness(held(heard=4000), hearing(since=ago(60))) is Aliveness.ALIVE
    assert aliveness(held(heard=4000), hearing(since=ago(450))) is Aliveness.SILENT


def test_a_log_in_holds_its_place_until_its_start_is_due() -> None:
    expected = held(None, A, began=0, heard=0)
    assert aliveness(expected, hearing()) is Aliveness.EXPECTED
    assert not admit([expected], comer(B), 1, "refuse", hearing()).admitted
    later = NOW + START_WAIT
    assert admit([expected], comer(B), 1, "refuse", hearing(at=later)).admitted


def test_a_session_that_was_asked_to_end_takes_no_place_unless_it_speaks_on() -> None:
    ending = held(1, A, heard=10)
    ending.ending_since = ago(20)
    assert aliveness(ending, hearing()) is Aliveness.ENDING
    assert admit([ending], comer(B), 1, "refuse", hearing()).admitted
    ending.ending_since = ago(10) - END_WAIT
    assert aliveness(ending, hearing()) is Aliveness.ALIVE


def test_several_sessions_of_one_station_take_one_place() -> None:
    assert admit([held(1, A), held(2, A, nas=POP2)], comer(B), 2, "refuse", hearing()).admitted


def test_what_came_in_past_the_limit_is_ended_oldest_first_or_newest_first() -> None:
    old, new = held(1, A, began=3600), held(2, B, began=5)
    assert surplus([old, new], 1, "replace", hearing()) == (old,)
    assert surplus([old, new], 1, "refuse", hearing()) == (new,)
    assert surplus([old, new], 1, "allow", hearing()) == ()
    assert surplus([old, new], 2, "replace", hearing()) == ()


def test_a_ghost_beside_a_new_session_is_no_surplus() -> None:
    new = held(2, B, began=5)
    assert surplus([held(1, A, heard=2000), new], 1, "replace", hearing()) == ()
