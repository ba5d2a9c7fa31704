"""Pools of addresses: added, changed and removed; none overlaps another, nor an address that is fixed for a service."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from netbilld.accounting.address_use import SessionHold, has_lease
from netbilld.model.actor import Actor
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import (
    AddressPool,
    PoolKind,
    check_excluded,
    check_network,
    overlap,
    parse_address,
    parse_range,
)
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.ports.changes import Changes
from netbilld.services.fixed_addresses import FixedAddress, as_excluded
from netbilld.services.subscriber_fields import clean_text

LONGEST_NAME = 100
MAX_EXCLUDED = 1_000
_LONGEST_ADDRESS = 50


class Addresses(Protocol):
    async def lock(self) -> None: ...

    async def pools(self) -> list[AddressPool]: ...

    async def by_name(self, name: str) -> AddressPool | None: ...

    async def add(self, pool: AddressPool) -> None: ...

    async def change(self, pool_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def forget(self, pool_id: UUID) -> None: ...

    async def fixed(self, *, ipv6_only: bool = False) -> list[FixedAddress]: ...

    async def leases(self, pool_ids: Collection[UUID], changed_since: datetime | None = None) -> list[AddressLease]: ...

    async def take(self, wanted: Sequence[tuple[AddressLease, int]]) -> set[tuple[UUID, str]]: ...

    async def live_of(self, service_ids: Collection[UUID]) -> list[AddressLease]: ...

    async def at(self, places: Collection[tuple[UUID, str]]) -> list[AddressLease]: ...

    async def release(self, leases: Sequence[AddressLease], at: datetime) -> None: ...

    async def sessions_of(self, service_ids: Collection[UUID], since: datetime) -> list[SessionHold]: ...

    async def open_sessions(self) -> list[SessionHold]: ...

    async def names_of(self, service_ids: Collection[UUID]) -> dict[UUID, str]: ...


class Work(Protocol):
    @property
    def addresses(self) -> Addresses: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PoolChanges:
    """What to set, as written; None leaves it as it is.

    Attributes:
        exclude: to leave out as well.
        include: exclusions to take back.
        excluded: the whole list of exclusions instead.
    """

    name: str | None = None
    network: str | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    excluded: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PoolKept:
    """A pool as it is now, what of it changed, and how many open sessions were found with its addresses."""

    pool: AddressPool
    changed: tuple[str, ...] = ()
    adopted: int = 0


class ManagePools:
    """The use cases of pools; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(
        self,
        name: str,
        network: str,
        kind: str,
        prefix_length: int | None,
        excluded: Sequence[str],
        actor: Actor,
        now: datetime,
    ) -> PoolKept:
        """Make a pool; open sessions that have addresses of it already keep them.

        Raises:
            InvalidInputError: name, network, kind, prefix length or an exclusion is wrong.
            RefusedError: the name is taken, or it overlaps another pool or an address fixed for a service.
        """
        cleaned = _name(name)
        known_kind = _kind(kind)
        checked, length = check_network(known_kind, network, prefix_length)
        pool = AddressPool(
            uuid4(), cleaned, cleaned.casefold(), known_kind, checked, length, _excluded(checked, excluded), now
        )
        if pool.size == 0:
            raise InvalidInputError(f"pool {cleaned} gives nothing: all of {checked} is excluded", code="pool_empty")
        async with self._store.write() as work:
            await work.addresses.lock()
            if (other := await work.addresses.by_name(cleaned)) is not None:
                raise _taken(other.name)
            await _refuse_overlap(work, pool)
            await work.addresses.add(pool)
            adopted = await _adopt(work, pool, now)
            details = {"name": cleaned, "kind": str(pool.kind), "network": checked}
            await work.changes.record(actor, now, "pool.add", "pool", pool.id, details)
        return PoolKept(pool, adopted=adopted)

    async def set(self, name: str, wanted: PoolChanges, actor: Actor, now: datetime) -> PoolKept:
        """Rename a pool, widen or move its network, exclude addresses or take exclusions back.

        Raises:
            InvalidInputError: what is wanted is wrong.
            NotFoundError: no pool has that name.
            RefusedError: it would overlap, or leave out an address that is held or in use.
        """
        async with self._store.write() as work:
            await work.addresses.lock()
            pool = await _find(work, name)
            new = _changed(pool, wanted)
            said = [field for field in ("name", "network", "excluded") if getattr(pool, field) != getattr(new, field)]
            if not said:
                return PoolKept(pool)
            if new.size == 0:
                raise InvalidInputError(f"pool {new.name} would give nothing", code="pool_empty")
            if new.name_key != pool.name_key and await work.addresses.by_name(new.name) is not None:
                raise _taken(new.name)
            await _refuse_overlap(work, new)
            fields: dict[str, Any] = {field: getattr(new, field) for field in said}
            if "excluded" in fields:
                fields["excluded"] = list(new.excluded)
            # from here on nothing is given by what the pool was, so that what is live now is all there is
            await work.addresses.change(pool.id, {**fields, "name_key": new.name_key})
            await _refuse_left_out(work, new)
            adopted = await _adopt(work, replace(new, revision=pool.revision + 1), now) if said != ["name"] else 0
            shown = {field: [_said(getattr(pool, field)), _said(getattr(new, field))] for field in said}
            details = {"name": pool.name, "fields": shown}
            await work.changes.record(actor, now, "pool.set", "pool", pool.id, details)
        return PoolKept(new, tuple(said), adopted)

    async def remove(self, name: str, actor: Actor, now: datetime, *, force: bool = False) -> int:
        """Remove a pool; return how many of its addresses were held or in use. What it had given is forgotten.

        Raises:
            NotFoundError: no pool has that name.
            RefusedError: addresses of it are in use, and `force` was not asked for.
        """
        async with self._store.write() as work:
            await work.addresses.lock()
            pool = await _find(work, name)
            await work.addresses.change(pool.id, {"removed_at": now})
            live = sum(not lease.is_free for lease in await work.addresses.leases([pool.id]))
            if live and not force:
                raise RefusedError(
                    f"{live} addresses of pool {pool.name!r} are held or in use",
                    hint="take the plans' [address] off it first, or use --force: sessions keep what they have",
                    code="pool_in_use",
                    values={"pool": pool.name, "live": live},
                )
            await work.addresses.forget(pool.id)
            details = {"name": pool.name, "live": live}
            await work.changes.record(actor, now, "pool.remove", "pool", pool.id, details)
        return live

    async def release(
        self, name: str, address: str, actor: Actor, now: datetime, *, service_id: UUID | None = None
    ) -> AddressLease:
        """Free an address that is held or in use and that no open session has; return what it was.

        Args:
            name: the pool's.
            address: or a prefix in CIDR form, as it was given.
            actor: who wants it.
            now: the present.
            service_id: whose it was when somebody decided that; None for whoever has it.

        Raises:
            NotFoundError: no pool has that name, or the address was never given.
            RefusedError: it is free, another service has it by now, or an open session has it.
        """
        async with self._store.write() as work:
            pool = await _find(work, name)
            wanted = parse_address(address.strip())
            place = (pool.id, (None if wanted is None else pool.piece(wanted)) or address.strip()[:_LONGEST_ADDRESS])
            found = await work.addresses.at([place])
            if not found:
                raise NotFoundError(
                    f"{place[1]} of pool {pool.name!r} was never given out",
                    hint=f"`netbilld pool show {pool.name} --leases` shows what was",
                )
            owner_id = found[0].service_id
            live = await work.addresses.live_of([owner_id])  # locked: nobody gives or frees it meanwhile
            lease = next((one for one in live if (one.pool_id, one.address) == place), None)
            if lease is None or (service_id is not None and lease.service_id != service_id):
                raise RefusedError(
                    f"{place[1]} of pool {pool.name!r} is not theirs any more, or free already",
                    hint=f"`netbilld pool show {pool.name} --leases` shows how it is now",
                    code="lease_changed",
                    values={"address": place[1]},
                )
            username = (await work.addresses.names_of([owner_id])).get(owner_id, "")
            for session in await work.addresses.sessions_of([owner_id], now):
                if session.is_open and has_lease(session, lease, pool.kind):
                    raise RefusedError(
                        f"{lease.address} is in use: session {session.id} of {session.username!r} is open",
                        hint=f"end it first with `netbilld session disconnect {session.id}`",
                        code="lease_in_use",
                        values={"address": lease.address, "username": session.username},
                    )
            await work.addresses.release([lease], now)
            details = {"name": pool.name, "address": lease.address, "username": username}
            await work.changes.record(actor, now, "pool.release", "pool", pool.id, details)
        return lease


