"""When silence means something: a report is overdue, a session is presumed dead."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from netbilld.accounting.session import LOST, TRANSITIONS, Event, Session, end

_MISSED_REPORTS: Final = 3
_MAX_OBSERVED_SECONDS: Final = 86_400


class Reporting(Protocol):
    """What reports now and then: a session, or what is remembered of one."""

    @property
    def interval_seconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """How long a session may be silent.

    Attributes:
        interim_seconds: the reporting interval we ask for.
        least_seconds: silence below which nothing is presumed dead.
    """

    interim_seconds: int
    least_seconds: int

    def late_after_seconds(self, session: Reporting) -> int:
        """Return the silence after which a report of this session is overdue."""
        return overdue_after_seconds(self._interval(session))

    def dead_after_seconds(self, session: Reporting) -> int:
        """Return the silence after which a session is presumed dead: three reports missed, and the least silence."""
        return max(_MISSED_REPORTS * self._interval(session), self.least_seconds)

    def _interval(self, session: Reporting) -> int:
        """Return the longer of asked and observed: a NAS may keep an interval of its own."""
        return max(self.interim_seconds, min(session.interval_seconds, _MAX_OBSERVED_SECONDS))


def overdue_after_seconds(interval_seconds: int) -> int:
    """Return the silence after which a report is overdue: half an interval, and some travel, above the interval."""
    return interval_seconds + max(interval_seconds // 2, 5)


def judge(session: Session, policy: SilencePolicy, now: datetime, hearing_since: datetime) -> Session:
    """Return an open session as its silence makes it: the same, late, or stale with its last known counters.

    Silence counts only from `hearing_since` on: what was said while nobody listened can't be held against a session.
    """
    silent = now - max(session.updated_at, hearing_since)
    if silent >= timedelta(seconds=policy.dead_after_seconds(session)):
        return end(session, Event.LOSS, LOST, session.updated_at)
    if silent >= timedelta(seconds=policy.late_after_seconds(session)):
        return overdue(session)
    return session


def overdue(session: Session) -> Session:
    """Return an open session whose report is overdue: late, with everything else as it is."""
    late = TRANSITIONS[session.state][Event.SILENCE]
    return session if late is session.state else session._replace(state=late)
