"""The fold of accounting records into sessions, in memory: each record finds its session or opens one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.accounting.record import AccountingRecord, RecordKind
from netbilld.accounting.session import (
    LOST,
    Event,
    Fit,
    Session,
    SessionChange,
    SessionState,
    apply,
    begin,
    continues,
    end,
    ended_by_restart,
    fit,
    is_displaced,
)

ServiceOf = Callable[[AccountingRecord], UUID | None]

_REPORTS: Final = frozenset((RecordKind.START, RecordKind.INTERIM, RecordKind.STOP))


@dataclass(frozen=True, slots=True)
class FirstGrant:
    """What a session was given at log-in, as its Class said when it was first heard of."""

    session_id: int
    service_id: UUID
    access: str
    profile_key: str
    observed_at: datetime


class SessionFold:
    """Sessions that a batch of records may concern, and what the batch makes of them.

    The caller loads, for the records of the batch, the sessions with the same NAS and id, the open ones with the same
    station or address, and, for Accounting-On and -Off, every open one of that NAS.
    """

    def __init__(self, sessions: Iterable[Session], service_of: ServiceOf) -> None:
        self.sessions: dict[int, Session] = {}
        self.opened: dict[int, None] = {}  # in order
        self.ended: dict[int, None] = {}
        self.reopened: dict[int, None] = {}
        self.grants: list[FirstGrant] = []
        self._before: dict[int, Session] = {}
        self._service_of = service_of
        self._by_identity: dict[tuple[UUID, str], list[int]] = {}
        self._by_station: dict[tuple[UUID, str], list[int]] = {}
        self._by_address: dict[tuple[UUID, str], list[int]] = {}
        self._by_nas: dict[UUID, list[int]] = {}
        for session in sorted(sessions, key=lambda session: session.id):
            if session.id not in self.sessions:
                self._before[session.id] = session
                self._add(session)

    def apply(self, record: AccountingRecord, new_id: int) -> SessionChange | None:
        """Take one record in; return what it metered, None for one that concerns no session of its own.

        `new_id` is the id of the session that it opens if none is its.
        """
        if record.kind in {RecordKind.ON, RecordKind.OFF}:
            for session_id in self._by_nas.get(record.nas_id, ()):
                session = self.sessions[session_id]
                if session.nas_source in {None, record.source} and session.state is not SessionState.CLOSED:
                    self._put(ended_by_restart(session, record))
            return None
        if record.kind not in _REPORTS:
            return None
        found = self._find(record)
        if found is None:
            change = self._open(record, new_id)
        else:
            service_id = self._service_of(record) if found.service_id is None else None
            change = apply(found, record, service_id)
        self._put(change.session)
        return change

    def changed(self) -> list[tuple[Session, Session]]:
        """Return the sessions that were known before and are different now, as they were and as they are."""
        return [
            (before, now)
            for session_id, before in self._before.items()
            if (now := self.sessions[session_id]) is not before and now != before
        ]

    def new(self) -> list[Session]:
        """Return the sessions that the batch opened, as they are now."""
        return [self.sessions[session_id] for session_id in self.opened]

    def _find(self, record: AccountingRecord) -> Session | None:
        ids = self._by_identity.get((record.nas_id, record.acct_session_key))
        if not ids:
            return None
        if len(ids) == 1 and fit(session := self.sessions[ids[0]], record) is Fit.SAME:
            return session
        alike = [
            (session, how)
            for session_id in ids
            if (how := fit(session := self.sessions[session_id], record)) is not Fit.OTHER
        ]
        same = [session for session, how in alike if how is Fit.SAME]
        if same:
            begun_at = record.begun_at
            if begun_at is None:
                return max(same, key=lambda session: session.started_at)
            return min(same, key=lambda session: (abs(session.started_at - begun_at), -session.id))
        if alike:
            newest = max((session for session, _ in alike), key=lambda session: session.started_at)
            if continues(newest, record):
                return newest
        return None

    def _open(self, record: AccountingRecord, new_id: int) -> SessionChange:
        session = begin(record, new_id, self._service_of(record))
        superseded = record.kind is not RecordKind.STOP and any(
            self.sessions[session_id].started_at > record.event_at
            for session_id in self._by_identity.get((record.nas_id, record.acct_session_key), ())
        )
        change = SessionChange(session) if record.kind is RecordKind.START else apply(session, record)
        session = change.session
        if superseded:
            session = end(session, Event.LOSS, LOST, session.updated_at)
            change = replace(change, session=session)
        elif record.kind is not RecordKind.STOP:
            self._displace(session)
        self.opened[new_id] = None
        self._add(session)
        if session.is_open:
            grant = record.grant
            if grant is not None and grant.service_id == session.service_id:
                self.grants.append(
                    FirstGrant(new_id, grant.service_id, grant.access, grant.profile_key, record.event_at)
                )
        else:
            self.ended[new_id] = None
        return change

    def _displace(self, by: Session) -> None:
        rivals = list(self._by_identity.get((by.nas_id, by.acct_session_key), ()))
        if by.mac is not None:
            rivals += self._by_station.get((by.nas_id, by.mac), ())
        if by.framed_ip is not None:
            rivals += self._by_address.get((by.nas_id, by.framed_ip), ())
        for session_id in rivals:
            session = self.sessions[session_id]
            if is_displaced(session, by):
                self._put(end(session, Event.LOSS, LOST, session.updated_at))

    def _add(self, session: Session) -> None:
        self.sessions[session.id] = session
        self._by_identity.setdefault((session.nas_id, session.acct_session_key), []).append(session.id)
        self._by_nas.setdefault(session.nas_id, []).append(session.id)
        if session.mac is not None:
            self._by_station.setdefault((session.nas_id, session.mac), []).append(session.id)
        if session.framed_ip is not None:
            self._by_address.setdefault((session.nas_id, session.framed_ip), []).append(session.id)

    def _put(self, session: Session) -> None:
        was = self.sessions[session.id]
        if was.is_open and not session.is_open:
            self.ended[session.id] = None
        elif session.is_open and not was.is_open:
            self.ended.pop(session.id, None)
            self.reopened[session.id] = None
        self.sessions[session.id] = session
