"""An `/ip pool` of the simulated router."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network


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