def _name(text: str) -> str:
    name = clean_text("pool name", text, LONGEST_NAME)
    if not name or not name.isprintable():
        raise InvalidInputError("the pool name is empty or has more than one line", code="pool_name")
    return name


def _taken(name: str) -> RefusedError:
    return RefusedError(
        f"there is a pool {name!r} already", hint="choose another name", code="name_taken", values={"pool": name}
    )


def _kind(text: str) -> PoolKind:
    try:
        return PoolKind(text)
    except ValueError:
        raise InvalidInputError(f"kind {text!r}: allowed: {', '.join(PoolKind)}") from None


def _excluded(network: str, excluded: Sequence[str]) -> tuple[str, ...]:
    checked = check_excluded(network, excluded)
    if len(checked) > MAX_EXCLUDED:
        raise InvalidInputError(
            f"more than {MAX_EXCLUDED} exclusions",
            hint="write ranges",
            code="excluded_many",
            values={"most": MAX_EXCLUDED},
        )
    return checked


def _changed(pool: AddressPool, wanted: PoolChanges) -> AddressPool:
    name = pool.name if wanted.name is None else _name(wanted.name)
    network = pool.network
    if wanted.network is not None:
        network, _ = check_network(pool.kind, wanted.network, pool.prefix_length)
    if wanted.excluded is not None:
        return _with(pool, name, network, _excluded(network, wanted.excluded))
    taken_back = [parse_range(text) for text in wanted.include]
    kept = [text for text in pool.excluded if parse_range(text) not in taken_back]
    missing = [text for text in wanted.include if parse_range(text) not in map(parse_range, pool.excluded)]
    if missing:
        raise InvalidInputError(
            f"{missing[0]} is no exclusion of pool {pool.name}", hint=f"it has: {', '.join(pool.excluded) or 'none'}"
        )
    return _with(pool, name, network, _excluded(network, [*kept, *wanted.exclude]))


