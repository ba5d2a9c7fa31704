"""The CoA client against a server that misbehaves on demand, over real sockets (RFC 5176)."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from netbilld.adapters.nas.coa import CoaClient
from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import ChangeOfAuthorization, Disconnect, SessionHandle
from netbilld.enforcement.order_form import OrderForm
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind, Silence
from tests.coa_server import CoaServer
from tests.peers import free_udp_port

SESSION = SessionHandle("Budi", "81a00001", "10.1.2.3", "127.0.0.1")
WITH_STATION = SessionHandle("Budi", "81a00001", "10.1.2.3", "127.0.0.1", "02:00:5E:10:00:0A")
SLOWER = ChangeOfAuthorization(ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000)))


@asynccontextmanager
async def coa_client(
    timeout_seconds: float = 0.2, tries: int = 2, hosts: tuple[str, ...] = ("127.0.0.1",)
) -> AsyncIterator[CoaClient]:
    client = CoaClient(hosts, timeout_seconds=timeout_seconds, tries=tries, entropy=bytes)
    try:
        yield client
    finally:
        client.close()


def target(
    server: CoaServer, vendor: str = "mikrotik", secret: bytes = b"testing123", form: OrderForm | None = None
) -> NasTarget:
    return NasTarget(UUID(int=1), "pop1", server.host, server.port, vendor, secret, form or OrderForm())


async def test_a_coa_carries_identity_and_rate_and_is_signed() -> None:
    async with CoaServer() as server, coa_client() as client:
        assert await client.apply(target(server), SESSION, SLOWER, b"") == Outcome(OutcomeKind.ACKED)
        (order,) = server.received
        assert server.unsound == 0
        assert (order.kind, order.username, order.rate) == ("coa", "Budi", "1M/2M")
        # Message-Authenticator, then what tells the session, then what changes (RFC 5176 §3.4)
        assert list(order.attributes) == [80, 1, 44, 8, 4, (14988, 8)]
        assert 55 not in order.attributes  # no Event-Timestamp: routers with a wrong clock would drop it
        assert client.counters.acks == 1


async def test_a_disconnect_carries_identity_and_nothing_else() -> None:
    """RFC 5176 §3.6."""
    async with CoaServer() as server, coa_client() as client:
        await client.apply(target(server), SESSION, Disconnect(), b"class")
        assert list(server.received[0].attributes) == [80, 1, 44, 8, 4]


@pytest.mark.parametrize(
    ("vendor", "kinds"),
    [
        ("accel-ppp", [80, 1, 44, 11]),
        ("huawei", [80, 1, 44, 8, (2011, 2), (2011, 3), (2011, 5), (2011, 6)]),
        ("wispr", [80, 1, 44, (14122, 7), (14122, 8), 85, 25]),
        # all that a log-in says, since what is missing is reset
        ("coovachilli", [80, 1, 44, (14122, 7), (14122, 8), (14559, 4), (14559, 5), 85, 25]),
    ],
)
async def test_a_coa_carries_what_its_vendor_needs(vendor: str, kinds: list[object]) -> None:
    async with CoaServer() as server, coa_client() as client:
        assert await client.apply(target(server, vendor), WITH_STATION, SLOWER, b"class") == Outcome(OutcomeKind.ACKED)
        assert list(server.received[0].attributes) == kinds


@pytest.mark.parametrize(
    ("vendor", "kinds"),
    [
        ("hostapd", [80, 55, 1, 44, 31]),  # anything more is refused with 401
        ("ruckus", [80, 6, 1, 44, 31]),
        ("cambium", [80, 44, 31]),
        ("cisco", [80, 44, 1]),
        ("a vendor of a later release", [80, 55, 1, 44]),
    ],
)
async def test_a_disconnect_says_the_marks_its_vendor_knows_a_session_by(vendor: str, kinds: list[object]) -> None:
    async with CoaServer() as server, coa_client() as client:
        await client.apply(target(server, vendor), WITH_STATION, Disconnect(), b"class")
        assert list(server.received[0].attributes) == kinds


@pytest.mark.parametrize(
    ("vendor", "form", "kinds"),
    [
        ("mikrotik", OrderForm(), [80]),
        ("mikrotik", OrderForm(event_timestamp=True), [80, 55]),
        ("mikrotik", OrderForm(message_authenticator=False), []),
        ("hostapd", OrderForm(), [80, 55]),
        ("hostapd", OrderForm(event_timestamp=False), [80]),
        ("hostapd", OrderForm(clock_off_seconds=150), [80, 55]),
        ("hostapd", OrderForm(clock_off_seconds=-151), [80]),  # its clock would take it for an old one
        ("hostapd", OrderForm(event_timestamp=True, clock_off_seconds=9999), [80, 55]),
        ("hostapd", OrderForm(event_timestamp=False, message_authenticator=False), []),
    ],
)
async def test_the_switches_of_a_nas_say_what_an_order_carries_and_auto_is_what_suits_its_vendor(
    vendor: str, form: OrderForm, kinds: list[int]
) -> None:
    """RFC 5176 §3.4 and §6.3; Message-Authenticator stands first."""
    async with CoaServer() as server, coa_client() as client:
        await client.apply(target(server, vendor, form=form), WITH_STATION, Disconnect(), b"")
        assert server.unsound == 0
        carried = server.received[0].attributes
        assert [kind for kind in carried if kind in {55, 80}] == kinds
        if 55 in carried:
            said = int.from_bytes(carried[55][0], "big")
            assert abs(said - time.time()) < 60


async def test_a_retransmission_is_the_same_bytes() -> None:
    """RFC 5176 §2.3."""
    async with CoaServer(answer="late_ack") as server, coa_client(tries=3) as client:
        assert (await client.apply(target(server), SESSION, SLOWER, b"")).kind is OutcomeKind.ACKED
        assert len(server.received) == 2
        assert len(server.orders) == 1
        assert client.counters.retransmissions == 1


@pytest.mark.parametrize(
    ("cause", "words"), [(503, "503 session context not found"), (None, "no reason given"), (999, "999")]
)
async def test_a_refusal_says_why(cause: int | None, words: str) -> None:
    async with CoaServer(answer="nak", error_cause=cause) as server, coa_client() as client:
        outcome = await client.apply(target(server), SESSION, Disconnect(), b"")
        assert (outcome.kind, outcome.error_cause) == (OutcomeKind.NACKED, cause)
        assert words in outcome.detail


class Seen:
    """What a trace is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str, str, int, str]] = []

    def order(
        self, port: str, direction: str, nas: NasTarget, session: SessionHandle, datagram: bytes, note: str
    ) -> None:
        self.shown.append((port, direction, nas.name, session.username, datagram[0], note))


