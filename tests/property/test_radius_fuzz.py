"""A fuzzer of the decoder, the server and the decision: whatever arrives is answered or a counted drop, never an exception.

It changes packets a NAS really sends, signs most of them again so that they get past the door, and keeps what led to
an outcome not seen before. A failure names the datagram. (EAP has a fuzzer of its own.)
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest

from netbilld.accounting.record import AccountingRecord
from netbilld.radius import attributes as names
from netbilld.radius.codes import Code
from netbilld.radius.debug import dump
from netbilld.radius.exchange import build_request
from netbilld.radius.location import locate
from netbilld.radius.mschap import nt_hash
from netbilld.radius.packet import decode, encode_attribute
from netbilld.radius.passwords import hide_password
from netbilld.radius.router_access import RouterAccount
from netbilld.radius.server import Drop, RadiusServer, Replay, Request, ServerKind, Source
from netbilld.services.access_directory import OpenedCredential
from netbilld.services.authenticate import Authenticate
from netbilld.services.slow_guessers import SlowGuessers
from tests import soak
from tests.builders.log_in_desk import Desk, facts
from tests.radius_requests import AUTHENTICATOR, NAS, SECRET, chap, client, mschap_v1, mschap_v2, pap

SHORT_RUNS: Final = 10_000
MAX_CORPUS: Final = 4_000

MAC = b"00:E1:0C:38:C8:F8"
LINE = (names.ADSL_AGENT_CIRCUIT_ID, b"OLT1 7")
NOW = datetime(2026, 3, 17, 5, 0, tzinfo=UTC)
KEYS = sorted(value for name, value in vars(names).items() if name.isupper() and isinstance(value, int))

Pairs = list[tuple[int, bytes]]


def _pairs(datagram: bytes) -> Pairs:
    packet = decode(datagram)
    return [(key, value) for key in packet.attributes for value in packet.all(key)]


def _seeds() -> list[tuple[int, Pairs]]:
    station = (names.CALLING_STATION_ID, MAC)
    ppp = [(names.SERVICE_TYPE, b"\0\0\0\2"), (names.FRAMED_PROTOCOL, b"\0\0\0\1"), station]
    hotspot = [(names.SERVICE_TYPE, b"\0\0\0\1"), (names.MIKROTIK_HOST_IP, bytes((10, 5, 88, 2))), station]
    login = [(names.SERVICE_TYPE, b"\0\0\0\1"), (names.CALLING_STATION_ID, b"203.0.113.9")]
    access = [
        pap(b"budi", b"rahasia", *ppp),
        pap(b"budi@isp.example", b"rahasia", *hotspot, (names.PROXY_STATE, b"1"), (names.PROXY_STATE, b"2")),
        pap(b"budi", b"rahasia", *login),
        mschap_v2(b"ani", "a long password", *login),
        pap(MAC, b"", (names.CALLING_STATION_ID, b"1:0:e1:c:38:c8:f8"), (names.NAS_PORT_TYPE, b"\0\0\0\x0f")),
        pap(MAC, b"", (names.CALLING_STATION_ID, b"02:00:00:00:00:08"), (names.NAS_PORT_TYPE, b"\0\0\0\x0f")),
        pap(b"02:00:00:00:00:07", b"", LINE),
        chap(b"budi", b"rahasia", *hotspot, challenge=bytes(16)),
        mschap_v1(b"budi", "rahasia", *ppp),
        mschap_v2(b"ISP\\budi", "rahasia", *ppp, (names.MIKROTIK_REALM, b"isp"), hashed_name=b"budi"),
    ]
    seeds = [(int(Code.ACCESS_REQUEST), _pairs(one.packet.datagram)) for one in access]
    seeds = [(code, [pair for pair in pairs if pair[0] != names.MESSAGE_AUTHENTICATOR]) for code, pairs in seeds]
    accounting: Pairs = [
        (names.ACCT_STATUS_TYPE, b"\0\0\0\3"), (names.USER_NAME, b"budi"), (names.ACCT_SESSION_ID, b"81100007"),
        (names.ACCT_INPUT_OCTETS, b"\0\0\1\0"), (names.ACCT_INPUT_GIGAWORDS, b"\0\0\0\1"), (names.FRAMED_IP_ADDRESS, bytes(4)),
        (names.EVENT_TIMESTAMP, bytes(4)), (names.DELEGATED_IPV6_PREFIX, bytes(18)), (names.CLASS, bytes(30)), station, NAS,
    ]  # fmt: skip
    return [*seeds, (int(Code.ACCOUNTING_REQUEST), accounting), (int(Code.STATUS_SERVER), [NAS])]


class Fuzzer:
    """Two servers with a desk behind them, and the packets that were worth keeping."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.desk = Desk()
        self.desk.serve(
            facts(),
            OpenedCredential(b"budi", "budi", "password", b"rahasia", nt_hash("rahasia")),
            OpenedCredential(MAC, MAC.decode(), "mac", b"", b""),
            OpenedCredential(b"circuit:olt1 7", "circuit:olt1 7", "circuit", b"", b""),
        )
        self.waiting: list[Callable[[], None]] = []
        guessers = SlowGuessers(lambda _seconds, call: self.waiting.append(call), 0.5)
        self.authenticate = Authenticate(
            self.desk.directory, self.desk.attempts, self.chance.randbytes, lambda: 0.0, guessers=guessers
        )
        ani = RouterAccount("ani", b"a long password", nt_hash("a long password"), "full")
        nas = replace(
            client(policy="false"), router_accounts={b"ani": ani}
        )  # believed by its address alone, so that as much as can be gets inside
        self.servers: dict[ServerKind, RadiusServer] = {
            "auth": RadiusServer([nas], "auth"),
            "acct": RadiusServer([nas], "acct"),
        }
        self.corpus = _seeds()
        self.seen: set[tuple[object, ...]] = set()
        self.runs = 0

    # -- what is sent --------------------------------------------------------------------------------------------------

    def _value(self, value: bytes) -> bytes:
        chance = self.chance
        match chance.randrange(8):
            case 0:
                return chance.randbytes(chance.randrange(20))
            case 1:
                return value[: chance.randrange(len(value) + 1)]
            case 2:
                return (value + chance.randbytes(chance.randrange(1, 40)))[:247]
            case 3:
                return chance.choice(
                    (b"", b"\0", b"\xff" * 4, b"\0" * 4, b"\xff" * 18, b"a" * 247, MAC, b"@", b"\\", b"1:")
                )
            case 4:
                return (value * chance.randrange(1, 9))[:247]
            case 5:
                return value.swapcase()
            case _:
                changed = bytearray(value)
                for _ in range(chance.randrange(1, 4)):
                    if changed:
                        changed[chance.randrange(len(changed))] = chance.randrange(256)
                return bytes(changed)

    def _mutated(self, pairs: Pairs) -> Pairs:
        chance = self.chance
        changed = list(pairs)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(changed)) if changed else 0
            match chance.randrange(6) if changed else 0:
                case 0:
                    changed.insert(at, (chance.choice(KEYS), self._value(b"abc")))
                case 1:
                    del changed[at]
                case 2:
                    changed.insert(at, chance.choice(changed))
                case 3:
                    changed[at] = (chance.choice(KEYS), changed[at][1])
                case _:
                    changed[at] = (changed[at][0], self._value(changed[at][1]))
        if chance.randrange(8) == 0:  # a password that is well hidden, whatever it is
            hidden = hide_password(chance.randbytes(chance.randrange(129)), SECRET, AUTHENTICATOR)
            changed.append((names.USER_PASSWORD, hidden))
        return [(key, value) for key, value in changed if 0 < key < 1 << 32 and (key < 256 or key >> 8)]

    def _datagram(self, code: int, pairs: Pairs) -> bytes:
        chance = self.chance
        attributes = b"".join(encode_attribute(key, value) for key, value in pairs)[:4000]
        while True:  # cut at an attribute
            try:
                datagram = build_request(
                    code,
                    chance.randrange(256),
                    SECRET,
                    attributes,
                    chance.randrange(4) > 0,
                    authenticator=AUTHENTICATOR if chance.randrange(4) else chance.randbytes(16),
                )
                break
            except Exception:  # noqa: BLE001 - only a fuzzer's own packet that does not fit
                attributes = attributes[: len(attributes) // 2]
        if chance.randrange(5) == 0:  # and what no NAS signs
            octets = bytearray(datagram)
            for _ in range(chance.randrange(1, 4)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
            datagram = bytes(octets[: chance.randrange(len(octets) + 1)] if chance.randrange(4) == 0 else octets)
        return datagram

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def run_once(self) -> None:
        """Send one packet to both ports and keep it if something new came of it."""
        self.runs += 1
        code, pairs = self.chance.choice(self.corpus)
        changed = self._mutated(pairs)
        datagram = self._datagram(code, changed)
        try:
            outcomes = tuple(self._deliver(kind, datagram) for kind in self.servers)
        except Exception as error:
            raise AssertionError(f"run {self.runs}: {datagram.hex()}") from error
        if outcomes not in self.seen:
            self.seen.add(outcomes)
            if len(self.corpus) < MAX_CORPUS:
                self.corpus.append((code, changed))

    def _deliver(self, kind: ServerKind, datagram: bytes) -> tuple[object, ...]:
        server = self.servers[kind]
        source: Source = ("192.0.2.1", 40_000 + self.runs % 7)
        dropped = sum(server.drops.values())
        outcome = server.receive(datagram, source, self.runs / 100)
        dump(datagram)
        if isinstance(outcome, Drop):
            assert sum(server.drops.values()) == dropped + 1
            return outcome.reason, outcome.detail
        if isinstance(outcome, Replay):
            return ("replay",)
        assert isinstance(outcome, Request)
        packet = outcome.packet
        shape = frozenset(key for key in packet.attributes if key in KEYS and key < 256)
        if packet.code == Code.STATUS_SERVER:
            server.respond(outcome, 0)
            return ("status", len(shape))
        if kind == "acct":
            record = AccountingRecord.from_packet(packet, uuid4(), self.runs % 2 == 0, NOW)
            decode(server.respond(outcome, int(Code.ACCOUNTING_RESPONSE)))
            return record.kind, record.delegated_prefix is None, record.mac is None, len(shape)
        locate(packet, "mikrotik")
        late: list[object] = []
        now = NOW + timedelta(seconds=self.runs)
        decision = self.authenticate.handle(outcome, now, late.append)
        if decision is None:
            assert self.waiting, "nothing was said, and nothing waits"
            self.waiting.pop()()
            assert len(late) == 1
            return ("late",)
        reply = decode(server.respond(outcome, decision.code, decision.attributes))
        assert reply.code in {Code.ACCESS_ACCEPT, Code.ACCESS_REJECT}
        assert next(iter(reply.attributes)) == names.MESSAGE_AUTHENTICATOR
        assert reply.all(names.PROXY_STATE) == packet.all(names.PROXY_STATE)
        return decision.code, decision.reason, decision.method, len(shape)


def test_a_short_run_finds_no_exception() -> None:
    fuzzer = Fuzzer(20261122)
    for _ in range(SHORT_RUNS):
        fuzzer.run_once()
    reasons = {outcome[0][1] for outcome in fuzzer.seen if isinstance(outcome[0], tuple) and len(outcome[0]) == 4}
    assert {"ok", "wrong_password", "unknown_user", "router_login", "mac_mismatch", "malformed_credentials"} <= reasons


@pytest.mark.soak
def test_ten_minutes_find_no_exception() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    fuzzer = Fuzzer(seed)
    ends_at = time.monotonic() + soak.SECONDS
    try:
        while time.monotonic() < ends_at:
            for _ in range(200):
                fuzzer.run_once()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}") from error
    print(f"{fuzzer.runs} packets, {len(fuzzer.seen)} outcomes, {len(fuzzer.corpus)} kept")  # noqa: T201 - what ten minutes came to
