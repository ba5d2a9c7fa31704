"""EAP inside TLS, in one process: a supplicant of pyOpenSSL against the server, both TLS versions."""

from dataclasses import replace
from pathlib import Path

import pytest

from netbilld.adapters.eap_tls import EapTlsPolicy
from netbilld.radius.access import Reason
from netbilld.radius.attributes import EAP_MESSAGE, FRAMED_MTU, MS_MPPE_RECV_KEY, STATE, USER_NAME
from netbilld.radius.codes import Code
from netbilld.radius.mschap import nt_hash
from tests.eap_certificates import make
from tests.eap_peer import Peer, eap_request, said
from tests.eap_world import NEMO, PASSWORD, VERSIONS, World, authority, build, keys
from tests.radius_requests import view

TUNNELLED = [("ttls", "pap"), ("ttls", "chap"), ("ttls", "mschap"), ("ttls", "mschapv2"), ("peap", "mschapv2")]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "inner"), TUNNELLED)
def test_a_password_inside_a_tunnel_lets_in_and_both_ends_have_the_same_keys(
    world: World, version: str, method: str, inner: str
) -> None:
    """RFC 5216 §2.3, RFC 5281 §8, RFC 9190 §2.3, RFC 9427 §2: Recv is the first half of the MSK, Send the second."""
    peer = Peer(method, NEMO, PASSWORD, context=world.context(version), inner=inner, outer=b"anonymous")
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert outcome.decision.method == f"eap-{method}"
    assert keys(outcome) == peer.key()
    assert said(outcome).attributes[USER_NAME] == NEMO, "the name inside, not the one outside"
    assert outcome.identity == NEMO
    assert peer.ended[0] == 3


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "inner"), TUNNELLED)
@pytest.mark.parametrize("name", [NEMO, b"nobody"])
def test_wrong_credentials_inside_a_tunnel_are_refused(
    world: World, version: str, method: str, inner: str, name: bytes
) -> None:
    peer = Peer(method, name, "wrong", context=world.context(version), inner=inner, outer=b"anonymous")
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == (Reason.WRONG_PASSWORD if name == NEMO else Reason.UNKNOWN_USER)
    assert outcome.identity == name
    assert MS_MPPE_RECV_KEY not in said(outcome).attributes
    assert peer.ended[0] == 4


@pytest.mark.parametrize(("method", "inner"), TUNNELLED)
@pytest.mark.parametrize("hashed", [b"", nt_hash(b"")])
def test_an_empty_password_is_none(world: World, method: str, inner: str, hashed: bytes) -> None:
    """Who has no password, or was taken over with the NT hash of an empty one, can't log in by it."""
    world.known = replace(view(), password=b"", nt_hash=hashed)
    outcome = world.login(Peer(method, NEMO, "", context=world.context(), inner=inner))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.NO_PASSWORD
    world.known = view()
    outcome = world.login(Peer(method, NEMO, "", context=world.context(), inner=inner))
    assert outcome.decision.reason == Reason.WRONG_PASSWORD


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["peap", "tls"])
def test_a_long_chain_travels_in_fragments_both_ways(tmp_path: Path, version: str, method: str) -> None:
    long = make("radius.example.net", authority(), padding_octets=4000, days=60)
    world = build(tmp_path, shown=long)
    make("nemo", authority(), client=True, padding_octets=4000).write(tmp_path, "nemo")
    peer = Peer(method, NEMO, PASSWORD, context=world.context(version, "nemo" if method == "tls" else None))
    outcome = world.login(peer, (FRAMED_MTU, (1400).to_bytes(4, "big")))
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert peer.rounds > (12 if method == "tls" else 10)


def test_a_suspended_subscriber_is_told_inside_peap_too(world: World) -> None:
    world.known = replace(world.known, refusal="suspended", replies={})
    peer = Peer("peap", NEMO, PASSWORD, context=world.context())
    outcome = world.login(peer)
    assert outcome.decision.reason == "suspended"
    assert any(b"E=649 R=0" in heard for heard in peer.heard_inside), "RFC 2759 §6"
    assert peer.heard_inside[-1][5:] == b"\x80\x03\0\2\0\2", "the Result is a failure"


@pytest.mark.parametrize("method", ["ttls", "peap"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"\xff" * 40, bytes(300), b"\x1a\2\1\0\x05", b"\2\1\0\5\x21", b"\3\x04"]
)
def test_garbage_inside_a_tunnel_is_refused(world: World, method: str, version: str, garbage: bytes) -> None:
    peer = Peer(method, NEMO, PASSWORD, context=world.context(version))
    peer.tamper_inside = lambda _: garbage
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_REJECT


def test_a_ttls_challenge_that_is_not_of_this_tunnel_is_refused(world: World) -> None:
    """RFC 5281 §11.2.2: else an answer overheard elsewhere could be used here."""
    peer = Peer("ttls", NEMO, PASSWORD, context=world.context(), inner="chap")
    peer.tamper_inside = lambda inside: inside[:-16] + bytes(16)
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.EAP_FAILED


def test_a_peer_that_acknowledges_only_gets_nowhere(world: World) -> None:
    start = world.server.handle(eap_request(b"\2\0\0\x09\1nemo"), world.find)
    assert start is not None
    answer = said(start)
    identifier = answer.attributes[EAP_MESSAGE][1]
    message = bytes((2, identifier, 0, 6, 25, 0))
    outcome = world.server.handle(eap_request(message, answer.attributes[STATE]), world.find)
    assert outcome is not None
    assert outcome.decision.code == Code.ACCESS_REJECT


def test_a_method_is_chosen_by_nak_before_it_has_begun(world: World) -> None:
    world.client("nemo")
    for method in ("ttls", "tls", "md5"):
        context = world.context("1.3", "nemo") if method != "md5" else None
        outcome = world.login(Peer(method, NEMO, PASSWORD, context=context))
        assert outcome.decision.code == Code.ACCESS_ACCEPT
        assert outcome.decision.method == f"eap-{method}"


def test_an_old_tls_is_refused_where_the_operator_wants_1_3(tmp_path: Path) -> None:
    world = build(tmp_path, EapTlsPolicy(least_version="1.3"))
    outcome = world.login(Peer("peap", NEMO, PASSWORD, context=world.context("1.2")))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.EAP_FAILED
    assert "protocol" in (outcome.decision.detail or "")
