"""Reading back from a NAS what it does with sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from netbilld.ports.ask_nas import Presence


class SessionMark(NamedTuple):
    """What a session is found by on its NAS, as the NAS reported it."""

    session_id: int
    username: str
    acct_session_id: str
    framed_ip: str | None = None
    mac: str | None = None


class Seen(NamedTuple):
    """What a NAS shows of one session.

    Attributes:
        presence: whether it is there.
        at: when it was read, by our clock.
        rate_bps: upload and download of the queue that is its own, 0 for no limit; None where that can't be told.
        lists: the address lists that its address is on; None where that can't be told.
        hidden_by: a queue made by hand that takes its traffic before its own does, and how fast; None for none.
    """

    presence: Presence
    at: datetime
    rate_bps: tuple[int, int] | None = None
    lists: frozenset[str] | None = None
    hidden_by: str | None = None


class LookAtNas(Protocol):
    """Reads sessions back over the API of their NAS."""

    def can_look(self, nas_id: UUID) -> bool:
        """Tell whether a NAS has an API that we know of."""
        ...

    async def look(self, nas_id: UUID, marks: Sequence[SessionMark]) -> Mapping[int, Seen]:
        """Return, by session id, what a NAS shows of these sessions of its.

        One that is left out is unknown. A NAS that can't be reached gives an empty answer within a bounded time, never
        an exception.
        """
        ...
