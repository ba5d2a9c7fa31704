"""RadSec connections: TLS over TCP with bounds on everything a peer can make us hold or wait for (RFC 6614, RFC 6613).

What a packet means, and whose connection it is, the handler says; here are sockets, time limits and back-pressure.
"""

import asyncio
import errno
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, Protocol

from netbilld.adapters.certificates import peer_certificate
from netbilld.adapters.radsec_tls import TlsChannel, TlsContexts, why_it_failed
from netbilld.model.errors import NetbilldError
from netbilld.radius.radsec import FrameReader, PeerCertificate, plain_address
from netbilld.radius.server import Source

FRAMES_A_WAKE_UP: Final = 64
MOST_WAITING_OCTETS: Final = 1024 * 1024  # of answers that a peer does not read
SWEEP_SECONDS: Final = 0.5
LAST_WORDS_SECONDS: Final = 2.0
_BACKLOG: Final = 128
_KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))


class Closed(StrEnum):
    """Why a connection ended or never came to be; each is counted."""

    TOO_MANY = "too_many"
    UNKNOWN_CLIENT = "unknown_client"
    OTHER_CERTIFICATE = "other_certificate"
    TLS_FAILED = "tls_failed"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    BAD_FRAME = "bad_frame"
    HALF_FRAME = "half_frame"
    FRAME_TIMEOUT = "frame_timeout"
    MALFORMED = "malformed"
    UNAUTHENTIC = "unauthentic"
    UNREAD = "unread"
    IDLE = "idle"
    EXPIRED = "certificate_expired"
    REVOKED = "certificate_revoked"
    NAS_CHANGED = "nas_changed"
    LOST = "lost"
    BY_PEER = "by_peer"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class RadsecLimits:
    """How much and how long a peer may keep us.

    Attributes:
        connections: open ones in all.
        connections_a_source: those of one address.
        strangers: from addresses that no NAS has, until their certificate has said who they are.
        handshake_seconds: until TLS and certificates are done.
        frame_seconds: from a packet's first octet to its last.
        stall_seconds: how long answers may wait for the peer to read them.
        idle_seconds: without any packet.
        revoked: serial numbers of certificates that are believed no more.
    """

    connections: int = 512
    connections_a_source: int = 64
    strangers: int = 64
    handshake_seconds: float = 10.0
    frame_seconds: float = 10.0
    stall_seconds: float = 20.0
    idle_seconds: float = 3600.0
    revoked: frozenset[int] = frozenset()


@dataclass(slots=True)
class RadsecCounters:
    """What happened since the start."""

    accepted: int = 0
    established: int = 0
    received: int = 0
    sent: int = 0
    handler_errors: int = 0
    closed: dict[Closed, int] = field(default_factory=lambda: dict.fromkeys(Closed, 0))


class RadsecHandler(Protocol):
    """Knows the NAS, and answers packets."""

    def expects(self, host: str) -> bool | None:
        """Tell whether a NAS has this address; None where its certificate alone can say."""
        ...

    def opened(self, connection: "RadsecConnection") -> Closed | None:
        """Take a connection whose certificate is verified on; or say why it is none of ours."""
        ...

    def frame(self, connection: "RadsecConnection", frame: bytes, arrived_mono: float) -> bytes | Closed | None:
        """Return the answer to a packet; None for none, or for one that comes later by `connection.send`."""
        ...

    def failed(self, connection: "RadsecConnection", frame: bytes, error: Exception) -> None:
        """Forget a packet on which `frame` raised."""
        ...

    def closed(self, connection: "RadsecConnection") -> None:
        """Let go of a connection that was taken on."""
        ...

    def refused(self, host: str, why: Closed, detail: str) -> None:
        """Hear of a peer that an operator may want to know of."""
        ...


