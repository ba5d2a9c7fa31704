"""WatchQuota: a session whose service nears its limit is read at its NAS, more often the nearer it comes.

A NAS reports every few minutes; RouterOS can't be told in mid-session to report more often. What we read ourselves goes
through the journal like any report, so that whatever follows from usage follows from it within a second.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.overshoot import is_near, next_reading_seconds
from netbilld.accounting.session import Session
from netbilld.accounting.usage import PeriodTotals
from netbilld.enforcement.edge import edge, has_edge, is_surely_far
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts
from netbilld.model.errors import InvalidInputError
from netbilld.ports.ask_nas import AskNas, NasAnswer, Presence
from netbilld.ports.clock import SteadyClock
from netbilld.ports.readings import Readings

_log = logging.getLogger(__name__)

_MARGIN: Final = 1.25  # reports come late, and intervals vary
_BLIND_SECONDS: Final = 60.0  # from one try to the next where a NAS shows no counters
_MOST_A_NAS: Final = 200  # sessions read in one go
_LATEST: Final = 100  # readings of a NAS that are remembered
_FORGET_SECONDS: Final = 3600.0  # nothing was heard of a session for so long: it may be over, and not be told


class Directory(Protocol):
    def facts(self, service_id: UUID) -> ServiceFacts | None: ...


class Batch(Protocol):
    """What the meter has just applied, as far as it matters here."""

    @property
    def sessions(self) -> Iterable[Session]: ...

    @property
    def periods(self) -> Iterable[PeriodTotals]: ...


class Came(StrEnum):
    """What became of wanting to read a session; each is counted."""

    READ = "read"
    NO_COUNTERS = "no_counters"  # it is there, and its counters can't be told
    GONE = "gone"
    UNANSWERED = "unanswered"
    NOT_TAKEN = "not_taken"  # the journal is full, or the counter can't be true


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """How closely to watch.

    Attributes:
        shortest_seconds: between two readings of one session, at the edge.
        interim_seconds: what a NAS is told to report by, where no interval has been observed yet.
        most_sessions: watched at once; those that come when it is full are counted and left to their own reports.
    """

    shortest_seconds: float
    interim_seconds: int
    most_sessions: int


@dataclass(slots=True)
class _Watched:
    """A session as last heard of, and within how many seconds from the edge it is watched."""

    session: Session
    within_seconds: float
    wait_seconds: float
    heard_mono: float
    due_mono: float


class WatchQuota:
    """Keeps the watch; `run` is to be called often, and reads what is due.

    Attributes:
        came: what became of readings, since the start.
        left_out: sessions not watched for want of room.
    """

    def __init__(
        self,
        directory: Directory,
        readers: AskNas,
        readings: Readings,
        clock: SteadyClock,
        policy: WatchPolicy,
        can_be_asked: Callable[[UUID], bool],
    ) -> None:
        """Take what to watch with; `can_be_asked` tells whether there is a way to read a NAS at all."""
        self.came: dict[Came, int] = dict.fromkeys(Came, 0)
        self.left_out = 0
        self._directory = directory
        self._readers = readers
        self._readings = readings
        self._clock = clock
        self._policy = policy
        self._can_be_asked = can_be_asked
        self._watched: dict[int, _Watched] = {}
        self._late: dict[UUID, deque[float]] = {}  # by NAS, how much later than planned its latest readings were
        self._usage: dict[UUID, PeriodUsage] = {}  # of services near their edge, as last metered

    def __len__(self) -> int:
        return len(self._watched)

    def last_heard_at(self, session_id: int) -> datetime | None:
        """Return up to when a session that is being read was metered; None for one that is not."""
        watched = self._watched.get(session_id)
        return None if watched is None else watched.session.updated_at

    def intervals(self) -> dict[UUID, float]:
        """Return, by NAS that has been read, the longest seconds from one reading to the next at the edge, lately."""
        return {nas_id: self._policy.shortest_seconds + max(late) for nas_id, late in self._late.items()}

    def note(self, batch: Batch) -> None:
        """Take note of what was metered: who comes near is watched, who is past the edge or over is not any more."""
        now, now_mono = self._clock.now(), self._clock.monotonic()
        here = [session for session in batch.sessions if self._can_be_asked(session.nas_id)]
        if not here and not self._usage:
            return
        usage_of = {
            period.service_id: PeriodUsage(
                period.start_on, period.upload_octets, period.download_octets, period.counted_octets, period.seconds
            )
            for period in sorted(batch.periods, key=_start_of)
        }
        for service_id in usage_of.keys() & self._usage.keys():
            self._usage[service_id] = usage_of[service_id]
        for session in here:
            facts = self._directory.facts(session.service_id) if session.service_id is not None else None
            if facts is None or session.stopped_at is not None or not has_edge(facts.plan):
                self._forget(session)
                continue
            usage = usage_of.get(facts.service_id) or self._usage.get(facts.service_id) or facts.usage
            self._look(session, facts, usage, now, now_mono)

    def _look(
        self, session: Session, facts: ServiceFacts, usage: PeriodUsage | None, now: datetime, now_mono: float
    ) -> None:
        known = self._watched.get(session.id)
        if known is not None:
            within = known.within_seconds
            late = (session.updated_at - known.session.updated_at).total_seconds() - known.wait_seconds
            self._late.setdefault(session.nas_id, deque(maxlen=_LATEST)).append(max(0.0, late))
        else:
            within = max(session.interval_seconds, self._policy.interim_seconds) * _MARGIN
            if is_surely_far(facts, usage, within):
                return
        found = edge(facts, usage, now)
        if (
            found is None
            or found.left_octets <= 0
            or not is_near(found.left_octets, found.line_rate_bps, within)  # or moved away: a new period, or money
        ):
            self._forget(session)
            return
        if known is None and len(self._watched) >= self._policy.most_sessions:
            self.left_out += 1
            return
        if usage is not None:
            self._usage[facts.service_id] = usage
        wait = next_reading_seconds(found.left_octets, found.line_rate_bps, self._policy.shortest_seconds)
        self._watched[session.id] = _Watched(session, within, wait, now_mono, now_mono + wait)

    def _forget(self, session: Session) -> None:
        if self._watched.pop(session.id, None) is not None and session.service_id is not None:
            self._usage.pop(session.service_id, None)

    def due(self) -> dict[UUID, list[Session]]:
        """Return the sessions whose next reading is due, by NAS; each is put off, and asked for again if it fails."""
        now_mono = self._clock.monotonic()
        found: dict[UUID, list[Session]] = {}
        for watched in tuple(self._watched.values()):
            if now_mono - watched.heard_mono > _FORGET_SECONDS:
                self._forget(watched.session)
            elif watched.due_mono <= now_mono:
                of_nas = found.setdefault(watched.session.nas_id, [])
                if len(of_nas) < _MOST_A_NAS:
                    of_nas.append(watched.session)
                    watched.due_mono = now_mono + self._policy.shortest_seconds
        return found

    async def read(self, nas_id: UUID, sessions: Iterable[Session]) -> None:
        """Read these sessions at their NAS and hand on what it shows."""
        wanted = {session.id: session for session in sessions}
        answers = await self._readers.ask(nas_id, list(wanted.values()))
        for session_id, session in wanted.items():
            watched = self._watched.get(session_id)
            came = self._take(watched.session if watched is not None else session, answers)
            self.came[came] += 1
            if watched is None:
                continue
            if came is Came.GONE:
                self._forget(session)  # its Stop is on the way; if it speaks again it is looked at again
            elif came is Came.NO_COUNTERS:
                watched.due_mono = self._clock.monotonic() + _BLIND_SECONDS

    def _take(self, session: Session, answers: Mapping[int, NasAnswer]) -> Came:
        answer = answers.get(session.id)
        if answer is None or answer.presence is Presence.UNKNOWN:
            return Came.UNANSWERED
        if answer.presence is Presence.GONE:
            return Came.GONE
        if answer.upload_octets is None or answer.download_octets is None:
            return Came.NO_COUNTERS
        try:
            taken = self._readings.handle(session, answer)
        except InvalidInputError as error:
            _log.warning("a reading of session %d is not believed: %s", session.id, error)
            return Came.NOT_TAKEN
        return Came.READ if taken else Came.NOT_TAKEN


def _start_of(period: PeriodTotals) -> int:
    return period.start_on.toordinal()
