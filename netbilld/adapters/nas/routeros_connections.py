"""CutConnections: ends what addresses have open on a RouterOS router, so that a wall holds for it too.

A connection that was there before goes on past a new list entry, and one that is fasttracked past every rule. The
table's addresses have a port behind them, which no query can leave out: it is read whole, once for all who wait.
Source: MikroTik's manual, pages API and Connection tracking.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, RouterosTrapError, Row

MOST_CONNECTIONS: Final = 15_000  # of a router; to read more of them costs it more than it brings
IDS_AT_ONCE: Final = 50
READ_SECONDS: Final = 20.0
_MENUS: Final = {4: "/ip/firewall/connection", 6: "/ipv6/firewall/connection"}


class CutConnections:
    """Cuts, pass after pass at each router; `cut_off` counts connections, `left` passes that did not go through."""

    def __init__(self) -> None:
        self.cut_off = self.left = 0
        self._waiting: WeakKeyDictionary[RouterosConnection, set[str]] = WeakKeyDictionary()
        self._passes: WeakKeyDictionary[RouterosConnection, asyncio.Lock] = WeakKeyDictionary()

    async def handle(self, router: RouterosConnection, address: str) -> str:
        """End the open connections of an address; return why they go on, empty where they do not.

        Never raises for what a router does.
        """
        waiting = self._waiting.setdefault(router, set())
        waiting.add(address)
        async with self._passes.setdefault(router, asyncio.Lock()):
            if address not in waiting:
                return ""  # who went before has cut them too
            addresses = frozenset(waiting)
            waiting.clear()
            try:
                for version, menu in _MENUS.items():
                    some = frozenset(one for one in addresses if (":" in one) is (version == 6))
                    if some and (why := await self._pass(router, menu, some)):
                        self.left += 1
                        return why
            except RouterosError as error:
                self.left += 1
                return f"connections that were open go on: {error}"
        return ""

    async def _pass(self, router: RouterosConnection, menu: str, addresses: frozenset[str]) -> str:
        counted = await router.rows(f"{menu}/print", "=count-only=")
        count = next((row["ret"] for row in counted if "ret" in row), "")
        if count.isdecimal() and int(count) > MOST_CONNECTIONS:
            return f"connections that were open go on until they end: the router has {count}, too many to look through"
        rows = await router.rows(f"{menu}/print", "=.proplist=.id,src-address,dst-address", most_seconds=READ_SECONDS)
        theirs = [row[".id"] for row in rows if ".id" in row and not addresses.isdisjoint(_hosts(row))]
        for some in _parts(theirs):
            self.cut_off += await _remove(router, menu, some)
        return ""


async def _remove(router: RouterosConnection, menu: str, ids: Sequence[str]) -> int:
    """Remove connections; one that has ended by itself keeps no other."""
    try:
        await router.rows(f"{menu}/remove", f"=.id={','.join(ids)}")
    except RouterosTrapError:
        if len(ids) == 1:
            return 0
        return sum([await _remove(router, menu, [one]) for one in ids])
    return len(ids)


def _hosts(row: Row) -> frozenset[str]:
    """Return the addresses of both ends, without ports: `10.0.0.1:443`, `[2001:db8::1]:443` or bare."""
    return frozenset(_host(row[end]) for end in ("src-address", "dst-address") if row.get(end))


def _host(text: str) -> str:
    if text[:1] == "[":
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), IDS_AT_ONCE):
        yield ids[start : start + IDS_AT_ONCE]
