"""EAP inside TLS: a session that is resumed lets in nobody whom a whole log-in would not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from OpenSSL import SSL

from netbilld.adapters.eap_tls import EapTlsPolicy
from netbilld.radius.access import Reason
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.codes import Code
from tests.eap_peer import Peer
from tests.eap_world import NEMO, PASSWORD, VERSIONS, World, authority, build, keys
from tests.radius_requests import view


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path)


def test_a_resumed_session_of_a_nas_s_certificate_is_refused_too(world: World) -> None:
    world.client("nemo", use=CertificateUse.ANY)
    context = world.context("1.2", "nemo")
    first = Peer("tls", NEMO, context=context)
    assert world.login(first).decision.code == Code.ACCESS_ACCEPT
    world.server.is_nas = "nemo".__eq__
    again = Peer("tls", NEMO, context=context, session=first.session())
    assert world.login(again).decision.reason == Reason.CERTIFICATE_REFUSED


def resumed_peer(method: str, first: Peer, context: SSL.Context, outer: bytes) -> Peer:
    return Peer(method, b"-", "-", context=context, outer=outer, session=first.session())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_resumed_session_knows_whose_it_is_and_asks_no_password(world: World, version: str, method: str) -> None:
    context = world.context(version)
    first = Peer(method, NEMO, PASSWORD, context=context, outer=b"anonymous")
    world.login(first)
    second = resumed_peer(method, first, context, b"anonymous")
    outcome = world.login(second)
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert outcome.decision.detail == "session resumed"
    assert outcome.identity == NEMO
    assert keys(outcome) == second.key()
    assert world.server.resumed == 1
    if method == "ttls":
        assert second.heard_inside == ([b"\0"] if version == "1.3" else []), "RFC 9427 §4: the end is said inside"
    third = resumed_peer(method, second, context, b"x")
    assert world.login(third).decision.code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_resumed_session_is_asked_afresh_what_it_is_due(world: World, version: str, method: str) -> None:
    context = world.context(version)
    first = Peer(method, NEMO, PASSWORD, context=context)
    world.login(first)
    world.known = replace(world.known, refusal="suspended", replies={})
    outcome = world.login(resumed_peer(method, first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == "suspended"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_changed_password_ends_the_session(world: World, version: str, method: str) -> None:
    context = world.context(version)
    first = Peer(method, NEMO, PASSWORD, context=context)
    world.login(first)
    world.known = view(password="changed")
    outcome = world.login(resumed_peer(method, first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_session_that_never_saw_a_password_can_not_be_resumed(world: World, version: str, method: str) -> None:
    """The fault of CVE-2017-9148: a handshake alone proves nothing."""
    context = world.context(version)
    first = Peer(method, NEMO, "wrong", context=context)
    assert world.login(first).decision.code == Code.ACCESS_REJECT
    outcome = world.login(resumed_peer(method, first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert world.server.resumed == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_one_method_is_none_of_another(world: World, version: str) -> None:
    context = world.context(version)
    first = Peer("ttls", NEMO, PASSWORD, context=context)
    world.login(first)
    outcome = world.login(resumed_peer("peap", first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT
    outcome = world.login(resumed_peer("tls", first, context, NEMO))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_ends_after_its_time_however_often_it_was_resumed(world: World, version: str) -> None:
    context = world.context(version)
    first = Peer("peap", NEMO, PASSWORD, context=context)
    world.login(first)
    second = resumed_peer("peap", first, context, b"anonymous")
    assert world.login(second, at_mono=3599.0).decision.code == Code.ACCESS_ACCEPT
    third = resumed_peer("peap", second, context, b"anonymous")
    assert world.login(third, at_mono=3601.0).decision.code == Code.ACCESS_REJECT


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_certificate_is_looked_at_again(tmp_path: Path, version: str) -> None:
    authority().write(tmp_path, "ca")
    world = build(tmp_path)
    world.client("nemo")
    context = world.context(version, "nemo")
    first = Peer("tls", NEMO, context=context)
    assert world.login(first).decision.code == Code.ACCESS_ACCEPT
    assert world.login(Peer("tls", NEMO, context=context, session=first.session())).decision.code == Code.ACCESS_ACCEPT
    world.engine._now = lambda: datetime.now(UTC) + timedelta(days=61)
    outcome = world.login(Peer("tls", NEMO, context=context, session=first.session()))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert outcome.decision.detail == "the client certificate is expired or not yet valid"


def test_without_a_lifetime_no_session_is_resumed(tmp_path: Path) -> None:
    world = build(tmp_path, EapTlsPolicy(resume_seconds=0))
    for version in VERSIONS:
        context = world.context(version)
        first = Peer("peap", NEMO, PASSWORD, context=context)
        world.login(first)
        second = Peer("peap", NEMO, PASSWORD, context=context, session=first.session())
        outcome = world.login(second)
        assert outcome.decision.code == Code.ACCESS_ACCEPT
        assert outcome.decision.detail is None
