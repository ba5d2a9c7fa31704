"""Our pools and their leases as this process knows them; the database knows better, and is asked before an answer."""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool, PoolKind, parse_address
from netbilld.ports.clock import SteadyClock
from netbilld.services.lease_table import LeaseTable

Place = tuple[UUID, str]  # pool and address

_LEASES_A_TURN: Final = 5_000
_CLOCKS_DIFFER: Final = timedelta(seconds=30)  # between the nodes that write to one database
_LOOK_AGAIN_SECONDS: Final = 1.0


class Leases(Protocol):
    async def pools(self) -> list[AddressPool]: ...

    async def leases(self, pool_ids: Collection[UUID], changed_since: datetime | None = None) -> list[AddressLease]: ...


class Work(Protocol):
    @property
    def addresses(self) -> Leases: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class AddressBook:
    """Every pool with its leases.

    Attributes:
        unwritten: leases that were given while the database was away: nothing it says overrides them.
    """

    def __init__(self, store: Store, clock: SteadyClock, *, is_shared: bool = True, start: float = 0.0) -> None:
        """Take what to read from.

        Args:
            store: where pools and leases are.
            clock: time, and a monotonic clock.
            is_shared: other processes give from the same pools.
            start: from 0 to 1, where in a pool to begin with addresses never given.
        """
        self.unwritten: Final[dict[Place, AddressLease]] = {}
        self._store = store
        self._clock = clock
        self._is_shared = is_shared
        self._start = start
        self._tables: dict[UUID, LeaseTable] = {}
        self._by_name: dict[tuple[PoolKind, str], LeaseTable] = {}
        self._read_at: datetime | None = None
        self._read_mono: dict[UUID, float] = {}

    @property
    def has_pools(self) -> bool:
        """Tell whether we give addresses at all."""
        return bool(self._tables)

    def tables(self) -> list[LeaseTable]:
        """Return the pools, each with its leases."""
        return list(self._tables.values())

    def table(self, pool_id: UUID) -> LeaseTable | None:
        """Return a pool as it is now."""
        return self._tables.get(pool_id)

    def names(self) -> list[tuple[PoolKind, str]]:
        """Return kind and folded name of every pool."""
        return list(self._by_name)

    def named(self, kind: PoolKind, name_key: str) -> LeaseTable | None:
        """Return the pool of that kind and folded name."""
        return self._by_name.get((kind, name_key))

    def table_of(self, kind: PoolKind, address: str) -> LeaseTable | None:
        """Return the pool of ours that gives an address."""
        given = parse_address(address)
        if given is None:
            return None
        for table in self._tables.values():
            if table.pool.kind is kind and table.pool.number_of(given) is not None:
                return table
        return None

    def lease_at(self, place: Place) -> AddressLease | None:
        """Return what is known of an address of a pool."""
        table = self._tables.get(place[0])
        number = table.pool.number(place[1]) if table is not None else None
        return table.get(number) if table is not None and number is not None else None

    async def load(self) -> None:
        """Read the pools and all their leases.

        Raises:
            StoreUnavailableError: the database is away; what was known stays.
        """
        began_at = self._clock.now()
        async with self._store.read() as work:
            pools = await work.addresses.pools()
            leases = await work.addresses.leases([pool.id for pool in pools]) if pools else []
        await self.take(pools, leases)
        await self._read_since(began_at)  # what was given and freed while this was read

    async def take(self, pools: Iterable[AddressPool], leases: Iterable[AddressLease]) -> None:
        """Know these pools and leases, and no others."""
        tables = {pool.id: LeaseTable(pool, start=self._start) for pool in pools}
        for count, lease in enumerate(leases, 1):
            tables[lease.pool_id].put(lease)
            if count % _LEASES_A_TURN == 0:
                await asyncio.sleep(0)
        for lease in self.unwritten.values():
            if lease.pool_id in tables:
                tables[lease.pool_id].put(lease)
        self._tables = tables
        self._by_name = {(table.pool.kind, table.pool.name_key): table for table in tables.values()}

    async def refresh(self) -> None:
        """Take in what other processes have given and freed since the last time."""
        if self._is_shared and self._read_at is not None:
            await self._read_since(self._read_at)

    async def _read_since(self, at: datetime) -> None:
        if not self._tables:
            return
        now = self._clock.now()
        async with self._store.read() as work:
            leases = await work.addresses.leases(list(self._tables), at - _CLOCKS_DIFFER)
        self._read_at = now
        self.learn(leases)

    async def look_again(self, tables: Iterable[LeaseTable]) -> None:
        """Read pools that seem full anew, each at most once a second: another process may have freed something."""
        now_mono = self._clock.monotonic()
        old = {
            table.pool.id
            for table in tables
            if now_mono - self._read_mono.get(table.pool.id, -_LOOK_AGAIN_SECONDS) >= _LOOK_AGAIN_SECONDS
        }
        if not old:
            return
        self._read_mono.update(dict.fromkeys(old, now_mono))
        async with self._store.read() as work:
            leases = await work.addresses.leases(old)
        self.learn(leases)

    def learn(self, leases: Iterable[AddressLease]) -> None:
        """Take what the database says of addresses."""
        for lease in leases:
            table = self._tables.get(lease.pool_id)
            if table is not None and (lease.pool_id, lease.address) not in self.unwritten:
                table.put(lease)
