"""diff(): which order, if any, closes the gap."""

from dataclasses import replace

import pytest

from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import Cannot, ChangeOfAuthorization, Disconnect, Obstacle
from netbilld.enforcement.diff import diff
from netbilld.enforcement.observed import Evidence, ObservedService, place
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors.interface import Capabilities

FULL = Capabilities(rate=True, coa_rate=True)
NO_COA = Capabilities(rate=True, coa_rate=False)
NO_RATE = Capabilities(rate=False, coa_rate=False)

ACTIVE = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000))
THROTTLED = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")
BLOCKED = ServiceProfile(Access.BLOCKED)
ALL = [ACTIVE, THROTTLED, WALLED, BLOCKED]


def seen(profile: ServiceProfile, evidence: Evidence = Evidence.LOGIN, *, with_place: bool = False) -> ObservedService:
    return ObservedService(profile.access, profile.key, evidence, place(profile) if with_place else None)


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("evidence", [Evidence.ACK, Evidence.LOGIN, Evidence.TRAFFIC])
def test_what_agrees_needs_nothing(profile: ServiceProfile, evidence: Evidence) -> None:
    assert diff(profile, seen(profile, evidence), FULL) is None
    assert diff(profile, seen(profile, evidence), NO_RATE, coa_refused=True) is None


@pytest.mark.parametrize(("desired", "observed"), [(ACTIVE, THROTTLED), (THROTTLED, ACTIVE)])
@pytest.mark.parametrize("with_place", [True, False])
def test_a_speed_changes_by_coa(desired: ServiceProfile, observed: ServiceProfile, with_place: bool) -> None:
    assert diff(desired, seen(observed, with_place=with_place), FULL) == ChangeOfAuthorization(desired)


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        (WALLED, ACTIVE),
        (WALLED, THROTTLED),
        (ACTIVE, WALLED),
        (THROTTLED, WALLED),
        (BLOCKED, ACTIVE),
        (BLOCKED, THROTTLED),
        (BLOCKED, WALLED),
    ],
)
@pytest.mark.parametrize("capabilities", [FULL, NO_COA, NO_RATE])
def test_walls_blocks_and_restores_go_by_disconnect(
    desired: ServiceProfile, observed: ServiceProfile, capabilities: Capabilities
) -> None:
    assert diff(desired, seen(observed), capabilities) == Disconnect()
    assert diff(desired, seen(observed, with_place=True), capabilities) == Disconnect()


def test_another_garden_goes_by_disconnect_and_another_speed_in_the_same_garden_by_coa() -> None:
    moved, slower = replace(WALLED, pool="other"), replace(WALLED, speed=Speed(64_000, 64_000))
    assert diff(moved, seen(WALLED, with_place=True), FULL) == Disconnect()
    assert diff(slower, seen(WALLED, with_place=True), FULL) == ChangeOfAuthorization(slower)
    # with only a fingerprint known of what was seen, the pool may be another
    assert diff(slower, seen(WALLED), FULL) == Disconnect()


@pytest.mark.parametrize("capabilities", [FULL, NO_COA, NO_RATE])
@pytest.mark.parametrize(
    "changed", [{"static_ip": "10.0.0.1"}, {"pool": "home"}, {"delegated_prefix": "2001:db8::/56"}]
)
def test_a_new_address_or_pool_alone_is_no_order(capabilities: Capabilities, changed: dict[str, object]) -> None:
    """Contract rule 10: it takes effect at the next log-in."""
    fixed = replace(ACTIVE, **changed)  # type: ignore[arg-type]
    assert diff(fixed, seen(ACTIVE), capabilities) is None
    assert diff(fixed, seen(ACTIVE, with_place=True), capabilities) is None


def test_an_unanswered_coa_leaves_nothing_sure_even_when_the_old_state_is_wanted_again() -> None:
    assert diff(ACTIVE, seen(ACTIVE, Evidence.UNSURE), FULL) == ChangeOfAuthorization(ACTIVE)


def test_a_refused_coa_is_followed_by_a_disconnect() -> None:
    assert diff(THROTTLED, seen(ACTIVE), FULL, coa_refused=True) == Disconnect()


def test_a_nas_that_takes_a_rate_at_log_in_only_is_disconnected_for_it() -> None:
    assert diff(THROTTLED, seen(ACTIVE), NO_COA) == Disconnect()


def test_a_nas_that_takes_no_rate_is_left_alone_and_said_so() -> None:
    assert diff(THROTTLED, seen(ACTIVE), NO_RATE) == Cannot(Obstacle.NO_RATE)


@pytest.mark.parametrize("profile", [WALLED, BLOCKED])
def test_an_unknown_session_is_disconnected_when_it_is_due_less(profile: ServiceProfile) -> None:
    assert diff(profile, None, FULL) == Disconnect()


@pytest.mark.parametrize("profile", [ACTIVE, THROTTLED])
def test_an_unknown_session_is_given_its_rate(profile: ServiceProfile) -> None:
    assert diff(profile, None, FULL) == ChangeOfAuthorization(profile)
    assert diff(profile, None, FULL, coa_refused=True) == Disconnect()
    assert diff(profile, None, NO_RATE) is None


def test_an_unknown_session_that_logged_in_since_was_given_what_is_due() -> None:
    assert diff(WALLED, None, FULL, logged_in_since=True) is None
    assert diff(THROTTLED, None, FULL, logged_in_since=True) is None


def test_who_is_blocked_can_not_have_logged_in_by_us() -> None:
    assert diff(BLOCKED, None, FULL, logged_in_since=True) == Disconnect()
