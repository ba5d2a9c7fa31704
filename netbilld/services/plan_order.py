"""From a session, what is due and what was seen: the order to send, and to where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from netbilld.enforcement.actions import Cannot, Obstacle, Order, SessionHandle
from netbilld.enforcement.diff import gap
from netbilld.enforcement.ladder import START, Change, Doors, Position, Rung, ends_session, ladder, order_at
from netbilld.enforcement.profile import Access
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.enforcement.vendors.interface import Vendor
from netbilld.services.order_book import NasRecord, SessionToCheck

# An Access-Accept comes before the Start that tells of it: only a session that began this long after a wish is known
# to have been given it.
LOGIN_MARGIN: Final = timedelta(seconds=10)
_OPEN: Final = frozenset((Access.ACTIVE, Access.THROTTLED))
_REQUESTED: Final = "disconnect"  # a person's wish, in the place of a profile's fingerprint
_BY_API: Final = frozenset(("mikrotik",))  # vendors whose API takes orders

OBSTACLE_WORDS: Final = {
    Obstacle.NO_COA_PORT: "this NAS has no CoA port: `nas set NAME --coa-port` names one",
    Obstacle.NO_ADDRESS: "the NAS is a prefix and its own address is not known",
    Obstacle.NO_SECRET: "the NAS was removed",
    Obstacle.NO_RATE: "this vendor takes no such rate",
    Obstacle.NO_ORDERS: "this vendor takes no orders; the next log-in gets what is due",
    Obstacle.SHARED_ADDRESS: "another NAS has its address and CoA port: give it a --coa-port of its own, or --api-url",
    Obstacle.LOCAL_ACCOUNT: (
        "the router lets it in by an account of its own, whatever is due: `import routeros NAME --disable-local`"
    ),
}


@dataclass(frozen=True, slots=True)
class Agreed:
    """Nothing to do; `presumed` when nothing was seen of the session and its log-in is known to have said it."""

    presumed: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to send, and where on its ladder it stands."""

    order: Order
    at: Position
    change: Change
    rungs: Sequence[Rung]


def plan_order(session: SessionToCheck, walled_list: str | None = None) -> Wanted | Cannot | Agreed:
    """Return what to ask of the session's NAS.

    Args:
        session: as it is on record.
        walled_list: the walled garden's address list, for NAS that wall by it.
    """
    desired, pending = session.desired, session.pending
    if pending is not None and pending.profile_key != wish_key(session):
        pending = None
    change: Change | None = None
    if session.disconnect_requested_at is not None:
        change = Change.END
    elif desired is not None:
        since = session.started_at >= desired.since_at + LOGIN_MARGIN and not _is_refused(session)
        change = gap(desired.profile, session.observed, logged_in_since=since and not session.is_local)
        if session.is_local and session.observed is None and desired.access is Access.ACTIVE:
            change = None  # its rate is what the router says, until the account is taken out there
    if change is None:
        return Agreed(presumed=desired is not None and session.observed is None and not session.is_local)
    if pending is not None and pending.change is not None:
        change = pending.change  # an order of it may have taken effect: what was seen then says no more
    rungs = rungs_of(session, change, walled_list)
    if not rungs:
        obstacle = _obstacle(session, change)
        # a log-in would bring the same: cutting the session changes nothing
        is_needless = obstacle is Obstacle.NO_RATE and session.observed is None
        return Agreed(presumed=True) if is_needless else Cannot(obstacle)
    order, at = order_at(rungs, pending.at if pending is not None else START)
    return Wanted(order, at, change, rungs)


def rungs_of(session: SessionToCheck, change: Change, walled_list: str | None = None) -> list[Rung]:
    """Return the ladder for a change of a session; empty where its NAS can't be asked for it."""
    vendor = vendor_or_any(session.nas.vendor)
    profile = None
    if session.desired is not None and change is not Change.END:
        profile = session.desired.profile
    capabilities = vendor.capabilities
    if profile is not None:
        capabilities = vendor.capabilities_for(profile, session.nas.wall_by)
    rungs = ladder(change, profile, capabilities, _doors(session, vendor, walled_list))
    if session.is_local and change is not Change.END:
        # the next log-in would be the same: cutting the session brings nothing
        rungs = [rung for rung in rungs if not any(map(ends_session, rung))]
    return rungs


