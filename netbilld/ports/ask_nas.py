"""Asking a NAS whether it still has sessions that it has not spoken of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.session import Session


class Presence(StrEnum):
    """What a NAS shows of a session."""

    THERE = "there"
    GONE = "gone"  # it answers, and has no such session
    UNKNOWN = "unknown"  # it can't be asked, does not answer, or shows what can't be told apart


class NasAnswer(NamedTuple):
    """What a NAS shows of one session.

    Attributes:
        presence: whether it is there.
        at: when it was read, by our clock.
        source: api or snmp.
        upload_octets, download_octets: since the session began, as the NAS's own accounting would count, in the
            subscriber's direction; None where they were not to be had.
        session_seconds: how long it has lasted by the NAS's clock, likewise.
    """

    presence: Presence
    at: datetime
    source: str
    upload_octets: int | None = None
    download_octets: int | None = None
    session_seconds: int | None = None


class AskNas(Protocol):
    """Asks NAS over their API or SNMP."""

    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        """Return, by session id, what a NAS shows of these sessions of its.

        One that is left out is unknown. A NAS that can't be reached gives an empty answer within a bounded time, never
        an exception; callers bound it once more.
        """
        ...
