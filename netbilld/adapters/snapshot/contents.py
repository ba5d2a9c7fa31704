"""What is in a snapshot: services with their facts, credentials still sealed, NAS, pools with leases, open sessions."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from sys import intern
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import TypeAdapter

from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snapshot.frames import FrameWriter, read_frames, unusable
from netbilld.adapters.snapshot.rows import Rows, fingerprint
from netbilld.billing.plan import Plan
from netbilld.billing.standing import Standing, StandingPolicy
from netbilld.enforcement.policy import ServiceFacts
from netbilld.enforcement.session_limit import HeldSession
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool
from netbilld.model.nas import Nas
from netbilld.model.router_login import RouterLogin
from netbilld.services.access_directory import SealedCredential

FILE_NAME: Final = "snapshot"
_ROWS_A_FRAME: Final = 5_000


class Nases(Protocol):
    async def all(self) -> Sequence[Nas]: ...


class RouterLogins(Protocol):
    async def all(self) -> Sequence[RouterLogin]: ...


class Addresses(Protocol):
    async def pools(self) -> Sequence[AddressPool]: ...
    async def leases(self, pool_ids: Collection[UUID]) -> Sequence[AddressLease]: ...


class Due(Protocol):
    def everyone(self, policy: StandingPolicy, now: datetime) -> AsyncIterator[Sequence[ServiceFacts]]: ...
    def every_access_row(self) -> AsyncIterator[Sequence[SealedCredential]]: ...


class Sessions(Protocol):
    async def held_on(self, nas_id: UUID) -> Sequence[HeldSession]: ...


class SnapshotSource(Protocol):
    """A reading unit of work, in which all that is read belongs together."""

    @property
    def nas(self) -> Nases: ...
    @property
    def router_logins(self) -> RouterLogins: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def enforcement(self) -> Due: ...
    @property
    def sessions(self) -> Sessions: ...


@dataclass(slots=True)
class Snapshot:
    """A snapshot as it was read.

    Attributes:
        taken_at: when the database said all this.
    """

    taken_at: datetime
    nas: list[Nas] = field(default_factory=list)
    router_logins: list[RouterLogin] = field(default_factory=list)
    pools: list[AddressPool] = field(default_factory=list)
    leases: list[AddressLease] = field(default_factory=list)
    sessions: list[HeldSession] = field(default_factory=list)
    facts: list[ServiceFacts] = field(default_factory=list)
    credentials: list[SealedCredential] = field(default_factory=list)


_PLANS: Final = TypeAdapter(list[Plan])
_ROWS: Final[dict[str, Rows[Any]]] = {
    "nas": Rows(Nas),
    "router_logins": Rows(RouterLogin),
    "pools": Rows(AddressPool),
    "leases": Rows(AddressLease),
    "sessions": Rows(HeldSession),
    "facts": Rows(ServiceFacts, plan=int),
    "credentials": Rows(SealedCredential),
}
_SHAPE: Final = fingerprint(
    [
        json.dumps(_PLANS.json_schema(), sort_keys=True),
        ",".join(each.name for each in fields(Standing)),
        *(f"{name}:{rows.shape}" for name, rows in _ROWS.items()),
    ]
)


async def write_snapshot(
    path: Path, box: SecretBox, source: SnapshotSource, policy: StandingPolicy, now: datetime, database: str
) -> int:
    """Write what log-ins are answered by into a file, in the place of an older one, and return its size in octets.

    Args:
        path: the file.
        box: seals it.
        source: what to read from, in one transaction.
        policy: what counts as overdue.
        now: the moment it is taken.
        database: names the database, so that another one's is not believed.

    Raises:
        OSError: the disk is full or fails; the older file is untouched.
        StoreUnavailableError: the database went away meanwhile; likewise.
    """
    writer = FrameWriter(path, box)
    try:
        header = {"taken_at": now.isoformat(), "database": database, "shape": _SHAPE}
        writer.add(json.dumps(header).encode())
        await _write(writer, source, policy, now)
        return writer.finish()
    except BaseException:
        writer.abandon()
        raise


async def _write(writer: FrameWriter, source: SnapshotSource, policy: StandingPolicy, now: datetime) -> None:
    def add(kind: str, objects: Sequence[object], **instead: Any) -> None:
        for start in range(0, len(objects), _ROWS_A_FRAME):
            some = objects[start : start + _ROWS_A_FRAME]
            writer.add(kind.encode() + b"\n" + _ROWS[kind].encode(some, **instead))

    nas = await source.nas.all()
    add("nas", nas)
    add("router_logins", await source.router_logins.all())
    pools = await source.addresses.pools()
    add("pools", pools)
    if pools:
        add("leases", await source.addresses.leases([pool.id for pool in pools]))
    for one in nas:
        add("sessions", await source.sessions.held_on(one.id))
    numbers: dict[Plan, int] = {}
    async for found in source.enforcement.everyone(policy, now):
        unknown = list(dict.fromkeys(facts.plan for facts in found if facts.plan not in numbers))
        numbers |= {plan: number for number, plan in enumerate(unknown, len(numbers))}
        if unknown:
            writer.add(b"plans\n" + _PLANS.dump_json(unknown))
        add("facts", found, plan=numbers.__getitem__)
    async for credentials in source.enforcement.every_access_row():
        add("credentials", credentials)


def read_snapshot(path: Path, box: SecretBox, database: str) -> Snapshot:
    """Return what a snapshot of this database holds.

    Raises:
        NetbilldError: there is none, or it is damaged, another database's, another release's, or sealed otherwise.
    """
    try:
        frames = read_frames(path, box)
        header = json.loads(next(frames))
        if header["database"] != database:
            raise unusable(path, "it is of another database")
        if header["shape"] != _SHAPE:
            raise unusable(path, "another release of netbilld wrote it")
        snapshot = Snapshot(datetime.fromisoformat(header["taken_at"]))
        plans: list[Plan] = []
        standings: dict[Standing, Standing] = {}
        for frame in frames:
            kind, _, rows = frame.partition(b"\n")
            if kind == b"plans":
                plans += _PLANS.validate_json(rows)
            elif kind == b"facts":  # what many have alike is one object, as it is when the database is read
                snapshot.facts += _ROWS["facts"].decode(
                    rows,
                    plan=plans.__getitem__,
                    timezone=intern,
                    standing=lambda one: standings.setdefault(one, one),
                )
            else:
                name = kind.decode("ascii")
                getattr(snapshot, name).extend(_ROWS[name].decode(rows))
    except FileNotFoundError:
        raise unusable(path, "there is none") from None
    except OSError as error:
        raise unusable(path, error.strerror or str(error)) from None
    except (ValueError, KeyError, IndexError, StopIteration) as error:  # authentic, so it is a fault of ours
        raise unusable(path, f"it can't be read: {error}") from error
    return snapshot
