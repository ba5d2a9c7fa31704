"""What a node does: the roles it was given, and the duties that one node of several has at a time."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from netbilld.model.errors import InvalidInputError


class Role(StrEnum):
    """A part of the daemon that a node can run or leave to others."""

    RADIUS = "radius"  # log-ins, accounting, the journal and its metering
    ENFORCEMENT = "enforcement"  # what everybody is due by time, and the orders to NAS
    BILLING = "billing"  # invoices, renewals
    PANEL = "panel"  # staff's pages
    PORTAL = "portal"  # subscribers' pages
    POLLING = "polling"  # meters that are read
    MQTT = "mqtt"


class Duty(StrEnum):
    """Work that is done by one node at a time; which one, `Leadership` tells."""

    SESSIONS = "sessions"  # presumes the silent dead, samples throughput, keeps house in the store
    ENFORCEMENT = "enforcement"
    BILLING = "billing"
    POLLING = "polling"
    MQTT = "mqtt"


EVERYTHING: Final = frozenset(Role)
ROLE_OF: Final = {
    Duty.SESSIONS: Role.RADIUS,
    Duty.ENFORCEMENT: Role.ENFORCEMENT,
    Duty.BILLING: Role.BILLING,
    Duty.POLLING: Role.POLLING,
    Duty.MQTT: Role.MQTT,
}


def duties_of(roles: Iterable[Role]) -> tuple[Duty, ...]:
    """Return the duties that a node with these roles may be given."""
    wanted = frozenset(roles)
    return tuple(duty for duty, role in ROLE_OF.items() if role in wanted)


def roles_of(text: str) -> frozenset[Role]:
    """Return the roles in a list with commas.

    Raises:
        InvalidInputError: one is unknown, or there is none.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    allowed = ", ".join(Role)
    unknown = [name for name in names if name not in set(Role)]
    if unknown or not names:
        what = f"role {unknown[0]!r} is unknown" if unknown else "no role is named"
        raise InvalidInputError(f"{what}; allowed: {allowed}", code="bad_role")
    return frozenset(Role(name) for name in names)


def listed(roles: Iterable[Role]) -> str:
    """Return roles as a list with commas, in their own order."""
    wanted = frozenset(roles)
    return ",".join(role for role in Role if role in wanted)
