"""The leases of one pool in memory: which address to try for a log-in. The database decides whether it is got."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool


class LeaseTable:
    """What is known of a pool's addresses; those never given out take no memory.

    A log-in is offered, in this order: the address its station has already, the one its service had last, one that was
    never given out, the one that has been free for longest. So a subscriber gets the same address back for as long as
    nobody else needs it.
    """

    def __init__(self, pool: AddressPool, leases: Iterable[AddressLease] = (), start: float = 0.0) -> None:
        """Take a pool and its leases, longest released first.

        `start`, from 0 to 1, says where in the pool to begin with addresses never given: processes that begin at
        different places seldom want the same one.
        """
        self.pool: Final = pool
        self._leases: dict[int, AddressLease] = {}
        self._of_service: dict[UUID, tuple[int, ...]] = {}
        self._free: OrderedDict[int, None] = OrderedDict()  # longest released first
        self._wanted: set[int] = set()  # a claim is under way, and what it comes to is not known
        self._start = min(int(pool.size * start), pool.size - 1) if pool.size else 0
        self._next_new = 0  # steps from there on, round to it again
        for lease in leases:
            self.put(lease)

    def __len__(self) -> int:
        return len(self._leases)

    @property
    def free(self) -> int:
        """How many addresses nobody has."""
        return self.pool.size - len(self._leases) + len(self._free)

    def get(self, number: int) -> AddressLease | None:
        """Return the lease of an address as it is known."""
        return self._leases.get(number)

    def choose(self, service_id: UUID, nas_id: UUID, session_key: str | None) -> int | None:
        """Return the number of the address to try, None where all are taken."""
        newest: tuple[datetime, int] | None = None
        for number in self._of_service.get(service_id, ()):
            if number in self._wanted:
                continue
            lease = self._leases[number]
            if lease.is_of(service_id, nas_id, session_key):
                return number
            if lease.released_at is not None:
                newest = max(newest or (lease.released_at, number), (lease.released_at, number))
        if newest is not None:
            return newest[1]
        while self._next_new < self.pool.size:
            number = (self._start + self._next_new) % self.pool.size
            if number not in self._leases and number not in self._wanted:
                return number
            self._next_new += 1
        return next((number for number in self._free if number not in self._wanted), None)

    def remembered(self, service_id: UUID, nas_id: UUID, session_key: str | None) -> int | None:
        """Return the address this service had, if as far as we know it can have it again; None for no such."""
        number = self.choose(service_id, nas_id, session_key)
        lease = None if number is None else self._leases.get(number)
        return number if lease is not None and lease.service_id == service_id else None

    def want(self, number: int) -> None:
        """Offer an address to nobody else until it is known who has it."""
        self._wanted.add(number)
        if number in self._free:
            self._free.move_to_end(number)  # so that those wanted aren't looked at again and again

    def unwant(self, number: int) -> None:
        """Offer an address again."""
        self._wanted.discard(number)
        if number not in self._leases:
            self._next_new = min(self._next_new, (number - self._start) % self.pool.size)

    def put(self, lease: AddressLease) -> None:
        """Take what the database says of an address; one that this pool does not give is passed over."""
        number = self.pool.number(lease.address)
        if number is None:
            return
        known = self._leases.get(number)
        if known is not None and known.service_id != lease.service_id:
            self._forget(known.service_id, number)
            known = None
        if known is None:
            self._of_service[lease.service_id] = (*self._of_service.get(lease.service_id, ()), number)
        self._leases[number] = lease
        if lease.released_at is None:
            self._free.pop(number, None)
        elif number not in self._free:
            self._free[number] = None

    def _forget(self, service_id: UUID, number: int) -> None:
        others = tuple(other for other in self._of_service[service_id] if other != number)
        if others:
            self._of_service[service_id] = others
        else:
            del self._of_service[service_id]
