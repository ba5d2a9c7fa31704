"""A NAS as it is kept."""

from dataclasses import replace
from typing import Any, Final

from netbilld.model.nas import Nas
from tests.accounting_packets import NAS, T0

_NAS: Final = Nas(
    id=NAS,
    name="gerbang",
    name_key="gerbang",
    address="192.0.2.1/32",
    secret_sealed=b"x",
    vendor="mikrotik",
    coa_port=3799,
    require_message_authenticator="auto",
    seen_message_authenticator_at=None,
    swap_octets=False,
    portal_sources=(),
    reported_ip=None,
    identifier=None,
    api_url_sealed=None,
    snmp_community_sealed=None,
    created_at=T0,
    last_heard_at=None,
)


def nas(name: str = "gerbang", **changes: Any) -> Nas:
    """Return a MikroTik that was never heard, but for `changes`."""
    return replace(_NAS, name=name, name_key=name, **changes)
