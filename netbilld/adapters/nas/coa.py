"""CoA- and Disconnect-Requests over UDP (RFC 5176): one socket a local address, shared by every NAS.

pyrad puts the packets together; when to send again and whether an answer is true is `netbilld.radius.exchange`.
"""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from typing import Final, Literal, Protocol

from pyrad.packet import CoAPacket, CoARequest, DisconnectRequest

from netbilld.adapters.clock import SystemClock
from netbilld.enforcement.actions import ChangeOfAuthorization, EnterList, LeaveList, Order, SessionHandle
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.model.errors import NetbilldError
from netbilld.radius.attributes import EVENT_TIMESTAMP
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code, ErrorCause
from netbilld.radius.errors import EncodeError
from netbilld.radius.exchange import (
    Exchange,
    ExchangeState,
    IdentifierPool,
    Reply,
    ReplyDropReason,
    RetransmitPolicy,
)
from netbilld.radius.packet import MAX_PACKET_OCTETS
from netbilld.radius.values import encode_integer
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind, Silence

DATAGRAMS_A_WAKE_UP: Final = 64
_JITTER_OCTETS: Final = 8
_FIRST_VENDOR_KEY: Final = 1 << 8
_DEFAULT_INTERIM_SECONDS: Final = 300
# The Linux ABI's numbers; not in Python's socket module.
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_MSG_ERRQUEUE: Final = 0x2000
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")  # sock_extended_err: errno, origin, type, code, info, data
_CLOCK: Final = SystemClock()
_ACKS: Final = frozenset((int(Code.COA_ACK), int(Code.DISCONNECT_ACK)))
_FORGED: Final = frozenset((ReplyDropReason.BAD_AUTHENTICATOR, ReplyDropReason.BAD_MESSAGE_AUTHENTICATOR))

Peer = tuple[str, int]
Direction = Literal["in", "out"]


class OrderTrace(Protocol):
    """Is shown orders and what comes back."""

    def order(
        self, port: str, direction: Direction, nas: NasTarget, session: SessionHandle, datagram: bytes, note: str
    ) -> None: ...


@dataclass(slots=True)
class CoaCounters:
    """What went out and came back since the start; `ignored` are datagrams that answer nothing, by reason."""

    requests: int = 0
    retransmissions: int = 0
    acks: int = 0
    naks: int = 0
    silences: dict[Silence, int] = field(default_factory=lambda: dict.fromkeys(Silence, 0))
    causes: dict[int, int] = field(default_factory=dict)  # of refusals; 0 where none was given
    send_errors: int = 0
    ignored: dict[str, int] = field(default_factory=dict)

    @property
    def timeouts(self) -> int:
        """Return how many were left unanswered."""
        return sum(self.silences.values())


