"""RouterosLook: reads back over the API what a router does with sessions. What it does not show stays unknown.

Few sessions are asked for by name; of many the whole table is read once, since a router goes through all of it for
each question anyhow. Source: MikroTik's manual, pages API, PPP AAA, HotSpot, DHCP, Queues and Address-lists.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, RouterosTrapError, Row
from netbilld.adapters.nas.routeros_active import PPP, Found, Table, any_of, pick, table_of
from netbilld.adapters.nas.routeros_queues import (
    COLUMNS,
    MENU,
    Queues,
    Rate,
    address_of,
    links,
    numbered,
    rate_of,
    shared_rate,
    targets,
)
from netbilld.ports.ask_nas import Presence
from netbilld.ports.look_at_nas import Seen, SessionMark

NAMES_AT_ONCE: Final = 50
WHOLE_FROM: Final = 150  # sessions; the whole table is read then
WHOLE_SECONDS: Final = 30.0  # what reading one may take, as long as it comes
ITEMS_A_TURN: Final = 200  # of a long answer, before other work gets its turn
_T = TypeVar("_T")
_UNTOLD: Final = (None, None)
_NO_LIMIT: Final = (0, 0)
_YES: Final = frozenset(("true", "yes"))
_LISTS: Final = {4: "/ip/firewall/address-list/print", 6: "/ipv6/firewall/address-list/print"}


class _Router(NamedTuple):
    nas_id: UUID
    connection: RouterosConnection


class RouterosLook:
    """Looks at the sessions of routers whose API address is known; a `LookAtNas`.

    Attributes:
        refused: what a router has refused to show, and in which words, by NAS; empty where it shows everything.
    """

    def __init__(
        self,
        connections: Mapping[UUID, RouterosConnection],
        now: Callable[[], datetime],
        lists: Collection[str] = (),
    ) -> None:
        """Take the connections there are.

        Args:
            connections: by NAS; those there are now are looked up each time.
            now: the clock.
            lists: the address lists that matter: where many sessions are looked at, no others are read.
        """
        self._connections = connections
        self._now = now
        self._lists = tuple(lists)
        self.refused: dict[UUID, dict[str, str]] = {}
        self._names_queues: set[tuple[UUID, Table]] = set()  # a queue was seen there that is called as we think

    def can_look(self, nas_id: UUID) -> bool:
        """Tell whether a NAS has an API that we know of."""
        return nas_id in self._connections

    async def look(self, nas_id: UUID, marks: Sequence[SessionMark]) -> Mapping[int, Seen]:
        """Return, by session id, what a NAS shows of these sessions; see `LookAtNas`."""
        connection = self._connections.get(nas_id)
        if connection is None:
            return {}
        router = _Router(nas_id, connection)
        by_table: dict[Table, list[SessionMark]] = {}
        for mark in marks:
            if (table := table_of(mark)) is not None:
                by_table.setdefault(table, []).append(mark)
        seen: dict[int, Seen] = {}
        for table, some in by_table.items():
            step = len(some) if len(some) >= WHOLE_FROM else NAMES_AT_ONCE
            for start in range(0, len(some), step):
                try:
                    seen |= await self._sessions(router, table, some[start : start + step])
                except RouterosTrapError:
                    break  # this table is not shown; another may be
                except RouterosError:
                    return seen  # the connection keeps the reason
        return seen

    # -- one look ------------------------------------------------------------------------------------------------------

    async def _sessions(self, router: _Router, table: Table, marks: Sequence[SessionMark]) -> dict[int, Seen]:
        """Return what is seen of sessions of one kind."""
        is_whole = len(marks) >= WHOLE_FROM
        rows = await self._rows(
            router, f"{table.menu}/print", f"=.proplist={table.columns}", *([] if is_whole else table.words(marks))
        )
        at = self._now()
        of_name: dict[str, list[Row]] = {}
        async for row in _in_turns(rows):
            of_name.setdefault(row.get(table.name, ""), []).append(row)
        found = {
            mark.session_id: pick(table, of_name.get(table.value(mark), []), mark) async for mark in _in_turns(marks)
        }
        there = {session_id: one for session_id, one in found.items() if one.row is not None}
        held = await self._held(router, table, there, is_whole=is_whole)
        lists = await self._address_lists(router, there, is_whole=is_whole)
        return {
            session_id: Seen(one.presence, at, rate, lists.get(session_id), hidden_by)
            for session_id, one in found.items()
            if one.presence is not Presence.UNKNOWN
            for rate, hidden_by in (held.get(session_id, _UNTOLD),)
        }

    async def _rows(self, router: _Router, command: str, *words: str) -> list[Row]:
        refused = self.refused.setdefault(router.nas_id, {})
        try:
            rows = await router.connection.rows(command, *words, most_seconds=WHOLE_SECONDS)
        except RouterosTrapError as trap:
            refused[command] = str(trap)
            raise
        refused.pop(command, None)
        return rows

    # -- rates ---------------------------------------------------------------------------------------------------------

    async def _held(
        self, router: _Router, table: Table, there: Mapping[int, Found], *, is_whole: bool
    ) -> dict[int, tuple[Rate | None, str | None]]:
        """Return the rate of each session's own queue, and which one made by hand is in front of it."""
        if not there:
            return {}
        shown = {session_id: one.row or {} for session_id, one in there.items()}
        asked = [] if is_whole else any_of([one for row in shown.values() for one in _queue_conditions(table, row)])
        queues = Queues()
        try:
            async for row in _in_turns(await self._rows(router, MENU, f"=.proplist={COLUMNS}", *asked)):
                queues.add(row)
            others = queues
            if table is PPP and not is_whole:
                others = await self._numbered(router, table, there, queues)
        except RouterosTrapError:
            return {}
        key = (router.nas_id, table)
        if any(queues.own(table, row) is not None for row in shown.values()):
            self._names_queues.add(key)
        held = {}
        async for session_id, row in _in_turns(shown.items()):
            rate = self._rate(table, there[session_id], row, queues, others, named=key in self._names_queues)
            held[session_id] = rate, queues.in_front(table, row)
        return held

    async def _numbered(self, router: _Router, table: Table, there: Mapping[int, Found], queues: Queues) -> Queues:
        """Return the queues that sessions may have whose own is not called after their name alone."""
        rows = [
            one.row
            for one in there.values()
            if one.row is not None and (one.of_name > 1 or queues.own(table, one.row) is None)
        ]
        names = [("name", name) for row in rows for name in (*links(table, row), *numbered(row))]
        others = Queues()
        if names:
            for row in await self._rows(router, MENU, f"=.proplist={COLUMNS}", *any_of(names)):
                others.add(row)
        return others

    def _rate(self, table: Table, one: Found, row: Row, queues: Queues, others: Queues, *, named: bool) -> Rate | None:
        own = queues.own(table, row)
        if table is PPP:
            called = others.called((*links(table, row), *numbered(row)))
            if one.of_name > 1:
                return shared_rate(called, one.of_name)
            if own is None and called:
                # the first session of its name has gone, and this one keeps its number; which one is a guess
                return shared_rate(called, 1)
        if own is not None:
            return rate_of(own)
        return _NO_LIMIT if named else None  # a router that names its queues so has none for this session

    # -- address lists -------------------------------------------------------------------------------------------------

    async def _address_lists(
        self, router: _Router, there: Mapping[int, Found], *, is_whole: bool
    ) -> dict[int, frozenset[str]]:
        """Return the lists that each session's address is on."""
        addresses = {
            session_id: address for session_id, one in there.items() if one.row and (address := address_of(one.row))
        }
        found: dict[int, frozenset[str]] = {}
        for version, menu in _LISTS.items():
            wanted = {one: address for one, address in addresses.items() if (":" in address) is (version == 6)}
            if not wanted:
                continue
            if is_whole:
                conditions = [("list", name) for name in self._lists]
            else:
                conditions = [("address", way) for address in wanted.values() for way in _ways(address)]
            try:
                rows = await self._rows(router, menu, "=.proplist=list,address,disabled", *any_of(conditions))
            except RouterosTrapError:
                continue
            members = _Members()
            async for row in _in_turns(rows):
                members.add(row)
            async for session_id, address in _in_turns(wanted.items()):
                found[session_id] = members.lists(address)
        return found


