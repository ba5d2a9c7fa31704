"""gap(): what has to change about a session, if anything."""

from dataclasses import replace

import pytest

from netbilld.billing.plan import Speed
from netbilld.enforcement.diff import gap
from netbilld.enforcement.ladder import Change
from netbilld.enforcement.observed import Evidence, ObservedService, place
from netbilld.enforcement.profile import Access, ServiceProfile

ACTIVE = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000))
THROTTLED = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")
BLOCKED = ServiceProfile(Access.BLOCKED)
ALL = [ACTIVE, THROTTLED, WALLED, BLOCKED]


def seen(profile: ServiceProfile, evidence: Evidence = Evidence.LOGIN, *, with_place: bool = False) -> ObservedService:
    return ObservedService(profile.access, profile.key, evidence, place(profile) if with_place else None)


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("evidence", [Evidence.ACK, Evidence.LOGIN, Evidence.TRAFFIC, Evidence.API])
def test_what_agrees_needs_nothing(profile: ServiceProfile, evidence: Evidence) -> None:
    assert gap(profile, seen(profile, evidence)) is None


@pytest.mark.parametrize(
    ("desired", "observed", "change"),
    [
        (ACTIVE, THROTTLED, Change.RATE),
        (THROTTLED, ACTIVE, Change.RATE),
        (WALLED, ACTIVE, Change.WALL),
        (WALLED, THROTTLED, Change.WALL),
        (WALLED, BLOCKED, Change.WALL),
        (ACTIVE, WALLED, Change.RESTORE),
        (THROTTLED, WALLED, Change.RESTORE),
        (ACTIVE, BLOCKED, Change.RESTORE),
        (BLOCKED, ACTIVE, Change.BLOCK),
        (BLOCKED, THROTTLED, Change.BLOCK),
        (BLOCKED, WALLED, Change.BLOCK),
    ],
)
@pytest.mark.parametrize("with_place", [True, False])
def test_each_pair_of_accesses_is_its_own_change(
    desired: ServiceProfile, observed: ServiceProfile, change: Change, with_place: bool
) -> None:
    assert gap(desired, seen(observed, with_place=with_place)) is change


def test_another_garden_is_a_move_and_another_speed_in_the_same_garden_a_rate() -> None:
    moved, slower = replace(WALLED, pool="other"), replace(WALLED, speed=Speed(64_000, 64_000))
    assert gap(moved, seen(WALLED, with_place=True)) is Change.MOVE
    assert gap(slower, seen(WALLED, with_place=True)) is Change.RATE
    # with only a fingerprint known of what was seen, the pool may be another
    assert gap(slower, seen(WALLED)) is Change.MOVE


@pytest.mark.parametrize(
    "changed", [{"static_ip": "10.0.0.1"}, {"pool": "home"}, {"delegated_prefix": "2001:db8::/56"}]
)
def test_a_new_address_or_pool_alone_is_no_order(changed: dict[str, object]) -> None:
    """Contract rule 10: it takes effect at the next log-in."""
    fixed = replace(ACTIVE, **changed)  # type: ignore[arg-type]
    assert gap(fixed, seen(ACTIVE)) is None
    assert gap(fixed, seen(ACTIVE, with_place=True)) is None


def test_an_unanswered_order_leaves_nothing_sure_even_when_the_old_state_is_wanted_again() -> None:
    assert gap(ACTIVE, seen(ACTIVE, Evidence.UNSURE)) is Change.RATE
    assert gap(WALLED, seen(WALLED, Evidence.UNSURE)) is Change.WALL


@pytest.mark.parametrize(
    ("profile", "change"),
    [(ACTIVE, Change.RATE), (THROTTLED, Change.RATE), (WALLED, Change.WALL), (BLOCKED, Change.BLOCK)],
)
def test_an_unknown_session_is_given_what_is_due(profile: ServiceProfile, change: Change) -> None:
    assert gap(profile, None) is change


def test_an_unknown_session_that_logged_in_since_was_given_what_is_due() -> None:
    assert gap(WALLED, None, logged_in_since=True) is None
    assert gap(THROTTLED, None, logged_in_since=True) is None


def test_who_is_blocked_can_not_have_logged_in_by_us() -> None:
    assert gap(BLOCKED, None, logged_in_since=True) is Change.BLOCK
