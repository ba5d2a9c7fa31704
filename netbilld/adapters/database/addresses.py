"""Address pools, and who has which of their addresses: the primary key (pool, address) is what nobody has twice."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.address_use import NasSilence, SessionHold
from netbilld.adapters.database.bulk import instant_text
from netbilld.adapters.database.static_lines import StaticLineStore
from netbilld.adapters.database.tables import address_leases, address_pools, credentials, nas, services, sessions
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool, Network, PoolKind, overlap
from netbilld.model.errors import RefusedError
from netbilld.services.address_pools import AddressConflict
from netbilld.services.fixed_addresses import FixedAddress

_IDS_A_QUERY: Final = 5_000
_ROWS_A_STATEMENT: Final = 2_000
_LOCK: Final = 0x6E62_6164_6472  # of PostgreSQL's advisory locks: whoever changes pools or fixed addresses
_COLUMNS: Final = ("pool_id", "address", "service_id", "nas_id", "session_key", "taken_at", "held_until_at")
_LEASE: Final = tuple(address_leases.c[name] for name in (*_COLUMNS, "released_at"))

_TAKE: Final = """
    INSERT INTO address_leases (pool_id, address, service_id, nas_id, session_key, taken_at, held_until_at, released_at)
    SELECT {columns}, NULL
    FROM {wanted}
    JOIN address_pools AS pool
      ON pool.id = {pool_id} AND pool.removed_at IS NULL AND pool.revision = {revision}
    WHERE TRUE ORDER BY {pool_id}, {address} {lock}
    ON CONFLICT (pool_id, address) DO UPDATE SET
      service_id = excluded.service_id, nas_id = excluded.nas_id, session_key = excluded.session_key,
      taken_at = excluded.taken_at, held_until_at = excluded.held_until_at, released_at = NULL
    WHERE address_leases.released_at IS NOT NULL OR (
      address_leases.service_id = excluded.service_id AND address_leases.nas_id = excluded.nas_id
      AND address_leases.session_key = excluded.session_key)
    RETURNING pool_id, address"""
_T = TypeVar("_T")
_RETURNED: Final = (address_leases.c.pool_id, address_leases.c.address)
_TAKE_SQLITE: Final = text(
    _TAKE.format(
        columns=", ".join(f"json_extract(wanted.value, '$[{number}]')" for number in range(7)),
        wanted="json_each(:wanted) AS wanted",
        pool_id="json_extract(wanted.value, '$[0]')",
        address="json_extract(wanted.value, '$[1]')",
        revision="json_extract(wanted.value, '$[7]')",
        lock="",
    )
).columns(*_RETURNED)
_TAKE_POSTGRESQL: Final = text(
    _TAKE.format(
        columns=", ".join(f"wanted.{name}" for name in _COLUMNS),
        wanted="""unnest(CAST(:pool_id AS uuid[]), CAST(:address AS text[]), CAST(:service_id AS uuid[]),
          CAST(:nas_id AS uuid[]), CAST(:session_key AS text[]), CAST(:taken_at AS timestamptz[]),
          CAST(:held_until_at AS timestamptz[]), CAST(:revision AS integer[]))
          AS wanted (pool_id, address, service_id, nas_id, session_key, taken_at, held_until_at, revision)""",
        pool_id="wanted.pool_id",
        address="wanted.address",
        revision="wanted.revision",
        lock="FOR SHARE OF pool",  # a pool that is changed meanwhile is changed before or after, never in between
    )
).columns(*_RETURNED)

_POOL: Final = select(
    *(address_pools.c[name] for name in ("id", "name", "name_key", "kind", "network", "prefix_length", "excluded")),
    address_pools.c.created_at,
    address_pools.c.revision,
).where(address_pools.c.removed_at.is_(None))
_HOLD: Final = tuple(
    sessions.c[name]
    for name in (
        "id", "service_id", "nas_id", "username", "mac", "framed_ip", "ipv6_prefix", "delegated_prefix", "state",
        "started_at", "updated_at", "stopped_at",
    )
)  # fmt: skip
_LIVE: Final = address_leases.c.released_at.is_(None)
_OPEN: Final = sessions.c.stopped_at.is_(None)


class AddressStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    async def lock(self) -> None:
        """Let nobody else change pools or fixed addresses before this transaction ends."""
        if not self._is_sqlite:  # there, who writes is alone
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))

    # -- pools ---------------------------------------------------------------------------------------------------------

    async def pools(self) -> list[AddressPool]:
        """Return every pool in use, by name."""
        return [_pool(row) for row in await self._connection.execute(_POOL.order_by(address_pools.c.name_key))]

    async def by_name(self, name: str) -> AddressPool | None:
        """Return the pool of that name, in any letter case."""
        query = _POOL.where(address_pools.c.name_key == name.strip().casefold())
        row = (await self._connection.execute(query)).one_or_none()
        return _pool(row) if row else None

    async def add(self, pool: AddressPool) -> None:
        """Store a new pool.

        Raises:
            RefusedError: another has that name.
        """
        try:
            await self._connection.execute(
                insert(address_pools).values(
                    id=pool.id,
                    name=pool.name,
                    name_key=pool.name_key,
                    kind=pool.kind.value,
                    network=pool.network,
                    prefix_length=pool.prefix_length,
                    excluded=list(pool.excluded),
                    created_at=pool.created_at,
                    revision=pool.revision,
                )
            )
        except IntegrityError:
            raise RefusedError(f"there is a pool {pool.name!r} already", code="name_taken") from None

    async def change(self, pool_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a pool; whoever gives by what it was before is refused from here on."""
        await self._connection.execute(
            update(address_pools)
            .where(address_pools.c.id == pool_id)
            .values(**fields, revision=address_pools.c.revision + 1)
        )

    async def forget(self, pool_id: UUID) -> None:
        """Forget what a pool has given."""
        await self._connection.execute(delete(address_leases).where(address_leases.c.pool_id == pool_id))

    async def usage(self) -> dict[UUID, tuple[int, int]]:
        """Return, by pool, how many addresses are in use and how many are held."""
        is_held = address_leases.c.held_until_at.is_not(None)
        query = select(address_leases.c.pool_id, is_held, func.count()).where(_LIVE)
        found: dict[UUID, tuple[int, int]] = {}
        for pool_id, held, count in await self._connection.execute(query.group_by(address_leases.c.pool_id, is_held)):
            in_use, holding = found.get(pool_id, (0, 0))
            found[pool_id] = (in_use, holding + count) if held else (in_use + count, holding)
        return found

    async def fixed(self, *, ipv6_only: bool = False) -> list[FixedAddress]:
        """Return what is fixed for live services, their lines on routers among it.

        With `ipv6_only` IPv4 addresses of services are left out, and those of lines are not.
        """
        lines = await StaticLineStore(self._connection).fixed()
        with_line = {line.service_id for line in lines}
        found: list[FixedAddress] = []
        for column in (services.c.static_ip, services.c.ipv6_prefix, services.c.delegated_prefix):
            query = (
                select(services.c.id, func.min(credentials.c.name), column)
                .join_from(services, credentials, credentials.c.service_id == services.c.id)
                .where(
                    column.is_not(None), services.c.ended_at.is_(None), *([column.contains(":")] if ipv6_only else ())
                )
                .group_by(services.c.id, column)
            )
            rows = [FixedAddress(*row) for row in await self._connection.execute(query)]
            found += rows
        apart = [one for one in found if one.service_id not in with_line]
        return apart + _widest([*lines, *(one for one in found if one.service_id in with_line)])

    # -- leases --------------------------------------------------------------------------------------------------------

    async def leases(self, pool_ids: Collection[UUID], changed_since: datetime | None = None) -> list[AddressLease]:
        """Return the leases of pools, longest released first; only those taken or released since then, if given."""
        query = select(*_LEASE).where(address_leases.c.pool_id.in_(pool_ids))
        if changed_since is not None:
            query = query.where(
                or_(address_leases.c.taken_at >= changed_since, address_leases.c.released_at >= changed_since)
            )
        return await self._leases(query.order_by(address_leases.c.released_at, address_leases.c.address))

    async def at(self, places: Collection[tuple[UUID, str]]) -> list[AddressLease]:
        """Return the leases of these (pool, address)."""
        found: list[AddressLease] = []
        for some in _batches(list(places)):
            place = tuple_(address_leases.c.pool_id, address_leases.c.address)
            found += await self._leases(select(*_LEASE).where(place.in_(some)))
        return found

    async def take(self, wanted: Sequence[tuple[AddressLease, int]]) -> set[tuple[UUID, str]]:
        """Take addresses that are free, or this very station's; return those (pool, address) that were got.

        Each comes with the revision of the pool it was chosen from; another revision's gets nothing. One address must
        not be wanted twice.
        """
        got: set[tuple[UUID, str]] = set()
        for start in range(0, len(wanted), _ROWS_A_STATEMENT):
            some = wanted[start : start + _ROWS_A_STATEMENT]
            if self._is_sqlite:
                rows = [[*_sqlite_row(lease), revision] for lease, revision in some]
                result = await self._connection.execute(_TAKE_SQLITE, {"wanted": json.dumps(rows)})
            else:
                values: dict[str, Any] = {name: [getattr(lease, name) for lease, _ in some] for name in _COLUMNS}
                values["revision"] = [revision for _, revision in some]
                result = await self._connection.execute(_TAKE_POSTGRESQL, values)
            got.update((row.pool_id, row.address) for row in result)
        return got

    async def live_of(self, service_ids: Collection[UUID]) -> list[AddressLease]:
        """Return, locked, the leases of services that are not free."""
        found: list[AddressLease] = []
        for some in _batches(sorted(service_ids)):
            query = select(*_LEASE).where(address_leases.c.service_id.in_(some), _LIVE)
            # the order in which `take` locks them
            query = query.order_by(address_leases.c.pool_id, address_leases.c.address).with_for_update()
            found += await self._leases(query)
        return found

    async def use(self, leases: Sequence[AddressLease]) -> None:
        """Note that sessions have been seen with these."""
        await self._set_all(leases, held_until_at=None)

    async def release(self, leases: Sequence[AddressLease], at: datetime) -> None:
        """Free these; they stay remembered for their service until another needs them."""
        await self._set_all(leases, released_at=at, held_until_at=None)

    async def _set_all(self, leases: Sequence[AddressLease], **values: Any) -> None:
        by_pool: dict[UUID, list[str]] = {}
        for lease in leases:
            by_pool.setdefault(lease.pool_id, []).append(lease.address)
        for pool_id, addresses in by_pool.items():
            for some in _batches(addresses):
                mine = (address_leases.c.pool_id == pool_id) & address_leases.c.address.in_(some)
                await self._connection.execute(update(address_leases).where(mine).values(**values))

    async def _leases(self, query: Select[Any]) -> list[AddressLease]:
        ids: dict[UUID, UUID] = {}  # leases stay in memory: one object for each pool and NAS
        return [
            AddressLease(ids.setdefault(row[0], row[0]), row[1], row[2], ids.setdefault(row[3], row[3]), *row[4:])
            for row in await self._connection.execute(query)
        ]

    # -- what sessions say of them -------------------------------------------------------------------------------------

    async def unsettled(self, now: datetime, limit: int) -> set[UUID]:
        """Return services with a lease whose hold is over, or that no session of theirs seems to use."""
        alive = select(sessions.c.service_id).where(_OPEN, sessions.c.service_id.is_not(None))
        lease = address_leases.c
        idle = lease.held_until_at.is_(None) & lease.service_id.not_in(alive)
        query = select(lease.service_id).where(_LIVE, or_(lease.held_until_at <= now, idle)).distinct().limit(limit)
        return set((await self._connection.execute(query)).scalars())

    async def services_on(self, nas_id: UUID) -> set[UUID]:
        """Return services with a lease on a NAS that is not free."""
        query = select(address_leases.c.service_id).where(address_leases.c.nas_id == nas_id, _LIVE).distinct()
        return set((await self._connection.execute(query)).scalars())

    async def services_of(self, session_ids: Collection[int]) -> set[UUID]:
        """Return whose sessions these are."""
        found: set[UUID] = set()
        for some in _batches(list(session_ids)):
            query = select(sessions.c.service_id).where(sessions.c.id.in_(some), sessions.c.service_id.is_not(None))
            found.update((await self._connection.execute(query)).scalars())
        return found

    async def sessions_of(self, service_ids: Collection[UUID], since: datetime) -> list[SessionHold]:
        """Return the open sessions of services, and those that were heard of since then, newest first."""
        recent = or_(_OPEN, sessions.c.updated_at >= since, sessions.c.stopped_at >= since)
        found: list[SessionHold] = []
        for some in _batches(list(service_ids)):
            found += await self._holds(sessions.c.service_id.in_(some) & recent)
        return found

    async def open_sessions(self) -> list[SessionHold]:
        """Return every open session that has an address."""
        address = or_(
            sessions.c.framed_ip.is_not(None),
            sessions.c.ipv6_prefix.is_not(None),
            sessions.c.delegated_prefix.is_not(None),
        )
        return await self._holds(_OPEN & address)

    async def _holds(self, condition: ColumnElement[bool]) -> list[SessionHold]:
        query = select(*_HOLD).where(condition).order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
        return [SessionHold(*row) for row in await self._connection.execute(query)]

    async def conflicts(self) -> list[AddressConflict]:
        """Return open sessions that report an address which is held or in use by another service."""
        found: list[AddressConflict] = []
        for kind, column in (
            (PoolKind.IPV4, sessions.c.framed_ip),
            (PoolKind.IPV6_PREFIX, sessions.c.ipv6_prefix),
            (PoolKind.DELEGATED, sessions.c.delegated_prefix),
        ):
            query = (
                select(
                    address_pools.c.name.label("pool"),
                    address_leases.c.address,
                    sessions.c.id,
                    sessions.c.username,
                    nas.c.name,
                    address_leases.c.service_id,
                    sessions.c.started_at,
                )
                .select_from(address_leases)
                .join(address_pools, address_pools.c.id == address_leases.c.pool_id)
                .join(sessions, column == address_leases.c.address)
                .join(nas, nas.c.id == sessions.c.nas_id)
                .where(
                    address_pools.c.kind == kind.value,
                    address_pools.c.removed_at.is_(None),
                    _LIVE,
                    _OPEN,
                    sessions.c.service_id.is_distinct_from(address_leases.c.service_id),
                )
                .order_by(address_leases.c.address, sessions.c.id)
            )
            rows = (await self._connection.execute(query)).all()
            owners = await self.names_of({row.service_id for row in rows})
            found += [AddressConflict(*row[:5], owners.get(row.service_id, ""), row.started_at) for row in rows]
        return found

    async def names_of(self, service_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return a user name of each service."""
        found: dict[UUID, str] = {}
        for some in _batches(list(service_ids)):
            query = (
                select(credentials.c.service_id, func.min(credentials.c.name))
                .where(credentials.c.service_id.in_(some))
                .group_by(credentials.c.service_id)
            )
            found.update((service_id, name) for service_id, name in await self._connection.execute(query))
        return found

    # -- NAS that fell silent ------------------------------------------------------------------------------------------

    async def silences(self) -> list[NasSilence]:
        """Return when each NAS was last heard, and since when its sessions are suspect."""
        query = select(nas.c.id, nas.c.name, nas.c.last_heard_at, nas.c.suspect_since_at, nas.c.removed_at)
        busy = select(address_leases.c.nas_id).where(_LIVE)
        query = query.where(or_(nas.c.removed_at.is_(None), nas.c.id.in_(busy)))
        return [
            NasSilence(row.id, row.name, row.last_heard_at, row.suspect_since_at, row.removed_at is not None)
            for row in await self._connection.execute(query.order_by(nas.c.id))
        ]

    async def suspect(self, nas_id: UUID, since_at: datetime | None) -> None:
        """Note since when the sessions of a NAS are suspect; None for not any more."""
        await self._connection.execute(update(nas).where(nas.c.id == nas_id).values(suspect_since_at=since_at))


def _pool(row: Any) -> AddressPool:
    return AddressPool(
        row.id,
        row.name,
        row.name_key,
        PoolKind(row.kind),
        row.network,
        row.prefix_length,
        tuple(row.excluded),
        row.created_at,
        row.revision,
    )


def _sqlite_row(lease: AddressLease) -> list[str | None]:
    """Return a lease as SQLite keeps it: ids as hexadecimal digits, instants as text."""
    held = lease.held_until_at
    return [
        lease.pool_id.hex,
        lease.address,
        lease.service_id.hex,
        lease.nas_id.hex,
        lease.session_key,
        instant_text(lease.taken_at),
        None if held is None else instant_text(held),
    ]


def _batches(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for start in range(0, len(values), _IDS_A_QUERY):
        yield values[start : start + _IDS_A_QUERY]


def _widest(fixed: Sequence[FixedAddress]) -> list[FixedAddress]:
    """Leave out what of a service lies inside of something else of that same service."""
    kept: list[FixedAddress] = []
    of_service: dict[UUID, list[Network]] = {}
    for one in sorted(fixed, key=lambda each: ip_network(each.address).prefixlen):
        network, others = ip_network(one.address), of_service.setdefault(one.service_id, [])
        if not any(overlap(network, other) for other in others):
            others.append(network)
            kept.append(one)
    return kept
