"""A session's entry in an address list of a RouterOS router: made, renewed, taken away, and never anybody else's.

An entry with a timeout is kept in memory only, so that one whose session is over goes by itself, and so does every
entry of a daemon that is not there any more. Its comment says whose it is. Source: MikroTik's manual, page
Address-lists.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.adapters.nas.routeros import Ask, RouterosConnection, RouterosError, RouterosTrapError, Row
from netbilld.adapters.nas.routeros_active import any_of
from netbilld.enforcement.router_mark import OfSession, read_mark, session_mark
from netbilld.ports.keep_lists import DueEntries

_MENUS: Final = {4: "/ip/firewall/address-list", 6: "/ipv6/firewall/address-list"}
_COLUMNS: Final = ".id,list,address,comment,disabled"
_YES: Final = frozenset(("true", "yes"))
_THERE_ALREADY: Final = "already have such entry"
NO_SUCH_ITEM: Final = "no such item"


class Tidied(NamedTuple):
    """What was done to our entries of a router."""

    renewed: int = 0
    removed: int = 0


async def enter(ask: Ask, address_list: str, address: str, session_id: int, seconds: int) -> str:
    """See that an address is on a list; return why it is not, empty where it is.

    Our entry for the session gets its whole time again, one for another session that had the address is replaced, and
    one that is not ours is left as it is: it does the same.

    Raises:
        RouterosError: the router refuses, or can't be asked.
    """
    menu = _menu(address)
    entries = await _entries(ask, menu, address_list, address)
    mine = [entry for entry in entries if read_mark(entry.get("comment")) == OfSession(session_id)]
    strays = [entry for entry in entries if _is_stray(entry, session_id)]
    for entry in (*strays, *mine[1:]):
        await _remove(ask, menu, entry)
    if mine and await _renew(ask, menu, mine[0], seconds):
        return ""
    others = [entry for entry in entries if entry not in mine and entry not in strays]
    if any(_is_on(entry) for entry in others):
        return ""
    words = [f"=list={address_list}", f"=address={address}", f"=timeout={seconds}s"]
    try:
        await ask(f"{menu}/add", *words, f"=comment={session_mark(session_id)}")
    except RouterosTrapError as trap:
        if _THERE_ALREADY not in str(trap):
            raise
        if not any(_is_on(entry) for entry in await _entries(ask, menu, address_list, address)):
            return f"a disabled entry for {address} in the list {address_list} is in the way, and not ours"
    return ""


async def leave(ask: Ask, address_list: str, address: str) -> str:
    """Take our entries for an address off a list; return why it is still there, empty where it is not.

    Raises:
        RouterosError: the router refuses, or can't be asked.
    """
    menu = _menu(address)
    entries = await _entries(ask, menu, address_list, address)
    ours = [entry for entry in entries if isinstance(read_mark(entry.get("comment")), OfSession)]
    for entry in ours:
        await _remove(ask, menu, entry)
    if any(_is_on(entry) for entry in entries if entry not in ours):
        return f"the entry for {address} in the list {address_list} is not ours: it came with the log-in, or by hand"
    return ""


async def tidy(ask: Ask, lists: Collection[str], due: DueEntries, seconds: int, version: int = 4) -> Tidied:
    """Renew our entries for sessions, and remove those whose session is over, or elsewhere, or due no wall.

    What is due is asked after the entries were read, and nobody makes one meanwhile: none is taken for a leftover that
    was made for a wish newer than what we know.

    Args:
        ask: asks the router, in one turn.
        lists: the lists in which there may be entries of ours.
        due: gives the list and address of each of these sessions that is due an entry.
        seconds: the time that entries get.
        version: 4 or 6.

    Raises:
        RouterosError: the router refuses, or can't be asked.
    """
    menu = _MENUS[version]
    entries = {entry.get(".id", ""): entry for entry in await _in_lists(ask, menu, lists)}
    marked = {
        number: mark.session_id
        for number, entry in entries.items()
        if isinstance(mark := read_mark(entry.get("comment")), OfSession)
    }
    if not marked:
        return Tidied()
    wanted = await due(frozenset(marked.values()))
    renewed = removed = 0
    for number, session_id in marked.items():
        entry = entries[number]
        if wanted.get(session_id) == (entry.get("list"), _bare(entry.get("address", ""))):
            renewed += await _renew(ask, menu, entry, seconds)
        else:
            await _remove(ask, menu, entry)
            removed += 1
    return Tidied(renewed, removed)


async def drop(ask: Ask, lists: Collection[str], session_ids: Collection[int], version: int = 4) -> Tidied:
    """Remove our entries for these sessions.

    Raises:
        RouterosError: the router refuses, or can't be asked.
    """
    menu, removed = _MENUS[version], 0
    for entry in await _in_lists(ask, menu, lists):
        mark = read_mark(entry.get("comment"))
        if isinstance(mark, OfSession) and mark.session_id in session_ids:
            await _remove(ask, menu, entry)
            removed += 1
    return Tidied(removed=removed)


async def _in_lists(ask: Ask, menu: str, lists: Collection[str]) -> list[Row]:
    return await ask(f"{menu}/print", f"=.proplist={_COLUMNS}", *any_of([("list", name) for name in lists]))


def _menu(address: str) -> str:
    return _MENUS[6 if ":" in address else 4]


async def _entries(ask: Ask, menu: str, address_list: str, address: str) -> list[Row]:
    found = await ask(f"{menu}/print", f"=.proplist={_COLUMNS}", f"?list={address_list}", *_one_of(address), "?#&")
    return [row for row in found if row.get("list") == address_list and _bare(row.get("address", "")) == address]


def _one_of(address: str) -> list[str]:
    return [f"?address={address}", f"?address={address}/{128 if ':' in address else 32}", "?#|"]


def _bare(address: str) -> str:
    """Return an entry's address without the length that says it is one."""
    return address.removesuffix("/128" if ":" in address else "/32")


