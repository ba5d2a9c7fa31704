"""Orders back over a NAS's own connection, and over UDP where it takes none there (RFC 6614 §2.5)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from pyrad.packet import CoANAK, CoAPacket

from netbilld.adapters.nas.coa import CoaClient
from netbilld.adapters.nas.radsec_orders import OrderChannel, OrdersByRadsec
from netbilld.enforcement.actions import Disconnect, SessionHandle
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind
from tests.coa_server import ERROR_CAUSE, CoaServer

SESSION = SessionHandle("Budi", "81a00001", "10.1.2.3", "127.0.0.1")
NAS_ID = UUID(int=1)
PATIENCE_SECONDS = 0.3


class Peer:
    """The NAS's end of a connection: `answer` makes of each order what comes back, if anything."""

    def __init__(self, answer: Callable[[CoAPacket], bytes | None]) -> None:
        self.seen: list[CoAPacket] = []
        self.raw: list[bytes] = []
        self.answer = answer
        self.channel: OrderChannel | None = OrderChannel(self.send, 250)

    def send(self, frame: bytes) -> bool:
        packet = CoAPacket(packet=frame, secret=b"radsec")
        assert packet.VerifyCoARequest()
        self.seen.append(packet)
        self.raw.append(frame)
        reply = self.answer(packet)
        if reply is not None:
            assert self.channel is not None
            asyncio.get_running_loop().call_soon(self.channel.receive, reply)
        return True

    def channel_of(self, nas_id: UUID) -> OrderChannel | None:
        assert nas_id == NAS_ID
        return self.channel


def ack(order: CoAPacket) -> bytes:
    reply: bytes = order.CreateReply().ReplyPacket()
    return reply


def nak(cause: int) -> Callable[[CoAPacket], bytes]:
    def answer(order: CoAPacket) -> bytes:
        reply = order.CreateReply()
        reply.code = 42 if order.code == 40 else CoANAK
        reply[ERROR_CAUSE] = [cause.to_bytes(4, "big")]
        octets: bytes = reply.ReplyPacket()
        return octets

    return answer


@asynccontextmanager
async def world(answer: Callable[[CoAPacket], bytes | None]) -> AsyncIterator[tuple[Peer, CoaServer, OrdersByRadsec]]:
    peer = Peer(answer)
    udp = CoaClient(("127.0.0.1",), timeout_seconds=0.2, tries=1, entropy=bytes)
    async with CoaServer() as server:
        try:
            yield peer, server, OrdersByRadsec(peer, udp, PATIENCE_SECONDS)
        finally:
            udp.close()


async def disconnect(orders: OrdersByRadsec, server: CoaServer) -> Outcome:
    target = NasTarget(NAS_ID, "pop1", server.host, server.port, "mikrotik", b"testing123")
    return await orders.apply(target, SESSION, Disconnect(), b"")


async def test_an_order_goes_over_the_connection_signed_with_its_secret_and_udp_hears_nothing() -> None:
    async with world(ack) as (peer, server, orders):
        assert await disconnect(orders, server) == Outcome(OutcomeKind.ACKED)
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert [order.id for order in peer.seen] == [250, 251]  # identifiers of the connection's own
        assert server.received == []


async def test_a_trace_is_shown_orders_and_answers_of_both_ways() -> None:
    seen: list[tuple[str, str, int]] = []

    class Trace:
        def order(
            self, port: str, direction: str, nas: NasTarget, session: SessionHandle, datagram: bytes, note: str
        ) -> None:
            assert (nas.name, session, note) == ("pop1", SESSION, "")
            seen.append((port, direction, datagram[0]))

    async with world(nak(406)) as (_, server, orders):
        orders.trace = orders._udp.trace = Trace()
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
    assert seen == [("radsec", "out", 40), ("radsec", "in", 42), ("coa", "out", 40), ("coa", "in", 41)]


async def test_a_refusal_is_told_as_over_udp() -> None:
    async with world(nak(503)) as (_, server, orders):
        outcome = await disconnect(orders, server)
        assert outcome == Outcome(OutcomeKind.NACKED, 503, "refused by pop1: 503 session context not found")
        assert server.received == []


async def test_who_answers_406_gets_its_orders_over_udp_from_then_on() -> None:
    async with world(nak(406)) as (peer, server, orders):
        for _ in range(2):
            assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert len(peer.seen) == 1
        assert len(server.orders) == 2


async def test_who_never_answers_gets_its_orders_over_udp_from_then_on() -> None:
    async with world(lambda _order: None) as (peer, server, orders):
        for _ in range(2):
            assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert len(peer.seen) == 1


async def test_who_answers_too_late_is_asked_over_the_connection_again() -> None:
    async with world(lambda _order: None) as (peer, server, orders):
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED  # over UDP
        assert peer.channel is not None
        peer.channel.receive(ack(peer.seen[0]))
        peer.answer = ack
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert len(peer.seen) == 2
        assert len(server.orders) == 1


async def test_an_order_is_sent_once_for_tcp_repeats_it() -> None:
    """RFC 6613 §2.6.1; and one silence of a NAS that has answered before is no reason to leave the connection."""
    async with world(ack) as (peer, server, orders):
        await disconnect(orders, server)
        peer.answer = lambda _order: None
        outcome = await disconnect(orders, server)
        assert outcome == Outcome(OutcomeKind.TIMED_OUT, detail="no answer from pop1 over RadSec")
        assert len(peer.seen) == 2
        assert server.received == []


async def test_an_order_whose_connection_ends_under_it_goes_over_udp_and_three_in_a_row_are_not_chance() -> None:
    async with world(lambda _order: None) as (peer, server, orders):

        def cut(_order: CoAPacket) -> None:
            assert peer.channel is not None
            asyncio.get_running_loop().call_soon(peer.channel.close)

        peer.answer = cut
        for _ in range(3):
            peer.channel = OrderChannel(peer.send, 0)
            assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert len(peer.seen) == 3
        peer.channel = OrderChannel(peer.send, 0)
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert len(peer.seen) == 3
        assert len(server.orders) == 4


async def test_without_a_connection_orders_go_over_udp() -> None:
    async with world(ack) as (peer, server, orders):
        peer.channel = None
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert peer.seen == []


async def test_answers_to_nothing_and_forged_ones_are_counted_and_change_nothing() -> None:
    async with world(lambda _order: None) as (peer, server, orders):

        def answer(order: CoAPacket) -> bytes:
            forged = order.CreateReply()
            forged.secret = b"another"
            assert peer.channel is not None
            peer.channel.receive(bytes((41, (order.id + 1) % 256, 0, 20)) + bytes(16))
            peer.channel.receive(forged.ReplyPacket())
            return ack(order)

        peer.answer = answer
        assert (await disconnect(orders, server)).kind is OutcomeKind.ACKED
        assert peer.channel is not None
        assert peer.channel.ignored == 2


async def test_256_orders_at_once_are_the_most() -> None:
    async with world(lambda _order: None) as (peer, server, orders):
        assert peer.channel is not None
        taken = [peer.channel.take_identifier() for _ in range(256)]
        assert sorted(taken, key=lambda identifier: identifier or 0) == list(range(256))
        assert (await disconnect(orders, server)).kind is OutcomeKind.FAILED
