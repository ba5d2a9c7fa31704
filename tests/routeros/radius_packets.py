"""What a router says of a session: attributes and their order are those that captured packets show."""

import hashlib
import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from tests.routeros import radius_wire as wire
from tests.routeros.dialled import START, STOP, USER_REQUEST, Dialled
from tests.routeros.lines import HOTSPOT
from tests.routeros.radius_wire import Kind, Packet, number


@dataclass(frozen=True)
class OwnNames:
    """What a router calls itself."""

    identity: str
    nas_ip: str

    def said(self) -> list[tuple[Kind, bytes]]:
        return [(wire.NAS_IDENTIFIER, self.identity.encode()), (wire.NAS_IP_ADDRESS, ip_address(self.nas_ip).packed)]


def login_of(line: Dialled, own: OwnNames) -> list[tuple[Kind, bytes]]:
    """Return what an Access-Request says."""
    home = line.home
    password = home.password.encode()
    proof: list[tuple[Kind, bytes]] = [(wire.USER_PASSWORD, password)]
    if home.chap:
        challenge, ident = secrets.token_bytes(16), secrets.token_bytes(1)
        answer = hashlib.md5(ident + password + challenge).digest()  # noqa: S324 - its protocol
        proof = [(60, challenge), (3, ident + answer)]
    return [*_names(line), *proof, *own.said()]


def _names(line: Dialled) -> list[tuple[Kind, bytes]]:
    session_id = line.session_id.removeprefix("0x").encode()
    name, mac = line.name.encode("utf-8", "surrogateescape"), line.mac.encode()
    if line.service == HOTSPOT:
        address = IPv4Address(line.address).packed
        return [
            (wire.NAS_PORT_TYPE, number(19)),
            (wire.CALLING_STATION_ID, mac),
            (wire.CALLED_STATION_ID, b"hotspot1"),
            (wire.NAS_PORT_ID, b"bridge1"),
            (wire.USER_NAME, name),
            (wire.NAS_PORT, number(line.nas_port)),
            (wire.ACCT_SESSION_ID, session_id),
            (wire.FRAMED_IP_ADDRESS, address),
            (wire.MIKROTIK_HOST_IP, address),
        ]
    return [
        (wire.SERVICE_TYPE, number(2)),
        (wire.FRAMED_PROTOCOL, number(1)),
        (wire.NAS_PORT, number(line.nas_port)),
        (wire.NAS_PORT_TYPE, number(15)),
        (wire.USER_NAME, name),
        (wire.CALLING_STATION_ID, mac),
        (wire.CALLED_STATION_ID, b"service1"),
        (wire.NAS_PORT_ID, b"ether2"),
        (wire.ACCT_SESSION_ID, session_id),
    ]


def report(line: Dialled, status: int, at_unix: int, now: float, own: OwnNames) -> Packet:
    """Return what the router reports of a session at a moment of its clock, and of its time since it was built."""
    up, down = line.counters(now)
    said = [*_names(line), (wire.ACCT_STATUS_TYPE, number(status))]
    if line.service != HOTSPOT:
        said += [(wire.FRAMED_IP_ADDRESS, IPv4Address(line.address).packed)]
        said += [(wire.ACCT_AUTHENTIC, number(2 if line.is_local else 1))]
    said += [(wire.CLASS, value) for value in line.classes]
    said += [(wire.EVENT_TIMESTAMP, number(at_unix))]
    if status != START:
        said += [
            (wire.ACCT_SESSION_TIME, number(int(now - line.began))),
            (wire.ACCT_INPUT_OCTETS, number(up % 2**32)),
            (wire.ACCT_INPUT_GIGAWORDS, number(up >> 32)),
            (wire.ACCT_INPUT_PACKETS, number(up // 500)),
            (wire.ACCT_OUTPUT_OCTETS, number(down % 2**32)),
            (wire.ACCT_OUTPUT_GIGAWORDS, number(down >> 32)),
            (wire.ACCT_OUTPUT_PACKETS, number(down // 1200)),
        ]
    if status == STOP:
        said += [(wire.ACCT_TERMINATE_CAUSE, number(line.ends or USER_REQUEST))]
    identifier, address = own.said()
    return Packet(wire.ACCOUNTING_REQUEST, 0, b"", [*said, identifier, (wire.ACCT_DELAY_TIME, number(0)), address])
