"""BatchKnowledge: the sessions and owners that a batch of accounting records concerns, looked up for all at once."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol
from uuid import UUID

from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import Session
from netbilld.radius.values import lookup_key, text


class Sessions(Protocol):
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

    @property
    def is_complete(self) -> bool:
        """Tell whether every record's service could be told so far."""
        return not self._wanted

    def want(self, record: AccountingRecord) -> None:
        """Remember that whose a record is must be known."""
        self._wanted.append(record)

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
