"""Aruba controllers, Instant and CX: roles, in which bandwidth contract and captive portal are.

Source: ArubaOS's guides; FreeRADIUS's dictionary for the numbers.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import session_id, station, user_name
from netbilld.enforcement.vendors.interface import Vendor
from netbilld.radius.attributes import ARUBA_USER_ROLE, ARUBA_USER_VLAN
from netbilld.radius.values import encode_integer, encode_text


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return the role that stands for a speed; nothing where the plan does not name one."""
    return _role(speed.nas_profile) if speed.nas_profile is not None else []


def _role(name: str) -> list[tuple[int, bytes]]:
    return [(ARUBA_USER_ROLE, encode_text(name))]


def _vlan(vlan: int) -> list[tuple[int, bytes]]:
    return [(ARUBA_USER_VLAN, encode_integer(vlan))]


VENDOR: Final = Vendor(
    name="aruba",
    title="Aruba",
    rate=_rate,
    coa_rate=True,
    coa_wall=True,
    walled_list=_role,
    vlan=_vlan,
    pool=None,
    ipv6_pool=None,
    delegated_pools=(),
    identity=(user_name, session_id, station),
    notes=(
        "A speed is a role by name: speed.nas_profile in the plan. A plan without one leaves the role to Aruba.",
        "Who is walled is refused. By list, the walled list is a role that must be there, such as the portal's.",
    ),
)