class _Transaction:
    __slots__ = ("ended", "exchange", "refused", "show", "trouble")

    def __init__(
        self, exchange: Exchange, ended: "asyncio.Future[None]", show: Callable[[Direction, bytes, str], None]
    ) -> None:
        self.exchange = exchange
        self.ended = ended
        self.show = show
        self.refused = False
        self.trouble = ""

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class CoaClient:
    """Carries out orders at NAS.

    Args:
        hosts: the addresses RADIUS listens on; a specific one is what the NAS knows us by, so orders leave from it.
            With a wildcard the kernel chooses by its routes.
        timeout_seconds: how long to wait before the same bytes are sent again.
        tries: how many times they are sent.
        interim_seconds: Acct-Interim-Interval for NAS that want complete sets of attributes.
        entropy: gives that many unpredictable octets; spreads the waits.
        now: the time that Event-Timestamp says.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        timeout_seconds: float,
        tries: int,
        entropy: Callable[[int], bytes],
        interim_seconds: int = _DEFAULT_INTERIM_SECONDS,
        now: Callable[[], datetime] = _CLOCK.now,
    ) -> None:
        self.counters = CoaCounters()
        self.trace: OrderTrace | None = None
        self.patience_seconds = timeout_seconds * tries
        self._hosts = tuple(hosts)
        self._policy = RetransmitPolicy(timeout_seconds, timeout_seconds, tries, 0)
        self._entropy = entropy
        self._interim_seconds = interim_seconds
        self._now = now
        self._sockets: dict[int, socket.socket] = {}
        self._identifiers: dict[Peer, IdentifierPool] = {}
        self._waiting: dict[tuple[Peer, int], _Transaction] = {}

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:
        """Return what came of one order; a `NasControl`."""
        peer = (str(ip_address(nas.host)), nas.coa_port)
        identifiers = self._identifiers.get(peer)
        if identifiers is None:
            identifiers = self._identifiers[peer] = IdentifierPool(self._entropy(1)[0])
        identifier = identifiers.take()
        if identifier is None:
            return Outcome(OutcomeKind.FAILED, detail="256 orders are under way at this NAS")
        try:
            request = self.build(nas, identifier, session, order, class_value)
            sock = self._socket(peer[0])
            return await self._exchange(nas, session, sock, peer, request)
        except (EncodeError, NetbilldError, OSError, ValueError) as error:
            return Outcome(OutcomeKind.FAILED, detail=f"the order can't be sent: {error}")
        finally:
            identifiers.release(identifier)

    def close(self) -> None:
        """Give the sockets back; orders under way end unanswered."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets.values():
            loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        for transaction in self._waiting.values():
            transaction.end()

    def build(self, nas: NasTarget, identifier: int, session: SessionHandle, order: Order, class_value: bytes) -> bytes:
        """Return the signed packet of an order.

        Raises:
            EncodeError, ValueError: it can't be said in a packet.
        """
        if isinstance(order, EnterList | LeaveList):
            raise ValueError("RFC 5176 has no words for a list, which is kept over the API")  # noqa: TRY004 - see Raises
        vendor = vendor_or_any(nas.vendor)
        pairs = vendor.identify(session)
        if nas.form.is_stamped(vendor):  # made once: a copy sent again is the same octets (RFC 5176 §6.3)
            pairs = [(EVENT_TIMESTAMP, encode_integer(int(self._now().timestamp()))), *pairs]
        if isinstance(order, ChangeOfAuthorization):  # a Disconnect carries no authorisation (RFC 5176 §3.6)
            pairs = pairs + vendor.change(order.profile, self._interim_seconds, class_value)
        code = CoARequest if isinstance(order, ChangeOfAuthorization) else DisconnectRequest
        packet = CoAPacket(code, identifier, nas.secret)
        if nas.form.is_signed(vendor):
            packet.add_message_authenticator()  # first of all attributes
        for key, value in pairs:
            name = key if key < _FIRST_VENDOR_KEY else (key >> 8, key & 0xFF)
            packet.setdefault(name, []).append(value)
        request: bytes = packet.RequestPacket()
        return request

    async def _exchange(
        self, nas: NasTarget, session: SessionHandle, sock: socket.socket, peer: Peer, request: bytes
    ) -> Outcome:
        loop = asyncio.get_running_loop()
        exchange = Exchange(request, Secret(nas.secret), loop.time(), self._entropy(_JITTER_OCTETS), self._policy)
        show = partial(self._show, nas, session)
        transaction = _Transaction(exchange, loop.create_future(), show)
        self._waiting[peer, request[1]] = transaction
        try:
            self.counters.requests += 1
            transaction.trouble = trouble = self._send(sock, request, peer)
            show("out", request, f"not sent: {trouble}" if trouble else "")
            while (next_at_mono := exchange.next_at_mono) is not None:
                await asyncio.wait((transaction.ended,), timeout=max(0.0, next_at_mono - loop.time()))
                if transaction.ended.done():
                    break
                again = exchange.poll(loop.time())
                if again is not None:
                    self.counters.retransmissions += 1
                    if trouble := self._send(sock, again, peer):
                        transaction.trouble = trouble
                    show("out", again, f"not sent again: {trouble}" if trouble else "retransmission")
        finally:
            del self._waiting[peer, request[1]]
        return self._outcome(nas, transaction)

    def _show(self, nas: NasTarget, session: SessionHandle, direction: Direction, datagram: bytes, note: str) -> None:
        if self.trace is not None:
            self.trace.order("coa", direction, nas, session, datagram, note)

    def _send(self, sock: socket.socket, datagram: bytes, peer: Peer) -> str:
        """Send, and return what went wrong, if anything; a lost datagram is sent again like any other."""
        try:
            sock.sendto(datagram, peer)
        except OSError as error:
            # An earlier datagram's ICMP error is reported here once, whichever NAS it was about: try again.
            if not isinstance(error, BlockingIOError):
                try:
                    sock.sendto(datagram, peer)
                except OSError as second:
                    error = second
                else:
                    return ""
            self.counters.send_errors += 1
            return error.strerror or str(error)
        return ""

    def _outcome(self, nas: NasTarget, transaction: _Transaction) -> Outcome:
        exchange = transaction.exchange
        reply = exchange.reply
        if exchange.state is ExchangeState.DONE and reply is not None:
            if reply.code in _ACKS:
                self.counters.acks += 1
                return Outcome(OutcomeKind.ACKED)
            self.counters.naks += 1
            cause = reply.error_cause or 0
            self.counters.causes[cause] = self.counters.causes.get(cause, 0) + 1
            return Outcome(
                OutcomeKind.NACKED, reply.error_cause, f"refused by {nas.name}: {cause_words(reply.error_cause)}"
            )
        silence, detail = _silence(nas, transaction)
        self.counters.silences[silence] += 1
        return Outcome(OutcomeKind.TIMED_OUT, detail=detail, silence=silence)

    def _socket(self, host: str) -> socket.socket:
        """Return the socket for a destination's address family, opened when first needed."""
        is_ipv6 = ":" in host
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        known = self._sockets.get(family)
        if known is not None:
            return known
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            # without this the kernel does not tell an unconnected socket that nobody listens over there
            if is_ipv6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sock.bind((self._local_address(is_ipv6=is_ipv6), 0))
        except OSError:
            sock.close()
            raise
        self._sockets[family] = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._drain, sock)
        return sock

    def _local_address(self, *, is_ipv6: bool) -> str:
        for host in self._hosts:
            address = ip_address(host)
            if (address.version == 6) == is_ipv6 and not address.is_unspecified:
                return host
        return "::" if is_ipv6 else "0.0.0.0"  # noqa: S104 - the kernel chooses by its routes

    def _drain(self, sock: socket.socket) -> None:
        for count in range(DATAGRAMS_A_WAKE_UP):
            try:
                datagram, source = sock.recvfrom(MAX_PACKET_OCTETS + 1)
            except (BlockingIOError, InterruptedError):
                if not count:  # a sendto has taken the error that woke us; what it was about waits to be read
                    self._read_errors(sock)
                return
            except OSError:
                self._read_errors(sock)
                continue
            self._receive(datagram, (source[0].partition("%")[0], source[1]))

    def _receive(self, datagram: bytes, source: Peer) -> None:
        transaction = self._waiting.get((source, datagram[1])) if len(datagram) >= 2 else None
        if transaction is None:
            self._ignore("unasked")
            return
        answer = transaction.exchange.receive(datagram)
        if isinstance(answer, Reply):
            transaction.show("in", datagram, "")
            transaction.end()
        else:
            transaction.show("in", datagram, f"dropped: {answer.reason}")
            self._ignore(answer.reason.value)

    def _ignore(self, reason: str) -> None:
        self.counters.ignored[reason] = self.counters.ignored.get(reason, 0) + 1

    def _read_errors(self, sock: socket.socket) -> None:
        """Take what the network says of datagrams that did not arrive; «port unreachable» ends the order at once."""
        for _ in range(DATAGRAMS_A_WAKE_UP):
            try:
                sent, ancillary, _flags, destination = sock.recvmsg(MAX_PACKET_OCTETS, 512, _MSG_ERRQUEUE)
            except OSError:
                return
            transaction = self._waiting.get(((destination[0], destination[1]), sent[1])) if len(sent) >= 2 else None
            if transaction is None or not transaction.exchange.request.startswith(sent[:20]):
                continue
            number = _error_number(ancillary)
            if number == errno.ECONNREFUSED:
                transaction.refused = True
                transaction.end()
            elif number:  # the next copy may find a way
                transaction.trouble = os.strerror(number)


