"""Complaints, their photos and outages, as the services about them use a store."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.model.complaint import Category, Complaint, ComplaintState
from netbilld.model.outage import Outage
from netbilld.model.staff import Staff
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Outbox as OutboxPort


@dataclass(frozen=True, slots=True)
class KeptPhoto:
    """A photo that was looked at, made smaller and written down: its file's name and its size in pixels."""

    file: str
    width: int
    height: int


class KeepsPhotos(Protocol):
    async def keep(self, content: bytes) -> KeptPhoto:
        """Keep a photo without what the camera said of place and owner.

        Raises:
            InvalidInputError: it is no picture, whatever it was called, or too large.
        """
        ...

    async def read(self, file: str) -> bytes | None:
        """Return a photo as JPEG or PNG; None where it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a complaint."""

    at: datetime
    actor: str
    kind: str  # state, note, photo, outage, work
    by_subscriber: bool = False
    state: ComplaintState | None = None
    assignee_id: UUID | None = None
    text: str | None = None
    public: bool = True


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo for a complaint."""

    id: UUID
    kind: str  # report, before, after, signature
    photo: KeptPhoto
    public: bool


class Complaints(Protocol):
    async def next_number(self) -> str: ...

    async def category(self, code: str) -> Category | None: ...

    async def add(self, complaint: Complaint) -> None: ...

    async def by_number(self, number: str, *, lock: bool = False) -> Complaint | None: ...

    async def change(self, complaint_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def add_step(self, complaint_id: UUID, step: Step) -> None: ...

    async def add_photos(self, complaint_id: UUID, photos: Sequence[NewPhoto], actor: str, at: datetime) -> None: ...

    async def count_photos(self, complaint_id: UUID) -> int: ...

    async def count_open(self, subscriber_id: UUID) -> int: ...

    async def count_since(self, subscriber_id: UUID, at: datetime) -> int: ...

    async def drop_photos(self, complaint_id: UUID, kind: str) -> None: ...

    async def put_work(self, complaint_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def put_place(
        self, subscriber_id: UUID, latitude_micro: int, longitude_micro: int, actor: str, at: datetime
    ) -> None: ...

    async def add_answers(self, complaint_id: UUID, answers: Mapping[str, Any], at: datetime) -> bool: ...

    async def put_category(self, category: Category) -> None: ...

    async def resolved_before(self, at: datetime, most: int) -> Sequence[str]: ...


class Outages(Protocol):
    async def next_number(self) -> str: ...

    async def add(self, outage: Outage) -> None: ...

    async def by_number(self, number: str, *, lock: bool = False) -> Outage | None: ...

    async def by_id(self, outage_id: UUID) -> Outage | None: ...

    async def change(self, outage_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def running_for(self, subscriber_id: UUID) -> Outage | None: ...

    async def running_at(self, *, area: str | None, nas_id: UUID | None) -> Outage | None: ...

    async def in_area(self, area: str) -> Sequence[UUID]: ...

    async def on_nas(self, nas_id: UUID, since_at: datetime) -> Sequence[UUID]: ...

    async def nas_id(self, name: str) -> UUID | None: ...

    async def tell(self, outage_id: UUID, subscriber_ids: Sequence[UUID], at: datetime) -> Sequence[UUID]: ...

    async def told(self, outage_id: UUID) -> Sequence[UUID]: ...

    async def gatherable(self, subscriber_ids: Sequence[UUID]) -> Sequence[str]: ...

    async def gathered(self, outage_id: UUID) -> Sequence[str]: ...


class StaffStore(Protocol):
    async def by_id(self, staff_id: UUID) -> Staff | None: ...

    async def by_email(self, email: str) -> Staff | None: ...


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...

    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...


class Outbox(OutboxPort, Protocol):
    async def take_back(self, dedupe_keys: Sequence[str], now: datetime) -> Sequence[str]: ...


class Idempotency(Protocol):
    async def claim(self, key: str, verb: str, request_digest: str, now: datetime) -> dict[str, Any] | None: ...

    async def complete(self, key: str, verb: str, result: Mapping[str, Any]) -> None: ...


class Work(Protocol):
    """The stores of one transaction."""

    @property
    def complaints(self) -> Complaints: ...
    @property
    def outages(self) -> Outages: ...
    @property
    def staff(self) -> StaffStore: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...
