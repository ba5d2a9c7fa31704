"""RadiusListener: one UDP socket, drained in a loop callback, answered without a detour through asyncio's transports.

Why no DatagramProtocol: draining many datagrams a wake-up costs a fifth of one wake-up each, and leaves the callback
free to hand a datagram straight down to the codec. Linux only, as systemd is.
"""

import asyncio
import errno
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from netbilld.model.errors import NetbilldError
from netbilld.radius.backlog import Backlog
from netbilld.radius.packet import MAX_PACKET_OCTETS
from netbilld.radius.server import Source

# Takes a datagram, where it came from and when; returns the reply to send at once, or None. A reply that comes later
# goes out by `RadiusListener.send` with the same source.
Handler = Callable[[bytes, Source, float], bytes | None]

RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024
BEHIND_SECONDS = 0.25  # what the newest datagram in the kernel's queue would wait; beyond it the begun go first
READ_AHEAD = 512
BUSY_SECONDS = 0.05  # so long a socket that had more than it could take counts as busy
# Of processor time, then the rest of the loop has its turn: about as many log-ins as `_drain` takes accounting packets,
# which in a daemon of one process must not wait for them.
WORK_SECONDS = 0.005
DATAGRAMS_A_WAKE_UP = 64
LOG_INTERVAL_SECONDS = 60.0

# Not in Python's socket module everywhere; the numbers are the Linux ABI's.
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_OCTETS_A_DATAGRAM = 1280  # that the kernel counts for a small one, its own bookkeeping with it
_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
_IN_PKTINFO = struct.Struct("=i4s4s")  # interface, local address, destination address
_IN6_PKTINFO = struct.Struct("=16sI")  # local address, interface

_ANCILLARY_OCTETS = socket.CMSG_SPACE(max(_IN_PKTINFO.size, _IN6_PKTINFO.size))

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ListenerCounters:
    """What a socket has seen since it was opened; `kernel_drops` of the moment is asked by `kernel_drops()`."""

    received: int = 0
    sent: int = 0
    receive_errors: int = 0
    send_errors: int = 0
    handler_errors: int = 0