def _silence(nas: NasTarget, transaction: _Transaction) -> tuple[Silence, str]:
    """Return why an order was left unanswered, and in words."""
    exchange = transaction.exchange
    if transaction.refused:
        return Silence.NOBODY_LISTENS, f"nothing listens on {nas.name} UDP port {nas.coa_port}"
    if _FORGED.intersection(exchange.dropped):
        return Silence.OTHER_SECRET, f"{nas.name} answers with another secret"
    if transaction.trouble:
        return Silence.UNREACHABLE, f"{nas.name} can't be reached: {transaction.trouble}"
    return Silence.NO_ANSWER, f"no answer from {nas.name} after {exchange.transmissions} tries"


def _error_number(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """Return the errno that the kernel gives beside a datagram that came back; 0 for none."""
    for level, kind, value in ancillary:
        is_error = (level, kind) in {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}
        if is_error and len(value) >= _EXTENDED_ERROR.size:
            return int(_EXTENDED_ERROR.unpack_from(value)[0])
    return 0


def cause_words(error_cause: int | None) -> str:
    """Return a refusal's reason for people (RFC 5176 §3.5)."""
    if error_cause is None:
        return "no reason given"
    try:
        words = ErrorCause(error_cause).name.lower().replace("_", " ")
    except ValueError:
        words = "unknown cause"
    return f"{error_cause} {words}"
