"""Address pools, their leases, and who has or had an address."""

from collections import defaultdict
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, ip_network
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true

from netbilld.accounting.address_use import SessionHold, has_lease
from netbilld.adapters.database.addresses import AddressStore
from netbilld.adapters.database.queries import Queries, first_username, like
from netbilld.adapters.database.tables import (
    address_leases,
    auth_attempts,
    changes,
    credentials,
    nas,
    plan_versions,
    plans,
    services,
    sessions,
    subscribers,
)
from netbilld.billing.plan_file import plan_from_definition
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool, Network, PoolKind
from netbilld.services.address_pools import (
    AddressAnswer,
    AddressConflict,
    AddressSession,
    FixedLine,
    FullRefusals,
    LeaseLine,
    LeasePage,
    PoolChange,
    PoolFile,
    PoolLine,
)
from netbilld.services.readmodels import PAGE_LENGTH

_NEWEST_ATTEMPTS: Final = 50_000
_NEWEST_SESSIONS: Final = 200_000
_SHOWN_SESSIONS: Final = 20
_SHOWN_CHANGES: Final = 12
_WIDEST_PREFIX: Final = 16  # of what a service can have

_LEASE: Final = address_leases.c
_IN_USE: Final = and_(_LEASE.released_at.is_(None), _LEASE.held_until_at.is_(None))
_HELD: Final = and_(_LEASE.released_at.is_(None), _LEASE.held_until_at.is_not(None))
_STATES: Final = {"in_use": _IN_USE, "held": _HELD, "free": _LEASE.released_at.is_not(None)}


