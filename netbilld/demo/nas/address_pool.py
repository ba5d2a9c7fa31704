"""The `/ip pool` table of the simulated router, and who gets which address."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from netbilld.demo.nas.errors import DialError

_MULTICAST_AND_ABOVE = int(IPv4Address("224.0.0.0"))


class AddressPool:
    """Ranges of addresses, allotted in turn, so that a freed address rests before the next subscriber gets it."""

    def __init__(self, ranges: Iterable[str]) -> None:
        """Read ranges such as `127.64.0.0/16` or `127.65.0.10-127.65.0.99`.

        Raises:
            ValueError: a range is malformed, or there is none.
        """
        self._spans = [_span(text) for text in ranges]
        if not self._spans:
            raise ValueError("a pool needs at least one range of addresses")
        self._size = sum(last - first + 1 for first, last in self._spans)
        self._next = 0
        self._used: set[IPv4Address] = set()

    def __contains__(self, address: IPv4Address) -> bool:
        return any(first <= int(address) <= last for first, last in self._spans)

    def allot(self) -> IPv4Address | None:
        """Return a free address, or nothing when the pool is exhausted."""
        for _ in range(self._size):
            address = self._at(self._next)
            self._next = (self._next + 1) % self._size
            if address not in self._used:
                self._used.add(address)
                return address
        return None

    def claim(self, address: IPv4Address) -> bool:
        """Take this very address; False when somebody has it."""
        if address in self._used:
            return False
        self._used.add(address)
        return True

    def release(self, address: IPv4Address) -> None:
        """Give an address back."""
        self._used.discard(address)

    def _at(self, index: int) -> IPv4Address:
        for first, last in self._spans:
            if index <= last - first:
                return IPv4Address(first + index)
            index -= last - first + 1
        raise IndexError(index)


class AddressTable:
    """Every address the router has given out, from its pools or named by the server."""

    def __init__(self, pools: Mapping[str, Iterable[str]], default_pool: str) -> None:
        """Read the pools.

        Raises:
            ValueError: a range is malformed, or a pool has none.
        """
        self._pools = {name: AddressPool(ranges) for name, ranges in pools.items()}
        self._default_pool = default_pool
        self._elsewhere: set[IPv4Address] = set()

    def for_session(self, named: IPv4Address | None, pool: str, held: IPv4Address | None) -> IPv4Address:
        """Return the session's address: one the server named beats its pool, and a pool beats one held already.

        Raises:
            DialError: the address is taken, the pool unknown or exhausted; what was held stays held.
        """
        if named is not None and not self._means_pool(named):
            self._claim(named)
            address = named
        elif pool or held is None:
            address = self.from_pool(pool)
        else:
            return held
        if held is not None:
            self.release(held)
        return address

    def from_pool(self, name: str = "") -> IPv4Address:
        """Return a free address of this pool, or of the default one.

        Raises:
            DialError: the pool is unknown or exhausted.
        """
        name = name or self._default_pool
        pool = self._pools.get(name)
        if pool is None:
            raise DialError(f"there is no pool {name}")
        address = pool.allot()
        if address is None:
            raise DialError(f"pool {name} is exhausted")
        return address

    def release(self, address: IPv4Address) -> None:
        """Give an address back."""
        self._elsewhere.discard(address)
        for pool in self._pools.values():
            pool.release(address)

    def _means_pool(self, address: IPv4Address) -> bool:
        """RouterOS takes 127.0.0.0/8 and 224.0.0.0/3 as "use the pool"; our own pools lie in the first."""
        if any(address in pool for pool in self._pools.values()):
            return False
        return address.is_loopback or int(address) >= _MULTICAST_AND_ABOVE

    def _claim(self, address: IPv4Address) -> None:
        pool = next((pool for pool in self._pools.values() if address in pool), None)
        free = address not in self._elsewhere if pool is None else pool.claim(address)
        if not free:
            raise DialError(f"{address} is in use")
        if pool is None:
            self._elsewhere.add(address)


def _span(text: str) -> tuple[int, int]:
    if "-" in text:
        first, last = (int(IPv4Address(end.strip())) for end in text.split("-", 1))
        if first > last:
            raise ValueError(f"the range {text} ends before it begins")
        return first, last
    network = IPv4Network(text)
    if network.prefixlen >= 31:
        return int(network[0]), int(network[-1])
    return int(network[1]), int(network[-2])