class RadiusListener:
    """A bound UDP socket that hands each datagram to `handler` and sends what it returns.

    Bound to one address, replies leave from it. Bound to a wildcard, the address that was asked travels with the
    source and is put back on the reply, since a NAS ignores answers from another address (RFC 2865 §3).
    Nothing the handler raises passes beyond: it is counted, logged at most once a minute, and `on_failure` is told,
    so that the request can be forgotten and its retransmission tried afresh.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        *,
        name: str = "radius",
        on_failure: Callable[[bytes, Source], None] | None = None,
        has_begun: Callable[[bytes, Source], bool] | None = None,
        on_overload: Callable[[bytes, Source], None] | None = None,
        on_copy: Callable[[bytes, Source], object] | None = None,
        dual_stack: bool = False,
        receive_buffer_octets: int = RECEIVE_BUFFER_OCTETS,
        share: bool = False,
        descriptor: int | None = None,
    ) -> None:
        """Bind the socket; nothing is received before `start`.

        `dual_stack` lets `::` take IPv4 as well; leave it off when an IPv4 address is bound beside it. With `share`
        others may be bound to the same port that also share it. A `descriptor` is of a socket that another process has
        bound so already; it is taken over as it is. With `has_begun` the datagrams it is true of go first when more
        arrive than can be answered, and `on_overload` is told of those that are dropped then, `on_copy` of copies
        of those that wait.

        Raises:
            NetbilldError: the address is none of this host's, or the port is in use or not permitted.
        """
        self.name = name
        self.counters = ListenerCounters()
        self._handler = handler
        self._on_failure = on_failure
        self._backlog: Backlog | None = None
        self._is_behind = False
        self._busy_until_mono = 0.0
        if has_begun is not None:
            ignored = on_overload or (lambda _datagram, _source: None)
            self._backlog = Backlog(self._serve, has_begun, ignored, time.monotonic, on_copy, time.thread_time)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_log_at_mono = 0.0
        self._unlogged_failures = 0
        address = _parse(host)
        self._is_ipv6 = address.version == 6
        self._asks_local_address = address.is_unspecified
        if descriptor is None:
            self._socket = self._bind(host, port, receive_buffer_octets, dual_stack=dual_stack, share=share)
        else:
            self._socket = socket.socket(fileno=descriptor)
            self._socket.setblocking(False)
        self._receive: Callable[[], tuple[bytes, Source]] = self._receive_bound
        if self._asks_local_address:
            self._receive = self._receive_wildcard
        elif not self._is_ipv6:
            self._receive = partial(self._socket.recvfrom, MAX_PACKET_OCTETS)  # as `_receive_bound`, a call less
        self.host = host
        self.port: int = self._socket.getsockname()[1]

    def _bind(
        self, host: str, port: int, receive_buffer_octets: int, *, dual_stack: bool, share: bool
    ) -> socket.socket:
        family = socket.AF_INET6 if self._is_ipv6 else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:  # IPv6 switched off in the kernel
            raise _bind_error(error, self.name, host, port) from error
        try:
            if share:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._prepare(sock, receive_buffer_octets, dual_stack=dual_stack)
            sock.bind((host, port))
        except OSError as error:
            sock.close()
            raise _bind_error(error, self.name, host, port) from error
        return sock

    def _prepare(self, sock: socket.socket, receive_buffer_octets: int, *, dual_stack: bool) -> None:
        try:  # root may pass the limit of net.core.rmem_max
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer_octets)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_octets)
        if self._is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual_stack)
        if self._asks_local_address:
            if self._is_ipv6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)

    @property
    def receive_buffer_octets(self) -> int:
        """How much the kernel holds for us; less than asked where its limit is lower (the kernel doubles both)."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    @property
    def bound(self) -> socket.socket:
        """The bound socket, to hand on to another process."""
        return self._socket

    @property
    def is_busy(self) -> bool:
        """Tell whether datagrams wait, or did a moment ago."""
        return self._is_behind or time.monotonic() < self._busy_until_mono

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin to receive, in `loop` or the running one."""
        self._loop = loop or asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._drain)

    def stop(self) -> None:
        """Receive no more; replies still under way may be sent."""
        if self._loop is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
        self._loop = None
        self._is_behind = False

    def close(self) -> None:
        """Stop and give the port back."""
        self.stop()
        self._socket.close()

    def send(self, reply: bytes, source: Source) -> bool:
        """Send `reply` to where a datagram came from; False, and counted, if the kernel did not take it."""
        try:
            if len(source) == 3:
                self._send_from(reply, source[0], source[1], source[2])
            else:
                self._socket.sendto(reply, source)
        except (OSError, ValueError):
            # A full send buffer, no route, a firewall, a closed socket: the NAS will ask again.
            self.counters.send_errors += 1
            return False
        self.counters.sent += 1
        return True

    def kernel_drops(self) -> int:
        """Return how many datagrams the kernel threw away because the receive buffer was full."""
        try:
            inode = str(os.fstat(self._socket.fileno()).st_ino)
            with Path("/proc/self/net/udp6" if self._is_ipv6 else "/proc/self/net/udp").open(encoding="ascii") as table:
                for line in table:
                    fields = line.split()
                    if len(fields) >= 13 and fields[9] == inode:
                        return int(fields[12])
        except (OSError, ValueError):
            return 0
        return 0

    def _drain(self) -> None:
        """Take what waits, up to a limit, so that one busy port does not starve the rest of the loop."""
        counters = self.counters
        handler = self._handler
        receive = self._receive
        monotonic = time.monotonic
        began_mono = monotonic()
        for _ in range(DATAGRAMS_A_WAKE_UP):
            try:
                datagram, source = receive()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of an earlier reply, reported here
                counters.receive_errors += 1
                return
            counters.received += 1
            try:
                reply = handler(datagram, source, monotonic())
                if reply is not None:
                    self.send(reply, source)
            except Exception as error:  # noqa: BLE001 - the edge: nothing from the network may stop the loop
                self._handler_failed(datagram, source, error)
        now_mono = monotonic()
        self._busy_until_mono = now_mono + BUSY_SECONDS
        if self._backlog is not None:  # there is more: how much, only the kernel knows
            self._look_behind(self._backlog, (now_mono - began_mono) / DATAGRAMS_A_WAKE_UP)

    # -- when more arrives than can be answered ------------------------------------------------------------------------

    def _look_behind(self, backlog: Backlog, cost_seconds: float) -> None:
        """Let the begun go first from now on if what waits would wait too long."""
        waiting_octets = int.from_bytes(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4), sys.byteorder)
        if self._loop is None or waiting_octets / _OCTETS_A_DATAGRAM * cost_seconds < BEHIND_SECONDS:
            return
        self._is_behind = True
        backlog.expect(cost_seconds)
        self._loop.remove_reader(self._socket.fileno())
        self._loop.call_soon(self._catch_up, backlog)

    def _catch_up(self, backlog: Backlog) -> None:
        """Take out what waits in the kernel, work a while, and go on so until nothing waits."""
        if self._loop is None or not self._is_behind:
            return
        emptied = False
        for _ in range(READ_AHEAD):
            try:
                datagram, source = self._receive()
            except (BlockingIOError, InterruptedError):
                emptied = True
                break
            except OSError:
                self.counters.receive_errors += 1
                break
            self.counters.received += 1
            backlog.take(datagram, source)
        backlog.work(WORK_SECONDS)
        if emptied and not backlog:
            self._is_behind = False
            self._loop.add_reader(self._socket.fileno(), self._drain)
        else:
            self._loop.call_soon(self._catch_up, backlog)

    def _serve(self, datagram: bytes, source: Source, arrived_mono: float) -> None:
        try:
            reply = self._handler(datagram, source, arrived_mono)
            if reply is not None:
                self.send(reply, source)
        except Exception as error:  # noqa: BLE001 - the edge: nothing from the network may stop the loop
            self._handler_failed(datagram, source, error)

    def _receive_bound(self) -> tuple[bytes, Source]:
        datagram, address = self._socket.recvfrom(MAX_PACKET_OCTETS)
        return datagram, address if len(address) == 2 else address[:2]

    def _receive_wildcard(self) -> tuple[bytes, Source]:
        datagram, ancillary, _, address = self._socket.recvmsg(MAX_PACKET_OCTETS, _ANCILLARY_OCTETS)
        # One kind of control message was asked for, and its octets are what the reply takes back.
        return datagram, (address[0], address[1], ancillary[0][2] if ancillary else b"")

    def _send_from(self, reply: bytes, host: str, port: int, asked: bytes) -> None:
        if len(asked) == _IN_PKTINFO.size:
            _, local, _ = _IN_PKTINFO.unpack(asked)
            # Interface 0 leaves the route to the kernel; only the address is ours to say.
            control = (socket.IPPROTO_IP, _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4)))
        elif len(asked) == _IN6_PKTINFO.size:
            local, interface = _IN6_PKTINFO.unpack(asked)
            link_local = local[0] == 0xFE and local[1] & 0xC0 == 0x80
            control = (
                socket.IPPROTO_IPV6,
                socket.IPV6_PKTINFO,
                _IN6_PKTINFO.pack(local, interface if link_local else 0),
            )
        else:
            self._socket.sendto(reply, (host, port))
            return
        self._socket.sendmsg((reply,), (control,), 0, (host, port))

    def _handler_failed(self, datagram: bytes, source: Source, error: Exception) -> None:
        self.counters.handler_errors += 1
        if self._on_failure is not None:
            try:
                self._on_failure(datagram, source)
            except Exception:  # noqa: BLE001 - the same edge
                self.counters.handler_errors += 1
        self._unlogged_failures += 1
        now_mono = time.monotonic()
        if now_mono >= self._next_log_at_mono:
            self._next_log_at_mono = now_mono + LOG_INTERVAL_SECONDS
            _log.error(
                "%s: working on a packet from %s failed (%d since the last line): %s",
                self.name,
                source[0],
                self._unlogged_failures,
                type(error).__name__,
                exc_info=error,
            )
            self._unlogged_failures = 0


def _parse(host: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(host)
    except ValueError as error:
        raise NetbilldError(
            f"radius.host {host!r} is not an IP address",
            hint="give an IPv4 or IPv6 address of this host, 0.0.0.0 or ::",
            code="bad_address",
        ) from error


def _bind_error(error: OSError, name: str, host: str, port: int) -> NetbilldError:
    where = f"UDP {f'[{host}]' if ':' in host else host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return NetbilldError(
            f"{name}: {where} is in use by another program",
            hint=f"see `ss -ulpn sport = :{port}` for which one, stop it or change the port in the settings",
            code="port_in_use",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return NetbilldError(
            f"{name}: this host has no address {host}",
            hint="see `ip address`, or use 0.0.0.0 or ::",
            code="address_not_here",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return NetbilldError(
            f"{name}: not permitted to bind {where}",
            hint="choose a port above 1023 or grant CAP_NET_BIND_SERVICE",
            code="port_not_permitted",
        )
    return NetbilldError(
        f"{name}: can't bind {where}: {os.strerror(error.errno or 0)}",
        hint="see radius.host and the ports in the settings",
        code="bind_failed",
    )
