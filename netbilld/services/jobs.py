"""Long work that staff start: proposed first, then done in the background, item by item; it can be found again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

MOST_ITEMS: Final = 20_000
ITEMS_A_PAGE: Final = 100


class JobKind(StrEnum):
    SUSPEND = "suspend"
    RESUME = "resume"
    PLAN = "plan"
    PRICE = "price"
    MESSAGE = "message"
    IMPORT = "import"


class JobState(StrEnum):
    """proposed → waiting → running → done, stopped by a person or failed; an import is looked through first."""

    CHECKING = "checking"  # what an import would do is being worked out
    PROPOSED = "proposed"  # what it would do can be looked at; nothing is done yet
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


OVER: Final = frozenset({JobState.DONE, JobState.STOPPED, JobState.FAILED})


class ItemState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work.

    Attributes:
        asked: what it was started with; plain JSON.
        total, done, refused: how many items there are, and how far it is.
        said: why it failed.
    """

    id: UUID
    kind: JobKind
    state: JobState
    asked: Mapping[str, Any] = field(hash=False)
    total: int
    done: int
    refused: int
    stop_wanted: bool
    said: str
    actor: str
    origin: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def dealt_with(self) -> int:
        """Return how many items are done or refused."""
        return self.done + self.refused


@dataclass(frozen=True, slots=True)
class JobItem:
    """One thing that a job does.

    Attributes:
        position: its place; of an import the line of the file.
        subject_id: the service, or the subscriber that gets a message.
        subject: as a person knows it.
        before, after: what changes: states, codes of plans, or amounts in minor units, by the kind of job.
        said: why it was refused.
    """

    position: int
    subject_id: UUID | None
    subject: str
    before: str
    after: str
    state: ItemState
    said: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A service as a proposal needs to know it; `price_minor` is its fee by its own terms, None without one."""

    service_id: UUID
    subscriber_id: UUID
    subscriber_no: str
    name: str
    username: str
    status: str
    plan: str
    price_minor: int | None
    reachable: bool  # has an e-mail address or telephone number

    @property
    def said(self) -> str:
        return f"{self.subscriber_no} {self.name} · {self.username}" if self.username else self.subscriber_no


class Jobs(Protocol):
    """Jobs as a store keeps them."""

    async def add(self, job: Job, items: Sequence[JobItem], payload: bytes | None = None) -> None: ...

    async def find(self, job_id: UUID, *, lock: bool = False) -> Job | None: ...

    async def newest(self, limit: int) -> Sequence[Job]: ...

    async def next(self) -> Job | None:
        """Return the oldest job that is to be worked on."""
        ...

    async def update(self, job_id: UUID, **fields: Any) -> None: ...

    async def payload(self, job_id: UUID) -> bytes | None: ...

    async def items(self, job_id: UUID, state: ItemState | None, offset: int, limit: int) -> Sequence[JobItem]: ...

    async def settle(self, job_id: UUID, position: int, state: ItemState, said: str) -> None:
        """Put on record what came of an item, and count it; one that is settled stays as it is."""
        ...

    async def add_items(self, job_id: UUID, items: Sequence[JobItem]) -> None: ...

    async def drop_items(self, job_id: UUID) -> None: ...

    async def subjects(self, service_ids: Sequence[UUID]) -> Sequence[Subject]: ...

    async def forget(self, before: datetime) -> int:
        """Let go of files that finished or abandoned jobs brought, and of proposals nobody took up; return how many."""
        ...
