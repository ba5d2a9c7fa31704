"""From orders, sessions and sightings: when a change was sent, acknowledged and seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from netbilld.enforcement.effect import (
    CauseKind,
    Effect,
    EffectFacts,
    Ending,
    Sighting,
    Tried,
    gives_back,
    kind_of,
    progress,
)
from netbilld.enforcement.profile import Access

T0 = datetime(2026, 3, 10, 3, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


WALL = Effect(7, at(1), T0, "walled", is_return=False)
RETURN = Effect(7, at(1), T0, "open", is_return=True)
BEFORE = Sighting("open", "login", at(-900), at(-900))
UNTOUCHED = EffectFacts((), is_over=False, here=BEFORE, later=(), due_since=at(1))
DISCONNECT = Tried("disconnect", at(2), at(3), None, "acked", None)
COA = Tried("coa", at(2), at(3), None, "acked", None)


def test_an_acknowledgement_is_no_sight_of_it() -> None:
    known = progress(WALL, replace(UNTOUCHED, tried=(COA,), here=Sighting("walled", "ack", at(3), at(-900))), at(4))
    assert (known.sent_at, known.acknowledged_at, known.seen_at, known.ending) == (at(2), at(3), None, None)


@pytest.mark.parametrize("evidence", ["traffic", "api"])
def test_a_rate_is_seen_in_traffic_or_read_back(evidence: str) -> None:
    facts = replace(UNTOUCHED, tried=(COA,), here=Sighting("walled", evidence, at(5), at(-900)))
    known = progress(WALL, facts, at(9))
    assert (known.seen_at, known.evidence, known.ending) == (at(5), evidence, Ending.SEEN)


def test_a_session_that_an_order_has_ended_is_seen_when_that_was_known() -> None:
    facts = replace(UNTOUCHED, tried=(replace(DISCONNECT, verified_at=at(4)),), is_over=True)
    known = progress(WALL, facts, at(6))
    assert (known.gone_at, known.seen_at, known.evidence) == (at(4), at(4), "gone")


def test_access_is_back_when_the_service_is_and_not_when_its_session_has_ended() -> None:
    ended = replace(UNTOUCHED, tried=(DISCONNECT,), is_over=True)
    gone = progress(RETURN, ended, at(4))
    assert (gone.gone_at, gone.seen_at, gone.ending) == (at(4), None, None)
    still_walled = Sighting("walled", "login", at(19), at(19))
    assert progress(gone, replace(ended, later=[still_walled]), at(20)) == gone
    back = Sighting("open", "login", at(30), at(30))
    known = progress(gone, replace(ended, later=[still_walled, back]), at(31))
    assert (known.gone_at, known.returned_at, known.seen_at, known.evidence) == (at(4), at(30), at(31), "login")


def test_what_another_wish_has_overtaken_is_over() -> None:
    assert progress(WALL, replace(UNTOUCHED, due_since=at(5)), at(6)).ending is Ending.SUPERSEDED
    assert progress(WALL, replace(UNTOUCHED, due_since=None), at(6)).ending is Ending.SUPERSEDED


def test_a_session_that_ended_before_an_order_left_needed_none() -> None:
    assert progress(WALL, replace(UNTOUCHED, is_over=True), at(6)).ending is Ending.NEEDLESS


def test_nothing_new_changes_nothing() -> None:
    assert progress(WALL, UNTOUCHED, at(100)) == WALL
    sent = progress(WALL, replace(UNTOUCHED, tried=(DISCONNECT,)), at(5))
    assert progress(sent, replace(UNTOUCHED, tried=(DISCONNECT,)), at(50)) == sent


def test_a_refusal_is_no_acknowledgement() -> None:
    refused = replace(COA, outcome="nacked", error_cause=404)
    known = progress(
        WALL, replace(UNTOUCHED, tried=(refused, replace(DISCONNECT, sent_at=at(4), answered_at=at(5)))), at(6)
    )
    assert (known.sent_at, known.acknowledged_at) == (at(2), at(5))


@pytest.mark.parametrize(
    ("due", "seen", "back"),
    [
        (Access.ACTIVE, Access.WALLED, True),
        (Access.THROTTLED, Access.BLOCKED, True),
        (Access.ACTIVE, Access.THROTTLED, True),
        (Access.THROTTLED, Access.ACTIVE, False),
        (Access.WALLED, Access.ACTIVE, False),
        (Access.ACTIVE, Access.ACTIVE, False),
        (Access.ACTIVE, None, False),
    ],
)
def test_what_gives_access_back(due: Access, seen: Access | None, back: bool) -> None:
    assert gives_back(due, seen) is back


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("payment.add", CauseKind.PAYMENT),
        ("usage", CauseKind.QUOTA),
        ("timer", CauseKind.CALENDAR),
        ("subscriber.suspend", CauseKind.COMMAND),
        ("start", CauseKind.START),
    ],
)
def test_causes_are_told_apart(cause: str, kind: CauseKind) -> None:
    assert kind_of(cause) is kind
