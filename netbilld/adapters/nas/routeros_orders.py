"""RouterosOrders: what RADIUS can't order of a RouterOS router, done over its API; a `NasControl`.

An item's number is given to another one when it goes: what is acted upon is looked up in the same turn, by what the
session is known by, and nothing that does not fit is touched. Source: MikroTik's manual, pages API, PPP AAA, HotSpot.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from netbilld.adapters.nas.routeros import Ask, RouterosConnection, RouterosError, RouterosTrapError, Row
from netbilld.adapters.nas.routeros_active import DHCP, HOTSPOT, Table, pick, same_mac, table_of
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_lists import NO_SUCH_ITEM, enter, leave
from netbilld.adapters.nas.routeros_queues import address_of
from netbilld.adapters.nas.routeros_rights import RouterosRights, lack_words, trap_words
from netbilld.enforcement.actions import Disconnect, EnterList, LeaveList, Order, SessionHandle
from netbilld.ports.ask_nas import Presence
from netbilld.radius.codes import ErrorCause
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind

_GONE: Final = Outcome(
    OutcomeKind.NACKED, int(ErrorCause.SESSION_CONTEXT_NOT_FOUND), "the router has no such session any more"
)
_ACKED: Final = Outcome(OutcomeKind.ACKED)
_YES: Final = frozenset(("true", "yes"))


class RouterosOrders:
    """Carries out `Disconnect`, `EnterList` and `LeaveList` over the connections there are."""

    def __init__(
        self,
        connections: Mapping[UUID, RouterosConnection],
        rights: RouterosRights,
        cut: CutConnections,
        list_seconds: int,
    ) -> None:
        """Take the connections by NAS, and how long an entry in a list lives without being renewed."""
        self._connections = connections
        self._rights = rights
        self._cut = cut
        self._list_seconds = list_seconds

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:  # noqa: ARG002 - as `NasControl` has it
        """Return what came of one order; see `NasControl`. What a router says is worded for people."""
        router = self._connections.get(nas.nas_id)
        if router is None:
            return Outcome(
                OutcomeKind.FAILED, detail=f"no API of {nas.name} is known: `nas set {nas.name} --api-url` names one"
            )
        user = router.address.user
        try:
            if missing := await self._rights.missing(router):
                return Outcome(OutcomeKind.FAILED, detail=f"not sent to {nas.name}: {lack_words(user, missing)}")
            if isinstance(order, Disconnect):
                return await self._end(router, session)
            if isinstance(order, EnterList):
                return await self._enter(router, session, order.address_list)
            if isinstance(order, LeaveList):
                return await self._leave(router, session, order.address_list)
        except RouterosTrapError as trap:
            self._rights.forget(router)
            return Outcome(OutcomeKind.NACKED, detail=f"refused by {nas.name}: {trap_words(trap, user)}")
        except RouterosError as error:
            return Outcome(OutcomeKind.TIMED_OUT, detail=f"the API of {nas.name}: {error}")
        return Outcome(OutcomeKind.FAILED, detail="a change of speed is no order over the API")

    async def _end(self, router: RouterosConnection, session: SessionHandle) -> Outcome:
        table = table_of(session)
        if table is None:
            return _untold("its kind of session is not shown by the API")
        async with router.turn() as ask:
            found = await _find(ask, table, session)
            if not isinstance(found, dict):
                return found
            if table is DHCP and found.get("dynamic") not in _YES:
                return _untold("its lease was made by hand")
            if table is HOTSPOT:  # with its cookie it would be in again at once
                await _eat_cookies(ask, session)
            try:
                await ask(f"{table.menu}/remove", f"=.id={found['.id']}")
            except RouterosTrapError as trap:
                if NO_SUCH_ITEM not in str(trap):
                    raise
                return _GONE
        return _ACKED

    async def _enter(self, router: RouterosConnection, session: SessionHandle, address_list: str) -> Outcome:
        table, session_id = table_of(session), session.session_id
        if table is None or session_id is None:
            return _untold("its kind of session is not shown by the API")
        if session.has_ipv6:
            return _untold("it has an IPv6 prefix, which the list would leave open; its next log-in gets none")
        async with router.turn() as ask:
            found = await _find(ask, table, session)
            if not isinstance(found, dict):
                return found
            address = address_of(found)
            if address is None or session.framed_ip not in {None, address}:
                return _untold(f"the router says it has the address {address}, accounting {session.framed_ip}")
            if why := await enter(ask, address_list, address, session_id, self._list_seconds):
                return _untold(why)
        return Outcome(OutcomeKind.ACKED, detail=await self._cut.handle(router, address))

    async def _leave(self, router: RouterosConnection, session: SessionHandle, address_list: str) -> Outcome:
        if session.framed_ip is None:
            return _untold("its address is not known")
        async with router.turn() as ask:
            why = await leave(ask, address_list, session.framed_ip)
        return _untold(why) if why else _ACKED


async def _find(ask: Ask, table: Table, session: SessionHandle) -> Row | Outcome:
    """Return the row of a session, or what comes of an order where there is none."""
    rows = await ask(f"{table.menu}/print", f"=.proplist={table.columns}", *table.words([session]))
    wanted = table.value(session)
    found = pick(table, [row for row in rows if row.get(table.name) == wanted], session)
    if found.row is not None and ".id" in found.row:
        return found.row
    if found.presence is Presence.GONE:
        return _GONE
    return _untold("which of the sessions of its name it is can't be told")


async def _eat_cookies(ask: Ask, session: SessionHandle) -> None:
    cookies = await ask("/ip/hotspot/cookie/print", "=.proplist=.id,user,mac-address", f"?user={session.username}")
    for cookie in cookies:
        mac = cookie.get("mac-address")
        if session.mac is None or mac is None or same_mac(session.mac, mac):
            try:
                await ask("/ip/hotspot/cookie/remove", f"=.id={cookie['.id']}")
            except RouterosTrapError as trap:
                if NO_SUCH_ITEM not in str(trap):
                    raise


def _untold(why: str) -> Outcome:
    return Outcome(OutcomeKind.NACKED, detail=why)
