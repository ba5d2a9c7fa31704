"""BatchKnowledge: the sessions and owners that a batch of accounting records concerns, looked up for all at once."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.accounting.fit import Fit, fit
from netbilld.accounting.record import AccountingRecord, RecordKind
from netbilld.accounting.session import Session
from netbilld.radius.values import lookup_key, text
from netbilld.services.plain_reports import Records
from netbilld.services.read_journal import RECORDS_A_TURN


class Sessions(Protocol):
    async def with_identity(self, identities: Collection[tuple[UUID, str]], event_at: datetime) -> list[Session]: ...
    async def open_at(
        self, stations: Collection[tuple[UUID, str]], addresses: Collection[tuple[UUID, str]]
    ) -> list[Session]: ...
    async def open_on(self, nas_ids: Collection[UUID]) -> list[Session]: ...
    async def services_named(self, name_keys: Collection[str]) -> dict[str, UUID]: ...


class Usage(Protocol):
    async def metered_services(self, service_ids: Collection[UUID]) -> Mapping[UUID, Any]: ...


class Work(Protocol):
    @property
    def sessions(self) -> Sessions: ...
    @property
    def usage(self) -> Usage: ...


class BatchKnowledge:
    """What the database holds of sessions and names that a batch of records may concern."""

    def __init__(self, sessions: list[Session]) -> None:
        self.sessions = sessions
        self._wanted: list[AccountingRecord] = []
        self._services: dict[bytes, UUID | None] = {}  # by user name as received
        self._claims: dict[UUID, bool] = {}  # services that a Class names, and whether they exist

    @classmethod
    async def load(cls, work: Work, records: Records) -> "BatchKnowledge":
        """Look up all that the batch may concern, in a few queries."""
        identities: dict[tuple[UUID, str], None] = {}
        restarted: dict[UUID, None] = {}
        if not records:
            return cls([])
        earliest_at = records[0][1].event_at
        for _, record in records:
            earliest_at = min(earliest_at, record.event_at)
            kind = record.kind
            if kind is RecordKind.ON or kind is RecordKind.OFF:
                restarted[record.nas_id] = None
            elif kind is not RecordKind.OTHER:
                identities[record.nas_id, record.acct_session_key] = None
        await asyncio.sleep(0)
        known = cls(await work.sessions.with_identity(identities, earliest_at) if identities else [])
        await asyncio.sleep(0)
        stations, addresses = await known._places(records)
        if stations or addresses:
            known.sessions += await work.sessions.open_at(stations, addresses)
        if restarted:
            known.sessions += await work.sessions.open_on(restarted)
        await known.complete(work)
        return known

    @property
    def is_complete(self) -> bool:
        """Tell whether every record's service could be told so far."""
        return not self._wanted

    async def complete(self, work: Work) -> None:
        """Look up what is wanted."""
        wanted, self._wanted = self._wanted, []
        names = {
            record.username_octets: text(lookup_key(record.username_octets))
            for record in wanted
            if record.username_octets and record.username_octets not in self._services
        }
        found = await work.sessions.services_named(set(names.values())) if names else {}
        for user_name, key in names.items():
            self._services[user_name] = found.get(key)
        claims = {
            grant.service_id
            for record in wanted
            if self._services.get(record.username_octets) is None and (grant := record.grant) is not None
        }
        claims -= self._claims.keys()
        existing = await work.usage.metered_services(claims) if claims else {}
        for service_id in claims:
            self._claims[service_id] = service_id in existing

    def service_of(self, record: AccountingRecord) -> UUID | None:
        """Return whose a record is; None also where that must be looked up first.

        A Class may be another's, echoed after a log-in by cookie: the user name decides. One that is nobody's was let
        in without its realm, by its line, or by a name inside a tunnel: then our Class is all there is.
        """
        user_name = record.username_octets
        if user_name and user_name not in self._services:
            self._wanted.append(record)
            return None
        found = self._services.get(user_name)
        if found is not None or (grant := record.grant) is None:
            return found
        exists = self._claims.get(grant.service_id)
        if exists is None:
            self._wanted.append(record)
        return grant.service_id if exists else None

    async def _places(self, records: Records) -> tuple[Collection[tuple[UUID, str]], Collection[tuple[UUID, str]]]:
        """Want the owners of records whose sessions have none; return where new ones may have displaced another.

        Those are NAS and station, and NAS and address.
        """
        alike: dict[tuple[UUID, str], list[Session]] = {}
        for session in self.sessions:
            alike.setdefault((session.nas_id, session.acct_session_key), []).append(session)
        stations: dict[tuple[UUID, str], None] = {}
        addresses: dict[tuple[UUID, str], None] = {}
        for number, (_, record) in enumerate(records):
            if number % RECORDS_A_TURN == 0:
                await asyncio.sleep(0)
            kind = record.kind
            if kind is RecordKind.START or kind is RecordKind.INTERIM or kind is RecordKind.STOP:
                same = next(
                    (
                        session
                        for session in alike.get((record.nas_id, record.acct_session_key), ())
                        if fit(session, record) is Fit.SAME
                    ),
                    None,
                )
                if same is None or same.service_id is None:
                    self._wanted.append(record)
                if same is None and kind is not RecordKind.STOP:
                    if record.mac is not None:
                        stations[record.nas_id, record.mac] = None
                    if record.framed_ip is not None:
                        addresses[record.nas_id, record.framed_ip] = None
        return stations, addresses