class _Members:
    """Who is on which list: addresses, and the few prefixes that stand there for many."""

    def __init__(self) -> None:
        self._of_address: dict[str, set[str]] = {}
        self._prefixes: list[tuple[IPv4Network | IPv6Network, str]] = []

    def add(self, row: Row) -> None:
        """Take an entry."""
        if row.get("disabled", "false") in _YES:
            return
        try:
            network = ip_network(row.get("address", ""), strict=False)
        except ValueError:
            return  # a name, or a range: whom it holds is not for us to tell
        if network.prefixlen == network.max_prefixlen:
            self._of_address.setdefault(str(network.network_address), set()).add(row.get("list", ""))
        else:
            self._prefixes.append((network, row.get("list", "")))

    def lists(self, address: str) -> frozenset[str]:
        """Return the lists an address is on."""
        try:
            known = ip_address(address)
        except ValueError:
            return frozenset(self._of_address.get(address, ()))
        held = {name for network, name in self._prefixes if known.version == network.version and known in network}
        return frozenset(held | self._of_address.get(str(known), set()))


def _ways(address: str) -> tuple[str, str]:
    return address, f"{address}/{128 if ':' in address else 32}"


def _queue_conditions(table: Table, row: Row) -> list[tuple[str, str]]:
    own = links(table, row)
    return [*(("name", name) for name in own), *(("target", target) for target in (*own, *targets(row)))]


async def _in_turns(items: Iterable[_T]) -> AsyncIterator[_T]:
    for number, item in enumerate(items):
        if number % ITEMS_A_TURN == ITEMS_A_TURN - 1:
            await asyncio.sleep(0)
        yield item
