"""What is kept of lines with fixed addresses: what is wanted, what was done for it, what was seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.accounting.device_clock import DeviceClock
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.profile import Access


@dataclass(frozen=True, slots=True)
class LineRecord:
    """A line on a router.

    Attributes:
        targets: its addresses and prefixes in CIDR form.
        removed_at: since when it is to go from there.
    """

    id: int
    service_id: UUID
    nas_id: UUID
    targets: tuple[str, ...]
    created_at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineState:
    """What was last seen of a line on its router.

    Attributes:
        access: None where its router has nothing of it.
        profile_key: of the profile that it was seen with; empty where it was seen with none that is known.
        agrees: it was as it should be.
        wanted_key: what `attempts` and `last_error` are of: a newer wish waits for nothing.
        notes: what of others' is beside it, in words.
    """

    line_id: int
    access: Access | None
    profile_key: str
    observed_at: datetime
    agrees: bool
    wanted_key: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineToKeep:
    """A line with all that decides on what its router is to have.

    Attributes:
        name: a user name of its service.
        is_over: it was removed, or its service has ended: everything of it is to go.
        desired: None where that was not worked out yet.
    """

    line: LineRecord
    name: str
    is_over: bool
    desired: DesiredService | None
    state: LineState | None


@dataclass(frozen=True, slots=True)
class RouterRecord:
    """How it goes with a router that has lines.

    Attributes:
        failures: in a row.
        trouble: why it was not read or written, in words.
        notes: what is odd about it, in words.
        lists: every address list that entries of ours were made in.
        clock: its own, at the last answer.
    """

    nas_id: UUID
    asked_at: datetime
    answered_at: datetime | None = None
    failures: int = 0
    trouble: str | None = None
    notes: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    clock: DeviceClock | None = None


@dataclass(frozen=True, slots=True)
class LineAttempt:
    """Orders for a line that are about to leave."""

    line_id: int
    service_id: UUID
    nas_id: UUID
    access: str
    reason: str
    profile_key: str
    due_at: datetime
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class LineAttemptEnd:
    """What came of them: verified, acked, failed."""

    attempt_id: int
    outcome: str
    ended_at: datetime
    verified_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as lists show it."""

    line: LineRecord
    username: str
    nas: str
    desired: str | None
    reason: str | None
    profile_key: str | None
    since_at: datetime | None
    state: LineState | None

    @property
    def agrees(self) -> bool:
        """Tell whether it was last seen as it should be."""
        if self.state is None or not self.state.agrees:
            return False
        return self.state.profile_key == self.profile_key


def line_key(nas_id: UUID, service_id: UUID) -> str:
    """Return what names the counters of a line's queue among all meters read over the API."""
    return f"{nas_id}/line/{service_id}"


class StaticLines(Protocol):
    """The store's part that lines need, in one transaction."""

    async def routers(self) -> Mapping[UUID, Collection[UUID]]: ...

    async def router_names(self, nas_ids: Collection[UUID]) -> Mapping[UUID, str]: ...

    async def to_keep(self, nas_id: UUID) -> Sequence[LineToKeep]: ...

    async def router(self, nas_id: UUID) -> RouterRecord | None: ...

    async def keep_router(self, router: RouterRecord) -> None: ...

    async def known_services(self, service_ids: Collection[UUID]) -> Collection[UUID]: ...

    async def elsewhere(self, service_ids: Collection[UUID], nas_id: UUID) -> Mapping[UUID, str]: ...

    async def observe(self, states: Sequence[LineState]) -> None: ...

    async def begin_attempts(self, attempts: Sequence[LineAttempt]) -> Sequence[int]: ...

    async def end_attempts(self, ends: Sequence[LineAttemptEnd]) -> None: ...

    async def interrupted(self, now: datetime) -> int: ...

    async def clear(self, line_ids: Collection[int], at: datetime) -> None: ...
