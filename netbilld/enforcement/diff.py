"""diff(): the order that brings a session from what was observed to what is due; none when they agree."""

from netbilld.enforcement.actions import Cannot, ChangeOfAuthorization, Disconnect, Obstacle, Order
from netbilld.enforcement.observed import Evidence, ObservedService, place
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors.interface import Capabilities

_OPEN = frozenset((Access.ACTIVE, Access.THROTTLED))


def diff(
    desired: ServiceProfile,
    observed: ObservedService | None,
    capabilities: Capabilities,
    *,
    logged_in_since: bool = False,
    coa_refused: bool = False,
) -> Order | Cannot | None:
    """Return what to ask of the NAS, None for nothing.

    Args:
        desired: what is due.
        observed: None where nothing is known of the session, as when its NAS does not echo Class.
        capabilities: what the NAS's vendor can be asked.
        logged_in_since: the session began after `desired` became due, so its Access-Accept said it.
        coa_refused: the NAS has refused a CoA for this; ending the session is what is left.
    """
    if observed is None:
        if desired.access is Access.BLOCKED:
            return Disconnect()
        if logged_in_since:
            # Without this a NAS that keeps no Class would be sent round in circles: log in, Disconnect, log in.
            return None
        if desired.access is Access.WALLED:
            return _move(desired, capabilities, coa_refused=coa_refused)
        return _rate(desired, capabilities, coa_refused=coa_refused, needless=True)
    if observed.profile_key == desired.key and observed.evidence is not Evidence.UNSURE:
        return None
    if not _same_place(desired, observed):
        return _move(desired, capabilities, coa_refused=coa_refused)
    return _rate(desired, capabilities, coa_refused=coa_refused, needless=False)


def _move(desired: ServiceProfile, capabilities: Capabilities, *, coa_refused: bool) -> Order:
    if capabilities.coa_wall and desired.access is not Access.BLOCKED and not coa_refused:
        return ChangeOfAuthorization(desired)
    return Disconnect()


def _rate(
    desired: ServiceProfile, capabilities: Capabilities, *, coa_refused: bool, needless: bool
) -> Order | Cannot | None:
    if capabilities.coa_rate and not coa_refused:
        return ChangeOfAuthorization(desired)
    if not capabilities.rate:
        # A log-in would bring the same: cutting the session changes nothing.
        return None if needless else Cannot(Obstacle.NO_RATE)
    return Disconnect()


def _same_place(desired: ServiceProfile, observed: ObservedService) -> bool:
    if desired.access is Access.BLOCKED:
        return False
    if observed.place is not None:
        return observed.place == place(desired)
    # Both outside the walls: no pool, no list. Two different walled profiles may differ in their pool.
    return desired.access in _OPEN and observed.access in _OPEN
