"""What is published of a service and of a NAS, as the store gives it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.billing.rating.limits import Limits


@dataclass(frozen=True, slots=True)
class LiveSession:
    """An open session, with what it was last seen with."""

    session_id: int
    service_id: UUID
    nas_id: UUID
    nas: str
    username: str
    acct_session_id: str
    state: str
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    mac: str | None
    started_at: datetime
    updated_at: datetime
    session_seconds: int
    upload_octets: int
    download_octets: int
    upload_bps: int
    download_bps: int
    observed: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class LiveService:
    """A service with its sessions, what it is due, and what it used in its newest periods.

    Attributes:
        periods: first day → day after the last, upload and download octets.
        retained: topics that something was retained on for it.
        counted: first day → what counts against the allowance, where the plan alone does not tell.
        limits: of its allowance, where they are others than its plan's.
    """

    service_id: UUID
    subscriber_no: str
    username: str
    status: str
    plan_version_id: UUID
    billing_day: int
    timezone: str
    access: str | None
    reason: str | None
    since_at: datetime | None
    until_at: datetime | None
    periods: Mapping[date, tuple[date, int, int]]
    sessions: Sequence[LiveSession]
    retained: frozenset[str]
    counted: Mapping[date, int]
    limits: Limits


@dataclass(frozen=True, slots=True)
class LiveNas:
    """A NAS, when it was last heard, and how many sessions are open on it."""

    nas_id: UUID
    name: str
    vendor: str
    last_heard_at: datetime | None
    sessions: int
    is_removed: bool


class LiveStore(Protocol):
    """The store's part that publishing needs."""

    async def services(self, service_ids: Collection[UUID], now: datetime) -> Sequence[LiveService]: ...
    async def plan_definitions(self, plan_version_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]: ...
    async def service_ids_after(self, after: UUID | None, limit: int) -> Sequence[UUID]: ...
    async def of_sessions(self, session_ids: Collection[int]) -> Mapping[int, UUID]: ...
    async def keep_retained(self, topics: Mapping[str, UUID]) -> None: ...
    async def drop_retained(self, topics: Collection[str]) -> None: ...
    async def all_nas(self) -> Sequence[LiveNas]: ...


class LiveWork(Protocol):
    @property
    def live(self) -> LiveStore: ...


class LiveDatabase(Protocol):
    def read(self) -> AbstractAsyncContextManager[LiveWork]: ...
    def write(self) -> AbstractAsyncContextManager[LiveWork]: ...
