"""One Accounting-Request as metering sees it: 64-bit counters in the subscriber's direction, and when it happened."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.counting import CLOCK_SET, COUNTED, IPV6_BESIDE, SCALE, SWAPPED, unit_octets
from netbilld.radius.attributes import (
    ACCT_AUTHENTIC,
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
    ERX_IPV6_ACCT_INPUT_GIGAWORDS,
    ERX_IPV6_ACCT_INPUT_OCTETS,
    ERX_IPV6_ACCT_OUTPUT_GIGAWORDS,
    ERX_IPV6_ACCT_OUTPUT_OCTETS,
    EVENT_TIMESTAMP,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_ADDRESS,
    FRAMED_IPV6_PREFIX,
    HUAWEI_ACCT_IPV6_INPUT_GIGAWORDS,
    HUAWEI_ACCT_IPV6_INPUT_OCTETS,
    HUAWEI_ACCT_IPV6_OUTPUT_GIGAWORDS,
    HUAWEI_ACCT_IPV6_OUTPUT_OCTETS,
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
TOLERATED_CLOCK_ERROR: Final = timedelta(minutes=10)  # packets wait, and clocks are a little off
MAX_SESSION_SECONDS: Final = 10 * 366 * 86_400
MAX_COUNTER_OCTETS: Final = 1 << 55  # ten gigabit/s for a year: no higher one is true, and this much is kept of it
KEY_LENGTH: Final = 253

_IPV6_INPUT: Final = (
    (ERX_IPV6_ACCT_INPUT_OCTETS, ERX_IPV6_ACCT_INPUT_GIGAWORDS),
    (HUAWEI_ACCT_IPV6_INPUT_OCTETS, HUAWEI_ACCT_IPV6_INPUT_GIGAWORDS),
)
_IPV6_OUTPUT: Final = (
    (ERX_IPV6_ACCT_OUTPUT_OCTETS, ERX_IPV6_ACCT_OUTPUT_GIGAWORDS),
    (HUAWEI_ACCT_IPV6_OUTPUT_OCTETS, HUAWEI_ACCT_IPV6_OUTPUT_GIGAWORDS),
)
_COLON_MAC: Final = re.compile(rb"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")  # as RouterOS and most others write it
_NO_ADDRESS: Final = frozenset((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe"))  # RFC 2865 §5.8


class RecordKind(StrEnum):
    START = "start"
    INTERIM = "interim"
    STOP = "stop"
    ON = "on"
    OFF = "off"
    OTHER = "other"  # tunnels, failures and what is yet to be invented: recorded, of no consequence


_KINDS: Final = {
    int(status).to_bytes(4, "big"): kind
    for status, kind in (
        (AcctStatusType.START, RecordKind.START),
        (AcctStatusType.INTERIM_UPDATE, RecordKind.INTERIM),
        (AcctStatusType.STOP, RecordKind.STOP),
        (AcctStatusType.ACCOUNTING_ON, RecordKind.ON),
        (AcctStatusType.ACCOUNTING_OFF, RecordKind.OFF),
    )
}

_LOCAL: Final = (2).to_bytes(4, "big")  # of Acct-Authentic
_CAUSES: Final = {
    int(cause): "-".join(word if word == "NAS" else word.capitalize() for word in cause.name.split("_"))
    for cause in TerminateCause
}


class AccountingRecord(NamedTuple):
    """What a NAS said of a session, or of itself; a tuple, since thousands a second are made.

    Attributes:
        kind: Start, Interim-Update, Stop, Accounting-On, Accounting-Off or none of them.
        acct_session_id: as received; empty where there is none.
        acct_session_key: the same to compare by: without `0x`, in one letter case.
        upload_octets, download_octets: since the session began; None where the packet does not say.
        wide: the counters are 64 bits wide; without any Gigawords they may have wrapped at 32.
        swapped: the NAS's flag was set, and output was read as upload.
        session_seconds: how long the session has lasted by the NAS's own clock.
        event_at: when it happened; never later than it was received.
        begun_at: when the session must have begun by this record; None where it can't be told.
        packet: where the rest is, which few records are asked for.
        flags: how the NAS counted when it sent this, or that we have read it ourselves (accounting/counting.py).
    """

    kind: RecordKind
    nas_id: UUID
    source: str
    username: str
    username_octets: bytes
    acct_session_id: str
    acct_session_key: str
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
    begun_at: datetime | None
    packet: Packet
    flags: int = 0

    @classmethod
    def from_packet(
        cls, packet: Packet, nas_id: UUID, flags: int, received_at: datetime, source: str = ""
    ) -> "AccountingRecord":
        """Return the record in an Accounting-Request.

        An attribute that is malformed or can't be true counts as absent: the packet was acknowledged, and the rest of
        it is still to be metered.
        """
        get = packet.attributes.get
        kind = _KINDS.get(get(ACCT_STATUS_TYPE, b""), RecordKind.OTHER)
        session_id = get(ACCT_SESSION_ID, b"")
        user_name = get(USER_NAME, b"")
        upload, wide_upload = _counter(get(ACCT_INPUT_OCTETS), get(ACCT_INPUT_GIGAWORDS))
        download, wide_download = _counter(get(ACCT_OUTPUT_OCTETS), get(ACCT_OUTPUT_GIGAWORDS))
        if flags & COUNTED:
            upload, download = _counted(packet, flags, upload, download)
        session_seconds = _integer(get(ACCT_SESSION_TIME))
        if session_seconds is not None and session_seconds > MAX_SESSION_SECONDS:
            session_seconds = None
        event_at = event_time(received_at, _integer(get(ACCT_DELAY_TIME)), _integer(get(EVENT_TIMESTAMP)))
        begun_at = event_at if kind is RecordKind.START else None
        if session_seconds is not None:
            begun_at = event_at - timedelta(seconds=session_seconds)
        station = get(CALLING_STATION_ID)
        port = get(NAS_PORT_ID)
        prefix = get(FRAMED_IPV6_PREFIX)
        delegated = get(DELEGATED_IPV6_PREFIX)
        return cls(
            kind,
            nas_id,
            source,
            text(user_name),
            user_name,
            text(session_id),
            session_key(session_id),
            _ipv4(get(FRAMED_IP_ADDRESS)),
            (None if prefix is None else _prefix(prefix)) or _ipv6(get(FRAMED_IPV6_ADDRESS)),
            None if delegated is None else _prefix(delegated),
            _mac(station) if station else None,
            text(port) if port else None,
            upload,
            download,
            wide_upload or wide_download,
            bool(flags & SWAPPED),
            session_seconds,
            received_at,
            event_at,
            begun_at,
            packet,
            flags,
        )

    @property
    def grant(self) -> Grant | None:
        """Return what its Access-Accept gave, if a Class is ours."""
        if CLASS not in self.packet.attributes:
            return None
        return next((grant for value in self.packet.all(CLASS) if (grant := decode_grant(value)) is not None), None)

    def counted(self, flags: int) -> tuple[int | None, int | None]:
        """Return upload and download octets as they are where a NAS counts otherwise than it is said to do now."""
        get = self.packet.attributes.get
        upload, _ = _counter(get(ACCT_INPUT_OCTETS), get(ACCT_INPUT_GIGAWORDS))
        download, _ = _counter(get(ACCT_OUTPUT_OCTETS), get(ACCT_OUTPUT_GIGAWORDS))
        return _counted(self.packet, flags, upload, download)

    @property
    def terminate_cause(self) -> str | None:
        """Return why the session ended, in the RFC's words (RFC 2866 §5.10); None where the packet does not say."""
        cause = _integer(self.packet.attributes.get(ACCT_TERMINATE_CAUSE))
        return _CAUSES.get(cause, f"Cause-{cause}") if cause is not None else None

    @property
    def is_local(self) -> bool:
        """Return whether the NAS has authenticated the user itself (RFC 2866 §5.6), whatever is due here."""
        return self.packet.attributes.get(ACCT_AUTHENTIC) == _LOCAL and self.grant is None

    @property
    def may_be_misdated(self) -> bool:
        """Return whether a clock that was set may date this otherwise than the reports before: ours, or the NAS's."""
        attributes = self.packet.attributes
        own = EVENT_TIMESTAMP in attributes and ACCT_DELAY_TIME not in attributes
        return own or bool(self.flags & CLOCK_SET)

    @property
    def clock_off_seconds(self) -> int | None:
        """Return how far the NAS's clock is behind ours; 0 where it is right, None where it does not say its time.

        Without Acct-Delay-Time a report of up to a day ago may as well have waited on the way.
        """
        timestamp = _integer(self.packet.attributes.get(EVENT_TIMESTAMP))
        if timestamp is None:
            return None
        delay = _integer(self.packet.attributes.get(ACCT_DELAY_TIME))
        sent_at = self.received_at - timedelta(seconds=0 if delay is None else delay)
        behind = sent_at - datetime.fromtimestamp(timestamp, UTC)
        late = MAX_CLOCK_ERROR if delay is None else TOLERATED_CLOCK_ERROR
        return 0 if -TOLERATED_CLOCK_ERROR <= behind <= late else int(behind.total_seconds())

    @property
    def nas_ip(self) -> str | None:
        """Return the address that the NAS says is its own."""
        attributes = self.packet.attributes
        return _ipv4(attributes.get(NAS_IP_ADDRESS)) or _ipv6(attributes.get(NAS_IPV6_ADDRESS))

    @property
    def nas_identifier(self) -> str | None:
        """Return the name that the NAS says is its own."""
        identifier = self.packet.attributes.get(NAS_IDENTIFIER)
        return text(identifier) if identifier else None


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
    if delay_seconds == 0:
        return received_at
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
    if octets is None:
        return None, _integer(gigawords) is not None
    low, high = _integer(octets), _integer(gigawords)
    if low is None or high is None:
        return low, high is not None
    value = (high << 32) + low
    return min(value, MAX_COUNTER_OCTETS), True


def _counted(packet: Packet, flags: int, input_: int | None, output: int | None) -> tuple[int | None, int | None]:
    """Return upload and download octets of input and output counters, by how the NAS counts."""
    if flags & IPV6_BESIDE:
        input_, output = (
            None if counter is None else counter + _beside(packet, keys)
            for counter, keys in ((input_, _IPV6_INPUT), (output, _IPV6_OUTPUT))
        )
    if flags & SCALE:
        unit = unit_octets(flags)
        input_, output = (
            None if counter is None else min(counter * unit, MAX_COUNTER_OCTETS // unit * unit)
            for counter in (input_, output)
        )
    return (output, input_) if flags & SWAPPED else (input_, output)


def _beside(packet: Packet, keys: tuple[tuple[int, int], ...]) -> int:
    get = packet.attributes.get
    return sum(_counter(get(octets), get(gigawords))[0] or 0 for octets, gigawords in keys)


def _mac(station: bytes) -> str | None:
    return station.decode("ascii") if _COLON_MAC.fullmatch(station) else normalise_mac(text(station))


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
