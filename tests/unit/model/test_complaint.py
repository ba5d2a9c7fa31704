"""The states of a complaint, and what is too late."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from netbilld.model.complaint import NEXT, OPEN, ComplaintState, Deadlines, Targets, check_step, may_reopen
from netbilld.model.errors import RefusedError

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
S = ComplaintState


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
def test_only_the_steps_of_the_table_are_taken(before: S, after: S) -> None:
    """KAMIL-7: the table is what the code goes by, each pair of states tried."""
    if after in NEXT[before]:
        check_step("K00001", before, after)
        return
    with pytest.raises(RefusedError, match=f"is {before.value} and can't become {after.value}"):
        check_step("K00001", before, after)


def test_the_way_of_the_feature_is_there_and_no_state_is_a_dead_end() -> None:
    """KAMIL-7: new → assigned → in progress → resolved → closed or reopened."""
    way = (S.NEW, S.ASSIGNED, S.IN_PROGRESS, S.RESOLVED, S.CLOSED, S.REOPENED, S.ASSIGNED)
    for before, after in pairwise(way):
        check_step("K00001", before, after)
    assert all(NEXT[state] for state in S)
    assert S.REOPENED in NEXT[S.RESOLVED]
    assert {S.RESOLVED, S.CLOSED} == set(S) - OPEN


def test_nothing_is_new_again_and_nothing_is_closed_unresolved() -> None:
    assert not any(S.NEW in following for following in NEXT.values())
    assert {before for before, following in NEXT.items() if S.CLOSED in following} == {S.RESOLVED}


def test_an_answer_and_an_end_are_late_just_after_their_targets() -> None:
    """KAMIL-8: against a target per category."""
    targets = Targets(60, 240)
    due = Deadlines(targets.respond_by(NOW), targets.resolve_by(NOW), None, None)
    assert due.late(NOW + 60 * MINUTE) is None
    assert due.late(NOW + 61 * MINUTE) == "response"
    answered = Deadlines(due.respond_by, due.resolve_by, NOW + 90 * MINUTE, None)
    assert answered.late(NOW + 240 * MINUTE) is None
    assert answered.late(NOW + 241 * MINUTE) == "resolution"
    assert due.late(NOW + 241 * MINUTE) == "resolution"
    done = Deadlines(due.respond_by, due.resolve_by, NOW, NOW + 300 * MINUTE)
    assert done.late(NOW + 400 * MINUTE) is None


def test_a_subscriber_may_reopen_for_some_days() -> None:
    day = timedelta(days=1)
    assert may_reopen(S.RESOLVED, NOW, 7, NOW + 7 * day)
    assert may_reopen(S.CLOSED, NOW, 7, NOW + 7 * day)
    assert not may_reopen(S.CLOSED, NOW, 7, NOW + 7 * day + MINUTE)
    assert not may_reopen(S.NEW, None, 7, NOW)
    assert not may_reopen(S.REOPENED, None, 7, NOW)
