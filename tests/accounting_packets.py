"""Accounting-Requests for the tests of metering: one call, one packet."""

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from netbilld.accounting.record import AccountingRecord
from netbilld.radius import attributes as a
from netbilld.radius.grant import Grant, encode_grant
from netbilld.radius.packet import decode, encode, encode_attribute
from netbilld.radius.values import encode_integer

NAS = UUID("6f1c1c52-0000-4000-8000-0000000000a1")
T0 = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)  # 10:00 in Jakarta
STATUS = {"start": 1, "stop": 2, "interim": 3, "on": 7, "off": 8}


def datagram(
    status: str | int | None,
    *,
    session_id: str | bytes | None = "81100007",
    user: str | bytes | None = "budi",
    mac: str | None = "AA:BB:CC:00:00:01",
    ip: str | None = "10.0.0.7",
    up: int | None = None,
    down: int | None = None,
    gigawords: bool = True,
    seconds: int | None = None,
    delay: int | None = None,
    timestamp: int | None = None,
    cause: int | None = None,
    grant: Grant | None = None,
    extra: tuple[tuple[int, bytes], ...] = (),
) -> bytes:
    """Return an Accounting-Request without an authenticator, as the journal keeps it."""
    parts: list[tuple[int, bytes]] = []
    if status is not None:
        parts.append((a.ACCT_STATUS_TYPE, encode_integer(STATUS[status] if isinstance(status, str) else status)))
    for key, value in ((a.USER_NAME, user), (a.ACCT_SESSION_ID, session_id), (a.CALLING_STATION_ID, mac)):
        if value is not None:
            parts.append((key, value.encode() if isinstance(value, str) else value))
    if ip is not None:
        parts.append((a.FRAMED_IP_ADDRESS, IPv4Address(ip).packed))
    for low, high, octets in (
        (a.ACCT_INPUT_OCTETS, a.ACCT_INPUT_GIGAWORDS, up),
        (a.ACCT_OUTPUT_OCTETS, a.ACCT_OUTPUT_GIGAWORDS, down),
    ):
        if octets is not None:
            parts.append((low, encode_integer(octets & 0xFFFFFFFF)))
            if gigawords:
                parts.append((high, encode_integer(octets >> 32)))
    for key, number in (
        (a.ACCT_SESSION_TIME, seconds),
        (a.ACCT_DELAY_TIME, delay),
        (a.EVENT_TIMESTAMP, timestamp),
        (a.ACCT_TERMINATE_CAUSE, cause),
    ):
        if number is not None:
            parts.append((key, encode_integer(number)))
    if grant is not None:
        parts.append((a.CLASS, encode_grant(grant)))
    parts += extra
    return encode(4, 7, bytes(16), b"".join([encode_attribute(key, value) for key, value in parts]))


def record(
    status: str | int,
    at: datetime = T0,
    *,
    nas_id: UUID = NAS,
    swapped: bool = False,
    flags: int = 0,
    source: str = "192.0.2.1",
    **what: Any,
) -> AccountingRecord:
    """Return the record of such a packet received at `at`."""
    packet = decode(datagram(status, **what))
    return AccountingRecord.from_packet(packet, nas_id, flags | swapped, at, source)
