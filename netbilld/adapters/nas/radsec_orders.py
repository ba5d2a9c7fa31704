"""CoA- and Disconnect-Requests back over the connection that a NAS has opened (RFC 6614 §2.5); otherwise over UDP.

Few NAS take orders that way: RouterOS documents UDP only, and a NAS that doesn't must answer Error-Cause 406. So a NAS
that has never answered over RadSec is asked over UDP as well, and for a while only there.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from netbilld.adapters.nas.coa import CoaClient, OrderTrace, cause_words
from netbilld.enforcement.actions import Order, SessionHandle
from netbilld.radius.codes import Code, ErrorCause
from netbilld.radius.errors import EncodeError
from netbilld.radius.exchange import Exchange, ExchangeState, IdentifierPool, Reply, RetransmitPolicy
from netbilld.radius.radsec import SECRET
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind

DEAF_SECONDS: Final = 1800.0  # after which a NAS that took no orders here is tried here again
CUTS_IN_A_ROW: Final = 3
CUT_SECONDS: Final = 300.0
_ACKS: Final = frozenset((int(Code.COA_ACK), int(Code.DISCONNECT_ACK)))
ANSWERS: Final = _ACKS | {int(Code.COA_NAK), int(Code.DISCONNECT_NAK)}
logger = logging.getLogger("netbilld.enforcement")


class OrderChannel:
    """One connection's orders: its own identifiers, and who waits for which answer."""

    def __init__(self, send: Callable[[bytes], bool], first_identifier: int) -> None:
        self.takes_orders = False  # it has answered one, and not that it takes none
        self.ignored = 0  # answers to nothing that was asked
        self._send = send
        self._identifiers = IdentifierPool(first_identifier)
        self._waiting: dict[int, tuple[Exchange, asyncio.Future[None]]] = {}
        self._given_up: dict[int, Exchange] = {}  # by identifier; a late answer still says that orders are taken
        self.is_closed = False

    def take_identifier(self) -> int | None:
        """Return an identifier that no order on this connection has; None where 256 are under way."""
        return None if self.is_closed else self._identifiers.take()

    def release(self, identifier: int) -> None:
        """Give an identifier back."""
        self._identifiers.release(identifier)

    async def exchange(self, request: bytes, patience_seconds: float) -> Exchange:
        """Send an order once, TCP does the rest (RFC 6613 §2.6.1), and return it with what came of it."""
        loop = asyncio.get_running_loop()
        policy = RetransmitPolicy(patience_seconds, patience_seconds, 1, patience_seconds)
        exchange = Exchange(request, SECRET, loop.time(), b"", policy)
        ended: asyncio.Future[None] = loop.create_future()
        self._waiting[request[1]] = (exchange, ended)
        try:
            if self._send(request):
                await asyncio.wait((ended,), timeout=patience_seconds)
        finally:
            del self._waiting[request[1]]
        if exchange.reply is None:
            self._given_up[request[1]] = exchange
        return exchange

    def receive(self, frame: bytes) -> None:
        """Take an answer."""
        waiting = self._waiting.get(frame[1])
        exchange = waiting[0] if waiting is not None else self._given_up.pop(frame[1], None)
        reply = exchange.receive(frame) if exchange is not None else None
        if isinstance(reply, Reply):
            self.takes_orders |= reply.error_cause != ErrorCause.UNSUPPORTED_EXTENSION
        if waiting is None or not isinstance(reply, Reply):
            self.ignored += 1
        elif not waiting[1].done():
            waiting[1].set_result(None)

    def close(self) -> None:
        """End what is under way, unanswered."""
        self.is_closed = True
        for _, ended in self._waiting.values():
            if not ended.done():
                ended.set_result(None)


class Channels(Protocol):
    """Knows the live connections."""

    def channel_of(self, nas_id: UUID) -> OrderChannel | None: ...


class OrdersByRadsec:
    """A `NasControl`: over the NAS's own connection where it has one and answers there, else by the UDP client.

    Args:
        channels: the live connections.
        udp: builds the packets, and sends where no connection serves.
        patience_seconds: how long an answer is waited for.
    """

    def __init__(self, channels: Channels, udp: CoaClient, patience_seconds: float) -> None:
        self.orders = 0
        self.trace: OrderTrace | None = None
        self._channels = channels
        self._udp = udp
        self._patience_seconds = patience_seconds
        self._deaf_until_mono: dict[UUID, float] = {}
        self._cut_short: Counter[UUID] = Counter()  # how often in a row a connection has ended under an order

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:
        """Return what came of one order."""
        now_mono = asyncio.get_running_loop().time()
        channel = self._channels.channel_of(nas.nas_id)
        is_deaf = self._deaf_until_mono.get(nas.nas_id, 0.0) > now_mono
        if channel is None or (is_deaf and not channel.takes_orders):
            return await self._udp.apply(nas, session, order, class_value)
        identifier = channel.take_identifier()
        if identifier is None:
            return Outcome(OutcomeKind.FAILED, detail="256 orders are under way at this NAS")
        try:
            inside = replace(nas, secret=b"radsec")
            request = self._udp.build(inside, identifier, session, order, class_value)
            self.orders += 1
            if self.trace is not None:
                self.trace.order("radsec", "out", nas, session, request, "")
            exchange = await channel.exchange(request, self._patience_seconds)
        except (EncodeError, ValueError) as error:
            return Outcome(OutcomeKind.FAILED, detail=f"the order can't be sent: {error}")
        finally:
            channel.release(identifier)
        reply = exchange.reply
        if reply is not None and self.trace is not None:
            self.trace.order("radsec", "in", nas, session, reply.packet.datagram, "")
        if exchange.state is ExchangeState.DONE and reply is not None:
            self._cut_short.pop(nas.nas_id, None)
            if reply.code in _ACKS:
                return Outcome(OutcomeKind.ACKED)
            if reply.error_cause != ErrorCause.UNSUPPORTED_EXTENSION:
                said = f"refused by {nas.name}: {cause_words(reply.error_cause)}"
                return Outcome(OutcomeKind.NACKED, reply.error_cause, said)
        elif channel.takes_orders:
            return Outcome(OutcomeKind.TIMED_OUT, detail=f"no answer from {nas.name} over RadSec")
        elif channel.is_closed:
            # chance, or orders are what it can't bear: this one goes over UDP, and after some in a row all do
            self._cut_short[nas.nas_id] += 1
            if self._cut_short[nas.nas_id] >= CUTS_IN_A_ROW:
                del self._cut_short[nas.nas_id]
                self._deaf_until_mono[nas.nas_id] = asyncio.get_running_loop().time() + CUT_SECONDS
            return await self._udp.apply(nas, session, order, class_value)
        self._deaf_until_mono[nas.nas_id] = asyncio.get_running_loop().time() + DEAF_SECONDS
        logger.info("NAS %s takes no orders over RadSec: they go over UDP", nas.name, extra={"event": "radsec_deaf"})
        return await self._udp.apply(nas, session, order, class_value)