def _said(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "–"


def _with(pool: AddressPool, name: str, network: str, excluded: tuple[str, ...]) -> AddressPool:
    return AddressPool(
        pool.id, name, name.casefold(), pool.kind, network, pool.prefix_length, excluded, pool.created_at, pool.revision
    )


async def _find(work: Work, name: str) -> AddressPool:
    pool = await work.addresses.by_name(name)
    if pool is None:
        raise unknown_pool(name)
    return pool


def unknown_pool(name: str) -> NotFoundError:
    """Return the refusal of a name that no pool has."""
    return NotFoundError(f"no pool has the name {name!r}", hint="`netbilld pool list` shows them")


async def _refuse_overlap(work: Work, pool: AddressPool) -> None:
    for other in await work.addresses.pools():
        if other.id != pool.id and overlap(other.net, pool.net):
            raise RefusedError(
                f"pool {pool.name!r} ({pool.network}) overlaps pool {other.name!r} ({other.network})",
                hint="one address must not be given by two pools",
                code="overlaps_pool",
                values={
                    "pool": pool.name,
                    "network": pool.network,
                    "other": other.name,
                    "other_network": other.network,
                },
            )
    for one in await work.addresses.fixed():
        if pool.gives(one.address):
            raise RefusedError(
                f"pool {pool.name!r} ({pool.network}) overlaps {one.address}, which is fixed for {one.username!r}",
                hint=f"leave it out with --exclude {as_excluded(one.address)}",
                code="overlaps_fixed",
                values={
                    "pool": pool.name,
                    "network": pool.network,
                    "address": as_excluded(one.address),
                    "username": one.username,
                },
            )


async def _refuse_left_out(work: Work, pool: AddressPool) -> None:
    for lease in await work.addresses.leases([pool.id]):
        if not lease.is_free and pool.number(lease.address) is None:
            names = await work.addresses.names_of([lease.service_id])
            raise RefusedError(
                f"{lease.address} of pool {pool.name!r} is in use by {names.get(lease.service_id)!r}",
                hint="end its session first with `netbilld session disconnect`",
                code="left_out_in_use",
                values={
                    "address": lease.address,
                    "pool": pool.name,
                    "username": names.get(lease.service_id, ""),
                },
            )


async def _adopt(work: Work, pool: AddressPool, now: datetime) -> int:
    """Give open sessions the addresses of this pool that they have already."""
    wanted: dict[str, tuple[AddressLease, int]] = {}
    for session in await work.addresses.open_sessions():
        address = session.address(pool.kind)
        if address is not None and pool.number(address) is not None and session.service_id is not None:
            lease = AddressLease(pool.id, address, session.service_id, session.nas_id, session.mac, now)
            wanted.setdefault(address, (lease, pool.revision))
    return len(await work.addresses.take([wanted[address] for address in sorted(wanted)]))
