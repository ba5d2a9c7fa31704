"""Profiles: kept as JSON, told apart by a fingerprint."""

from dataclasses import replace

import pytest

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.profile import Access, ServiceProfile

FAST = Speed(20_000_000, 5_000_000)


@pytest.mark.parametrize(
    "profile",
    [
        ServiceProfile(Access.BLOCKED),
        ServiceProfile(Access.ACTIVE, Speed(9, 8, Burst(7, 6, 5, 4, 3), 2, 1, 0, "HOME20"), "pool", "list", "10.0.0.9"),
        ServiceProfile(Access.ACTIVE, FAST, ipv6_prefix="2001:db8::/64", delegated_prefix="2001:db8:100::/56"),
        ServiceProfile(Access.WALLED, FAST, ipv6_pool="six", delegated_pool="shared", vlan=7, idle_seconds=600),
    ],
)
def test_a_profile_comes_back_from_its_json(profile: ServiceProfile) -> None:
    assert ServiceProfile.from_json(profile.to_json()) == profile


def test_fields_that_came_later_leave_fingerprints_of_profiles_without_them_alone() -> None:
    """Else a new release would find every session at odds with what is due, and send orders to all of them."""
    assert ServiceProfile(Access.ACTIVE, FAST).key == "542884cd"
    assert set(ServiceProfile(Access.ACTIVE, FAST).to_json()) == {
        "access",
        "speed",
        "pool",
        "address_list",
        "static_ip",
    }


@pytest.mark.parametrize(
    "changed", [{"vlan": 7}, {"speed": Speed(1, 1)}, {"address_list": "a"}, {"access": Access.THROTTLED}]
)
def test_what_a_running_session_shows_is_in_the_fingerprint(changed: dict[str, object]) -> None:
    assert replace(ServiceProfile(Access.ACTIVE, FAST), **changed).key != ServiceProfile(Access.ACTIVE, FAST).key  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"static_ip": "10.0.0.9"},
        {"pool": "home"},
        {"ipv6_prefix": "2001:db8::/64"},
        {"delegated_prefix": "2001:db8::/56"},
        {"ipv6_pool": "six"},
        {"delegated_pool": "shared"},
        {"idle_seconds": 60},
    ],
)
def test_what_is_taken_at_a_log_in_changes_no_running_session(changed: dict[str, object]) -> None:
    """Contract rule 10: pool, static address and prefix take effect at the next log-in."""
    plain = ServiceProfile(Access.ACTIVE, FAST)
    new = replace(plain, **changed)  # type: ignore[arg-type]
    assert new.key == plain.key
    assert plain.at_log_in is None
    assert new.at_log_in is not None


def test_another_garden_is_another_place() -> None:
    walled = ServiceProfile(Access.WALLED, FAST, "isolir", "isolir")
    assert replace(walled, pool="other").key != walled.key
    assert walled.at_log_in is None
