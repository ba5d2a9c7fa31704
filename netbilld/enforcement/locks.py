"""Locks: where a service may log in from, and what its first log-in teaches."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from netbilld.model.service_lock import LockKind
from netbilld.radius.access import Reason
from netbilld.radius.location import Location, is_randomised

# In the order they are looked at: the widest first, since it explains the others.
ORDER: Final[tuple[LockKind, ...]] = ("nas", "vlan", "nas_port", "mac")
REFUSALS: Final[Mapping[LockKind, Reason]] = {
    "nas": Reason.NAS_NOT_ALLOWED,
    "vlan": Reason.VLAN_LOCK,
    "nas_port": Reason.PORT_LOCK,
    "mac": Reason.MAC_LOCK,
}


def value_of(kind: LockKind, location: Location, nas_id: UUID) -> str | None:
    """Return what a log-in brings for a kind of lock; None where the NAS does not say."""
    if kind == "nas":
        return str(nas_id)
    if kind == "mac":
        return location.mac
    return location.vlan if kind == "vlan" else location.nas_port


def misfit(locks: Mapping[LockKind, frozenset[str]], location: Location, nas_id: UUID) -> LockKind | None:
    """Return the first kind of lock that a log-in does not fit; a value that the NAS does not say fits none."""
    return next((kind for kind in ORDER if kind in locks and value_of(kind, location, nas_id) not in locks[kind]), None)


def lesson(kind: LockKind, location: Location, nas_id: UUID) -> str | None:
    """Return the value to learn for a kind; None where there is none that lasts.

    A MAC address that a device made up is not learned: phones change it, and would lock themselves out.
    """
    value = value_of(kind, location, nas_id)
    if kind == "mac" and value is not None and is_randomised(value):
        return None
    return value
