"""An order about a session that nobody has: whether a NAS takes orders from us (RFC 5176 §3.5)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from netbilld.adapters.nas.own_address import own_address
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.doctor.facts import Answer, OrderProbe
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.radius.attributes import EVENT_TIMESTAMP
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.errors import EncodeError
from netbilld.radius.exchange import Exchange, ReplyDropReason, RetransmitPolicy, build_request
from netbilld.radius.packet import encode_attributes
from netbilld.radius.values import encode_integer
from netbilld.services.nas_control import NasTarget

_TRIES: Final = 2
_NAME: Final = "netbilld-doctor"  # with random digits behind it: no subscriber's
_SESSION: Final = "ffffffff"
_QUEUE: Final = 16


class SendProbe:
    """Sends such orders, each from a socket of its own, so that an ICMP error is surely about it."""

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        timeout_seconds: float,
        entropy: Callable[[int], bytes],
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        """Take what RADIUS listens on, and the wait for an answer before the order is sent once more."""
        self._hosts = tuple(hosts)
        self._policy = RetransmitPolicy(timeout_seconds, timeout_seconds, _TRIES, 0)
        self._entropy = entropy
        self._monotonic = monotonic
        self._now = now

    async def probe(self, nas: NasTarget) -> OrderProbe | None:
        """Return what came of it; None where the vendor takes no orders. Never raises for what a network does."""
        known = vendor_or_any(nas.vendor)
        if not known.orders:
            return None
        nobody = SessionHandle(f"{_NAME}-{self._entropy(6).hex()}", _SESSION)
        secret = Secret(nas.secret)
        pairs = known.identify(nobody)
        if nas.form.is_stamped(known):
            pairs = [(EVENT_TIMESTAMP, encode_integer(int(self._now().timestamp()))), *pairs]
        try:
            request = build_request(
                Code.DISCONNECT_REQUEST,
                self._entropy(1)[0],
                secret,
                encode_attributes(pairs),
                nas.form.is_signed(known),
            )
            return await self._send(nas, request, secret)
        except (EncodeError, OSError, ValueError) as error:
            return OrderProbe(Answer.NOT_SENT, detail=str(error))

    async def _send(self, nas: NasTarget, request: bytes, secret: Secret) -> OrderProbe:
        host = str(ip_address(nas.host))
        local = own_address(host, self._hosts)
        loop = asyncio.get_running_loop()
        transport, heard = await loop.create_datagram_endpoint(
            _Heard, local_addr=None if local is None else (local, 0), remote_addr=(host, nas.coa_port)
        )
        exchange = Exchange(request, secret, self._monotonic(), self._entropy(8), self._policy)
        refused = False
        try:
            transport.sendto(request)
            while (due_mono := exchange.next_at_mono) is not None:
                try:
                    async with asyncio.timeout(max(0.0, due_mono - self._monotonic())):
                        datagram = await heard.arrived.get()
                except TimeoutError:
                    if (again := exchange.poll(self._monotonic())) is not None:
                        transport.sendto(again)
                    continue
                if datagram is None:
                    refused = True
                    break
                exchange.receive(datagram)
        finally:
            transport.close()
        reply = exchange.reply
        if reply is not None:
            taken = reply.code == Code.DISCONNECT_ACK
            return OrderProbe(Answer.TOOK_IT if taken else Answer.REFUSED_IT, reply.error_cause)
        if refused:
            return OrderProbe(Answer.NOTHING_LISTENS)
        if {ReplyDropReason.BAD_AUTHENTICATOR, ReplyDropReason.BAD_MESSAGE_AUTHENTICATOR}.intersection(
            exchange.dropped
        ):
            return OrderProbe(Answer.OTHER_SECRET)
        return OrderProbe(Answer.SILENCE)


class _Heard(asyncio.DatagramProtocol):
    """Keeps what arrives; None for «nothing listens there»."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        del addr
        if not self.arrived.full():
            self.arrived.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionRefusedError) and not self.arrived.full():
            self.arrived.put_nowait(None)
