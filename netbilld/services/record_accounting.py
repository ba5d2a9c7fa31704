"""RecordAccounting: an Accounting-Request is answered once it is durable in the journal, and not before."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.accounting.counting import CLOCK_SET
from netbilld.ports.clock import SteadyClock
from netbilld.radius.attributes import ACCT_SESSION_ID, ACCT_STATUS_TYPE
from netbilld.radius.codes import AcctStatusType, Code
from netbilld.radius.server import Request


class Journal(Protocol):
    """What makes packets durable."""

    @property
    def trouble(self) -> str | None: ...

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


class Unanswered(StrEnum):
    """Why a verified Accounting-Request gets no answer; each is counted."""

    NO_STATUS_TYPE = "no_status_type"  # RFC 2866 §5.13: Acct-Status-Type is one of the two that must be there
    NO_SESSION_ID = "no_session_id"  # the other; a session without an id can't be told from the next
    NOT_DURABLE = "not_durable"  # RFC 2866 §4.1: unless recorded, no answer


_JUMP_SECONDS: Final = 30  # from one packet to the next: a clock that is only corrected moves by microseconds
_SET_SECONDS: Final = 6 * 3600  # by then every session has reported by the clock as it is now
_STARTED_SECONDS: Final = 3600  # whether the clock was set while we were away nobody knows
_STATUS_SERVER: Final = int(Code.STATUS_SERVER)
_NEED_SESSION_ID: Final = frozenset(
    int(status).to_bytes(4, "big")
    for status in (AcctStatusType.START, AcctStatusType.INTERIM_UPDATE, AcctStatusType.STOP)
)


class RecordAccounting:
    """Takes verified requests of the accounting port, straight from the socket; nothing here waits.

    `counting` says of NAS that count otherwise than most how they do (accounting/counting.py); it may be assigned any
    time, and what was in force when a record arrived stays with it. A status type that is not known is recorded and
    answered like any other (RFC 2866 §5.1).
    """

    def __init__(
        self,
        journal: Journal,
        clock: SteadyClock,
        *,
        respond: Callable[[Request], object],
        forget: Callable[[Request], object],
    ) -> None:
        """Take the journal, and what answers a request or gives it up so that its retransmission is tried afresh."""
        self.counting: Mapping[UUID, int] = {}
        self.unanswered: dict[Unanswered, int] = dict.fromkeys(Unanswered, 0)
        self._journal = journal
        self._clock = clock
        mono = clock.monotonic()
        self._wall_from_mono = clock.now().timestamp() - mono
        self._sure_at_mono = mono + _STARTED_SECONDS
        self._respond = respond
        self._forget = forget

    def handle(self, request: Request) -> None:
        """Record one request; `respond` follows when it is durable, `forget` where that fails."""
        packet = request.packet
        if packet.code == _STATUS_SERVER:
            # alive means able to record; else silence, and the NAS turns to its next server (RFC 5997 §4.2)
            if self._journal.trouble is None:
                self._respond(request)
            else:
                self._forget(request)
            return
        status = packet.get(ACCT_STATUS_TYPE)
        if status is None or len(status) != 4:
            self._give_up(request, Unanswered.NO_STATUS_TYPE)
            return
        if status in _NEED_SESSION_ID and not packet.get(ACCT_SESSION_ID):
            self._give_up(request, Unanswered.NO_SESSION_ID)
            return
        nas_id = request.client.nas_id
        now, mono = self._clock.now().timestamp(), self._clock.monotonic()
        if not -_JUMP_SECONDS < now - mono - self._wall_from_mono < _JUMP_SECONDS:
            self._sure_at_mono = mono + _SET_SECONDS
        self._wall_from_mono = now - mono
        flags = self.counting.get(nas_id, 0)
        if mono < self._sure_at_mono:
            flags |= CLOCK_SET
        taken = self._journal.append(
            nas_id,
            request.source[0],
            flags,
            int(now * 1_000_000),
            packet.datagram,
            self._recorded,
            request,
        )
        if not taken:
            self._give_up(request, Unanswered.NOT_DURABLE)

    def _recorded(self, request: Request, durable: bool) -> None:
        if durable:
            self._respond(request)
        else:
            self._give_up(request, Unanswered.NOT_DURABLE)

    def _give_up(self, request: Request, why: Unanswered) -> None:
        self.unanswered[why] += 1
        self._forget(request)
