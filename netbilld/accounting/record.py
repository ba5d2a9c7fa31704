"""One Accounting-Request as metering sees it: 64-bit counters in the subscriber's direction, and when it happened."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from netbilld.radius.attributes import (
    ACCT_DELAY_TIME,
    ACCT_INPUT_GIGAWORDS,
    ACCT_INPUT_OCTETS,
    ACCT_OUTPUT_GIGAWORDS,
    ACCT_OUTPUT_OCTETS,
    ACCT_SESSION_ID,
    ACCT_SESSION_TIME,
    ACCT_STATUS_TYPE,
    ACCT_TERMINATE_CAUSE,
    CALLING_STATION_ID,
    CLASS,
    DELEGATED_IPV6_PREFIX,
    EVENT_TIMESTAMP,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_ADDRESS,
    FRAMED_IPV6_PREFIX,
    NAS_IDENTIFIER,
    NAS_IP_ADDRESS,
    NAS_IPV6_ADDRESS,
    NAS_PORT_ID,
    USER_NAME,
)
from netbilld.radius.codes import AcctStatusType, TerminateCause
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.grant import Grant, decode_grant
from netbilld.radius.packet import Packet
from netbilld.radius.values import ipv6, ipv6_prefix, normalise_mac, text

MAX_DELAY: Final = timedelta(days=30)  # an Acct-Delay-Time beyond it is not believed
MAX_CLOCK_ERROR: Final = timedelta(days=1)  # an Event-Timestamp further off is not believed
MAX_SESSION_SECONDS: Final = 10 * 366 * 86_400
MAX_COUNTER_OCTETS: Final = 1 << 55  # ten gigabit/s for a year; sums of many such still fit into 64 bits
KEY_LENGTH: Final = 253

_NO_ADDRESS: Final = frozenset((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe"))  # RFC 2865 §5.8


class RecordKind(StrEnum):
    START = "start"
    INTERIM = "interim"
    STOP = "stop"
    ON = "on"
    OFF = "off"
    OTHER = "other"  # tunnels, failures and what is yet to be invented: recorded, of no consequence


_KINDS: Final = {
    AcctStatusType.START: RecordKind.START,
    AcctStatusType.INTERIM_UPDATE: RecordKind.INTERIM,
    AcctStatusType.STOP: RecordKind.STOP,
    AcctStatusType.ACCOUNTING_ON: RecordKind.ON,
    AcctStatusType.ACCOUNTING_OFF: RecordKind.OFF,
}

_CAUSES: Final = {
    int(cause): "-".join(word if word == "NAS" else word.capitalize() for word in cause.name.split("_"))
    for cause in TerminateCause
}


@dataclass(frozen=True, slots=True)
class AccountingRecord:
    """What a NAS said of a session, or of itself.

    Attributes:
        kind: Start, Interim-Update, Stop, Accounting-On, Accounting-Off or none of them.
        acct_session_id: as received; empty where there is none.
        acct_session_key: the same to compare by: without `0x`, in one letter case.
        grant: what its Access-Accept gave, if the Class is ours.
        upload_octets, download_octets: since the session began; None where the packet does not say.
        wide: the counters are 64 bits wide; without any Gigawords they may have wrapped at 32.
        swapped: the NAS's flag was set, and output was read as upload.
        session_seconds: how long the session has lasted by the NAS's own clock.
        event_at: when it happened; never later than it was received.
    """

    kind: RecordKind
    nas_id: UUID
    source: str
    username: str
    username_octets: bytes
    acct_session_id: str
    acct_session_key: str
    grant: Grant | None
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    mac: str | None
    nas_port_id: str | None
    upload_octets: int | None
    download_octets: int | None
    wide: bool
    swapped: bool
    session_seconds: int | None
    received_at: datetime
    event_at: datetime
    terminate_cause: str | None
    nas_ip: str | None
    nas_identifier: str | None

    @classmethod
    def from_packet(
        cls, packet: Packet, nas_id: UUID, swapped: bool, received_at: datetime, source: str = ""
    ) -> "AccountingRecord":
        """Return the record in an Accounting-Request.

        An attribute that is malformed or can't be true counts as absent: the packet was acknowledged, and the rest of
        it is still to be metered.
        """
        attributes = packet.attributes
        status = _integer(attributes.get(ACCT_STATUS_TYPE))
        session_id = attributes.get(ACCT_SESSION_ID, b"")
        user_name = attributes.get(USER_NAME, b"")
        upload, wide_upload = _counter(attributes.get(ACCT_INPUT_OCTETS), attributes.get(ACCT_INPUT_GIGAWORDS))
        download, wide_download = _counter(attributes.get(ACCT_OUTPUT_OCTETS), attributes.get(ACCT_OUTPUT_GIGAWORDS))
        if swapped:
            upload, download = download, upload
        session_seconds = _integer(attributes.get(ACCT_SESSION_TIME))
        if session_seconds is not None and session_seconds > MAX_SESSION_SECONDS:
            session_seconds = None
        station = attributes.get(CALLING_STATION_ID)
        port = attributes.get(NAS_PORT_ID)
        identifier = attributes.get(NAS_IDENTIFIER)
        cause = _integer(attributes.get(ACCT_TERMINATE_CAUSE))
        return cls(
            kind=_KINDS.get(status, RecordKind.OTHER) if status is not None else RecordKind.OTHER,  # type: ignore[call-overload]  # an IntEnum's key is its number
            nas_id=nas_id,
            source=source,
            username=text(user_name),
            username_octets=user_name,
            acct_session_id=text(session_id),
            acct_session_key=session_key(session_id),
            grant=_grant(packet),
            framed_ip=_ipv4(attributes.get(FRAMED_IP_ADDRESS)),
            ipv6_prefix=_prefix(attributes.get(FRAMED_IPV6_PREFIX)) or _ipv6(attributes.get(FRAMED_IPV6_ADDRESS)),
            delegated_prefix=_prefix(attributes.get(DELEGATED_IPV6_PREFIX)),
            mac=normalise_mac(text(station)) if station else None,
            nas_port_id=text(port) if port else None,
            upload_octets=upload,
            download_octets=download,
            wide=wide_upload or wide_download,
            swapped=swapped,
            session_seconds=session_seconds,
            received_at=received_at,
            event_at=event_time(
                received_at, _integer(attributes.get(ACCT_DELAY_TIME)), _integer(attributes.get(EVENT_TIMESTAMP))
            ),
            terminate_cause=_CAUSES.get(cause, f"Cause-{cause}") if cause is not None else None,
            nas_ip=_ipv4(attributes.get(NAS_IP_ADDRESS)) or _ipv6(attributes.get(NAS_IPV6_ADDRESS)),
            nas_identifier=text(identifier) if identifier else None,
        )

    @property
    def begun_at(self) -> datetime | None:
        """When the session must have begun by this record; None where it can't be told."""
        if self.session_seconds is not None:
            return self.event_at - timedelta(seconds=self.session_seconds)
        return self.event_at if self.kind is RecordKind.START else None