def _doors(session: SessionToCheck, vendor: Vendor, walled_list: str | None) -> Doors:
    nas = session.nas
    if not nas.secret_sealed:
        return Doors(radius=False)
    by_api = nas.has_api and vendor.name in _BY_API
    return Doors(
        radius=vendor.orders and bool(nas.coa_port) and not nas.shares_order_port and order_host(session) is not None,
        api=by_api,
        address_list=walled_list if by_api and nas.wall_by == "list" else None,
    )


def _obstacle(session: SessionToCheck, change: Change) -> Obstacle:
    """Return why a session's NAS can't be asked for a change."""
    vendor = vendor_or_any(session.nas.vendor)
    if change is Change.RATE and session.desired is not None:
        known = vendor.capabilities_for(session.desired.profile, session.nas.wall_by)
        if not (known.rate or known.coa_rate):
            return Obstacle.NO_RATE
    if not vendor.orders:
        return Obstacle.NO_ORDERS
    if not session.nas.secret_sealed:
        return Obstacle.NO_SECRET
    if session.is_local and change is not Change.END:
        return Obstacle.LOCAL_ACCOUNT
    if not session.nas.coa_port:
        return Obstacle.NO_COA_PORT
    return Obstacle.SHARED_ADDRESS if session.nas.shares_order_port else Obstacle.NO_ADDRESS


def _is_refused(session: SessionToCheck) -> bool:
    """Tell whether the NAS refuses whom it should wall: who is on it all the same was not let in by us."""
    walled = session.desired is not None and session.desired.access is Access.WALLED
    return walled and session.nas.wall_by == "reject"


def wish_key(session: SessionToCheck) -> str:
    """Return what an order on record was for: a newer wish has another key, and waits for nothing."""
    if session.disconnect_requested_at is not None:
        return _REQUESTED
    return session.desired.profile_key if session.desired is not None else ""


def is_due(session: SessionToCheck, now: datetime) -> bool:
    """Tell whether an order may leave now: the first, a newer wish, or one whose pause is over."""
    pending = session.pending
    return pending is None or pending.next_attempt_at <= now or pending.profile_key != wish_key(session)


def is_urgent(session: SessionToCheck) -> bool:
    """Tell whether an order gives access back, or a person waits for it: it goes before others."""
    if session.disconnect_requested_at is not None:
        return True
    desired, observed = session.desired, session.observed
    if desired is None or observed is None:
        return False
    return (desired.access in _OPEN and observed.access not in _OPEN) or (
        desired.access is Access.ACTIVE and observed.access is Access.THROTTLED
    )


def order_host(session: SessionToCheck) -> str | None:
    """Return the address that orders go to: the NAS's own; within a prefix, where the session's accounting comes from.

    What a NAS says of itself (NAS-IP-Address) counts only inside its own prefix.
    """
    if _is_single(session.nas):
        return str(ip_network(session.nas.address, strict=False).network_address)
    network = ip_network(session.nas.address, strict=False)
    for said in (session.nas_source, session.nas.reported_ip):
        if said is None:
            continue
        try:
            address = ip_address(said)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return str(address)
    return None


def handle_of(session: SessionToCheck) -> SessionHandle:
    """Return what the NAS knows the session by; its own address only where it is one router."""
    return SessionHandle(
        username=session.username,
        acct_session_id=session.acct_session_id,
        framed_ip=session.framed_ip,
        nas_ip=session.nas.reported_ip if _is_single(session.nas) else None,
        mac=session.mac,
        has_ipv6=session.has_ipv6,
        session_id=session.session_id,
    )


def _is_single(nas: NasRecord) -> bool:
    network = ip_network(nas.address, strict=False)
    return network.prefixlen == network.max_prefixlen
