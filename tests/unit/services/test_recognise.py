from ipaddress import ip_address
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.services.recognise import OpenSession, Recognised, recognised, source_address

ADDRESS = ip_address("10.5.50.9")
NORTH, SOUTH = uuid4(), uuid4()
BUDI, SITI = uuid4(), uuid4()
SITE = ("10.5.50.0/24",)


def session(nas_id: UUID = NORTH, service_id: UUID | None = BUDI, state: str = "live", number: int = 1) -> OpenSession:
    return OpenSession(number, service_id, nas_id, state)


def test_the_one_live_session_with_the_address_is_recognised_inside_a_declared_prefix() -> None:
    assert recognised(ADDRESS, [session()], {NORTH: SITE}) == Recognised(BUDI, 1)


def test_a_session_that_has_just_started_is_live() -> None:
    assert recognised(ADDRESS, [session(state="starting")], {NORTH: SITE}) == Recognised(BUDI, 1)


def test_an_address_without_a_session_is_nobody() -> None:
    assert recognised(ADDRESS, [], {NORTH: SITE}) is None


def test_a_nas_that_declares_no_source_has_nobody_recognised() -> None:
    assert recognised(ADDRESS, [session()], {NORTH: ()}) is None
    assert recognised(ADDRESS, [session()], {}) is None


def test_a_request_from_outside_the_declared_prefixes_is_nobody() -> None:
    assert recognised(ADDRESS, [session()], {NORTH: ("10.5.51.0/24",)}) is None


def test_a_prefix_declared_for_another_nas_does_not_count() -> None:
    assert recognised(ADDRESS, [session(NORTH)], {SOUTH: SITE}) is None


def test_two_live_sessions_behind_overlapping_pools_are_nobody() -> None:
    both = [session(NORTH, BUDI, number=1), session(SOUTH, SITI, number=2)]
    assert recognised(ADDRESS, both, {NORTH: SITE, SOUTH: SITE}) is None
    assert recognised(ADDRESS, both, {NORTH: SITE}) is None


def test_two_live_sessions_on_one_nas_are_nobody() -> None:
    assert recognised(ADDRESS, [session(number=1), session(service_id=SITI, number=2)], {NORTH: SITE}) is None


def test_two_nas_that_declare_one_prefix_share_one_pool() -> None:
    assert recognised(ADDRESS, [session(SOUTH, SITI)], {NORTH: SITE, SOUTH: SITE}) == Recognised(SITI, 1)


@pytest.mark.parametrize("state", ["late", "stale"])
def test_a_session_whose_reports_are_missing_is_not_recognised(state: str) -> None:
    assert recognised(ADDRESS, [session(state=state)], {NORTH: SITE}) is None


@pytest.mark.parametrize("state", ["late", "stale"])
def test_a_ghost_on_the_same_nas_does_not_hide_the_session_that_took_its_address(state: str) -> None:
    ghost_and_live = [session(state=state, number=1), session(service_id=SITI, number=2)]
    assert recognised(ADDRESS, ghost_and_live, {NORTH: SITE}) == Recognised(SITI, 2)


@pytest.mark.parametrize("state", ["late", "stale"])
def test_a_silent_session_on_another_nas_may_still_be_alive_there(state: str) -> None:
    sessions = [session(NORTH, BUDI, number=1), session(SOUTH, SITI, state, number=2)]
    assert recognised(ADDRESS, sessions, {NORTH: SITE}) is None


def test_a_session_of_an_unknown_user_name_is_nobody_and_makes_the_address_ambiguous() -> None:
    assert recognised(ADDRESS, [session(service_id=None)], {NORTH: SITE}) is None
    assert recognised(ADDRESS, [session(), session(service_id=None, number=2)], {NORTH: SITE}) is None


def test_a_prefix_that_is_no_prefix_matches_nothing() -> None:
    assert recognised(ADDRESS, [session()], {NORTH: ("nonsense", "10.5.50.0/99")}) is None


PROXY = ("127.0.0.1", "10.0.0.0/24")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.5.50.9", [], "10.5.50.9"),
        ("10.5.50.9", ["10.5.50.77"], "10.5.50.9"),  # forged by the client itself
        ("127.0.0.1", ["10.5.50.77"], "10.5.50.77"),
        ("127.0.0.1", ["1.2.3.4, 10.5.50.77"], "10.5.50.77"),  # what stands left is hearsay
        ("127.0.0.1", ["1.2.3.4", "10.5.50.77"], "10.5.50.77"),
        ("127.0.0.1", ["10.5.50.77, 10.0.0.8"], "10.5.50.77"),  # a second proxy of ours
        ("127.0.0.1", ["10.0.0.9, 10.0.0.8"], None),
        ("127.0.0.1", ["10.5.50.77, unknown"], None),
        ("127.0.0.1", ["10.5.50.77,"], None),
        ("127.0.0.1", ["10.5.50.77:4711"], None),
        ("127.0.0.1", ["1.1.1.1," * 300 + "10.5.50.77"], None),
        ("127.0.0.1", [], "127.0.0.1"),
        ("::ffff:10.5.50.9", [], "10.5.50.9"),
        ("::ffff:127.0.0.1", ["::ffff:10.5.50.77"], "10.5.50.77"),
        ("2001:db8::1", [], "2001:db8::1"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("", [], None),
        (None, ["10.5.50.9"], None),
    ],
)
def test_the_source_is_the_peer_or_what_a_trusted_proxy_saw(
    peer: str | None, forwarded: list[str], expected: str | None
) -> None:
    found = source_address(peer, forwarded, PROXY)
    assert (str(found) if found else None) == expected


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_header_moves_a_client_that_is_no_proxy(forwarded: list[str]) -> None:
    assert source_address("10.5.50.9", forwarded, PROXY) == ADDRESS


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_header_of_a_proxy_is_an_address_or_nobody(forwarded: list[str]) -> None:
    source_address("127.0.0.1", forwarded, PROXY)
