"""Ruckus ZoneDirector, SmartZone and Unleashed.

Source: FreeRADIUS's dictionary; PacketFence issue 3004: ZoneDirector wants Service-Type in a Disconnect.
"""

from typing import Final

from netbilld.enforcement.vendors.identity import login_user, session_id, station, user_name
from netbilld.enforcement.vendors.interface import Vendor
from netbilld.enforcement.vendors.places import tunnel_vlan
from netbilld.enforcement.vendors.speeds import WORD_BPS, wispr_bandwidth
from netbilld.radius.attributes import RUCKUS_USER_GROUPS
from netbilld.radius.values import encode_text


def _role(name: str) -> list[tuple[int, bytes]]:
    return [(RUCKUS_USER_GROUPS, encode_text(name))]


VENDOR: Final = Vendor(
    name="ruckus",
    title="Ruckus",
    rate=wispr_bandwidth,
    most_bps=WORD_BPS,
    has_minimum=True,
    walled_list=_role,
    vlan=tunnel_vlan,
    pool=None,
    ipv6_pool=None,
    delegated_pools=(),
    identity=(login_user, user_name, session_id, station),
    notes=(
        "A new speed ends the session, and the next log-in gets it.",
        "Who is walled is refused. By list, the walled list is a role (Ruckus-User-Groups) that must be there.",
    ),
)
