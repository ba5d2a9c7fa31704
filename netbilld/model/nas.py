"""A NAS: the device that asks RADIUS."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Nas:
    """A NAS as it is kept; the sealed secrets stay out of a repr.

    Attributes:
        address: its network in CIDR form; the longest prefix that holds a source address wins.
        require_message_authenticator: auto, true or false.
        portal_sources: prefixes that requests of its subscribers come from; only there does an address recognise one.
        reported_ip, identifier: NAS-IP-Address and NAS-Identifier as it says itself.
        radsec_name: a name or SHA-256 fingerprint of its certificate; `*` for any certificate at its address.
        wall_by: how it holds walled subscribers: pool, list or reject; None for what suits its vendor and the service.
    """

    id: UUID
    name: str
    name_key: str
    address: str
    secret_sealed: bytes = field(repr=False)
    vendor: str
    coa_port: int
    require_message_authenticator: str
    seen_message_authenticator_at: datetime | None
    swap_octets: bool
    portal_sources: tuple[str, ...]
    reported_ip: str | None
    identifier: str | None
    api_url_sealed: bytes | None = field(repr=False)
    snmp_community_sealed: bytes | None = field(repr=False)
    created_at: datetime
    last_heard_at: datetime | None
    radsec_name: str | None = None
    wall_by: str | None = None


def secret_place(nas_id: UUID) -> str:
    """Return where a sealed RADIUS secret belongs."""
    return f"nas.secret:{nas_id}"


def api_url_place(nas_id: UUID) -> str:
    """Return where a sealed API address belongs."""
    return f"nas.api_url:{nas_id}"


def snmp_community_place(nas_id: UUID) -> str:
    """Return where a sealed SNMP community belongs."""
    return f"nas.snmp_community:{nas_id}"