async def test_a_trace_is_shown_orders_retransmissions_answers_and_what_is_not_believed() -> None:
    async with CoaServer(answer="late_ack") as server, coa_client(tries=3) as client:
        seen = client.trace = Seen()
        assert (await client.apply(target(server), SESSION, SLOWER, b"")).kind is OutcomeKind.ACKED
        server.answer, server.secret = "wrong_secret", b"testing123"
        await client.apply(target(server), SESSION, Disconnect(), b"")
    told = [(direction, code, note) for _, direction, _, _, code, note in seen.shown]
    assert told[:3] == [("out", 43, ""), ("out", 43, "retransmission"), ("in", 44, "")]
    assert told[3:5] == [("out", 40, ""), ("in", 41, "dropped: bad_authenticator")]
    assert {one[0:4:2] for one in seen.shown} == {("coa", "pop1")}


async def test_silence_ends_after_the_tries_that_were_set() -> None:
    async with CoaServer(answer="silent") as server, coa_client(0.05, 3) as client:
        outcome = await client.apply(target(server), SESSION, SLOWER, b"")
        assert outcome == Outcome(OutcomeKind.TIMED_OUT, None, "no answer from pop1 after 3 tries", Silence.NO_ANSWER)
        assert len(server.received) == 3


async def test_an_answer_with_a_wrong_authenticator_is_no_answer_and_is_said_so() -> None:
    async with CoaServer(answer="wrong_secret") as server, coa_client(0.05, 2) as client:
        outcome = await client.apply(target(server), SESSION, SLOWER, b"")
        assert outcome == Outcome(OutcomeKind.TIMED_OUT, None, "pop1 answers with another secret", Silence.OTHER_SECRET)
        assert client.counters.silences[Silence.OTHER_SECRET] == 1
        assert client.counters.ignored == {"bad_authenticator": 2}


async def test_a_server_that_shares_no_secret_is_silent() -> None:
    async with CoaServer() as server, coa_client(0.05, 2) as client:
        outcome = await client.apply(target(server, secret=b"other"), SESSION, SLOWER, b"")
        assert outcome.kind is OutcomeKind.TIMED_OUT
        assert server.unsound == 2


async def test_a_closed_port_is_noticed_at_once_and_named() -> None:
    async with CoaServer() as server, coa_client(30, 1) as client:
        closed = free_udp_port()
        nowhere = NasTarget(UUID(int=2), "pop2", "127.0.0.1", closed, "mikrotik", b"x")
        async with asyncio.timeout(10):
            outcome = await client.apply(nowhere, SESSION, SLOWER, b"")
        words = f"nothing listens on pop2 UDP port {closed}"
        assert outcome == Outcome(OutcomeKind.TIMED_OUT, None, words, Silence.NOBODY_LISTENS)
        # the socket is shared: the next NAS is none the worse for it
        assert (await client.apply(target(server), SESSION, SLOWER, b"")).kind is OutcomeKind.ACKED