def session_key(session_id: bytes) -> str:
    """Return what an Acct-Session-Id is compared by: RouterOS writes the same one as `81e0000b` and `0x81E0000B`.

    An id that is not text is compared by its octets, so that two unprintable ones never fall together.
    """
    try:
        readable = session_id.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return f"hex:{session_id.hex()}"[:KEY_LENGTH]
    return readable.casefold().removeprefix("0x").replace("\0", "\ufffd")[:KEY_LENGTH]


def event_time(received_at: datetime, delay_seconds: int | None, timestamp: int | None) -> datetime:
    """Return when an event happened, by our clock as far as possible (RFC 2866 §5.2, RFC 2869 §5.3).

    Receive time − Acct-Delay-Time where the NAS gives one. Without it Event-Timestamp is taken, if it lies within a day
    and not in the future: routers boot in 1970 and keep wrong time zones.
    """
    if delay_seconds is not None:
        delay = timedelta(seconds=delay_seconds)
        return received_at - delay if delay <= MAX_DELAY else received_at
    if timestamp is not None:
        said = datetime.fromtimestamp(timestamp, UTC)
        if timedelta(0) <= received_at - said <= MAX_CLOCK_ERROR:
            return said
    return received_at


def _integer(value: bytes | None) -> int | None:
    return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None


def _counter(octets: bytes | None, gigawords: bytes | None) -> tuple[int | None, bool]:
    """Return a counter, and whether it is 64 bits wide (RFC 2869 §5.1, §5.2)."""
    low, high = _integer(octets), _integer(gigawords)
    if low is None:
        return None, high is not None
    value = ((high or 0) << 32) + low
    return (value if value <= MAX_COUNTER_OCTETS else None), high is not None


def _grant(packet: Packet) -> Grant | None:
    if CLASS not in packet.attributes:
        return None
    return next((grant for value in packet.all(CLASS) if (grant := decode_grant(value)) is not None), None)


def _ipv4(value: bytes | None) -> str | None:
    if value is None or len(value) != 4 or value in _NO_ADDRESS:
        return None
    return f"{value[0]}.{value[1]}.{value[2]}.{value[3]}"


def _ipv6(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return str(ipv6(value))
    except MalformedPacket:
        return None


def _prefix(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return str(ipv6_prefix(value))
    except MalformedPacket:
        return None
