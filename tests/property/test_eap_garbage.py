"""Whatever a peer sends, each Access-Request with EAP-Message ends in a Challenge, a Reject, an Accept or silence.

Garbage from the first octet on, and real conversations in which single Responses, or what is inside their tunnel, are
spoilt on the way.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy
from netbilld.radius.access import AccessView
from netbilld.radius.attributes import EAP_MESSAGE, STATE
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapOutcome, EapServer
from netbilld.radius.eap.conversations import MAX_CONVERSATIONS
from netbilld.radius.server import RadiusServer
from tests import soak
from tests.eap_certificates import make
from tests.eap_peer import Peer, client_context, converse, eap_request, said
from tests.radius_requests import client, view

METHODS = ("md5", "tls", "ttls", "peap")
INNER = ("pap", "chap", "mschap", "mschapv2")
# What an attribute of a reply is at its longest: a fragment of 1400 octets in some six EAP-Messages, and State.
LONGEST_REPLY_OCTETS = 1600


class EasilyConfused(Peer):
    """A peer that falls silent when it can't read on, so that what it raises is not taken for the server's."""

    def answer(self, message: bytes) -> bytes:
        try:
            return super().answer(message)
        except (IndexError, SSL.Error):
            return b""


class Town:
    """A server with certificates, and what honest peers know."""

    def __init__(self) -> None:
        self.kept = TemporaryDirectory()
        directory = Path(self.kept.name)
        authority = make("Test authority")
        authority.write(directory, "ca")
        make("radius.example.net", authority).write(directory, "server")
        make("nemo", authority, client=True, padding_octets=2500).write(directory, "nemo")
        files = EapTlsFiles(directory / "server.pem", directory / "server.key", directory / "ca.pem")
        engine = EapTls(files, EapTlsPolicy(resume_seconds=600), lambda: datetime.now(UTC))
        self.entropy = random.Random(1)
        self.server = EapServer(self.entropy.randbytes, engine=engine, resume_seconds=600)
        self.contexts = {
            (version, shows): client_context(
                directory / "ca.pem",
                version=version,
                certificate=directory / "nemo.pem" if shows else None,
                key=directory / "nemo.key" if shows else None,
            )
            for version in ("1.2", "1.3")
            for shows in (False, True)
        }
        self.now_mono = 0.0

    def find(self, name: bytes) -> AccessView | None:
        return view() if name == b"nemo" else None

    def peer(self, method: str, inner: str, version: str) -> Peer:
        context: SSL.Context | None = None if method == "md5" else self.contexts[version, method == "tls"]
        return Peer(
            method, b"nemo", "arctangent", context=context, inner=inner, outer=b"anonymous" if context else None
        )


@cache
def town() -> Town:
    return Town()


def is_an_answer(outcome: EapOutcome | None) -> None:
    if outcome is None:
        return
    decision = outcome.decision
    assert decision.code in {Code.ACCESS_CHALLENGE, Code.ACCESS_REJECT, Code.ACCESS_ACCEPT}
    assert EAP_MESSAGE in said(outcome).attributes
    assert (decision.code == Code.ACCESS_CHALLENGE) == (STATE in said(outcome).attributes)
    if decision.code != Code.ACCESS_ACCEPT:
        assert len(decision.attributes) < LONGEST_REPLY_OCTETS
    assert decision.reason
    assert decision.detail is None or len(decision.detail) < 1000
    RadiusServer([client()], "auth").respond(eap_request(b""), decision.code, decision.attributes)


@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), min_size=1, max_size=6))
@example([(b"", False), (b"\2\0\0\5\1", True)])
@example([(b"\2\0\0\x09\1nemo", False), (b"\2\1\0\6\3\x15", True), (b"\2\2\0\x0a\x15\xc0\0\0\xff\xff", True)])
@settings(max_examples=150, deadline=None)
def test_random_octets_are_refused_or_ignored(messages: list[tuple[bytes, bool]]) -> None:
    state: bytes | None = None
    for message, with_state in messages:
        outcome = town().server.handle(eap_request(message, state if with_state else None), town().find)
        is_an_answer(outcome)
        if outcome is not None:
            assert outcome.decision.code != Code.ACCESS_ACCEPT
            state = said(outcome).get(STATE)


@given(
    st.sampled_from([13, 21, 25, 4]),
    st.lists(
        st.tuples(st.sampled_from([0x00, 0x20, 0x40, 0x80, 0xC0, 0x01, 0x47]), st.binary(max_size=120)), max_size=12
    ),
)
@settings(max_examples=150, deadline=None)
def test_random_fragments_are_refused_or_ignored(kind: int, fragments: list[tuple[int, bytes]]) -> None:
    server = town().server
    outcome = server.handle(eap_request(b"\2\0\0\x09\1nemo"), town().find)
    assert outcome is not None
    answer = said(outcome)
    if kind != answer.attributes[EAP_MESSAGE][4]:
        nak = bytes((2, answer.attributes[EAP_MESSAGE][1], 0, 6, 3, kind))
        outcome = server.handle(eap_request(nak, answer.attributes[STATE]), town().find)
        assert outcome is not None
    for flags, part in fragments:
        answer = said(outcome)
        if STATE not in answer.attributes:
            return
        identifier = answer.attributes[EAP_MESSAGE][1]
        message = bytes((2, identifier)) + (6 + len(part)).to_bytes(2, "big") + bytes((kind, flags)) + part
        outcome = server.handle(eap_request(message, answer.attributes[STATE]), town().find)
        assert outcome is not None
        is_an_answer(outcome)
        assert outcome.decision.code != Code.ACCESS_ACCEPT


def spoil(octets: bytes, chance: random.Random) -> bytes:
    """Change octets, cut, repeat or insert; the header's length is sometimes mended, so that the rest is read."""
    changed = bytearray(octets)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(changed):
                changed[at] = chance.randrange(256)
            case 2:
                del changed[at:]
            case 3:
                changed[at:at] = chance.randbytes(chance.randint(1, 20))
            case 4:
                changed[at:at] = changed[at : at + chance.randint(1, 40)]
            case _:
                del changed[at : at + chance.randint(1, 20)]
    if len(changed) >= 4 and chance.random() < 0.7:
        changed[2:4] = len(changed).to_bytes(2, "big")
    return bytes(changed)