async def test_an_error_that_another_order_has_drawn_costs_nobody_else_anything() -> None:
    """The kernel reports it once on the socket that all share, whoever sends next; the loop doesn't spin over it."""
    async with CoaServer() as server, coa_client(30, 1) as client:
        nowhere = [NasTarget(UUID(int=2), "pop2", "127.0.0.1", free_udp_port(), "mikrotik", b"x") for _ in range(20)]
        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(
                *(client.apply(each, SESSION, SLOWER, b"") for each in (*nowhere, target(server), *nowhere))
            )
        assert [outcome.silence for outcome in outcomes].count(Silence.NOBODY_LISTENS) == 40
        assert [outcome.kind for outcome in outcomes].count(OutcomeKind.ACKED) == 1
        assert client.counters.send_errors == 0


async def test_a_nas_to_which_there_is_no_way_is_told_from_one_that_is_silent() -> None:
    async with coa_client(0.05, 2) as client:
        nowhere = NasTarget(UUID(int=3), "pop3", "192.0.2.1", 3799, "mikrotik", b"x")
        client._socket("192.0.2.1").setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)  # as without a route
        outcome = await client.apply(nowhere, SESSION, SLOWER, b"")
    assert (outcome.kind, outcome.silence) == (OutcomeKind.TIMED_OUT, Silence.UNREACHABLE)
    assert "pop3 can't be reached" in outcome.detail


async def test_one_socket_serves_many_orders_and_nas_at_once() -> None:
    async with CoaServer() as one, CoaServer(host="127.0.0.2") as two, coa_client(2, 2) as client:
        outcomes = await asyncio.gather(
            *(
                client.apply(target(server), SessionHandle(f"u{number}", str(number)), Disconnect(), b"")
                for number in range(200)
                for server in (one, two)
            )
        )
        assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACKED}
        assert len({order.source for order in one.received + two.received}) == 1
        assert len({order.username for order in one.received}) == 200


async def test_more_than_256_orders_at_one_nas_are_refused_not_mixed_up() -> None:
    async with CoaServer(answer="silent") as server, coa_client(0.2, 1) as client:
        outcomes = await asyncio.gather(
            *(client.apply(target(server), SessionHandle("u", str(number)), Disconnect(), b"") for number in range(260))
        )
        kinds = [outcome.kind for outcome in outcomes]
        assert kinds.count(OutcomeKind.TIMED_OUT) == 256
        assert kinds.count(OutcomeKind.FAILED) == 4


async def test_garbage_and_unasked_answers_are_ignored_and_counted() -> None:
    async with CoaServer(answer="silent") as server, coa_client(0.3, 1) as client:
        order = asyncio.ensure_future(client.apply(target(server), SESSION, SLOWER, b""))
        while not server.received:
            await asyncio.sleep(0.005)
        request = server.received[0]
        for datagram in (b"\x00", b"\x2c", b"\x2c\x63" + bytes(18), bytes((44, request.identifier)) + bytes(30)):
            server._transport.sendto(datagram, request.source)
        assert (await order).kind is OutcomeKind.TIMED_OUT
        assert sum(client.counters.ignored.values()) == 4


async def test_orders_leave_from_the_address_radius_listens_on() -> None:
    async with CoaServer() as server, coa_client(hosts=("::", "127.0.0.9")) as client:
        await client.apply(target(server), SESSION, SLOWER, b"")
        assert server.received[0].source[0] == "127.0.0.9"


async def test_a_nas_over_ipv6_is_reached() -> None:
    async with CoaServer(host="::1") as server, coa_client(hosts=("0.0.0.0", "::")) as client:
        assert (await client.apply(target(server), SESSION, SLOWER, b"")).kind is OutcomeKind.ACKED


async def test_what_can_not_be_encoded_is_a_failure_and_nothing_is_sent() -> None:
    async with CoaServer() as server, coa_client() as client:
        outcome = await client.apply(target(server), SessionHandle("u" * 300, "1"), SLOWER, b"")
        assert outcome.kind is OutcomeKind.FAILED
        assert server.received == []


async def test_wispr_is_sent_the_complete_set_with_its_class() -> None:
    async with CoaServer() as server, coa_client() as client:
        await client.apply(target(server, "wispr"), SESSION, SLOWER, b"nb1")
        attributes = server.received[0].attributes
        assert list(attributes) == [80, 1, 44, (14122, 7), (14122, 8), 85, 25]
        assert attributes[25] == [b"nb1"]
