"""Guessing inside PEAP and TTLS: a device that hears that it was wrong and hangs up has made a try all the same."""

import random
from pathlib import Path

import pytest

from netbilld.radius.access import Decision
from netbilld.radius.attributes import CALLING_STATION_ID, EAP_MESSAGE, FRAMED_PROTOCOL, STATE
from netbilld.radius.codes import Code
from netbilld.radius.mschap import nt_hash
from netbilld.services.access_directory import OpenedCredential
from netbilld.services.authenticate import Authenticate
from netbilld.services.slow_guessers import SlowGuessers
from tests.builders.log_in_desk import Desk, attributes, facts
from tests.builders.services import NOW, SERVICE_ID
from tests.eap_peer import Peer, eap_request
from tests.eap_world import World, build

THIEF = (CALLING_STATION_ID, b"AA:BB:CC:00:00:66")
HOME = (CALLING_STATION_ID, b"AA:BB:CC:00:00:01")
MAC = "AA:BB:CC:00:00:77"


class TunnelDesk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.desk = Desk()
        self.desk.serve(facts())
        self.guessers = SlowGuessers(lambda _seconds, call: call(), 0.5)
        self.put_off: list[Decision] = []
        self.authenticate = Authenticate(
            self.desk.directory,
            self.desk.attempts,
            random.Random(1).randbytes,
            lambda: 0.0,
            eap=world.server,
            guessers=self.guessers,
        )

    def log_in(
        self,
        password: str,
        *more: tuple[int, bytes],
        name: bytes = b"budi",
        hangs_up: bool = False,
        method: str = "peap",
        at_mono: float = 0.0,
    ) -> Decision | None:
        """Log in; None for a device that hung up once it had heard a challenge that it was wrong."""
        peer = Peer(
            method, name, password, context=self.world.context(), outer=name if method == "md5" else b"anonymous"
        )
        message = b"\2\0" + (5 + len(peer.outer)).to_bytes(2, "big") + b"\1" + peer.outer
        state: bytes | None = None
        for _ in range(50):
            late: list[Decision] = []
            request = eap_request(message, state, *more, at_mono=at_mono)
            decision = self.authenticate.handle(request, NOW, late.append)
            if decision is None:
                (decision,) = late
                self.put_off.append(decision)
            if decision.code != Code.ACCESS_CHALLENGE:
                return decision
            answer = attributes(decision)
            state = answer.get(STATE)
            message = peer.answer(b"".join(answer.all(EAP_MESSAGE)))
            if hangs_up and any(b"E=691" in heard for heard in peer.heard_inside):
                return None
        raise AssertionError("no end")


@pytest.fixture
def desk(tmp_path: Path) -> TunnelDesk:
    return TunnelDesk(build(tmp_path))


def test_hanging_up_after_peaps_failure_does_not_hide_a_guess(desk: TunnelDesk) -> None:
    assert desk.log_in("rahasia", HOME) is not None
    for number in range(12):
        assert desk.log_in(f"guess {number}", THIEF, hangs_up=True) is None
    assert desk.log_in("rahasia", THIEF, hangs_up=True) is None, "too many tries: nothing is right any more"
    assert desk.put_off, "and it waits to hear of it"
    right = desk.log_in("rahasia", HOME)
    assert right is not None
    assert right.code == Code.ACCESS_ACCEPT, "the subscriber's own device is not kept out"


def test_a_guess_that_is_heard_to_its_end_counts_once(desk: TunnelDesk) -> None:
    for number in range(9):
        assert desk.log_in(f"guess {number}", THIEF) is not None
    right = desk.log_in("rahasia", THIEF)
    assert right is not None
    assert right.code == Code.ACCESS_ACCEPT, "ten tries are a device's due"


def test_tries_that_are_not_looked_at_do_not_count_so_that_a_corrected_device_gets_in(desk: TunnelDesk) -> None:
    for number in range(12):
        desk.log_in(f"guess {number}", THIEF)
    refused = [desk.log_in("rahasia", THIEF, at_mono=number / 4) for number in range(4)]
    assert [one.reason for one in refused if one is not None] == ["too_many_tries"] * 4
    right = desk.log_in("rahasia", THIEF, at_mono=10.0)
    assert right is not None
    assert right.code == Code.ACCESS_ACCEPT


def test_the_log_says_wrong_password_of_a_device_that_hung_up_and_not_that_it_wants_our_certificate(
    desk: TunnelDesk,
) -> None:
    desk.log_in("salah", THIEF, hangs_up=True)
    desk.log_in("rahasia", HOME, at_mono=61.0)
    left, _ = desk.desk.attempts.take(10)
    assert (left.result, left.reason, left.service_id) == ("reject", "wrong_password", SERVICE_ID)
    assert left.mac == THIEF[1]


@pytest.mark.parametrize("method", ["peap", "ttls"])
def test_an_endless_name_inside_a_tunnel_is_kept_nowhere(desk: TunnelDesk, method: str) -> None:
    """User-Name has at most 253 octets (RFC 2865 §5); inside a tunnel nothing else bounds it."""
    refused = desk.log_in("x", THIEF, name=b"n" * 5_000, method=method)
    assert refused is not None
    assert refused.code == Code.ACCESS_REJECT
    (attempt,) = desk.desk.attempts.take(10)
    assert len(attempt.user_name) <= 253


@pytest.mark.parametrize("method", ["peap", "ttls", "md5"])
def test_the_password_of_a_mac_address_opens_nothing_from_another_station(desk: TunnelDesk, method: str) -> None:
    """As with PAP: the password may be everybody's, the address is what tells one from the other."""
    password = b"semua"
    desk.desk.directory.set_credentials(
        SERVICE_ID, [OpenedCredential(MAC.encode(), MAC, "mac", password, nt_hash(password))]
    )
    theirs = desk.log_in("semua", THIEF, name=MAC.encode(), method=method)
    assert theirs is not None
    assert (theirs.code, theirs.reason) == (Code.ACCESS_REJECT, "mac_mismatch")
    dialled = desk.log_in("semua", (FRAMED_PROTOCOL, b"\0\0\0\1"), name=MAC.encode(), method=method)
    assert dialled is not None
    assert dialled.reason == "mac_mismatch"
    own = desk.log_in("semua", (CALLING_STATION_ID, MAC.encode()), name=MAC.encode(), method=method)
    assert own is not None
    assert own.code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("method", ["ttls", "md5"])
def test_the_password_of_a_line_opens_nothing_on_another(desk: TunnelDesk, method: str) -> None:
    desk.desk.directory.set_credentials(
        SERVICE_ID, [OpenedCredential(b"circuit:olt1/3", "circuit:olt1/3", "circuit", b"semua", nt_hash(b"semua"))]
    )
    refused = desk.log_in("semua", THIEF, name=b"circuit:olt1/3", method=method)
    assert refused is not None
    assert (refused.code, refused.reason) == (Code.ACCESS_REJECT, "unknown_user")