def once(number: int, octets: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Spoil the `number`th of what passes."""
    count = iter(range(10_000))
    return lambda said: octets(said) if next(count) == number else said


def spoilt_conversation(seed: int) -> None:
    chance = random.Random(seed)
    world = town()
    world.now_mono += 0.1
    peer = world.peer(chance.choice(METHODS), chance.choice(INNER), chance.choice(("1.2", "1.3")))
    if chance.random() < 0.5:
        peer.tamper_inside = once(chance.randrange(4), lambda inside: spoil(inside, chance))
        tamper: Callable[[bytes], bytes] = bytes
    else:
        tamper = once(chance.randrange(10), lambda message: spoil(message, chance))
    outcome = converse(world.server, peer, world.find, tamper=tamper, at_mono=world.now_mono)
    is_an_answer(outcome)
    assert len(world.server.conversations) <= MAX_CONVERSATIONS


@given(st.integers(0, 2**32))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_conversation_spoilt_on_the_way_ends_in_an_answer(seed: int) -> None:
    spoilt_conversation(seed)


def seeds() -> Iterator[int]:
    deadline = time.monotonic() + soak.SECONDS
    seed = time.monotonic_ns()
    while time.monotonic() < deadline:
        yield seed
        seed += 1


@pytest.mark.soak
def test_ten_minutes_of_spoilt_conversations_raise_nothing() -> None:
    count = 0
    for seed in seeds():
        try:
            spoilt_conversation(seed)
        except Exception as error:
            raise AssertionError(f"spoilt_conversation({seed}) after {count} others") from error
        count += 1
    assert count > 10_000


def test_an_honest_conversation_in_this_town_succeeds() -> None:
    """Else the tests above would spoil what is refused anyway."""
    for method in METHODS:
        for version in ("1.2", "1.3"):
            outcome = converse(town().server, town().peer(method, "mschapv2", version), town().find)
            assert outcome is not None
            assert outcome.decision.code == Code.ACCESS_ACCEPT, (method, version, outcome.decision)
