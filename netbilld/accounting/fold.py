"""The fold of accounting records into sessions, in memory: each record finds its session or opens one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from netbilld.accounting.apply_record import apply
from netbilld.accounting.counting import BY_US
from netbilld.accounting.fit import Fit, continues, fit, repeats
from netbilld.accounting.record import AccountingRecord, RecordKind
from netbilld.accounting.session import LOST, Event, Session, SessionChange, begin, end, ended_by_restart, is_displaced

ServiceOf = Callable[[AccountingRecord], UUID | None]


class FirstGrant(NamedTuple):
    """What a session was given at log-in, as its Class said when it was first heard of."""

    session_id: int
    service_id: UUID
    access: str
    profile_key: str
    observed_at: datetime


@dataclass(slots=True)
class _OfNas:
    """The sessions of one NAS, by what a record may find them by; what is said on one NAS concerns no other's."""

    port_bps: int = 0
    ids: list[int] = field(default_factory=list)
    by_identity: dict[str, list[int]] = field(default_factory=dict)
    by_station: dict[str, list[int]] = field(default_factory=dict)
    by_address: dict[str, list[int]] = field(default_factory=dict)


class SessionFold:
    """Sessions that a batch of records may concern, and what the batch makes of them.

    The caller loads, for the records of the batch, the sessions with the same NAS and id, the open ones with the same
    station or address, and, for Accounting-On and -Off, every open one of that NAS.
    """

    def __init__(
        self, sessions: Iterable[Session], service_of: ServiceOf, port_bps: Mapping[UUID, int] | None = None
    ) -> None:
        """Take the sessions, what tells whose a record is, and what a port of each NAS can carry; without, anything."""
        self.sessions: dict[int, Session] = {}
        self.opened: dict[int, None] = {}  # in order
        self.ended: dict[int, None] = {}
        self.reopened: dict[int, None] = {}
        self.grants: list[FirstGrant] = []
        self.told: dict[int, AccountingRecord] = {}  # the last record that was a session's own
        self._before: dict[int, Session] = {}
        self._service_of = service_of
        self._port_bps = port_bps or {}
        self._of_nas: dict[UUID, _OfNas] = {}
        for session in sorted(sessions, key=_id_of):
            if session.id not in self.sessions:
                self._before[session.id] = session
                self._add(session)

    def apply(self, record: AccountingRecord, new_id: int) -> SessionChange | None:
        """Take one record in; return what it metered, None for one that concerns no session of its own.

        `new_id` is the id of the session that it opens if none is its.
        """
        kind = record.kind
        nas = self._on(record.nas_id)
        if kind is RecordKind.ON or kind is RecordKind.OFF:
            for session_id in nas.ids:
                session = self.sessions[session_id]
                if session.is_open and session.nas_source in {None, record.source}:
                    self._put(session, ended_by_restart(session, record))
            return None
        if kind is RecordKind.OTHER:
            return None
        found = self._find(nas, record)
        if found is None:
            if record.flags & BY_US:  # it is known from elsewhere, or over; a NAS's own word begins a session
                return None
            return self._open(nas, record, new_id)
        service_id = self._service_of(record) if found.service_id is None else None
        change = apply(found, record, service_id, nas.port_bps)
        self._put(found, change.session)
        self.told[found.id] = record
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

    def alike(self, session_id: int) -> list[int]:
        """Return the sessions of the same NAS and Acct-Session-Id, this one among them."""
        session = self.sessions[session_id]
        return self._on(session.nas_id).by_identity[session.acct_session_key]

    def _find(self, nas: _OfNas, record: AccountingRecord) -> Session | None:
        ids = nas.by_identity.get(record.acct_session_key)
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
            if len(same) > 1:  # a copy that is late without saying so looks like a later one's
                same = [session for session in same if repeats(session, record)] or same
            return min(same, key=lambda session: (abs(session.started_at - begun_at), -session.id))
        if alike:
            newest = max((session for session, _ in alike), key=lambda session: session.started_at)
            if continues(newest, record):
                return newest
        return None

    def _open(self, nas: _OfNas, record: AccountingRecord, new_id: int) -> SessionChange:
        session = begin(record, new_id, self._service_of(record))
        superseded = record.kind is not RecordKind.STOP and any(
            self.sessions[session_id].started_at > record.event_at
            for session_id in nas.by_identity.get(record.acct_session_key, ())
        )
        change = (
            SessionChange(session) if record.kind is RecordKind.START else apply(session, record, None, nas.port_bps)
        )
        session = change.session
        if superseded:
            session = end(session, Event.LOSS, LOST, session.updated_at)
            change = change._replace(session=session)
        elif record.kind is not RecordKind.STOP:
            self._displace(nas, session)
        self.opened[new_id] = None
        self.told[new_id] = record
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

    def _displace(self, nas: _OfNas, by: Session) -> None:
        rivals = list(nas.by_identity.get(by.acct_session_key, ()))
        if by.mac is not None:
            rivals += nas.by_station.get(by.mac, ())
        if by.framed_ip is not None:
            rivals += nas.by_address.get(by.framed_ip, ())
        for session_id in rivals:
            session = self.sessions[session_id]
            if is_displaced(session, by):
                self._put(session, end(session, Event.LOSS, LOST, session.updated_at))

    def _add(self, session: Session) -> None:
        self.sessions[session.id] = session
        nas = self._on(session.nas_id)
        nas.ids.append(session.id)
        nas.by_identity.setdefault(session.acct_session_key, []).append(session.id)
        if session.mac is not None:
            nas.by_station.setdefault(session.mac, []).append(session.id)
        if session.framed_ip is not None:
            nas.by_address.setdefault(session.framed_ip, []).append(session.id)

    def _on(self, nas_id: UUID) -> _OfNas:
        nas = self._of_nas.get(nas_id)
        if nas is None:
            nas = self._of_nas[nas_id] = _OfNas(self._port_bps.get(nas_id, 0))
        return nas

    def _put(self, was: Session, session: Session) -> None:
        if was.stopped_at is None:
            if session.stopped_at is not None:
                self.ended[session.id] = None
        elif session.stopped_at is None:
            self.ended.pop(session.id, None)
            self.reopened[session.id] = None
        if session.mac != was.mac and session.mac is not None:
            self._on(session.nas_id).by_station.setdefault(session.mac, []).append(session.id)
        if session.framed_ip != was.framed_ip and session.framed_ip is not None:
            self._on(session.nas_id).by_address.setdefault(session.framed_ip, []).append(session.id)
        self.sessions[session.id] = session


def _id_of(session: Session) -> int:
    return session.id
