"""gap(): what has to change about a session, from what was observed and what is due; nothing when they agree."""

from netbilld.enforcement.ladder import Change
from netbilld.enforcement.observed import Evidence, ObservedService, place
from netbilld.enforcement.profile import Access, ServiceProfile

_OPEN = frozenset((Access.ACTIVE, Access.THROTTLED))


def gap(desired: ServiceProfile, observed: ObservedService | None, *, logged_in_since: bool = False) -> Change | None:
    """Return what has to change, None for nothing.

    Args:
        desired: what is due.
        observed: None where nothing is known of the session, as when its NAS does not echo Class.
        logged_in_since: the session began after `desired` became due, so its Access-Accept said it.
    """
    if observed is None:
        if desired.access is Access.BLOCKED:
            return Change.BLOCK
        if logged_in_since:
            # Without this a NAS that keeps no Class would be sent round in circles: log in, Disconnect, log in.
            return None
        return Change.WALL if desired.access is Access.WALLED else Change.RATE
    if observed.profile_key == desired.key and observed.evidence is not Evidence.UNSURE:
        return None
    if _same_place(desired, observed):
        return Change.RATE
    if desired.access is Access.BLOCKED:
        return Change.BLOCK
    if desired.access is not Access.WALLED:
        return Change.RESTORE
    another = observed.access is Access.WALLED and observed.profile_key != desired.key
    return Change.MOVE if another else Change.WALL


def _same_place(desired: ServiceProfile, observed: ObservedService) -> bool:
    if desired.access is Access.BLOCKED:
        return False
    if observed.place is not None:
        return observed.place == place(desired)
    # Both outside the walls: no pool, no list. Two different walled profiles may differ in their pool.
    return desired.access in _OPEN and observed.access in _OPEN
