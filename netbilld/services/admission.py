"""Admission: locks, hours and sessions at once, once the credentials are right; addresses last.

All of it is decided in memory and in one go, so that two log-ins at the same moment are exact: the second sees the
first. What follows from it - the end of a session that is replaced, a lock that was learned - is written down off the
reply path by `KeepAdmissions`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.accounting.stale import SilencePolicy
from netbilld.billing.hours import closes_at, hours_text
from netbilld.enforcement.locks import REFUSALS, lesson, misfit, value_of
from netbilld.enforcement.session_limit import Comer, Hearing, HeldSession, admit
from netbilld.model.service_lock import LockKind
from netbilld.radius.access import AccessView, Decision, Entropy, Reason, refusal
from netbilld.radius.attributes import SESSION_TIMEOUT
from netbilld.radius.codes import Code
from netbilld.radius.location import Location, is_randomised, locate
from netbilld.radius.packet import encode_attribute
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.services.authenticate import Admission, Answer
from netbilld.services.learned_locks import LearnedLocks, Lesson
from netbilld.services.live_sessions import LiveSessions

_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
_LONGEST_SESSION_SECONDS: Final = 2**31 - 1
_DETAIL_LENGTH: Final = 200
_NOWHERE: Final = Location(None, None, None)
_KIND_WORDS: Final[dict[LockKind, str]] = {
    "nas": "NAS",
    "vlan": "VLAN",
    "nas_port": "port",
    "mac": "MAC address",
}


@dataclass(slots=True)
class AdmissionCounters:
    """Since the start."""

    replaced: int = 0
    ghosts: int = 0
    refused_limit: int = 0
    refused_lock: int = 0
    refused_hours: int = 0


@dataclass(frozen=True, slots=True)
class _Pending:
    """What a log-in has taken while it is not let in for good."""

    held: HeldSession | None
    to_end: tuple[HeldSession, ...]
    lessons: tuple[Lesson, ...]


@dataclass(frozen=True, slots=True)
class EndOrder:
    """A session to end, and why: what is written beside it for people."""

    session: HeldSession
    by: str
    at: datetime


class Admit:
    """Answers `Authenticate`'s question whether a log-in with right credentials may come in.

    Args:
        live: open sessions by service.
        learned: locks that first log-ins have taught.
        silence: when a session counts as a ghost.
        hearing_since: since when accounting has been received and applied without a gap.
        entropy: gives that many unpredictable octets.
        nas_name: the name of a NAS, for people.
        message: Reply-Message for a refusal, by service and reason.
        addresses: asked last, about terms that name pools of ours; None where there are none.
    """

    def __init__(
        self,
        live: LiveSessions,
        learned: LearnedLocks,
        silence: SilencePolicy,
        hearing_since: Callable[[], datetime],
        entropy: Entropy,
        nas_name: Callable[[UUID], str],
        message: Callable[[UUID, str], bytes],
        addresses: Admission | None = None,
    ) -> None:
        self._live = live
        self._learned = learned
        self._silence = silence
        self._hearing_since = hearing_since
        self._entropy = entropy
        self._nas_name = nas_name
        self._message = message
        self._addresses = addresses
        self._to_end: list[EndOrder] = []
        self.counters = AdmissionCounters()

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        """Return the decision, or a refusal that says what stands in the way; None if `answer` is called later."""
        terms = view.terms
        if terms is None:
            return decision
        client = request.client
        location = _NOWHERE
        if terms.locks or terms.learn or terms.sessions_allowed is not None:
            location = locate(request.packet, client.vendor)
        locks = self._learned.locks(view.service_id, terms)
        wrong = misfit(locks, location, client.nas_id)
        if wrong is not None:
            self.counters.refused_lock += 1
            detail = self._lock_detail(wrong, locks[wrong], location, client.nas_id)
            return self._refuse(view, request, decision, REFUSALS[wrong], detail)
        if terms.hours:
            until = closes_at(terms.hours, terms.timezone, now)
            if until is None:
                self.counters.refused_hours += 1
                local = now.astimezone(ZoneInfo(terms.timezone))
                detail = f"open {hours_text(terms.hours)}; came {local:%a %H:%M}"
                return self._refuse(view, request, decision, Reason.OUTSIDE_HOURS, detail)
            decision.attributes = no_longer_than(decision.attributes, until - now)
        held: HeldSession | None = None
        to_end: tuple[HeldSession, ...] = ()
        if terms.sessions_allowed is not None:
            comer = Comer(client.nas_id, location.mac, location.nas_port)
            hearing_since = self._hearing_since()
            hearing = Hearing(self._silence, now, hearing_since)
            found = admit(self._live.of(view.service_id), comer, terms.sessions_allowed, terms.second_login, hearing)
            if not found.admitted:
                assert found.blocking is not None  # noqa: S101 - a refusal names who is in the way
                self.counters.refused_limit += 1
                detail = self._limit_detail(found.blocking, found.counted, terms.sessions_allowed, now)
                return self._refuse(view, request, decision, Reason.SESSION_LIMIT, detail)
            to_end = found.to_end
            held = self._live.expect(view.service_id, comer, now, hearing_since)
        pending = _Pending(held, to_end, self._lessons(view, terms, location, client.nas_id, decision, now))
        if self._addresses is None or not (terms.pool or terms.ipv6_pool or terms.delegated_pool):
            return self._settle(pending, decision, now)
        given = self._addresses.admit(view, request, decision, now, partial(self._later, pending, now, answer))
        return None if given is None else self._settle(pending, given, now)

    def end(self, session: HeldSession, by: str, now: datetime) -> None:
        """Have a session ended; until it speaks again it takes no place."""
        if session.ending_since is None or session.heard_at > session.ending_since:
            session.ending_since = now
            if session.id is not None:
                self._to_end.append(EndOrder(session, by, now))

    @property
    def ends_waiting(self) -> int:
        """How many sessions to end are not written down yet."""
        return len(self._to_end)

    def take_ends(self, limit: int) -> list[EndOrder]:
        """Return the oldest sessions to end."""
        taken, self._to_end = self._to_end[:limit], self._to_end[limit:]
        return taken

    def put_back_ends(self, orders: list[EndOrder]) -> None:
        """Let what could not be written wait on."""
        self._to_end[:0] = orders

    # -- once it is known whether the log-in is let in -----------------------------------------------------------------

    def _later(self, pending: _Pending, now: datetime, answer: Answer, decision: Decision) -> None:
        answer(self._settle(pending, decision, now))

    def _settle(self, pending: _Pending, decision: Decision, now: datetime) -> Decision:
        if decision.code != _ACCEPT:
            if pending.held is not None:
                self._live.withdraw(pending.held)
            for one in pending.lessons:
                self._learned.withdraw(one)
            return decision
        for session in pending.to_end:
            late = now - session.heard_at >= timedelta(seconds=self._silence.late_after_seconds(session))
            self.counters.ghosts += late
            self.counters.replaced += not late
            self.end(session, "session limit: ghost" if late else "session limit: replaced", now)
        for one in pending.lessons:
            self._learned.confirm(one)
        return decision

    def _lessons(
        self,
        view: AccessView,
        terms: AccessTerms,
        location: Location,
        nas_id: UUID,
        decision: Decision,
        now: datetime,
    ) -> tuple[Lesson, ...]:
        """Learn what a first log-in teaches, at once; a walled one teaches nothing."""
        if not terms.learn or view.walled is not None:
            return ()
        learned = []
        for kind in self._learned.unknown(view.service_id, terms):
            value = lesson(kind, location, nas_id)
            if value is not None:
                one = self._learned.learn(view.service_id, kind, value, now)
                if one is not None:
                    learned.append(one)
            elif kind == "mac" and location.mac is not None and is_randomised(location.mac):
                decision.detail = f"{location.mac} is a randomised address and was not learned"
        return tuple(learned)

    # -- refusals ------------------------------------------------------------------------------------------------------

    def _refuse(self, view: AccessView, request: Request, decision: Decision, reason: Reason, detail: str) -> Decision:
        message = self._message(view.service_id, reason)
        return refusal(request, decision.method, reason, self._entropy, message, detail[:_DETAIL_LENGTH])

    def _lock_detail(self, kind: LockKind, allowed: frozenset[str], location: Location, nas_id: UUID) -> str:
        came = value_of(kind, location, nas_id)
        names = sorted(allowed)
        if kind == "nas":
            names = sorted(self._nas_name(UUID(value)) for value in allowed)
            came = self._nas_name(nas_id)
        said = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        if came is None:
            return f"locked to {_KIND_WORDS[kind]} {said}; the NAS did not say which it is"
        return f"locked to {_KIND_WORDS[kind]} {said}; came from {came}"

    def _limit_detail(self, session: HeldSession, counted: int, allowed: int, now: datetime) -> str:
        where = f"{session.mac or 'a device'} on {self._nas_name(session.nas_id)}"
        if session.id is None:
            return f"{counted} of {allowed} taken: {where} logged in {_ago(now - session.began_at)} ago"
        return (
            f"{counted} of {allowed} taken: session {session.id} of {where}, "
            f"{_ago(now - session.began_at)} long, heard {_ago(now - session.heard_at)} ago"
        )


def no_longer_than(attributes: bytes, longest: timedelta) -> bytes:
    """Return attributes of an Access-Accept with a Session-Timeout of at most so long (RFC 2865 §5.27).

    Whole seconds, rounded up; a shorter one that is there stays.
    """
    seconds = min(max(1, -(-longest // timedelta(seconds=1))), _LONGEST_SESSION_SECONDS)
    at = 0
    while at + 2 <= len(attributes):
        size = attributes[at + 1]
        if attributes[at] == SESSION_TIMEOUT and size == 6:
            before = int.from_bytes(attributes[at + 2 : at + 6], "big")
            shorter = min(before, seconds) if before else seconds
            return attributes[: at + 2] + shorter.to_bytes(4, "big") + attributes[at + 6 :]
        at += max(size, 2)
    return attributes + encode_attribute(SESSION_TIMEOUT, seconds.to_bytes(4, "big"))


def _ago(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"
