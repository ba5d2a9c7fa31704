"""A RadSec NAS that is one blocking TLS socket, for tests that want each octet in their hands."""

import os
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from pyrad.packet import CoANAK, CoAPacket, CoARequest, DisconnectNAK, DisconnectRequest

from netbilld.radius.attributes import NAS_IP_ADDRESS, USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.exchange import Reply, build_request, verify_reply
from netbilld.radius.packet import encode_attributes
from netbilld.radius.passwords import hide_password
from tests.accounting_packets import datagram

SECRET = b"radsec"
ERROR_CAUSE = 101
ORDERS = {int(CoARequest), int(DisconnectRequest)}


class RadsecClient:
    """One connection. `certs` is the directory of `netbilld certs`; `name` whose certificate is shown, None for none."""

    def __init__(
        self,
        port: int,
        certs: Path,
        name: str | None,
        *,
        source: str = "127.0.0.1",
        host: str = "127.0.0.1",
        client_certs: Path | None = None,
        version: ssl.TLSVersion | None = None,
    ) -> None:
        context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if name is not None:
            issued = (client_certs or certs) / "issued"
            context.load_cert_chain(issued / f"{name}.pem", issued / f"{name}.key")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        plain = socket.socket(family)
        plain.settimeout(10)
        plain.bind(("::1" if ":" in host else source, 0))
        plain.connect((host, port))
        try:
            self.tls = context.wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise
        self.received = b""
        self._orders: list[bytes] = []
        self._identifier = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.tls.close()

    def abort(self) -> None:
        """End without a goodbye, with a reset."""
        self.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
        self.tls.close()

    def next_identifier(self) -> int:
        self._identifier = (self._identifier + 1) % 256
        return self._identifier

    # -- requests ------------------------------------------------------------------------------------------------------

    def login_request(
        self, username: str, password: str = "rahasia", more: Iterable[tuple[int, bytes]] = (), *, signed: bool = False
    ) -> bytes:
        authenticator = os.urandom(16)
        hidden = hide_password(password.encode(), Secret(SECRET), authenticator)
        pairs = [(USER_NAME, username.encode()), (USER_PASSWORD, hidden), (NAS_IP_ADDRESS, bytes((127, 0, 0, 1)))]
        return build_request(
            Code.ACCESS_REQUEST,
            self.next_identifier(),
            Secret(SECRET),
            encode_attributes([*pairs, *more]),
            signed,
            authenticator=authenticator,
        )

    def accounting_request(self, status: str | int, more: bytes = b"", **what: Any) -> bytes:
        attributes = datagram(status, **what)[20:] + more
        return build_request(Code.ACCOUNTING_REQUEST, self.next_identifier(), Secret(SECRET), attributes, False)

    def status_request(self) -> bytes:
        return build_request(
            Code.STATUS_SERVER, self.next_identifier(), Secret(SECRET), b"", True, authenticator=os.urandom(16)
        )

    # -- octets --------------------------------------------------------------------------------------------------------

    def frame(self, timeout_seconds: float = 10) -> bytes | None:
        """Return the next answer, keeping orders for `order`; None where the connection ends."""
        while (frame := self._frame(timeout_seconds)) is not None and frame[0] in ORDERS:
            self._orders.append(frame)
        return frame

    def _frame(self, timeout_seconds: float) -> bytes | None:
        self.tls.settimeout(timeout_seconds)
        while True:
            if len(self.received) >= 4:
                length = int.from_bytes(self.received[2:4], "big")
                if len(self.received) >= length:
                    frame, self.received = self.received[:length], self.received[length:]
                    return frame
            try:
                octets = self.tls.recv(65536)
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError):
                octets = b""
            if not octets:
                return None
            self.received += octets

    def ask(self, request: bytes, timeout_seconds: float = 10) -> Reply | None:
        """Return the verified reply to a request; None where the connection ends first."""
        self.tls.sendall(request)
        frame = self.frame(timeout_seconds)
        if frame is None:
            return None
        reply = verify_reply(request, frame, Secret(SECRET))
        assert isinstance(reply, Reply), reply
        return reply

    def is_ended(self, timeout_seconds: float = 10) -> bool:
        """Whether the server ends the connection without another packet."""
        try:
            return self.frame(timeout_seconds) is None
        except ssl.SSLError:  # an alert: a handshake that the server has judged only now
            return True

    # -- orders --------------------------------------------------------------------------------------------------------

    def order(self, username: str, timeout_seconds: float = 20) -> CoAPacket:
        """Return the next CoA- or Disconnect-Request for a user, verified; those for others are acknowledged."""
        while True:
            frame = self._orders.pop(0) if self._orders else self._frame(timeout_seconds)
            assert frame is not None, "the connection has ended"
            if frame[0] not in ORDERS:
                continue
            packet = CoAPacket(packet=frame, secret=SECRET)
            assert packet.VerifyCoARequest(), "not signed with the secret radsec"
            if packet[USER_NAME] == [username.encode()]:
                return packet
            self.answer(packet)

    def answer(self, order: CoAPacket, *, error_cause: int | None = None) -> None:
        reply = order.CreateReply()
        if error_cause is not None:
            reply.code = DisconnectNAK if order.code == DisconnectRequest else CoANAK
            reply[ERROR_CAUSE] = [error_cause.to_bytes(4, "big")]
        self.tls.sendall(reply.ReplyPacket())
