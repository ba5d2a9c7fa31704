"""A NAS that is one blocking socket, for tests that want each datagram in their hands."""

import os
import socket
from typing import Any, Self

from netbilld.radius.attributes import NAS_IP_ADDRESS, USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import Packet, decode, encode_attributes
from netbilld.radius.passwords import hide_password
from tests.accounting_packets import datagram
from tests.daemon_process import SECRET, DaemonProcess

ACCEPT, REJECT, ACCOUNTING_RESPONSE = int(Code.ACCESS_ACCEPT), int(Code.ACCESS_REJECT), int(Code.ACCOUNTING_RESPONSE)


class NasSocket:
    """Speaks RADIUS with a daemon from one loopback address."""

    def __init__(self, daemon: DaemonProcess, address: str = "127.0.0.1", secret: str = SECRET) -> None:
        is_ipv6 = ":" in address
        host = "::1" if is_ipv6 else "127.0.0.1"
        self._auth, self._acct = (host, daemon.auth_port), (host, daemon.acct_port)
        self._secret = Secret(secret.encode())
        self._identifier = 0
        self._socket = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.close()

    def _next_identifier(self) -> int:
        self._identifier = (self._identifier + 1) % 256
        return self._identifier

    def login_request(
        self, username: str | bytes, password: str = "rahasia", *more: tuple[int, bytes], signed: bool = True
    ) -> bytes:
        """Return a PAP Access-Request."""
        authenticator = os.urandom(16)
        name = username.encode() if isinstance(username, str) else username
        hidden = hide_password(password.encode(), self._secret, authenticator)
        pairs = [(USER_NAME, name), (USER_PASSWORD, hidden), (NAS_IP_ADDRESS, bytes((127, 0, 0, 1))), *more]
        return build_request(
            Code.ACCESS_REQUEST,
            self._next_identifier(),
            self._secret,
            encode_attributes(pairs),
            signed,
            authenticator=authenticator,
        )

    def accounting_request(self, status: str | int, **what: Any) -> bytes:
        """Return an Accounting-Request; see tests.accounting_packets.datagram."""
        attributes = datagram(status, **what)[20:]
        return build_request(Code.ACCOUNTING_REQUEST, self._next_identifier(), self._secret, attributes, False)

    def status_request(self) -> bytes:
        """Return a Status-Server request (RFC 5997)."""
        return build_request(
            Code.STATUS_SERVER, self._next_identifier(), self._secret, b"", True, authenticator=os.urandom(16)
        )

    def send(self, request: bytes, *, accounting: bool = False) -> None:
        self._socket.sendto(request, self._acct if accounting else self._auth)

    def ask(
        self, request: bytes, *, accounting: bool = False, timeout_seconds: float = 1, tries: int = 5
    ) -> int | None:
        """Return the code of the reply; None if none came however often the same bytes were sent."""
        reply = self.exchange(request, accounting=accounting, timeout_seconds=timeout_seconds, tries=tries)
        return None if reply is None else reply[0]

    def exchange(
        self, request: bytes, *, accounting: bool = False, timeout_seconds: float = 1, tries: int = 5
    ) -> bytes | None:
        """Return the reply; None if none came however often the same bytes were sent."""
        self._socket.settimeout(timeout_seconds)
        for _ in range(tries):
            self.send(request, accounting=accounting)
            try:
                while (reply := self._socket.recv(4096))[1] != request[1]:
                    pass
            except TimeoutError:
                continue
            return reply
        return None

    def receive(self, timeout_seconds: float = 5) -> Packet:
        """Return the next reply to what was sent."""
        self._socket.settimeout(timeout_seconds)
        return decode(self._socket.recv(4096))

    def drain(self) -> int:
        """Return how many replies have arrived that nobody has read."""
        self._socket.setblocking(False)
        replies = 0
        while True:
            try:
                self._socket.recv(4096)
            except BlockingIOError:
                return replies
            replies += 1

    def login(self, username: str | bytes, password: str = "rahasia", **how: Any) -> int | None:
        return self.ask(self.login_request(username, password), **how)

    def account(self, status: str | int, *, tries: int = 5, timeout_seconds: float = 1, **what: Any) -> int | None:
        request = self.accounting_request(status, **what)
        return self.ask(request, accounting=True, tries=tries, timeout_seconds=timeout_seconds)