class PoolQueries(Queries):
    """Reads about pools; leases are counted and paged by the database, a pool may have a hundred thousand."""

    async def pool_lines(self) -> Sequence[PoolLine]:
        """Return every pool, by name."""
        return await self._pool_lines(await self._addresses.pools())

    async def pool_file(self, pool_id: UUID) -> PoolFile | None:
        """Return one pool, by its id."""
        pools = [pool for pool in await self._addresses.pools() if pool.id == pool_id]
        if not pools:
            return None
        (line,) = await self._pool_lines(pools)
        return PoolFile(line, await self._plans_with(pools[0]), await self._pool_changes(pool_id))

    @property
    def _addresses(self) -> AddressStore:
        return AddressStore(self._connection)

    async def _pool_lines(self, pools: Sequence[AddressPool]) -> list[PoolLine]:
        if not pools:
            return []
        counts = {
            row["pool_id"]: row
            for row in await self._rows(
                select(
                    _LEASE.pool_id,
                    func.sum(case((_IN_USE, 1), else_=0)).label("in_use"),
                    func.sum(case((_HELD, 1), else_=0)).label("held"),
                    func.count().label("known"),
                )
                .where(_LEASE.pool_id.in_([pool.id for pool in pools]))
                .group_by(_LEASE.pool_id)
            )
        }
        conflicts: dict[str, list[AddressConflict]] = defaultdict(list)
        for one in await self._addresses.conflicts():
            conflicts[one.pool].append(one)
        refusals = await self._refusals([pool.name for pool in pools])
        return [
            PoolLine(
                pool,
                in_use=int(counts[pool.id]["in_use"]) if pool.id in counts else 0,
                held=int(counts[pool.id]["held"]) if pool.id in counts else 0,
                remembered=_remembered(counts[pool.id]) if pool.id in counts else 0,
                refusals=refusals.get(pool.name),
                conflicts=conflicts.get(pool.name, ()),
            )
            for pool in pools
        ]

    async def _refusals(self, names: Sequence[str]) -> dict[str, FullRefusals]:
        """Return, by pool, the log-ins it had nothing for: the detail of such an attempt says which pool that was."""
        table = auth_attempts.c
        newest = await self._number(select(func.max(table.id)))
        details = {f"pool {name} is full": name for name in names}
        query = (
            select(table.detail, func.count().label("attempts"), func.max(table.at).label("last_at"))
            .where(table.id > newest - _NEWEST_ATTEMPTS, table.reason == "pool_full", table.detail.in_(details))
            .group_by(table.detail)
        )
        return {
            details[row["detail"]]: FullRefusals(row["attempts"], row["last_at"]) for row in await self._rows(query)
        }

    async def _plans_with(self, pool: AddressPool) -> list[str]:
        newest = (
            select(plan_versions.c.plan_id, func.max(plan_versions.c.version).label("version"))
            .group_by(plan_versions.c.plan_id)
            .subquery()
        )
        query = (
            select(plans.c.code, plan_versions.c.definition)
            .join(plan_versions, plan_versions.c.plan_id == plans.c.id)
            .join(
                newest,
                and_(newest.c.plan_id == plan_versions.c.plan_id, newest.c.version == plan_versions.c.version),
            )
            .order_by(plans.c.code_key)
        )
        found = []
        for row in await self._rows(query):
            named = plan_from_definition(row["definition"]).pools
            name = {
                PoolKind.IPV4: named.ipv4,
                PoolKind.IPV6_PREFIX: named.ipv6_prefix,
                PoolKind.DELEGATED: named.delegated,
            }[pool.kind]
            if name is not None and name.strip().casefold() == pool.name_key:
                found.append(row["code"])
        return found

    async def _pool_changes(self, pool_id: UUID) -> list[PoolChange]:
        query = (
            select(changes.c.at, changes.c.actor, changes.c.origin, changes.c.action, changes.c.details)
            .where(changes.c.entity == "pool", changes.c.entity_id == str(pool_id))
            .order_by(changes.c.id.desc())
            .limit(_SHOWN_CHANGES)
        )
        return [
            PoolChange(row["at"], row["actor"], row["origin"], row["action"], _said(row["details"]))
            for row in await self._rows(query)
        ]

    # -- leases --------------------------------------------------------------------------------------------------------

    async def lease_lines(self, pool_id: UUID, text: str, state: str | None, offset: int) -> LeasePage:
        """Return a page of a pool's leases, those that changed hands last first."""
        condition = and_(_LEASE.pool_id == pool_id, _matching(text), true() if state is None else _STATES[state])
        total = await self._number(select(func.count()).select_from(address_leases).where(condition))
        order = (func.coalesce(_LEASE.released_at, _LEASE.taken_at).desc(), func.length(_LEASE.address), _LEASE.address)
        # the page is picked by its keys alone: what is shown is looked up for fifty rows, not for all
        picked = select(_LEASE.address).where(condition).order_by(*order).limit(PAGE_LENGTH).offset(offset)
        query = _lease_columns().where(_LEASE.pool_id == pool_id, _LEASE.address.in_(picked)).order_by(*order)
        return LeasePage(await self._lease_lines(query, await self._kind_of(pool_id)), total)

    async def lease_line(self, pool_id: UUID, address: str) -> LeaseLine | None:
        """Return one lease, by its address as it is stored."""
        query = _lease_columns().where(_LEASE.pool_id == pool_id, _LEASE.address == address)
        return next(iter(await self._lease_lines(query, await self._kind_of(pool_id))), None)

    async def _kind_of(self, pool_id: UUID) -> PoolKind:
        pools = await self._addresses.pools()
        return next((pool.kind for pool in pools if pool.id == pool_id), PoolKind.IPV4)

    async def _lease_lines(self, query: Select[Any], kind: PoolKind) -> list[LeaseLine]:
        rows = await self._rows(query)
        of_service: dict[UUID, list[SessionHold]] = defaultdict(list)
        if rows:
            newest = max(row["taken_at"] for row in rows)
            for session in await self._addresses.sessions_of({row["service_id"] for row in rows}, newest):
                if session.is_open:
                    of_service[session.service_id].append(session)
        lines = []
        for row in rows:
            told = {name: row[name] for name in _SHOWN}
            lease = AddressLease(
                row["pool_id"], row["address"], row["service_id"], row["nas_id"], row["station"], row["taken_at"]
            )
            using = [
                session
                for session in of_service[row["service_id"]]
                if row["released_at"] is None and has_lease(session, lease, kind)
            ]
            lines.append(
                LeaseLine(
                    **told,
                    username=row["username"] or "",
                    state=_state(row),
                    session_id=using[0].id if using else None,
                    session_state=using[0].state if using else None,
                )
            )
        return lines

    # -- who has an address --------------------------------------------------------------------------------------------

    async def who_has(self, text: str) -> AddressAnswer | None:
        """Return who has and had an address: of ours, fixed, or seen in the newest sessions."""
        try:
            asked = ip_network(text.strip(), strict=False)
        except ValueError:
            return None
        if isinstance(asked, IPv4Network) and asked.num_addresses > 1:
            return None  # many addresses, not one
        holding = [pool for pool in await self._addresses.pools() if pool.piece(asked) is not None]
        pool = holding[0] if holding else None
        piece = pool.piece(asked) if pool is not None else None
        wanted = _covering(asked)
        return AddressAnswer(
            asked=str(asked.network_address) if asked.num_addresses == 1 else str(asked),
            pool=pool,
            is_reserved=pool is not None and pool.number(piece or "") is None,
            lease=await self.lease_line(pool.id, piece) if pool is not None and piece is not None else None,
            fixed=await self._fixed_among(wanted),
            sessions=await self._sessions_with(wanted),
        )

    async def _fixed_among(self, wanted: Sequence[str]) -> list[FixedLine]:
        columns = (services.c.static_ip, services.c.ipv6_prefix, services.c.delegated_prefix)
        query = (
            select(
                func.coalesce(*(case((column.in_(wanted), column)) for column in columns)).label("address"),
                first_username(services.c.id).label("username"),
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
            )
            .join_from(services, subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(services.c.ended_at.is_(None), or_(*(column.in_(wanted) for column in columns)))
            .limit(_SHOWN_SESSIONS)
        )
        return [FixedLine(**{**row, "username": row["username"] or ""}) for row in await self._rows(query)]

    async def _sessions_with(self, wanted: Sequence[str]) -> list[AddressSession]:
        newest = (
            select(sessions.c.id, sessions.c.framed_ip, sessions.c.ipv6_prefix, sessions.c.delegated_prefix)
            .order_by(sessions.c.id.desc())
            .limit(_NEWEST_SESSIONS)
            .subquery()
        )
        picked = select(newest.c.id).where(
            or_(
                *(
                    column.in_(wanted)
                    for column in (newest.c.framed_ip, newest.c.ipv6_prefix, newest.c.delegated_prefix)
                )
            )
        )
        query = (
            select(
                sessions.c.id,
                sessions.c.username,
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                nas.c.name.label("nas"),
                sessions.c.mac,
                sessions.c.state,
                sessions.c.started_at,
                sessions.c.updated_at,
                sessions.c.stopped_at,
            )
            .join_from(sessions, nas, nas.c.id == sessions.c.nas_id)
            .outerjoin(services, services.c.id == sessions.c.service_id)
            .outerjoin(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(sessions.c.id.in_(picked))
            .order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
            .limit(_SHOWN_SESSIONS)
        )
        return [AddressSession(**row) for row in await self._rows(query)]


_SHOWN: Final = (
    "pool_id", "address", "service_id", "subscriber_no", "name", "nas", "station", "taken_at", "held_until_at",
    "released_at", "nas_silent_since_at",
)  # fmt: skip


def _lease_columns() -> Select[Any]:
    return (
        select(
            _LEASE.pool_id,
            _LEASE.address,
            _LEASE.service_id,
            _LEASE.nas_id,
            _LEASE.session_key.label("station"),
            _LEASE.taken_at,
            _LEASE.held_until_at,
            _LEASE.released_at,
            first_username(_LEASE.service_id).label("username"),
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name,
            nas.c.name.label("nas"),
            nas.c.suspect_since_at.label("nas_silent_since_at"),
        )
        .select_from(address_leases)
        .join(services, services.c.id == _LEASE.service_id)
        .join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .outerjoin(nas, nas.c.id == _LEASE.nas_id)
    )


def _matching(text: str) -> ColumnElement[bool]:
    wanted = text.strip().lower()
    if not wanted:
        return true()
    needle = like(wanted)
    named = select(credentials.c.service_id).where(credentials.c.name_key.like(needle, escape="\\"))
    return or_(_LEASE.address.like(needle, escape="\\"), _LEASE.service_id.in_(named))


def _state(row: Any) -> str:
    if row["released_at"] is not None:
        return "free"
    return "in_use" if row["held_until_at"] is None else "held"


def _remembered(row: Any) -> int:
    return int(row["known"]) - int(row["in_use"]) - int(row["held"])


def _covering(asked: Network) -> list[str]:
    """Return, as they are stored, the address asked for and every prefix a service can have that it is in."""
    if isinstance(asked, IPv4Network):
        return [str(asked.network_address)]
    first = int(asked.network_address)
    prefixes = [
        f"{IPv6Address(first >> (128 - length) << (128 - length))}/{length}"
        for length in range(_WIDEST_PREFIX, asked.prefixlen + 1)
    ]
    return [*prefixes, str(asked.network_address)] if asked.prefixlen == asked.max_prefixlen else prefixes


def _said(details: Any) -> list[str]:
    """Return what a change was, in the words that were typed."""
    if "address" in details:
        return [str(details["address"]), str(details.get("username") or "–")]
    fields = details.get("fields") or {}
    if fields:
        return [f"{name}: {' → '.join(str(value) for value in values)}" for name, values in fields.items()]
    return [str(details[name]) for name in ("network",) if name in details]
