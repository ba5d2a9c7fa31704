"""From a session, what is due and what was seen: the order to send, and to where."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from netbilld.enforcement.actions import Cannot, Disconnect, Obstacle, Order, SessionHandle
from netbilld.enforcement.diff import diff
from netbilld.enforcement.profile import Access
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.services.order_book import NasRecord, SessionToCheck

# An Access-Accept comes before the Start that tells of it: only a session that began this long after a wish is known
# to have been given it.
LOGIN_MARGIN: Final = timedelta(seconds=10)
_OPEN: Final = frozenset((Access.ACTIVE, Access.THROTTLED))
_REQUESTED: Final = "disconnect"  # a person's wish, in the place of a profile's fingerprint

OBSTACLE_WORDS: Final = {
    Obstacle.NO_COA_PORT: "this NAS has no CoA port: `nas set NAME --coa-port` names one",
    Obstacle.NO_ADDRESS: "the NAS is a prefix and its own address is not known",
    Obstacle.NO_SECRET: "the NAS was removed",
    Obstacle.NO_RATE: "this vendor takes no such rate",
    Obstacle.NO_ORDERS: "this vendor takes no orders; the next log-in gets what is due",
}


@dataclass(frozen=True, slots=True)
class Agreed:
    """Nothing to do; `presumed` when nothing was seen of the session and its log-in is known to have said it."""

    presumed: bool = False


def plan_order(session: SessionToCheck) -> Order | Cannot | Agreed:
    """Return what to ask of the session's NAS."""
    vendor = vendor_or_any(session.nas.vendor)
    desired, pending = session.desired, session.pending
    wanted: Order | Cannot | None = None
    if session.disconnect_requested_at is not None:
        wanted = Disconnect()
    elif desired is not None:
        wanted = diff(
            desired.profile,
            session.observed,
            vendor.capabilities_for(desired.profile, session.nas.wall_by),
            logged_in_since=session.started_at >= desired.since_at + LOGIN_MARGIN and not _is_refused(session),
            coa_refused=pending is not None and pending.coa_refused and pending.profile_key == wish_key(session),
        )
    if wanted is None:
        return Agreed(presumed=desired is not None and session.observed is None)
    if isinstance(wanted, Cannot):
        return wanted
    if not vendor.orders:
        return Cannot(Obstacle.NO_ORDERS)
    if not session.nas.secret_sealed:
        return Cannot(Obstacle.NO_SECRET)
    if not session.nas.coa_port:
        return Cannot(Obstacle.NO_COA_PORT)
    if order_host(session) is None:
        return Cannot(Obstacle.NO_ADDRESS)
    return wanted


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
        session_id=session.session_id,
    )


def _is_single(nas: NasRecord) -> bool:
    network = ip_network(nas.address, strict=False)
    return network.prefixlen == network.max_prefixlen