class RadsecListener:
    """The listening sockets and their connections."""

    def __init__(
        self,
        hosts: Sequence[str],
        port: int,
        contexts: TlsContexts,
        handler: RadsecHandler,
        limits: RadsecLimits,
        now: Callable[[], datetime],
    ) -> None:
        """Bind every socket; nobody gets in before `open`.

        Raises:
            NetbilldError: the port is in use, or an address is not this host's.
        """
        self.counters = RadsecCounters()
        self.limits = limits
        self.contexts = contexts
        self.handler = handler
        self.connections: Final[set[RadsecConnection]] = set()
        self.now = now
        self._from: Counter[str] = Counter()
        self._strangers = 0
        self._serial = 0
        self._servers: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        self._sweep: asyncio.TimerHandle | None = None
        self.is_stopping = False
        try:
            for host in hosts:
                self._sockets.append(_bind(host, port, dual_stack=len(hosts) == 1))
        except BaseException:
            self.close()
            raise
        self.port: int = self._sockets[0].getsockname()[1]

    @property
    def is_open(self) -> bool:
        """Tell whether connections are taken."""
        return bool(self._servers)

    async def open(self) -> None:
        """Take connections from now on.

        Raises:
            NetbilldError: another program listens on the port by now.
        """
        loop = asyncio.get_running_loop()
        try:
            for sock in self._sockets:
                server = await loop.create_server(lambda: RadsecConnection(self), sock=sock, backlog=_BACKLOG)
                self._servers.append(server)
        except OSError as error:
            raise _bind_error(error, sock.getsockname()[0], self.port) from None

    def stop(self) -> None:
        """Take no more connections and packets; answers under way still go out."""
        self.is_stopping = True
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        self._servers.clear()
        self._sockets.clear()
        for connection in self.connections:
            connection.stop()

    def close(self) -> None:
        """End everything and give the port back."""
        self.stop()
        for connection in list(self.connections):
            connection.end(Closed.STOPPED)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    # -- called by connections ---------------------------------------------------------------------------------------

    def admit(self, connection: "RadsecConnection", host: str) -> Closed | None:
        """Count one more connection; or say why not."""
        expected = self.handler.expects(host)
        if expected is False:
            self.handler.refused(host, Closed.UNKNOWN_CLIENT, "")
            return Closed.UNKNOWN_CLIENT
        limits = self.limits
        if (
            len(self.connections) >= limits.connections
            or self._from[host] >= limits.connections_a_source
            or (expected is None and self._strangers >= limits.strangers)
        ):
            self.handler.refused(host, Closed.TOO_MANY, "")
            return Closed.TOO_MANY
        self.counters.accepted += 1
        self.connections.add(connection)
        self._from[host] += 1
        connection.is_stranger = expected is None
        self._strangers += connection.is_stranger
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep_once)
        return None

    def identified(self, connection: "RadsecConnection") -> None:
        """Note that a connection is a NAS's."""
        self.counters.established += 1
        self._strangers -= connection.is_stranger
        connection.is_stranger = False

    def leave(self, connection: "RadsecConnection", host: str) -> None:
        """Forget a connection that was admitted."""
        self.connections.discard(connection)
        self._strangers -= connection.is_stranger
        self._from[host] -= 1
        if self._from[host] <= 0:
            del self._from[host]

    def next_serial(self) -> bytes:
        """Return a number that no other connection has."""
        self._serial += 1
        return self._serial.to_bytes(8, "big")

    def _sweep_once(self) -> None:
        """End what has kept us waiting too long."""
        self._sweep = None
        now_mono, now = time.monotonic(), self.now()
        for connection in list(self.connections):
            if (why := connection.overdue(now_mono, now)) is not None:
                connection.end(why)
        if self.connections and not self.is_stopping:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep_once)


