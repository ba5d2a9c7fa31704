"""RecordReading: what we have read at a NAS ourselves goes through the journal like its own accounting."""

from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.accounting.counting import counting_of_reading
from netbilld.accounting.record import MAX_COUNTER_OCTETS, session_key
from netbilld.accounting.session import Session
from netbilld.model.errors import InvalidInputError
from netbilld.ports.ask_nas import NasAnswer
from netbilld.radius import attributes as a
from netbilld.radius.codes import AcctStatusType, Code
from netbilld.radius.packet import encode, encode_attributes
from netbilld.radius.values import encode_integer

_MAX_TEXT_OCTETS: Final = 253
_LOW: Final = 0xFFFF_FFFF


class Journal(Protocol):
    """What makes records durable."""

    def append(
        self,
        nas_id: UUID,
        source: str,
        flags: int,
        received_us: int,
        datagram: bytes,
        done: Callable[[Any, bool], None],
        token: object,
    ) -> bool: ...


class RecordReading:
    """Takes readings of open sessions; `taken` counts them.

    A reading is applied once, as any record is, and moves the session's meter ahead of the NAS's own word. What it
    counted beyond what the NAS's Stop says is taken back then by a correcting slice. It never begins a session, and
    never opens one that the NAS has stopped.
    """

    def __init__(self, journal: Journal) -> None:
        self.taken = 0
        self._journal = journal

    def handle(self, session: Session, answer: NasAnswer) -> bool:
        """Record what a session had moved when it was read; nothing waits for it to be durable.

        Returns:
            False where the journal takes nothing now.

        Raises:
            InvalidInputError: a counter is not there, negative, or higher than any can be.
        """
        taken = self._journal.append(
            session.nas_id,
            session.nas_source or "::",
            counting_of_reading(answer.source),
            int(answer.at.timestamp() * 1_000_000),
            _interim(session, _counter(answer.upload_octets), _counter(answer.download_octets), answer.session_seconds),
            _told,
            None,
        )
        self.taken += taken
        return taken


def _counter(octets: int | None) -> int:
    if octets is None or not 0 <= octets <= MAX_COUNTER_OCTETS:
        raise InvalidInputError(f"a reading of {octets} octets is none")
    return octets


def _interim(session: Session, upload_octets: int, download_octets: int, session_seconds: int | None) -> bytes:
    """Return the Interim-Update that its NAS would have sent (RFC 2866, RFC 2869 §5.1); nobody signs it."""
    pairs = [
        (a.ACCT_STATUS_TYPE, encode_integer(AcctStatusType.INTERIM_UPDATE)),
        (a.ACCT_SESSION_ID, _session_id(session)),
        (a.ACCT_INPUT_OCTETS, encode_integer(upload_octets & _LOW)),
        (a.ACCT_INPUT_GIGAWORDS, encode_integer(upload_octets >> 32)),
        (a.ACCT_OUTPUT_OCTETS, encode_integer(download_octets & _LOW)),
        (a.ACCT_OUTPUT_GIGAWORDS, encode_integer(download_octets >> 32)),
        (a.ACCT_DELAY_TIME, encode_integer(0)),
    ]
    if session.username:
        pairs.append((a.USER_NAME, session.username.encode()[:_MAX_TEXT_OCTETS]))
    if session.mac is not None:
        pairs.append((a.CALLING_STATION_ID, session.mac.encode()))
    if session.framed_ip is not None and isinstance(address := ip_address(session.framed_ip), IPv4Address):
        pairs.append((a.FRAMED_IP_ADDRESS, address.packed))
    if session_seconds is not None:
        pairs.append((a.ACCT_SESSION_TIME, encode_integer(session_seconds)))
    return encode(Code.ACCOUNTING_REQUEST, 0, bytes(16), encode_attributes(pairs))


def _session_id(session: Session) -> bytes:
    """Return an Acct-Session-Id with the session's own key; one that was no text is kept by its octets."""
    said = session.acct_session_id.encode()[:_MAX_TEXT_OCTETS]
    key = session.acct_session_key
    if session_key(said) != key and key.startswith("hex:") and len(key) % 2 == 0:
        return bytes.fromhex(key[4:])
    return said


def _told(_token: object, _durable: bool) -> None:
    """Let it be: a reading that was lost is followed by the next."""
