"""Our address pools and who has what of them, as people look at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.address_pool import AddressPool

NEARLY_FULL_PERCENT: Final = 90
LEASE_STATES: Final = ("in_use", "held", "free")


@dataclass(frozen=True, slots=True)
class AddressConflict:
    """An open session that has an address of ours which is another service's."""

    pool: str
    address: str
    session_id: int
    username: str
    nas: str
    owner: str
    since_at: datetime


@dataclass(frozen=True, slots=True)
class FullRefusals:
    """Log-ins that a pool had nothing for, among the newest attempts of all."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PoolLine:
    """A pool and how full it is.

    Attributes:
        in_use: addresses that a session was seen with.
        held: addresses given in an Access-Accept that wait for their Start.
        remembered: free ones that are kept for the service that had them last.
    """

    pool: AddressPool
    in_use: int
    held: int
    remembered: int
    refusals: FullRefusals | None
    conflicts: Sequence[AddressConflict]

    @property
    def taken(self) -> int:
        return self.in_use + self.held

    @property
    def free(self) -> int:
        return max(0, self.pool.size - self.taken)

    @property
    def state(self) -> str:
        """Return conflict, full, nearly_full or room: the worst that is so."""
        if self.conflicts:
            return "conflict"
        if self.taken >= self.pool.size:
            return "full"
        return "nearly_full" if self.taken * 100 >= self.pool.size * NEARLY_FULL_PERCENT else "room"


@dataclass(frozen=True, slots=True)
class LeaseLine:
    """One address that was given out, and whose it is or was.

    Attributes:
        session_id: the open session that has it; None where no session of that service does.
        nas_silent_since_at: since when its NAS as a whole is silent, so that nobody knows.
    """

    pool_id: UUID
    address: str
    state: str
    service_id: UUID
    username: str
    subscriber_no: str | None
    name: str | None
    nas: str | None
    station: str | None
    taken_at: datetime
    held_until_at: datetime | None
    released_at: datetime | None
    session_id: int | None
    session_state: str | None
    nas_silent_since_at: datetime | None

    @property
    def since_at(self) -> datetime:
        return self.released_at or self.taken_at


@dataclass(frozen=True, slots=True)
class ServiceLease:
    """An address of ours that a service has now."""

    pool_id: UUID
    pool: str
    address: str
    state: str


@dataclass(frozen=True, slots=True)
class LeasePage:
    """A page of a pool's leases, newest first, and how many there are."""

    lines: Sequence[LeaseLine]
    total: int


@dataclass(frozen=True, slots=True)
class PoolChange:
    """Who did what with a pool."""

    at: datetime
    actor: str
    origin: str
    action: str
    said: Sequence[str]


@dataclass(frozen=True, slots=True)
class PoolFile:
    """One pool in full.

    Attributes:
        plans: codes of plans whose newest version names it.
    """

    line: PoolLine
    plans: Sequence[str]
    changes: Sequence[PoolChange]


@dataclass(frozen=True, slots=True)
class FixedLine:
    """An address or prefix that is fixed for a service."""

    address: str
    username: str
    subscriber_no: str
    name: str


@dataclass(frozen=True, slots=True)
class AddressSession:
    """A session that had an address, open or over."""

    id: int
    username: str
    subscriber_no: str | None
    name: str | None
    nas: str
    mac: str | None
    state: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """Who has and who had an address.

    Attributes:
        asked: as it was understood: an address, or a prefix in CIDR form.
        pool: ours whose network it is in.
        is_reserved: that pool never gives it out.
        sessions: newest first, among the newest of all.
    """

    asked: str
    pool: AddressPool | None
    is_reserved: bool
    lease: LeaseLine | None
    fixed: Sequence[FixedLine]
    sessions: Sequence[AddressSession]


class PoolViews(Protocol):
    """What people ask about pools; each answer is bounded."""

    async def pool_lines(self) -> Sequence[PoolLine]: ...

    async def pool_file(self, pool_id: UUID) -> PoolFile | None: ...

    async def lease_lines(self, pool_id: UUID, text: str, state: str | None, offset: int) -> LeasePage:
        """Return the leases whose address or user name has `text` in it."""
        ...

    async def lease_line(self, pool_id: UUID, address: str) -> LeaseLine | None: ...

    async def who_has(self, text: str) -> AddressAnswer | None:
        """Return who has and had an address or prefix; None for text that is neither."""
        ...