def _is_stray(entry: Row, session_id: int) -> bool:
    mark = read_mark(entry.get("comment"))
    return isinstance(mark, OfSession) and mark.session_id != session_id


def _is_on(entry: Row) -> bool:
    return entry.get("disabled", "false") not in _YES


async def _renew(ask: Ask, menu: str, entry: Row, seconds: int) -> bool:
    """Give an entry its whole time again; False where it has gone meanwhile, or can't be given it and was removed."""
    try:
        await ask(f"{menu}/set", f"=.id={entry['.id']}", f"=timeout={seconds}s")
    except RouterosTrapError as trap:
        if NO_SUCH_ITEM not in str(trap):
            await _remove(ask, menu, entry)
        return False
    return True


async def _remove(ask: Ask, menu: str, entry: Row) -> None:
    try:
        await ask(f"{menu}/remove", f"=.id={entry['.id']}")
    except RouterosTrapError as trap:
        if NO_SUCH_ITEM not in str(trap):
            raise


class KeepLists:
    """Keeps our entries on the routers there are connections to; never raises for what a router does.

    Attributes:
        renewed, removed: entries so far.
        troubles: why a router's entries could not be kept, by NAS.
    """

    def __init__(
        self, connections: Mapping[UUID, RouterosConnection], lists: Collection[str], list_seconds: int
    ) -> None:
        """Take the connections, the lists that we put sessions on, and how long an entry lives unless renewed."""
        self._connections = connections
        self._lists = tuple(lists)
        self._list_seconds = list_seconds
        self.renewed = self.removed = 0
        self.troubles: dict[UUID, str] = {}

    async def tidy(self, nas_id: UUID, due: DueEntries) -> None:
        """Renew the entries of sessions that `due` gives a list and address for; remove all others."""
        await self._each(nas_id, lambda ask, version: tidy(ask, self._lists, due, self._list_seconds, version))

    async def drop(self, nas_id: UUID, session_ids: Collection[int]) -> None:
        """Remove the entries of sessions that are over."""
        await self._each(nas_id, lambda ask, version: drop(ask, self._lists, session_ids, version))

    async def _each(self, nas_id: UUID, step: Callable[[Ask, int], Awaitable[Tidied]]) -> None:
        router = self._connections.get(nas_id)
        if router is None:
            return
        self.troubles.pop(nas_id, None)
        for version in _MENUS:
            try:
                async with router.turn() as ask:
                    done = await step(ask, version)
            except RouterosTrapError as trap:
                if version == 4:  # one without IPv6 has no lists for it
                    self.troubles[nas_id] = f"it refuses: {trap}"
                continue
            except RouterosError as error:
                self.troubles[nas_id] = str(error)
                return
            self.renewed += done.renewed
            self.removed += done.removed
