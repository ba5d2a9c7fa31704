"""Subscribers as a table that an import takes again; passwords stay where they are."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.services.people_views import PeopleFilter

COLUMNS: Final = (
    "username",
    "plan",
    "subscriber_no",
    "name",
    "phone",
    "email",
    "address",
    "area",
    "group",
    "mac",
    "ip",
    "ipv6_prefix",
    "delegated_prefix",
    "billing_day",
    "active_until",
    "installed_on",
)
MOST: Final = 100_000
CHUNK: Final = 500


class People(Protocol):
    async def service_ids(self, wanted: PeopleFilter, today: date, limit: int) -> Sequence[UUID]: ...

    async def exported(self, service_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """Return each service by the columns of an export."""
        ...


class Work(Protocol):
    @property
    def people(self) -> People: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class ExportPeople:
    """Reads some hundreds at a time, so that a long list takes nobody's place."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def rows(self, wanted: PeopleFilter, today: date) -> AsyncIterator[Sequence[str]]:
        """Yield the header, then a row a service that has not ended, in the order of the list."""
        yield COLUMNS
        async with self._store.read() as work:
            ids = await work.people.service_ids(wanted, today, MOST)
        for start in range(0, len(ids), CHUNK):
            some = ids[start : start + CHUNK]
            async with self._store.read() as work:
                found = await work.people.exported(some)
            for service_id in some:
                if (one := found.get(service_id)) is not None:
                    yield [_written(one[column]) for column in COLUMNS]


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)