class RadsecConnection(asyncio.Protocol):
    """One connection, from its first octet to its end.

    Attributes:
        source: address, port and a number of its own: what `Request.source` is for its packets.
        certificate: who the peer has proved to be; set before `RadsecHandler.opened`.
        last_frame_mono: when the last packet came.
    """

    source: Source
    certificate: PeerCertificate
    _transport: asyncio.Transport
    _tls: TlsChannel

    def __init__(self, listener: RadsecListener) -> None:
        self.is_stranger = False
        self.last_frame_mono = 0.0
        self.has_ended = False
        self._listener = listener
        self._frames = FrameReader()
        self._is_taken = False  # the handler has it
        self._is_admitted = False
        self._is_backed_up = False  # frames wait for the next turn of the loop
        self._is_stopping = False
        self._by_mono: float | None = None  # the handshake, or the packet begun, must be whole by then
        self._read_by_mono: float | None = None  # the peer must have read our answers by then
        self._valid_until: datetime | None = None
        self._host = ""

    # -- asyncio's side ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream server's always is
        self._transport = transport
        peer = transport.get_extra_info("peername")
        listener = self._listener
        context = listener.contexts.current()
        if not peer or context is None or listener.is_stopping:
            self.has_ended = True
            transport.abort()
            return
        self._host = str(plain_address(peer[0]))
        self.source = (self._host, peer[1], listener.next_serial())
        why = listener.admit(self, self._host)
        if why is not None:
            self.has_ended = True
            listener.counters.closed[why] += 1
            transport.abort()
            return
        self._is_admitted = True
        self._tls = TlsChannel(context)
        transport.set_write_buffer_limits(high=64 * 1024)
        if (sock := transport.get_extra_info("socket")) is not None:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in _KEEPALIVE:
                    sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self._by_mono = time.monotonic() + listener.limits.handshake_seconds

    def data_received(self, data: bytes) -> None:
        if self.has_ended:
            return
        was_established = self._tls.is_established
        try:
            clear = self._tls.receive(data)
        except ssl.SSLError as error:
            if not was_established:
                self._listener.handler.refused(self._host, Closed.TLS_FAILED, why_it_failed(error))
            self._flush()
            self.end(Closed.TLS_FAILED)
            return
        self._flush()
        if self._tls.is_established and not was_established and not self._open():
            return
        if clear:
            self._frames.feed(clear)
            self._work()
        elif self._tls.has_ended:
            self._ended_by_peer()

    def eof_received(self) -> bool:
        if not self.has_ended:
            self._ended_by_peer()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.has_ended:
            self.end(Closed.HALF_FRAME if self._frames.waiting_octets else Closed.LOST)

    def pause_writing(self) -> None:
        """Take nothing more from a peer that does not read our answers."""
        self._read_by_mono = time.monotonic() + self._listener.limits.stall_seconds
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._read_by_mono = None
        if self._by_mono is not None:  # the wait was ours
            self._by_mono = time.monotonic() + self._listener.limits.frame_seconds
        if self._is_backed_up:
            self._work()
        else:
            self._read_on()

    # -- the handler's side --------------------------------------------------------------------------------------------

    def send(self, frame: bytes) -> bool:
        """Send a packet; False if the connection has ended."""
        if self.has_ended:
            return False
        try:
            self._tls.send(frame)
        except ssl.SSLError:
            self.end(Closed.TLS_FAILED)
            return False
        self._listener.counters.sent += 1
        self._flush()
        if self._transport.get_write_buffer_size() > MOST_WAITING_OCTETS:
            self.end(Closed.UNREAD)
            return False
        return True

    def end(self, why: Closed) -> None:
        """Close, and count why; what was sent before still goes out, but for a peer that does not read."""
        if self.has_ended:
            return
        self.has_ended = True
        listener = self._listener
        listener.counters.closed[why] += 1
        if self._is_admitted:
            listener.leave(self, self._host)
        if self._is_taken:
            listener.handler.closed(self)
        transport = self._transport
        if transport.is_closing() or why in {Closed.UNREAD, Closed.LOST}:
            transport.abort()
            return
        if self._tls.is_established:
            self._tls.end()
            self._flush()
        transport.close()
        if transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, transport.abort)

    def stop(self) -> None:
        """Read no more; answers still go out."""
        self._is_stopping = True
        if not self.has_ended:
            self._transport.pause_reading()

    def overdue(self, now_mono: float, now: datetime) -> Closed | None:
        """Return why this connection has lasted too long, if it has."""
        if self._read_by_mono is not None:
            return Closed.UNREAD if now_mono > self._read_by_mono else None
        if self._by_mono is not None and now_mono > self._by_mono:
            return Closed.FRAME_TIMEOUT if self._is_taken else Closed.HANDSHAKE_TIMEOUT
        if not self._is_taken:
            return None
        if now_mono - self.last_frame_mono > self._listener.limits.idle_seconds:
            return Closed.IDLE
        if self._valid_until is not None and now >= self._valid_until:
            return Closed.EXPIRED
        return None

    # -- inside --------------------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Ask the handler whose connection this is; False if nobody's."""
        certificate = self._tls.peer_certificate()
        if certificate is None:  # OpenSSL believed what we can't read
            self._listener.handler.refused(self._host, Closed.TLS_FAILED, "its certificate can't be read")
            self.end(Closed.TLS_FAILED)
            return False
        self.certificate = peer_certificate(certificate)
        self._valid_until = certificate.not_valid_after_utc
        self._by_mono = None
        self.last_frame_mono = time.monotonic()
        why: Closed | None
        if self._listener.now() >= self._valid_until:  # TLS 1.2 may resume a session of better days
            why = Closed.EXPIRED
        elif certificate.serial_number in self._listener.limits.revoked:
            why = Closed.REVOKED
            self._listener.handler.refused(self._host, why, "its certificate is revoked")
        else:
            why = self._listener.handler.opened(self)
        if why is not None:
            self.end(why)
            return False
        self._is_taken = True
        self._listener.identified(self)
        return True

    def _work(self) -> None:
        """Hand on the packets that are whole, a few at a time, so that one peer does not starve the rest."""
        if self._read_by_mono is not None:
            self._is_backed_up = True  # until the peer has read the answers there are
            return
        self._is_backed_up = False
        frames, handler, counters = self._frames, self._listener.handler, self._listener.counters
        answers: list[bytes] = []
        received_before = counters.received
        for _ in range(FRAMES_A_WAKE_UP):
            if self.has_ended or self._is_stopping or (frame := frames.take()) is None:
                break
            counters.received += 1
            self.last_frame_mono = arrived_mono = time.monotonic()
            try:
                answer = handler.frame(self, frame, arrived_mono)
            except Exception as error:  # noqa: BLE001 - the edge: nothing from the network may stop the loop
                counters.handler_errors += 1
                handler.failed(self, frame, error)
                continue
            if isinstance(answer, bytes):
                answers.append(answer)
            elif answer is not None:
                self._answer(answers)
                self.end(answer)
                return
        else:
            self._is_backed_up = True
        self._answer(answers)
        if self.has_ended or self._is_stopping:
            return
        if self._is_backed_up:
            self._transport.pause_reading()
            if self._read_by_mono is None:
                asyncio.get_running_loop().call_soon(self._work)
            return
        if frames.is_bad:
            handler.refused(self._host, Closed.BAD_FRAME, "a packet's Length is impossible")
            self.end(Closed.BAD_FRAME)
            return
        if not frames.waiting_octets:
            self._by_mono = None
        elif self._by_mono is None or counters.received > received_before:
            self._by_mono = time.monotonic() + self._listener.limits.frame_seconds
        if self._tls.has_ended:
            self._ended_by_peer()
        else:
            self._read_on()

    def _answer(self, answers: list[bytes]) -> None:
        if answers and self.send(b"".join(answers)):
            self._listener.counters.sent += len(answers) - 1

    def _read_on(self) -> None:
        """Read again, unless something else still asks for a pause."""
        if not (self.has_ended or self._is_stopping or self._is_backed_up or self._read_by_mono is not None):
            self._transport.resume_reading()

    def _ended_by_peer(self) -> None:
        if self._is_backed_up:
            return  # what it sent before is worked on first
        if not self._tls.is_established:
            self.end(Closed.LOST)
        else:
            self.end(Closed.HALF_FRAME if self._frames.waiting_octets else Closed.BY_PEER)

    def _flush(self) -> None:
        octets = self._tls.wire()
        if octets and not self._transport.is_closing():
            self._transport.write(octets)


def _bind(host: str, port: int, *, dual_stack: bool) -> socket.socket:
    address = ip_address(host)
    sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not (dual_stack and address.is_unspecified))
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise _bind_error(error, host, port) from None
    return sock


def _bind_error(error: OSError, host: str, port: int) -> NetbilldError:
    where = f"TCP {f'[{host}]' if ':' in host else host}:{port}"
    hint = {
        errno.EADDRINUSE: f"see `ss -ltnp sport = :{port}` for which program has it, or set radius.radsec_port",
        errno.EADDRNOTAVAIL: "this host has no such address; see `ip address`, or use 0.0.0.0 or ::",
        errno.EACCES: "choose a port above 1023 or grant CAP_NET_BIND_SERVICE",
    }.get(error.errno or 0, "see radius.host and radius.radsec_port in the settings")
    code = "port_in_use" if error.errno == errno.EADDRINUSE else "bind_failed"
    why = os.strerror(error.errno or 0)
    return NetbilldError(f"RadSec can't listen on {where}: {why}", hint=hint, code=code)
