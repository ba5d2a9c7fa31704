"""What a NAS last confirmed of a session, and how that is known."""

from dataclasses import dataclass
from enum import StrEnum

from netbilld.enforcement.profile import Access, ServiceProfile


class Evidence(StrEnum):
    """How it is known, weakest first."""

    UNSURE = "unsure"  # a CoA went out and no answer came: it may or may not hold
    ACK = "ack"  # the NAS says so
    LOGIN = "login"  # the Access-Accept that began the session, proved by the Class it echoes
    TRAFFIC = "traffic"  # measured
    API = "api"  # read back from the NAS over its API


# Whether a session is allowed in, its pool, its address list and its VLAN: what a CoA does not change.
Place = tuple[bool, str | None, str | None, int | None]


@dataclass(frozen=True, slots=True)
class ObservedService:
    """The profile a session was last seen with; `place` is None where only its fingerprint is known."""

    access: Access
    profile_key: str
    evidence: Evidence
    place: Place | None = None


def place(profile: ServiceProfile) -> Place:
    """Return where a profile puts a session.

    Addresses are left out, and a pool outside the walls: new ones are taken at the next log-in and are no reason to cut
    a session.
    """
    pool = profile.pool if profile.access is Access.WALLED else None
    return (profile.access is not Access.BLOCKED, pool, profile.address_list, profile.vlan)
