"""RouterosStatic: simple queues and address lists of routers, read and written over their API.

Source: MikroTik's manual, pages API, Queues and Address lists.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, RouterosTrapError, Row
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_sessions import duration_seconds
from netbilld.enforcement.router_items import Menu, RouterOrder, Verb
from netbilld.ports.static_router import RouterAwayError, RouterRefusedError, RouterState

_QUEUE: Final = (
    ".id", "name", "target", "max-limit", "limit-at", "burst-limit", "burst-threshold", "burst-time", "priority",
    "disabled", "dynamic", "comment", "bytes",
)  # fmt: skip
_ENTRY: Final = (".id", "list", "address", "disabled", "dynamic", "comment")
_LISTS: Final = (Menu.LIST_IPV4, Menu.LIST_IPV6)
_ITEMS_AT_ONCE: Final = 100
_NOT_ALLOWED: Final = "not enough permissions"


class RouterosStatic:
    """Works over connections that others use too: each question waits for its turn, and none for another router."""

    def __init__(
        self,
        connections: Callable[[], Mapping[UUID, RouterosConnection]],
        now: Callable[[], datetime],
        cut: CutConnections | None = None,
    ) -> None:
        """Take what gives the connections there are now, by NAS, and what ends those of subscribers."""
        self._connections = connections
        self._now = now
        self._cut = CutConnections() if cut is None else cut

    def can(self, nas_id: UUID) -> bool:
        """Tell whether a NAS has an API that we know of."""
        return nas_id in self._connections()

    async def read(self, nas_id: UUID, lists: Collection[str]) -> RouterState:
        """Return what stands on a router; see `StaticRouters`."""
        connection = self._connection(nas_id)
        resource = next(iter(await _rows(connection, "/system/resource/print", "=.proplist=uptime,version")), {})
        not_dynamic = ("?dynamic=true", "?#!")  # a router full of PPP sessions has a queue for each
        queues = await _rows(connection, f"{Menu.QUEUES}/print", _proplist(_QUEUE), *not_dynamic)
        at = self._now()
        entries = {menu: await _entries(connection, menu, lists) for menu in _LISTS}
        uptime = duration_seconds(resource.get("uptime", ""))
        return RouterState(at, uptime, resource.get("version", ""), queues, entries)

    async def carry_out(self, nas_id: UUID, order: RouterOrder) -> str | None:
        """Make one change; see `StaticRouters`."""
        connection = self._connection(nas_id)
        words = [f"={name}={value}" for name, value in order.values]
        match order.verb:
            case Verb.ADD:
                words += [f"=place-before={order.before_id}"] if order.before_id is not None else []
            case Verb.MOVE:
                words = [f"=numbers={order.item_id}", f"=destination={order.before_id}"]
            case _:
                words.insert(0, f"=.id={order.item_id}")
        try:
            answer = await connection.rows(f"{order.menu}/{order.verb}", *words)
        except RouterosTrapError as trap:
            if _NOT_ALLOWED in str(trap):
                raise RouterAwayError(
                    f"the user {connection.address.user} may not write: its group needs the policy write ({trap})"
                ) from None
            raise RouterRefusedError(str(trap)) from None
        except RouterosError as error:
            raise RouterAwayError(str(error)) from None
        return next((row["ret"] for row in answer if "ret" in row), None)

    async def cut(self, nas_id: UUID, addresses: Collection[str]) -> str:
        """End what addresses have open; see `StaticRouters`."""
        connection = self._connections().get(nas_id)
        if connection is None:
            return ""
        found = await asyncio.gather(*(self._cut.handle(connection, address) for address in addresses))
        return next((why for why in found if why), "")

    async def read_again(self, nas_id: UUID, items: Collection[tuple[Menu, str]]) -> Mapping[tuple[Menu, str], Row]:
        """Return those of these things that are still there; see `StaticRouters`."""
        connection = self._connection(nas_id)
        found: dict[tuple[Menu, str], Row] = {}
        for menu in Menu:
            wanted = list(dict.fromkeys(item_id for of, item_id in items if of is menu))
            proplist = _proplist(_QUEUE if menu is Menu.QUEUES else _ENTRY)
            for start in range(0, len(wanted), _ITEMS_AT_ONCE):
                some = wanted[start : start + _ITEMS_AT_ONCE]
                rows = await _rows(connection, f"{menu}/print", proplist, *_any_of(".id", some))
                found |= {(menu, row.get(".id", "")): row for row in rows}
        return found

    def _connection(self, nas_id: UUID) -> RouterosConnection:
        connection = self._connections().get(nas_id)
        if connection is None:
            raise RouterAwayError("its API address is not known: `netbilld nas set NAME --api-url …` says it")
        return connection


async def _entries(connection: RouterosConnection, menu: Menu, lists: Collection[str]) -> list[Row]:
    """Return the entries of some address lists; a router without IPv6 has none of those."""
    if not lists:
        return []
    words = (_proplist(_ENTRY), *_any_of("list", sorted(lists)))
    try:
        return await connection.rows(f"{menu}/print", *words)
    except RouterosTrapError as trap:
        if menu is Menu.LIST_IPV6 and "no such command" in str(trap):
            return []
        raise RouterAwayError(f"it refuses to show {menu}: {trap}") from None
    except RouterosError as error:
        raise RouterAwayError(str(error)) from None


async def _rows(connection: RouterosConnection, command: str, *words: str) -> list[Row]:
    try:
        return await connection.rows(command, *words)
    except RouterosTrapError as trap:
        raise RouterAwayError(f"it refuses {command}: {trap}; its user needs the policies read and api") from None
    except RouterosError as error:
        raise RouterAwayError(str(error)) from None


def _proplist(names: Sequence[str]) -> str:
    return f"=.proplist={','.join(names)}"


def _any_of(name: str, values: Sequence[str]) -> list[str]:
    """Return query words that let a row pass whose property is one of the values."""
    return [f"?{name}={value}" for value in values] + ["?#|"] * (len(values) - 1)
